"""Group rates and gaps: ProPublica's published tables, Fairlearn's own results, and law 1."""

from __future__ import annotations

from pathlib import Path

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest

from tests.audit.subjects import confusion_rows, findings_of, one, stored_subject

# ProPublica, "Compas Analysis.ipynb" (commit bafff5da), cells 71-90: two-year recidivism,
# positive = decile score of 5 or more. Percentages as printed there.
PROPUBLICA = {
    "African-American": ({"tp": 1369, "fp": 805, "fn": 532, "tn": 990}, 44.85, 27.99),
    "Caucasian": ({"tp": 505, "fp": 349, "fn": 461, "tn": 1139}, 23.45, 47.72),
}


def test_propublicas_error_rates_by_race(tmp_path: Path) -> None:
    frame = pd.concat(
        confusion_rows({"race": race}, **counts) for race, (counts, _, _) in PROPUBLICA.items()
    )
    found = findings_of(
        "fairness.group_rates", frame, tmp_path, sensitive_features=["race"], positive_is="burden"
    )
    for race, (_, fpr, fnr) in PROPUBLICA.items():
        group = {"race": race}
        false_positive = one(found, "false_positive_rate", group=group)
        false_negative = one(found, "false_negative_rate", group=group)
        assert false_positive.value is not None
        assert false_negative.value is not None
        assert round(100 * false_positive.value, 2) == fpr
        assert round(100 * false_negative.value, 2) == fnr


# Fairlearn, docs/user_guide/assessment (commit ebf8fa75): the worked vectors and their results.
Y_TRUE = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
Y_PRED = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
GROUP = list("bbabbcccaacabccbcc")


def test_fairlearns_worked_example(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": Y_TRUE, "yhat": Y_PRED, "g": GROUP})
    found = findings_of(
        "fairness.gaps", frame, tmp_path, sensitive_features=["g"], min_group_size=1
    )
    gaps = {f.measure: f.value for f in found}
    assert gaps["demographic_parity_difference"] == pytest.approx(0.25)
    assert gaps["demographic_parity_ratio"] == pytest.approx(2 / 3)
    assert gaps["equalized_odds_difference"] == pytest.approx(1.0)


def test_every_gap_and_rate_equals_fairlearns_on_random_data(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    n = 900
    frame = pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "yhat": rng.integers(0, 2, n),
            "race": rng.choice(["a", "b", "c"], n),
            "sex": rng.choice(["f", "m"], n),
        }
    )
    gaps = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["race", "sex"])
    for between in (("race",), ("sex",), ("race", "sex")):
        for f in (g for g in gaps if g.between == between):
            theirs = getattr(fl, f.measure)(
                frame["y"], frame["yhat"], sensitive_features=frame[list(between)]
            )
            assert f.value == pytest.approx(float(theirs), abs=1e-12), f.id
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["race", "sex"])
    assert len(rates) == 7 * (3 + 2 + 6)
    tpr = fl.MetricFrame(
        metrics=fl.true_positive_rate,
        y_true=frame["y"],
        y_pred=frame["yhat"],
        sensitive_features=frame[["race", "sex"]],
    ).by_group
    cell = one(rates, "true_positive_rate", group={"race": "b", "sex": "f"})
    assert cell.value == pytest.approx(tpr["b", "f"], abs=1e-12)


def test_undefined_is_said_where_fairlearn_says_zero(tmp_path: Path) -> None:
    """The pinned difference: a perfect classifier, and a group in which nobody is positive."""
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=20, fp=0, fn=0, tn=20),
            confusion_rows({"g": "b"}, tp=0, fp=0, fn=0, tn=30),
        ]
    )
    theirs = fl.equalized_odds_difference(frame["y"], frame["yhat"], sensitive_features=frame["g"])
    assert theirs == 1.0  # Fairlearn takes b's true positive rate, 0/0, for 0
    gaps = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    ours = one(gaps, "equalized_odds_difference", between=("g",))
    assert (ours.status, ours.value) == ("undefined", None)
    assert "g=b (no positive labels)" in ours.reason
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["g"])
    rate = one(rates, "true_positive_rate", group={"g": "b"})
    assert (rate.status, rate.reason) == ("undefined", "no positive labels")


