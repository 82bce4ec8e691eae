"""The three tables of Local Law 144, on the worked examples that the rule itself publishes.

Numbers: 6 RCNY 5-301(b), (c), examples of the final rule of the New York City Department of
Consumer and Worker Protection (2023). Counts, rates and ratios below are the published ones; the
rule rounds its ratios to two or three places, and cuts one rate (64.2 % for 18 of 28).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.reports import Dossier, render
from evenhand.audit.run.run import audit
from evenhand.audit.subject.spec import make_spec
from tests.audit.reports.html_page import Page
from tests.audit.subjects import rows, stored_spec

# category: people assessed, people selected, impact ratio
SEX = {"Male": (1390, 667, "1.000"), "Female": (1181, 555, "0.979")}
RACE = {
    "Hispanic": (408, 204, "0.97"),
    "White": (797, 412, "1.00"),
    "Black": (390, 170, "0.84"),
    "NHPI": (119, 52, "0.85"),
    "Asian": (616, 302, "0.95"),
    "AIAN": (41, 18, "0.85"),
    "Two or more": (213, 96, "0.87"),
}
CROSSED = {
    ("Hispanic", "Male"): (205, 90, "0.841"),
    ("Hispanic", "Female"): (190, 82, "0.827"),
    ("White", "Male"): (412, 215, "1.000"),
    ("White", "Female"): (385, 197, "0.981"),
    ("Black", "Male"): (226, 95, "0.806"),
    ("Black", "Female"): (164, 75, "0.876"),
    ("NHPI", "Male"): (87, 37, "0.815"),
    ("NHPI", "Female"): (32, 15, "0.898"),
    ("Asian", "Male"): (321, 167, "0.997"),
    ("Asian", "Female"): (295, 135, "0.877"),
    ("AIAN", "Male"): (24, 11, "0.878"),
    ("AIAN", "Female"): (17, 7, "0.789"),
    ("Two or more", "Male"): (115, 52, "0.866"),
    ("Two or more", "Female"): (98, 44, "0.860"),
}
UNKNOWN = 250
# people assessed, people above the median, impact ratio
SCORED_SEX = {"Male": (92, 50, "1.00"), "Female": (76, 34, "0.82")}
SCORED_RACE = {
    "Hispanic": (28, 18, "1.00"),
    "White": (40, 15, "0.58"),
    "Black": (32, 16, "0.78"),
    "NHPI": (8, 5, "0.97"),
    "Asian": (24, 10, "0.65"),
    "AIAN": (16, 10, "0.97"),
    "Two or more": (20, 10, "0.78"),
}


def _cells(page: Page, html: str) -> dict[str, list[str]]:
    """Category -> its cells, of all tables; the text of each cell."""
    import re

    found: dict[str, list[str]] = {}
    for row in re.findall(r'<tr role="row"><th role="rowheader".*?</tr>', html, re.S):
        cells = [re.sub(r"<[^>]+>", "", c) for c in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)]
        found[cells[0]] = cells[1:]
    return found


def _summary(case: Case, lang: str = "en") -> tuple[Page, dict[str, list[str]]]:
    html = render("ll144-summary", case, [], lang=lang, dossier=Dossier()).decode()
    page = Page(html)
    return page, _cells(page, html)


def _audit(frame: pd.DataFrame, folder: Path, features: list[str]) -> Case:
    checks = ["fairness.impact_ratio"]
    return audit(
        stored_spec(
            frame,
            folder,
            sensitive_features=features,
            positive_is="benefit",
            checks=checks,
            target=None,
        ),
        folder / "case",
    )


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The intersectional example, with the 250 people of unknown category."""
    folder = tmp_path_factory.mktemp("ll144")
    cells = []
    for (race, sex), (n, selected, _) in CROSSED.items():
        cells.append(({"race": race, "sex": sex, "yhat": 1}, selected))
        cells.append(({"race": race, "sex": sex, "yhat": 0}, n - selected))
    cells.append(({"race": None, "sex": None, "yhat": 1}, UNKNOWN))
    return _audit(rows(*cells), folder, ["race", "sex"])


def _close(shown: str, published: str) -> bool:
    """Whether the ratio rounds to what is published, at its own number of places."""
    places = len(published.split(".")[1])
    return abs(float(shown) - float(published)) <= 0.5 * 10**-places + 0.0005


def test_the_examples_of_sex_and_crossings(crossed: Case) -> None:
    page, cells = _summary(crossed)
    for sex, (n, selected, ratio) in SEX.items():
        assert cells[sex][:2] == [f"{n:,}", str(selected)]
        assert cells[sex][2] == f"{100 * selected / n:.1f}%"
        assert _close(cells[sex][3], ratio)
    # the rule prints 48 % and 47 %
    assert (cells["Male"][2], cells["Female"][2]) == ("48.0%", "47.0%")
    for (race, sex), (n, selected, ratio) in CROSSED.items():
        own = cells[f"{race} × {sex}"]
        assert own[:2] == [str(n), str(selected)] and _close(own[3], ratio), (race, sex, own)
    assert cells["White × Male"][2] == "52.2%" and cells["AIAN × Female"][2] == "41.2%"
    assert page.text.count(f"{UNKNOWN} people are not in the table") == 3


