"""The check of impact ratios against the rule's own tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.audit.words.reasons import render
from tests.audit.measure.groups.published import CROSSED
from tests.audit.subjects import findings_of, one, rows


def people(table: dict[tuple[str, str], tuple[int, int, float]]) -> pd.DataFrame:
    cells = []
    for (race, sex), (n, k, _) in table.items():
        cells += [({"race": race, "sex": sex, "yhat": 1}, k)]
        cells += [({"race": race, "sex": sex, "yhat": 0}, n - k)]
    cells += [({"race": None, "sex": "Male", "yhat": 1}, 20)]
    return rows(*cells)


def test_the_crossed_table_as_a_check_with_unknown_people_counted(tmp_path: Path) -> None:
    found = findings_of(
        "fairness.impact_ratio",
        people(CROSSED),
        tmp_path,
        target=None,
        positive_is="benefit",
        sensitive_features=["race", "sex"],
    )
    for (race, sex), (n, _, printed) in CROSSED.items():
        cell = one(found, "impact_ratio", group={"race": race, "sex": sex})
        assert cell.value == pytest.approx(printed, abs=0.0016)
        assert cell.n == n
        assert cell.counts["table"] == sum(size for size, _, _ in CROSSED.values())
    assert one(found, "unknown_count", between=("race",)).value == 20
    assert one(found, "unknown_count", between=("sex",)).value == 0
    assert not [f for f in found if f.group.get("race") == "unknown"]
    assert one(found, "scoring_rate").status == "not_applicable"


def test_groups_under_two_per_cent_get_a_reason_and_are_no_reference(tmp_path: Path) -> None:
    frame = rows(
        ({"g": "a", "yhat": 1}, 50),
        ({"g": "a", "yhat": 0}, 50),
        ({"g": "b", "yhat": 1}, 40),
        ({"g": "b", "yhat": 0}, 60),
        ({"g": "few", "yhat": 1}, 3),  # 3 of 203 is under 2 %, and its rate of 1 the highest
    )
    base = {"target": None, "positive_is": "benefit", "sensitive_features": ["g"]}
    found = findings_of("fairness.impact_ratio", frame, tmp_path, **base)
    assert one(found, "impact_ratio", group={"g": "b"}).value == pytest.approx(0.4)
    # beside the full table, the one that 5-301(d) allows
    few = one(found, "large_group_impact_ratio", group={"g": "few"})
    assert (few.status, few.counts["table"]) == ("undefined", 203)
    assert "3 people, rate 1" in render(few.reason)
    large = one(found, "large_group_impact_ratio", group={"g": "b"})
    assert (large.value, large.counts["table"]) == (pytest.approx(0.8), 203)
    options = {"fairness.impact_ratio": {"minimum_share": 0.01}}
    found = findings_of("fairness.impact_ratio", frame, tmp_path, options=options, **base)
    # 3 is more than 1 % of 203
    assert one(found, "large_group_impact_ratio", group={"g": "b"}).value == pytest.approx(0.4)


@pytest.mark.parametrize("check", ["impact_ratio", "four_fifths"])
def test_a_table_for_each_job_title(check: str, tmp_path: Path) -> None:
    """Each job alone: 40 of 80 and 20 of 50; then 10 of 50 and 30 of 100. Together they differ."""
    cells = {
        ("x", "f"): (20, 50),
        ("x", "m"): (40, 80),
        ("y", "f"): (10, 50),
        ("y", "m"): (30, 100),
    }
    frame = rows(
        *(
            ({"job": job, "sex": sex, "yhat": yhat}, k if yhat else n - k)
            for (job, sex), (k, n) in cells.items()
            for yhat in (0, 1)
        )
    )
    base = {"target": None, "positive_is": "benefit", "sensitive_features": ["sex"]}
    found = findings_of(f"fairness.{check}", frame, tmp_path, control_features=["job"], **base)
    name = "impact_ratio" if check == "impact_ratio" else "adverse_impact_ratio"
    ratios = {tuple(f.group.values()): f.value for f in found if f.measure == name}
    assert ratios["f",] == pytest.approx((30 / 100) / (70 / 180))
    assert ratios["f", "x"] == pytest.approx((20 / 50) / (40 / 80))
    assert ratios["f", "y"] == pytest.approx((10 / 50) / (30 / 100))


def test_scoring_rates_count_scores_strictly_above_the_median(tmp_path: Path) -> None:
    # scores 1 2 2 2 3 3: the median is 2; above it: one of a's three, one of b's three
    frame = pd.DataFrame({"s": [1, 2, 3, 2, 2, 3], "g": list("aaabbb")})
    base = {"target": None, "predicted": None, "score": "s", "threshold": 2}
    base["positive_is"] = "benefit"
    found = findings_of("fairness.impact_ratio", frame, tmp_path, sensitive_features=["g"], **base)
    for g in "ab":
        assert one(found, "scoring_rate", group={"g": g}).value == pytest.approx(1 / 3)
        assert one(found, "scoring_rate_impact_ratio", group={"g": g}).value == 1.0
    equal = frame.assign(s=2)
    found = findings_of("fairness.impact_ratio", equal, tmp_path, sensitive_features=["g"], **base)
    ratio = one(found, "scoring_rate_impact_ratio", group={"g": "a"})
    assert (ratio.status, render(ratio.reason)) == ("undefined", "every group's rate is 0")


SCORED = {  # people, share above the median in per cent as printed, impact ratio as printed
    "sex": {"Male": (92, 54.3, 1.0), "Female": (76, 44.7, 0.82)},
    "race": {
        "Hispanic": (28, 64.2, 1.0),
        "White": (40, 37.5, 0.58),
        "Black": (32, 50.0, 0.78),
        "NHPI": (8, 62.5, 0.97),
        "Asian": (24, 41.7, 0.65),
        "AIAN": (16, 62.5, 0.97),
        "Two or more": (20, 50.0, 0.78),
    },
}


@pytest.mark.parametrize("feature", SCORED)
def test_the_rules_own_scoring_tables(feature: str, tmp_path: Path) -> None:
    """6 RCNY 5-301(c): 84 of the 168 people score above the median of all."""
    table = SCORED[feature]
    above = {g: round(n * share / 100) for g, (n, share, _) in table.items()}
    assert (sum(above.values()), sum(n for n, _, _ in table.values())) == (84, 168)
    cells = [({"g": g, "s": 2}, above[g]) for g in table]
    cells += [({"g": g, "s": 1}, n - above[g]) for g, (n, _, _) in table.items()]
    options: dict[str, Any] = {"target": None, "predicted": None, "score": "s", "threshold": 2}
    options["positive_is"] = "benefit"
    found = findings_of(
        "fairness.impact_ratio", rows(*cells), tmp_path, sensitive_features=["g"], **options
    )
    for group, (n, share, printed) in table.items():
        rate = one(found, "scoring_rate", group={"g": group})
        assert (rate.n, rate.value) == (n, pytest.approx(share / 100, abs=0.001))  # some cut off
        ratio = one(found, "scoring_rate_impact_ratio", group={"g": group})
        assert ratio.value == pytest.approx(printed, abs=0.006)


def test_a_high_score_that_is_a_burden_is_judged_below_the_median(tmp_path: Path) -> None:
    # scores 1 2 3 3, 1 1 2 3: the median is 2; below it 1 of a's 4 and 2 of b's 4
    frame = pd.DataFrame({"s": [1, 2, 3, 3, 1, 1, 2, 3], "g": list("aaaabbbb")})
    options = {"target": None, "predicted": None, "score": "s", "threshold": 2}
    options |= {"positive_is": "burden", "sensitive_features": ["g"]}
    found = findings_of("fairness.impact_ratio", frame, tmp_path, **options)
    ratio = one(found, "scoring_rate_impact_ratio", group={"g": "a"})
    assert ratio.value == pytest.approx(0.5)
    assert one(found, "scoring_rate", group={"g": "a"}).value == pytest.approx(0.5)