def test_small_groups_are_shown_named_and_left_out_of_gaps(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=10, fp=5, fn=5, tn=10),
            confusion_rows({"g": "b"}, tp=5, fp=5, fn=10, tn=10),
            confusion_rows({"g": "tiny"}, tp=0, fp=0, fn=1, tn=2),
        ]
    )
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["g"])
    tiny = one(rates, "selection_rate", group={"g": "tiny"})
    assert (tiny.value, tiny.n) == (0.0, 3)
    assert tiny.reason == "too small to compare: 3 rows, the minimum is 10"
    gaps = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    parity = one(gaps, "demographic_parity_difference", between=("g",))
    # a selects 15 of 30, b 10 of 30; with the tiny group it would be 0.5
    assert parity.value == pytest.approx(0.5 - 1 / 3)
    assert parity.counts == {"groups": 3, "groups_left_out": 1}
    assert "g=tiny (3 rows)" in parity.reason


def test_missing_sensitive_values_are_the_group_unknown(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=10, fp=5, fn=5, tn=10),
            confusion_rows({"g": "b"}, tp=5, fp=5, fn=10, tn=10),
            confusion_rows({"g": None}, tp=3, fp=3, fn=3, tn=3),
        ]
    )
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["g"])
    assert one(rates, "count", group={"g": "unknown"}).value == 12


def test_groups_within_the_levels_of_a_control_feature(tmp_path: Path) -> None:
    # within each department the groups are treated alike; overall they are not (Simpson)
    frame = pd.concat(
        [
            confusion_rows({"g": "a", "dept": "x"}, tp=40, fp=0, fn=0, tn=10),
            confusion_rows({"g": "b", "dept": "x"}, tp=8, fp=0, fn=0, tn=2),
            confusion_rows({"g": "a", "dept": "y"}, tp=2, fp=0, fn=0, tn=8),
            confusion_rows({"g": "b", "dept": "y"}, tp=10, fp=0, fn=0, tn=40),
        ]
    )
    gaps = findings_of(
        "fairness.gaps", frame, tmp_path, sensitive_features=["g"], control_features=["dept"]
    )
    name = "demographic_parity_difference"
    assert one(gaps, name, group={}).value == pytest.approx(42 / 60 - 18 / 60)
    assert one(gaps, name, group={"dept": "x"}).value == pytest.approx(0.0)
    assert one(gaps, name, group={"dept": "y"}).value == pytest.approx(0.0)
    rates = findings_of(
        "fairness.group_rates", frame, tmp_path, sensitive_features=["g"], control_features=["dept"]
    )
    assert one(rates, "selection_rate", group={"g": "a", "dept": "y"}).value == pytest.approx(0.2)


def test_without_labels_only_selection_is_measured(tmp_path: Path) -> None:
    frame = confusion_rows({"g": "a"}, tp=10, fp=5, fn=5, tn=10)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=5, fp=5, fn=10, tn=10)])
    subject = stored_subject(frame, tmp_path, sensitive_features=["g"], target=None)
    assert subject.truth.labels is None
    gaps = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"], target=None)
    assert {f.measure for f in gaps} == {
        "demographic_parity_difference",
        "demographic_parity_ratio",
    }


def test_a_rate_that_disagrees_with_fairlearn_crashes_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = confusion_rows({"g": "a"}, tp=10, fp=5, fn=5, tn=10)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=5, fp=5, fn=10, tn=10)])
    monkeypatch.setattr(fl, "selection_rate", lambda y_true, y_pred: 0.123)
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["g"])
    assert {f.status for f in rates} == {"error"}
    assert "Fairlearn" in rates[0].reason
