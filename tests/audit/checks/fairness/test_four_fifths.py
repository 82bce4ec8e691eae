"""The four-fifths rule, by hand and by SciPy's test."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy.stats import fisher_exact, hypergeom

from evenhand.audit.words.reasons import render
from tests.audit.subjects import findings_of, one, rows


def test_four_fifths_with_test_and_flip_of_one(tmp_path: Path) -> None:
    # 10 of 20 against 3 of 10: the ratio is 0.6; with one more it is 0.8
    frame = rows(
        ({"g": "a", "yhat": 1}, 10),
        ({"g": "a", "yhat": 0}, 10),
        ({"g": "b", "yhat": 1}, 3),
        ({"g": "b", "yhat": 0}, 7),
    )
    found = findings_of(
        "fairness.four_fifths",
        frame,
        tmp_path,
        target=None,
        positive_is="benefit",
        sensitive_features=["g"],
    )
    ratio = one(found, "adverse_impact_ratio", group={"g": "b"})
    assert ratio.value == pytest.approx(0.6)
    # of two groups the permutation of the margins is Fisher's exact test but for its draws: where
    # the larger |z| counts as much as less likely tables do, as it does here
    exact = float(fisher_exact([[3, 7], [10, 10]])[1])
    assert ratio.p_value == pytest.approx(exact, abs=3 * (exact * (1 - exact) / 2000) ** 0.5)
    assert "permutation" in ratio.method
    # question 21: one selection moves, 4 of 10 and 9 of 20
    assert one(found, "flip_one_ratio").value == pytest.approx((4 / 10) / (9 / 20))
    assert one(found, "selections_to_four_fifths").value == 1
    assert {f.group["g"] for f in found} == {"b"}


DISMISSED = rows(
    ({"sex": "women", "yhat": 1}, 10),
    ({"sex": "women", "yhat": 0}, 90),
    ({"sex": "men", "yhat": 1}, 25),
    ({"sex": "men", "yhat": 0}, 75),
)


def test_a_burden_is_judged_by_those_whom_it_spares(tmp_path: Path) -> None:
    base = {"target": None, "sensitive_features": ["sex"]}
    found = findings_of("fairness.four_fifths", DISMISSED, tmp_path, positive_is="burden", **base)
    # 10 of 100 women and 25 of 100 men are dismissed: .90 and .75 are retained
    ratio = one(found, "adverse_impact_ratio")
    assert (ratio.group, ratio.value) == ({"sex": "men"}, pytest.approx(0.75 / 0.90))
    assert ratio.counts == {
        "not_selected": 75,
        "assessed": 100,
        "highest_not_selected": 90,
        "highest_assessed": 100,
        "table": 200,
    }
    assert ratio.method.startswith("favourable: not being selected; ")
    assert one(found, "flip_one_ratio").value == pytest.approx(0.76 / 0.89)
    # four fifths of .90 are 72 of 100: 75 are there already
    assert one(found, "selections_to_four_fifths").value == 0


def test_a_burden_is_the_benefit_of_the_other_label(tmp_path: Path) -> None:
    base = {"target": None, "sensitive_features": ["sex"]}
    retained = DISMISSED.assign(yhat=1 - DISMISSED["yhat"])
    for check in ("fairness.four_fifths", "fairness.impact_ratio"):
        burden = findings_of(check, DISMISSED, tmp_path, positive_is="burden", **base)
        benefit = findings_of(check, retained, tmp_path, positive_is="benefit", **base)
        seen = [[(f.id, f.value, f.interval, f.p_value) for f in x] for x in (burden, benefit)]
        assert seen[0] == seen[1]


@pytest.mark.parametrize("check", ["four_fifths", "impact_ratio", "inequality"])
def test_the_direction_is_asked_for_where_it_matters(check: str, tmp_path: Path) -> None:
    frame = DISMISSED.assign(y=DISMISSED["yhat"])
    found = findings_of(f"fairness.{check}", frame, tmp_path, sensitive_features=["sex"])
    asked = [f for f in found if f.status == "not_applicable" and "positive_is" in render(f.reason)]
    assert {f.measure for f in found} - {f.measure for f in asked} <= {
        "unknown_count",
        "scoring_rate",
        "scoring_rate_impact_ratio",
        "large_group_scoring_rate_impact_ratio",
    }
    assert asked


def test_a_group_of_five_is_no_reference_and_the_table_counts_everybody(tmp_path: Path) -> None:
    # two groups of 900 at .30 and .29, and a group of 5 of whom all are selected
    frame = rows(
        ({"g": "a", "yhat": 1}, 270),
        ({"g": "a", "yhat": 0}, 630),
        ({"g": "b", "yhat": 1}, 261),
        ({"g": "b", "yhat": 0}, 639),
        ({"g": "few", "yhat": 1}, 5),
    )
    base = {"target": None, "sensitive_features": ["g"], "positive_is": "benefit"}
    found = findings_of("fairness.four_fifths", frame, tmp_path, **base)
    ratio = one(found, "adverse_impact_ratio", group={"g": "b"})
    assert ratio.value == pytest.approx(0.29 / 0.30)
    assert ratio.counts["table"] == 1805
    few = one(found, "adverse_impact_ratio", group={"g": "few"})
    assert (few.status, few.n, few.counts["table"]) == ("undefined", 5, 1805)
    assert "5" in render(few.reason) and "10" in render(few.reason)
    options = {"fairness.four_fifths": {"min_group_size": 5}}
    found = findings_of("fairness.four_fifths", frame, tmp_path, options=options, **base)
    assert one(found, "adverse_impact_ratio", group={"g": "b"}).value == pytest.approx(0.29)


def test_riccis_promotions_fail_the_rule(tmp_path: Path) -> None:
    """Ricci v. DeStefano, both examinations: 41 of 68 white candidates passed, 15 of 50 others."""
    frame = rows(
        ({"race": "White", "yhat": 1}, 41),
        ({"race": "White", "yhat": 0}, 27),
        ({"race": "Other", "yhat": 1}, 15),
        ({"race": "Other", "yhat": 0}, 35),
    )
    base = {"target": None, "sensitive_features": ["race"], "positive_is": "benefit"}
    found = findings_of("fairness.four_fifths", frame, tmp_path, **base)
    ratio = one(found, "adverse_impact_ratio", group={"race": "Other"})
    # (15 / 50) / (41 / 68) = .3 / .60294 = .4976
    assert ratio.value == pytest.approx((15 / 50) / (41 / 68))
    assert round(ratio.value, 3) == 0.498
    # every table with these margins whose rates lie at least as far apart, either way
    margins = hypergeom(118, 50, 56)  # of 118 candidates 56 passed, 50 are not white
    apart = [abs(k / 50 - (56 - k) / 68) for k in range(51)]
    exact = sum(margins.pmf(k) for k in range(51) if apart[k] >= apart[15] - 1e-12)
    assert ratio.p_value == pytest.approx(exact, abs=0.002)
    assert ratio.p_value < 0.01