def test_categories_under_two_per_cent_are_named(crossed: Case) -> None:
    # 2 % of 2,571 is 51.4: NHPI Female 32, AIAN Male 24, AIAN Female 17; and AIAN 41 of 2,571
    page, _ = _summary(crossed)
    for told in (
        "NHPI × Female: 32 of 2,571",
        "AIAN × Male: 24 of 2,571",
        "AIAN × Female: 17 of 2,571",
        "AIAN: 41 of 2,571",
    ):
        assert told in page.text
    assert page.text.count("Not left out here.") == 4
    assert "Every category has at least 2%" in page.text  # sex


def test_the_example_of_race(tmp_path: Path) -> None:
    cells = [
        ({"ethnicity": name, "yhat": label}, times)
        for name, (n, selected, _) in RACE.items()
        for label, times in ((1, selected), (0, n - selected))
    ]
    page, told = _summary(_audit(rows(*cells), tmp_path, ["ethnicity"]))
    for name, (n, selected, ratio) in RACE.items():
        assert told[name][:2] == [str(n), str(selected)] and _close(told[name][3], ratio), name
    assert (told["Hispanic"][2], told["AIAN"][2]) == ("50.0%", "43.9%")
    # no sex in these data: the other two tables are gaps, not empty
    assert page.text.count("No sensitive feature of the case could be recognised") == 2


@pytest.mark.parametrize(
    ("feature", "example"), [("gender", SCORED_SEX), ("race_ethnicity", SCORED_RACE)]
)
def test_the_examples_of_scores(
    feature: str, example: dict[str, tuple[int, int, str]], tmp_path: Path
) -> None:
    # 84 of 168 people are above the median, as a median wants it
    assert sum(n for n, _, _ in example.values()) == 168
    assert sum(above for _, above, _ in example.values()) == 84
    cells = [
        ({feature: name, "points": points}, times)
        for name, (n, above, _) in example.items()
        for points, times in ((80.0, above), (20.0, n - above))
    ]
    path = tmp_path / "scores.csv"
    rows(*cells).to_csv(path, index=False)
    spec = make_spec(
        {
            "predictions": str(path),
            "task": "regression",
            "predicted": "points",
            "sensitive_features": [feature],
            "positive_is": "benefit",
            "facts": {"system.output": "score"},
            "checks": ["fairness.impact_ratio"],
        }
    )
    page, told = _summary(audit(spec, tmp_path / "case"), "zh")
    for name, (n, above, ratio) in example.items():
        assert told[name][:2] == [str(n), str(above)] and _close(told[name][3], ratio), name
    assert "高于全样本中位数" in page.text


def test_it_is_ready_to_be_published_once_people_have_filled_it(crossed: Case) -> None:
    from dataclasses import replace

    page, _ = _summary(crossed)
    assert page.text.count("What would fill it:") == 5
    names = ("auditor", "source", "explained", "distribution", "years")
    declared = {f"document.ll.{n}": f"answer {n}" for n in names}
    page, _ = _summary(
        replace(crossed, plan=crossed.plan.model_copy(update={"declared": declared}))
    )
    assert "What would fill it:" not in page.text and "answer distribution" in page.text
    assert "no bias audit in law" in page.text  # stays, whoever fills it


def _posted(case: Case, dossier: Dossier | None = None) -> tuple[Page, dict[str, list[str]]]:
    shown = dossier or Dossier()
    html = render("ll144-summary", case, [], public=True, dossier=shown).decode()
    page = Page(html)
    return page, _cells(page, html)


def test_what_is_posted_has_every_category_that_the_law_wants(crossed: Case) -> None:
    page, cells = _posted(crossed)
    for sex, (n, selected, ratio) in SEX.items():
        people, chosen, rate, shown = cells[sex]
        assert (people, chosen) == (f"{round(n, -1):,}", f"{round(selected, -1):,}")
        assert rate == f"{100 * selected / n:.0f}%"
        assert abs(float(shown) - float(ratio)) <= 0.0055
    # 51.4 people are 2 %: NHPI Female 32, AIAN Male 24 and AIAN Female 17 have rates and no ratio
    for category, told in (
        ("NHPI × Female", "30 people, rate 47%"),  # 15 of 32
        ("AIAN × Male", "20 people, rate 46%"),  # 11 of 24
        ("AIAN × Female", "20 people, rate 41%"),  # 7 of 17
        ("AIAN", "40 people, rate 44%"),  # 18 of 41
    ):
        assert f"{category}: {told}" in page.text
        assert category not in cells
    # NHPI Female's .898 apart, ratios are of the highest of the large ones, White Male's 52.2 %
    assert cells["White × Female"][3] == f"{(197 / 385) / (215 / 412):.2f}"
    assert page.text.count("250 people are not in the table") == 3
    assert "Rows of the data file" not in page.text
    assert len(page.text) < 1.1 * len(_summary(crossed)[0].text)


