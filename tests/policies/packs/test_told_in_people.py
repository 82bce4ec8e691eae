"""Verdicts on a table of women and men: people first, the ratio second, the lowest that counts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evenhand.audit.commands.parts.verdicts import counts_text, folded, ranked
from evenhand.audit.run import flow
from evenhand.audit.subject.spec import make_spec
from evenhand.policies.verdict import Verdict

# sex, race -> selected, of how many; 9 of 100 women, 39 of 100 men (180/2000, 780/2000)
TABLE = {
    ("Female", "black"): (60, 700),
    ("Female", "white"): (115, 1257),
    ("Female", "other"): (5, 43),
    ("Male", "black"): (200, 600),
    ("Male", "white"): (560, 1360),
    ("Male", "other"): (20, 40),
}
FACTS = {"system.domain": "hiring", "system.places": ["US-NY-NYC"]}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    folder = tmp_path_factory.mktemp("people")
    rows = [
        {"sex": sex, "race": race, "chosen": int(i < k)}
        for (sex, race), (k, n) in TABLE.items()
        for i in range(n)
    ]
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    given: dict[str, Any] = {
        "predictions": str(folder / "rows.csv"),
        "predicted": "chosen",
        "positive_label": 1,
        "positive_is": "benefit",
        "roles": {"sex": "sex", "race": "race"},
        "facts": FACTS,
        "words": {"positive": {"en": "hired", "zh": "录用"}},
        "policy": ("us-nyc-ll144", "us-ugesp-four-fifths", "baseline"),
        "checks": ("needed",),
        "out": str(folder / "case"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(folder / "home"))
        case, packs = flow.measure(make_spec(given))
        return {v.item: v for v in flow.verdicts_of(case, packs, flow.today(None))}


def test_people_first_and_the_ratio_second(judged: dict[str, Verdict]) -> None:
    """.09 / .39 = .2308"""
    found = judged["UGESP-01"]
    assert found.status == "fail"
    assert found.because["en"].startswith(
        "Of 100 women 9 are hired, of 100 men 39: a ratio of 0.231 ("
    )
    assert "), below 0.80 (guidance), beyond chance (p" in found.because["en"]
    assert found.because["zh"].startswith(
        "每 100 名女性中 9 名被录用，每 100 名男性中 39 名：比值 0.231（"
    )
    assert "低于 0.80（指南）" in found.because["zh"]


def test_a_gap_names_its_two_groups(judged: dict[str, Verdict]) -> None:
    found = judged["BASE-FAIR-1"]
    assert found.because["en"].startswith(
        "Of 100 women 9 are hired, of 100 men 39: a difference of 0.30 ("
    )
    assert "above 0.10 (convention" in found.because["en"]


def test_a_table_names_the_lowest_ratio_that_counts(judged: dict[str, Verdict]) -> None:
    """Of the crossings women of race other (5 of 43, 1.1 % of the table) don't count; the lowest
    that does is black women, 60/700, over the highest that counts, white men, 560/1360."""
    found = judged["LL144-03"]
    assert found.value == pytest.approx((60 / 700) / (560 / 1360))
    assert found.because["en"].startswith(
        "Of 100 women with race black, 9 are hired; of 100 men with race white, 41: a ratio of"
    )
    assert "it is the lowest of" in found.because["en"]
    # by sex 180/2000 over 780/2000 is lower than any race's
    assert judged["LL144-02"].value == pytest.approx(9 / 39)


def test_the_terminal_shows_what_fails_first_and_folds_what_passes(
    judged: dict[str, Verdict],
) -> None:
    verdicts = list(judged.values())
    order = [v.status for v in ranked(verdicts)]
    assert order.index("fail") == 0
    assert order.index("needs-attestation") < order.index("pass")
    assert any(line.startswith("✓ pass: ") and "LL144-02" in line for line in folded(verdicts))
    assert counts_text(verdicts).split(", ")[0].endswith(" fail")
