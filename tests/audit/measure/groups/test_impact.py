"""Impact ratios and the four-fifths rule, against published and hand-worked numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import fisher_exact
from scipy.stats.contingency import relative_risk

from evenhand.audit.measure.groups.impact import (
    Selected,
    highest,
    impact_ratio,
    selections_to_four_fifths,
)
from tests.audit.subjects import findings_of, one, rows

# 6 RCNY 5-301(b), the rule's own example: category -> (assessed, selected, printed impact ratio)
SEX = {"Male": (1390, 667, 1.0), "Female": (1181, 555, 0.979)}
RACE = {
    "Hispanic": (408, 204, 0.97),
    "White": (797, 412, 1.0),
    "Black": (390, 170, 0.84),
    "Native Hawaiian or Pacific Islander": (119, 52, 0.85),
    "Asian": (616, 302, 0.95),
    "Native American or Alaska Native": (41, 18, 0.85),
    "Two or more": (213, 96, 0.87),
}
CROSSED = {
    ("Hispanic", "Male"): (205, 90, 0.841),
    ("Hispanic", "Female"): (190, 82, 0.827),
    ("White", "Male"): (412, 215, 1.0),
    ("Black", "Male"): (226, 95, 0.806),
    ("NHPI", "Male"): (87, 37, 0.815),
    ("Asian", "Male"): (321, 167, 0.997),
    ("AIAN", "Male"): (24, 11, 0.878),
    ("Two+", "Male"): (115, 52, 0.866),
    ("White", "Female"): (385, 197, 0.981),
    ("Black", "Female"): (164, 75, 0.876),
    ("NHPI", "Female"): (32, 15, 0.898),
    ("Asian", "Female"): (295, 135, 0.877),
    ("AIAN", "Female"): (17, 7, 0.789),
    ("Two+", "Female"): (98, 44, 0.86),
}


@pytest.mark.parametrize("table", [SEX, RACE, CROSSED], ids=["sex", "race", "crossed"])
def test_the_rules_own_selection_tables(table: dict[object, tuple[int, int, float]]) -> None:
    top = highest([Selected(k, n) for n, k, _ in table.values()])
    digits = 2 if table is RACE else 3
    for n, k, printed in table.values():
        value = impact_ratio(Selected(k, n), top, (0.95,)).value
        assert value == pytest.approx(printed, abs=0.51 * 10**-digits + 0.001)


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
    base = {"target": None, "sensitive_features": ["g"]}
    found = findings_of("fairness.impact_ratio", frame, tmp_path, **base)
    assert one(found, "impact_ratio", group={"g": "b"}).value == pytest.approx(0.4)
    options = {"fairness.impact_ratio": {"minimum_share": 0.02}}
    found = findings_of("fairness.impact_ratio", frame, tmp_path, options=options, **base)
    few = one(found, "impact_ratio", group={"g": "few"})
    assert few.status == "undefined"
    assert "3 people, rate 1.000" in few.reason
    assert one(found, "impact_ratio", group={"g": "b"}).value == pytest.approx(0.8)


def test_scoring_rates_count_scores_strictly_above_the_median(tmp_path: Path) -> None:
    # scores 1 2 2 2 3 3: the median is 2; above it: one of a's three, one of b's three
    frame = pd.DataFrame({"s": [1, 2, 3, 2, 2, 3], "g": list("aaabbb")})
    base = {"target": None, "predicted": None, "score": "s", "threshold": 2}
    found = findings_of("fairness.impact_ratio", frame, tmp_path, sensitive_features=["g"], **base)
    for g in "ab":
        assert one(found, "scoring_rate", group={"g": g}).value == pytest.approx(1 / 3)
        assert one(found, "scoring_rate_impact_ratio", group={"g": g}).value == 1.0
    equal = frame.assign(s=2)
    found = findings_of("fairness.impact_ratio", equal, tmp_path, sensitive_features=["g"], **base)
    ratio = one(found, "scoring_rate_impact_ratio", group={"g": "a"})
    assert (ratio.status, ratio.reason) == ("undefined", "every group's rate is 0")


def test_the_interval_is_katzs_and_does_not_collapse() -> None:
    found = impact_ratio(Selected(30, 100), Selected(60, 120), (0.95,))
    theirs = relative_risk(30, 100, 60, 120).confidence_interval(0.95)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((theirs.low, theirs.high))
    nobody = impact_ratio(Selected(0, 20), Selected(60, 120), (0.95,)).interval
    assert nobody is not None
    assert nobody.low == 0
    assert 0 < nobody.high < 1
    everybody = impact_ratio(Selected(5, 5), Selected(9, 9), (0.95,)).interval
    assert everybody is not None
    assert everybody.low < 0.9


@pytest.mark.parametrize(
    ("group", "top", "more"),
    [
        ((3, 10), (10, 20), 1),  # 0.8 * 0.5 * 10 = 4
        ((4, 10), (10, 20), 0),
        ((39, 100), (1, 2), 1),
        ((0, 7), (7, 7), 6),  # 5.6 people are six
    ],
)
def test_how_many_more_selections_reach_four_fifths(
    group: tuple[int, int], top: tuple[int, int], more: int
) -> None:
    assert selections_to_four_fifths(Selected(*group), Selected(*top)) == more


def test_four_fifths_with_test_and_flip_of_one(tmp_path: Path) -> None:
    # 10 of 20 against 3 of 10: the ratio is 0.6; with one more it is 0.8
    frame = rows(
        ({"g": "a", "yhat": 1}, 10),
        ({"g": "a", "yhat": 0}, 10),
        ({"g": "b", "yhat": 1}, 3),
        ({"g": "b", "yhat": 0}, 7),
    )
    found = findings_of(
        "fairness.four_fifths", frame, tmp_path, target=None, sensitive_features=["g"]
    )
    ratio = one(found, "adverse_impact_ratio", group={"g": "b"})
    assert ratio.value == pytest.approx(0.6)
    # 13 of 30 selected: b expects 4.33 selected, under 5, so the test is exact
    assert ratio.p_value == pytest.approx(float(fisher_exact([[3, 7], [10, 10]])[1]))
    assert "Fisher" in ratio.method
    assert one(found, "flip_one_ratio").value == pytest.approx(0.8)
    assert one(found, "selections_to_four_fifths").value == 1
    assert {f.group["g"] for f in found} == {"b"}


SCORED = {  # people, share above the median in per cent as printed, impact ratio as printed
    "sex": {"Male": (92, 54.3, 1.0), "Female": (76, 44.7, 0.82)},
    "race": {
        "Hispanic": (28, 64.2, 1.0), "White": (40, 37.5, 0.58), "Black": (32, 50.0, 0.78),
        "NHPI": (8, 62.5, 0.97), "Asian": (24, 41.7, 0.65), "AIAN": (16, 62.5, 0.97),
        "Two or more": (20, 50.0, 0.78),
    },
}  # fmt: skip


@pytest.mark.parametrize("feature", SCORED)
def test_the_rules_own_scoring_tables(feature: str, tmp_path: Path) -> None:
    """6 RCNY 5-301(c): 84 of the 168 people score above the median of all."""
    table = SCORED[feature]
    above = {g: round(n * share / 100) for g, (n, share, _) in table.items()}
    assert (sum(above.values()), sum(n for n, _, _ in table.values())) == (84, 168)
    cells = [({"g": g, "s": 2}, above[g]) for g in table]
    cells += [({"g": g, "s": 1}, n - above[g]) for g, (n, _, _) in table.items()]
    options: dict[str, Any] = {"target": None, "predicted": None, "score": "s", "threshold": 2}
    found = findings_of(
        "fairness.impact_ratio", rows(*cells), tmp_path, sensitive_features=["g"], **options
    )
    for group, (n, share, printed) in table.items():
        rate = one(found, "scoring_rate", group={"g": group})
        assert (rate.n, rate.value) == (n, pytest.approx(share / 100, abs=0.001))  # some cut off
        ratio = one(found, "scoring_rate_impact_ratio", group={"g": group})
        assert ratio.value == pytest.approx(printed, abs=0.006)
