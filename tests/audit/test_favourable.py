"""Which end of a measure is harm, and what becomes of each when all is told the other way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.favourable import harm_end, more_is_better
from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import checks
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.subject import build_subject
from tests.audit.subjects import stored_spec

ALL = sorted({name for check in checks() for name in check.measures})


@pytest.mark.parametrize("measure", ALL)
def test_every_measure_of_the_catalogue_says_which_end_is_harm(measure: str) -> None:
    assert harm_end(measure) is not None


def test_ends_by_what_the_measures_are() -> None:
    """From their definitions: errors and gaps harm by being high, quality by being low."""
    ends = {name: harm_end(name) for name in ALL}
    for name, end in ends.items():
        if name.endswith(("_difference", "_highest", "_lowest")) and "ratio" not in name:
            assert end == ("both" if name.startswith("representation") else "high"), name
        if "parity_ratio" in name or name.endswith("impact_ratio"):
            assert end == "low", name
    assert [ends[n] for n in ("log_loss", "accuracy_score", "true_positive_rate")] == [
        *("high", "low", "low"),
    ]
    assert ends["mean_calibration_gap"] == ends["calibration_slope"] == "both"
    assert ends["expected_calibration_error"] == ends["no_recourse_rate"] == "high"
    assert ends["proxy_auc"] == "high" and ends["roc_auc_score"] == "low"
    assert harm_end("a_strangers_metric") is None


def test_of_what_the_label_is_a_declaration_decides() -> None:
    told = {p: more_is_better("selection_rate", SimpleNamespace(positive_is=p)) for p in MEANINGS}
    assert told == {"benefit": True, "burden": False, None: None}
    # an error is an error, whatever the label means
    assert {more_is_better("log_loss", SimpleNamespace(positive_is=p)) for p in MEANINGS} == {False}


MEANINGS = ("benefit", "burden", None)


# The same people told the other way: labels, predictions and scores turned round, and benefit for
# burden. Measure -> the measure that must then have what value, by its definition.
def same(value: float) -> float:
    return value


def rest_of_one(value: float) -> float:
    return 1 - value


def minus(value: float) -> float:
    return -value


Turned = tuple[str, Callable[[float], float]]
SWAPPED = {
    "true_positive_rate": "true_negative_rate",
    "false_positive_rate": "false_negative_rate",
    "precision_score": "negative_predictive_value",
    "false_discovery_rate": "false_omission_rate",
}
SWAPPED |= {b: a for a, b in SWAPPED.items()}
# stems of gaps: the gap of a rate is that of its partner
STEMS = {
    **{a: b for a, b in SWAPPED.items() if a != "true_positive_rate"},
    "true_negative_rate": "equal_opportunity",
    "equal_opportunity": "true_negative_rate",
}
UNCHANGED = (
    *("count", "accuracy_score", "zero_one_loss_difference", "accuracy_score_difference"),
    *("balanced_accuracy_score_difference", "demographic_parity_difference"),
    *("demographic_parity_difference_to_overall", "accuracy_score_ratio", "zero_one_loss_ratio"),
    *("adverse_impact_ratio", "flip_one_ratio", "selections_to_four_fifths", "impact_ratio"),
    *("scoring_rate_impact_ratio", "large_group_impact_ratio", "unknown_count", "roc_auc_score"),
    *("large_group_scoring_rate_impact_ratio", "roc_auc_score_difference", "calibration_slope"),
    *("expected_calibration_error", "expected_calibration_error_difference"),
    *("mean_calibration_gap_difference", "generalized_entropy_index", "theil_index"),
    *("between_group_generalized_entropy_index", "between_group_theil_index"),
    "demographic_parity_difference_at_worst_threshold",
)
# What turns into a measure that is not made, or is about the other end of a ranking or a threshold.
WITHOUT_PARTNER = (
    # ratios of the selected, as Fairlearn defines them: of the others they are other ratios
    *("demographic_parity_ratio", "equalized_odds_ratio", "equalized_odds_ratio_mean"),
    *("f1_score_difference", "treatment_equality_difference", "scoring_rate"),
    *("relative_exposure", "relative_exposure_difference", "top_k_selection_rate"),
    *("top_k_selection_rate_difference", "ndcg_score", "swept_threshold_count"),
    *("equalized_odds_difference", "equalized_odds_difference_mean"),  # tried below
    "equalized_odds_difference_at_worst_threshold",
    *("true_positive_rate_difference_to_rest", "false_positive_rate_difference_to_rest"),
    "precision_score_difference_to_rest",
    *("groups_searched", "worst_groups_confirmed", "confirmed_error_lift"),  # drawn halves
    *("worst_group_error_rate", "worst_group_error_lift", "randomised_decision_rate"),
)


def turned(measure: str) -> Turned | None:
    if measure in UNCHANGED:
        return measure, same
    if measure in SWAPPED:
        return SWAPPED[measure], same
    if measure in ("selection_rate", "prevalence"):
        return measure, rest_of_one
    if measure in ("selection_rate_difference_to_rest", "mean_calibration_gap"):
        return measure, minus
    if measure == "calibration_intercept":
        return measure, minus
    if measure in ("bpsn_auc", "bnsp_auc"):
        return {"bpsn_auc": "bnsp_auc", "bnsp_auc": "bpsn_auc"}[measure], same
    stem, _, scale = measure.rpartition("_")
    return (f"{STEMS[stem]}_{scale}", same) if stem in STEMS else None


def measured(frame: pd.DataFrame, folder: Path, positive_is: str) -> dict[str, Finding]:
    spec = stored_spec(frame, folder, score="p", sensitive_features=["g"], positive_is=positive_is)
    subject = build_subject(spec)
    found: dict[str, Finding] = {}
    for each in checks():
        if each.family == "fairness" and "binary" in each.module.TASKS:
            ran = run_check(each, subject, spec, (0.95,))
            found |= {f.id: f for f in ran if isinstance(f, Finding)}
    return found


def test_told_the_other_way_every_measure_says_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    n = 400
    frame = pd.DataFrame({"g": np.repeat(["a", "b"], n // 2), "y": rng.integers(0, 2, n)})
    good = rng.random(n) < np.where(frame["g"] == "a", 0.85, 0.7)
    frame["yhat"] = np.where(good, frame["y"], 1 - frame["y"])
    frame["p"] = ((0.55 * frame["yhat"] + 0.2 + 0.2 * rng.random(n)) * 2**20).round() / 2**20
    other = frame.assign(y=1 - frame["y"], yhat=1 - frame["yhat"], p=1 - frame["p"])
    one = measured(frame, tmp_path, "benefit")
    two = measured(other, tmp_path, "burden")
    tried = set()
    for f in one.values():
        if f.status != "measured" or f.measure in WITHOUT_PARTNER:
            continue
        partner = turned(f.measure)
        assert partner is not None, f"{f.measure}: say what it turns into"
        hits = [
            x
            for x in two.values()
            if (x.check, x.measure, x.group, x.between, x.column)
            == (f.check, partner[0], f.group, f.between, f.column)
        ]
        assert len(hits) == 1, f.id
        assert hits[0].value == pytest.approx(partner[1](f.value or 0.0), abs=1e-6), f.id
        tried.add(f.measure)
    assert len(tried) >= 45
    # equalized odds: of true and false positive rates here, of false and true negative rates there
    rates = ("false_negative_rate", "false_positive_rate")
    gaps = [one[f"fairness.gaps/{rate}_difference~g"].value or 0.0 for rate in rates]
    odds = two["fairness.gaps/equalized_odds_difference~g"].value
    assert odds == pytest.approx(max(gaps))
