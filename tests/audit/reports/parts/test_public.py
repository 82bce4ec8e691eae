"""Published reports say nothing of groups under ten people, nor let them be worked out."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.measure.disclosure.cell_suppression import Headcount, possible
from evenhand.audit.measure.disclosure.suppression import group_of
from evenhand.audit.reports import FORMATS, render
from evenhand.audit.reports.parts.public import _told, for_the_public
from evenhand.audit.run.run import audit
from tests.audit.reports.verdict_samples import sample_verdicts
from tests.audit.subjects import confusion_rows, stored_spec


@pytest.fixture(scope="module")
def small_groups(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """200 people, 7 of a third group, one of whom is of unknown sex."""
    folder = tmp_path_factory.mktemp("public")
    frame = pd.concat(
        [
            confusion_rows({"race": "a", "sex": "f"}, tp=20, fp=10, fn=5, tn=20),
            confusion_rows({"race": "a", "sex": "m"}, tp=20, fp=10, fn=5, tn=20),
            confusion_rows({"race": "b", "sex": "f"}, tp=10, fp=15, fn=5, tn=15),
            confusion_rows({"race": "b", "sex": "m"}, tp=10, fp=10, fn=5, tn=13),
            confusion_rows({"race": "tiny", "sex": "f"}, tp=1, fp=2, fn=2, tn=1),
            confusion_rows({"race": "tiny", "sex": None}, tp=0, fp=0, fn=0, tn=1),
        ]
    )
    assert len(frame) == 200
    checks = ["fairness.*", "data.*"]
    spec = stored_spec(frame, folder, sensitive_features=["race", "sex"], checks=checks)
    return audit(spec, folder / "case")


def test_small_groups_and_what_gives_them_away_are_withheld(small_groups: Case) -> None:
    shown, _ = for_the_public(small_groups, [])
    sizes = {
        tuple(sorted(f.group.items())): f.value for f in shown.findings if f.measure == "count"
    }
    assert sizes[(("race", "tiny"),)] is None
    assert sizes[(("race", "b"),)] is None or sizes[(("race", "a"),)] is None
    for f in shown.findings:
        if f.group.get("race") == "tiny" or f.group.get("sex") == "unknown":
            assert (f.value, f.n, f.counts) == (None, 0, {})
            assert "withheld" in f.reason_text()
        if "race" in f.between:
            assert f.n == 0
            assert "7 rows" not in f.reason_text()
    unknown = next(f for f in shown.findings if f.id.endswith("unknown_count~sex"))
    assert unknown.value is None


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"adverse_action", "pdf"}))
def test_no_folder_of_the_makers_machine_is_published(small_groups: Case, format: str) -> None:
    folder = str(Path(str(small_groups.subject.data.path)).parent)
    assert folder in render("html", small_groups, []).decode()
    assert folder not in render(format, small_groups, [], public=True).decode()


def test_a_case_without_small_groups_stays_as_it_is(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=20, fp=10, fn=15, tn=20),
            confusion_rows({"g": "b"}, tp=10, fp=15, fn=15, tn=15),
        ]
    )
    case = audit(stored_spec(frame, tmp_path, sensitive_features=["g"]), tmp_path / "case")
    shown, _ = for_the_public(case, [])
    assert shown.findings == case.findings


def test_rates_that_tell_of_few_people_are_withheld_and_what_gives_them_back(
    tmp_path: Path,
) -> None:
    # 4 of a's 60 were wrongly rejected: its TPR says so, and so do accuracy and everybody's TPR
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=20, fp=15, fn=4, tn=21),
            confusion_rows({"g": "b"}, tp=30, fp=15, fn=25, tn=30),
            confusion_rows({"g": "c"}, tp=30, fp=25, fn=35, tn=30),
        ]
    )
    case = audit(stored_spec(frame, tmp_path, sensitive_features=["g"]), tmp_path / "case")
    shown, _ = for_the_public(case, [])
    by_id = {f.id: f for f in shown.findings}
    rates = "fairness.group_rates/{}@g=a"
    for name in ("true_positive_rate", "false_negative_rate", "false_omission_rate"):
        assert by_id[rates.format(name)].value is None
    # the sizes and who was selected stay, and so does the gap between selection rates
    assert by_id[rates.format("count")].value == 60
    assert by_id[rates.format("selection_rate")].value == pytest.approx(35 / 60)
    assert by_id["fairness.gaps/demographic_parity_difference~g"].value is not None
    for name in ("equal_opportunity", "equalized_odds", "accuracy_score", "f1_score"):
        assert by_id[f"fairness.gaps/{name}_difference~g"].value is None
    # an attack with every rate that is shown, of any group or of everybody
    told = [_told(f) for f in case.findings if f.status == "measured"]
    known = [t for t in told if t is not None]
    hidden = frozenset(t.id for t in known if by_id[t.id].value is None)
    four = possible(known, hidden, Headcount(group_of({"g": "a"}), (2,), 4), total=len(frame))
    assert four.low <= 3.5
    assert four.high >= 4.5


# adverse_action is never public (its own tests say so); pdf prints the pages that are tested here
@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"adverse_action", "pdf"}))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_format_renders_the_public_version(small_groups: Case, name: str, lang: str) -> None:
    document = render(name, small_groups, [], lang=lang, public=True).decode()
    assert "tiny (7 rows)" not in document
    if name == "json":
        found = json.loads(document)["findings"]
        assert not [f for f in found if f["group"].get("race") == "tiny" and f["n"]]


def test_verdicts_that_point_to_withheld_findings_lose_their_numbers(small_groups: Case) -> None:
    hidden = next(f.id for f in small_groups.findings if f.group == {"race": "tiny"})
    told = [
        v.model_copy(update={"findings": (hidden,), "value": 0.5}) for v in sample_verdicts()[:1]
    ]
    _, shown = for_the_public(small_groups, told)
    assert shown[0].value is None
    assert "withheld" in shown[0].because["en"]
    assert shown[0].status == told[0].status