def test_a_small_category_cant_be_worked_out_from_the_others(tmp_path: Path) -> None:
    """One crossing of 7 people: from all that is posted it could be anything under ten."""
    from evenhand.audit.measure.disclosure.suppression import linear_range

    sizes = {("A", "Male"): 403, ("A", "Female"): 388, ("B", "Male"): 212, ("B", "Female"): 7}
    cells = [
        ({"race": race, "sex": sex, "yhat": label}, times)
        for (race, sex), n in sizes.items()
        for label, times in ((1, n // 3), (0, n - n // 3))
    ]
    page, told = _posted(_audit(rows(*cells), tmp_path, ["race", "sex"]))
    assert "B × Female" not in told
    assert "withheld: B × Female" in page.text
    order = list(sizes)
    facts = []  # (which cells a printed number is the sum of, the number)
    for name, row in told.items():
        own = [float(cell in name.split(" × ") or " × ".join(cell) == name) for cell in order]
        if " × " not in name:
            own = [float(name in cell) for cell in order]
        facts.append((own, float(row[0].replace(",", ""))))
    assert len(facts) == 2 + 2 + 3
    # x >= 0 with sums within five of what is printed: slack variables say how far
    k = len(facts)
    matrix, numbers = [], []
    for place, (own, printed) in enumerate(facts):
        up = [float(i == place) for i in range(k)]
        matrix += [[*own, *up, *[0.0] * k], [*own, *[0.0] * k, *[-u for u in up]]]
        numbers += [printed + 5, printed - 5]
    goal = [0.0] * (len(order) + 2 * k)
    goal[order.index(("B", "Female"))] = 1.0
    import numpy as np

    found = linear_range(np.array(matrix), np.array(numbers), np.array(goal))
    assert found.low <= 1
    assert found.high >= 9


def test_a_person_more_or_less_is_not_seen_in_a_second_summary(tmp_path: Path) -> None:
    """Exact numbers would tell the outcome of whoever is in one file and not in the other. (A
    number beside a half ten turns over: here none is.)"""
    sizes = {("F", "A"): 151, ("F", "B"): 122, ("M", "A"): 162, ("M", "B"): 131}
    people = [
        {"sex": sex, "race": race, "yhat": label}
        for (sex, race), n in sizes.items()
        for label, times in ((1, n // 10 * 4), (0, n - n // 10 * 4))
        for _ in range(times)
    ]
    frame, seen = pd.DataFrame(people), []
    for name, less in (("whole", frame), ("first", frame.drop(0)), ("last", frame.drop(565))):
        folder = tmp_path / name
        folder.mkdir()
        seen.append(_posted(_audit(less, folder, ["race", "sex"]))[1])
    counts = [{k: row[:2] for k, row in cells.items()} for cells in seen]
    assert counts[0] == counts[1] == counts[2]
    # a rate or a ratio may turn over in its last place, as it would for others
    for cells in seen[1:]:
        for name, row in cells.items():
            for mine, theirs in zip(row[2:], seen[0][name][2:], strict=True):
                one, other = (float(text.rstrip("%")) for text in (mine, theirs))
                assert abs(one - other) <= (1 if "%" in mine else 0.0101)


def test_the_auditor_is_the_one_who_attested(crossed: Case) -> None:
    from evenhand.audit.register.register import Entry
    from evenhand.audit.reports.parts.dossier import PackFacts

    body = {
        "pack": "us-nyc-ll144",
        "item": "LL144-11",
        "answer": "met",
        "by": "Ada Auditor",
        "role": "independent auditor",
        "statement": "No tie to maker or user",
        "binds": {"to": "case", "digest": crossed.digest},
    }
    entry = Entry(1, "2026-11-22T10:00:00Z", "attestation", body, "", "", vouched="mac")
    dossier = Dossier(packs=(PackFacts("us-nyc-ll144", "1", "sha256:0"),), entries=(entry,))
    for text in (_posted(crossed, dossier)[0].text,):
        assert "No tie to maker or user – Ada Auditor (independent auditor)" in text


def test_a_ratio_without_its_counts_is_posted_without_a_rate(crossed: Case) -> None:
    """As older cases have them: nobody selected would be another thing to say."""
    from dataclasses import replace

    bare = tuple(f.model_copy(update={"counts": {}}) for f in crossed.findings)
    _, cells = _posted(replace(crossed, findings=bare))
    assert cells["Male"][1:3] == ["–", "–"]
    assert cells["Male"][3] == "1.00"
