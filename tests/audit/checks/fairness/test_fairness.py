"""Group rates and gaps: ProPublica's published tables, Fairlearn's own results, and law 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.measure.classification import Confusion, named_rate
from evenhand.audit.run.custom import group_metric
from tests.audit.subjects import confusion_rows, findings_of, one, stored_subject

# ProPublica, "Compas Analysis.ipynb" (commit bafff5da), cells 71-90. Positive = decile score of 5
# or more ("high": 8 or more). Counts, then as printed there: false positive and false negative rate
# in percent, specificity, sensitivity, prevalence, PPV and NPV.
BLACK, WHITE = "African-American", "Caucasian"
PROPUBLICA = {
    "two-year recidivism": {
        BLACK: ((1369, 805, 532, 990), (44.85, 27.99, 0.55, 0.72, 0.51, 0.63, 0.65)),
        WHITE: ((505, 349, 461, 1139), (23.45, 47.72, 0.77, 0.52, 0.39, 0.59, 0.71)),
    },
    "two-year recidivism, high only": {
        BLACK: ((741, 284, 1160, 1511), (15.82, 61.02, 0.84, 0.39, 0.51, 0.72, 0.57)),
        WHITE: ((195, 81, 771, 1407), (5.44, 79.81, 0.95, 0.2, 0.39, 0.71, 0.65)),
    },
    "violent recidivism": {
        BLACK: ((273, 1043, 170, 1692), (38.14, 38.37, 0.62, 0.62, 0.14, 0.21, 0.91)),
        WHITE: ((77, 380, 129, 1679), (18.46, 62.62, 0.82, 0.37, 0.09, 0.17, 0.93)),
    },
}
PRINTED = (
    "false_positive_rate",
    "false_negative_rate",
    "true_negative_rate",
    "true_positive_rate",
    "prevalence",
    "precision_score",
    "negative_predictive_value",
)


def cells(group: dict[str, str], counts: tuple[int, int, int, int]) -> pd.DataFrame:
    tp, fp, fn, tn = counts
    return confusion_rows(group, tp=tp, fp=fp, fn=fn, tn=tn)


@pytest.mark.parametrize("which", PROPUBLICA)
def test_propublicas_error_rates_by_race(which: str, tmp_path: Path) -> None:
    groups = PROPUBLICA[which]
    frame = pd.concat(cells({"race": race}, counts) for race, (counts, _) in groups.items())
    options = {"sensitive_features": ["race"], "positive_is": "burden"}
    found = findings_of("fairness.group_rates", frame, tmp_path, **options)
    for race, (_, printed) in groups.items():
        for name, value in zip(PRINTED, printed, strict=True):
            rate = one(found, name, group={"race": race}).value
            assert rate is not None
            in_percent = name in PRINTED[:2]
            assert round(100 * rate if in_percent else rate, 2) == value, (race, name)


def test_propublicas_rate_ratios(tmp_path: Path) -> None:
    # printed there, from the rounded rates: 1.9125799573560769 (44.85 / 23.45, black / white) and
    # 1.7048946052161487 (47.72 / 27.99, white / black)
    groups = PROPUBLICA["two-year recidivism"]
    frame = pd.concat(cells({"race": race}, counts) for race, (counts, _) in groups.items())
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["race"])
    ratios = {f.measure: f.value for f in found}
    assert ratios["false_positive_rate_ratio"] == pytest.approx(1 / 1.9125799573560769, rel=5e-4)
    assert ratios["false_negative_rate_ratio"] == pytest.approx(1 / 1.7048946052161487, rel=5e-4)
    # 532 / 805 against 461 / 349 false negatives for each false positive
    assert ratios["treatment_equality_difference"] == pytest.approx(461 / 349 - 532 / 805)


# Aequitas, tests/test_artifacts/test_bias_report (commit 4dc71c69): label, prediction, class.
AEQUITAS = [
    *[(1, 1, "High"), (1, 0, "Low"), (1, 0, "High"), (1, 1, "Low"), (1, 1, "High")],
    *[(0, 1, "Low"), (0, 0, "High"), (0, 0, "Low"), (0, 1, "High"), (0, 1, "Low")],
]
AEQUITAS_GROUPS = {
    "High": {"fpr": 1 / 2, "fnr": 1 / 3, "for": 1 / 2, "fdr": 1 / 3, "pprev": 0.6},
    "Low": {"fpr": 2 / 3, "fnr": 1 / 2, "for": 1 / 2, "fdr": 2 / 3, "pprev": 0.6},
}
AEQUITAS_NAMES = {
    "fpr": "false_positive_rate",
    "fnr": "false_negative_rate",
    "for": "false_omission_rate",
    "fdr": "false_discovery_rate",
    "pprev": "selection_rate",
}


def test_aequitas_own_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame(AEQUITAS, columns=["y", "yhat", "class"])
    options: dict[str, Any] = {"sensitive_features": ["class"], "min_group_size": 1}
    rates = findings_of("fairness.group_rates", frame, tmp_path, **options)
    for group, values in AEQUITAS_GROUPS.items():
        for short, value in values.items():
            rate = one(rates, AEQUITAS_NAMES[short], group={"class": group})
            assert rate.value == pytest.approx(value), (group, short)
    gaps = {f.measure: f.value for f in findings_of("fairness.gaps", frame, tmp_path, **options)}
    # its disparities of Low against High: fnr 1.5, fpr 4/3, for 1, fdr 2; ours divide the smaller
    assert gaps["false_negative_rate_ratio"] == pytest.approx(1 / 1.5)
    assert gaps["false_positive_rate_ratio"] == pytest.approx(3 / 4)
    assert gaps["false_omission_rate_ratio"] == pytest.approx(1.0)
    assert gaps["false_discovery_rate_ratio"] == pytest.approx(1 / 2)


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
    assert gaps["equalized_odds_ratio"] == pytest.approx(0.0)


# The same document: sample weights, and recall with them.
WEIGHT = [1, 2, 1, 3, 2, 3, 1, 2, 1, 2, 3, 1, 2, 3, 2, 3, 1, 1]


def test_fairlearns_recall_with_and_without_weights(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": Y_TRUE, "yhat": Y_PRED, "g": GROUP, "w": WEIGHT})
    options: dict[str, Any] = {"sensitive_features": ["g"], "min_group_size": 1}
    plain = findings_of("fairness.group_rates", frame, tmp_path, **options)
    weighted = findings_of("fairness.group_rates", frame, tmp_path, **options, weight="w")
    for group, recall, by_weight in (("a", 0.5, 0.5), ("b", 0.6, 0.583333), ("c", 0.4, 0.25)):
        named = {"group": {"g": group}}
        assert one(plain, "true_positive_rate", **named).value == pytest.approx(recall)
        found = one(weighted, "true_positive_rate", **named)
        assert found.value == pytest.approx(by_weight, abs=1e-6)
        assert "Kish" in found.method
        assert "k" not in found.counts, "no pack may take weighted rows for counted ones"
    # b's positives weigh 2, 3, 2, 2, 3: effectively 12^2 / 30 = 4.8 people; Wilson's width grows
    b = one(weighted, "true_positive_rate", group={"g": "b"})
    unit = one(plain, "true_positive_rate", group={"g": "b"})
    assert b.interval is not None and unit.interval is not None
    assert b.interval.high - b.interval.low > unit.interval.high - unit.interval.low


def test_equal_weights_change_no_value_and_no_interval(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": Y_TRUE, "yhat": Y_PRED, "g": GROUP, "w": 2.5})
    options: dict[str, Any] = {"sensitive_features": ["g"], "min_group_size": 1}
    for check in ("fairness.group_rates", "fairness.gaps"):
        plain = findings_of(check, frame, tmp_path, **options)
        weighted = {f.id: f for f in findings_of(check, frame, tmp_path, **options, weight="w")}
        for f in plain:
            other = weighted[f.id]
            assert other.value == (None if f.value is None else pytest.approx(f.value)), f.id
            if f.interval is not None and other.interval is not None:
                assert other.interval.low == pytest.approx(f.interval.low)
                assert other.interval.high == pytest.approx(f.interval.high)


@pytest.mark.parametrize("bad", [-1.0, None, "heavy"])
def test_weights_that_are_none_are_refused(bad: object, tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": Y_TRUE, "yhat": Y_PRED, "g": GROUP, "w": [1, bad] * 9})
    with pytest.raises(InputError, match="weight column 'w'"):
        stored_subject(frame, tmp_path, sensitive_features=["g"], weight="w")


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
    between = ("race", "sex")  # single features: test_fairlearn_oracle.py
    for f in (g for g in gaps if g.between == between and hasattr(fl, g.measure)):
        theirs = getattr(fl, f.measure)(
            frame["y"], frame["yhat"], sensitive_features=frame[list(between)]
        )
        assert f.value == pytest.approx(float(theirs), abs=1e-12), f.id
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["race", "sex"])
    assert len(rates) == 12 * (3 + 2 + 6)
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
        "demographic_parity_difference_to_overall",
    }


def test_fairlearns_fbeta_with_a_parameter_of_ones_own(tmp_path: Path) -> None:
    # docs/user_guide/assessment/advanced_metricframe.rst: beta = 0.6, overall 0.56983...
    from sklearn.metrics import fbeta_score

    frame = pd.DataFrame({"y": Y_TRUE, "yhat": Y_PRED, "g": GROUP})
    subject = stored_subject(frame, tmp_path, sensitive_features=["g"])

    def fbeta(y_true: Any, y_pred: Any) -> float:
        return float(fbeta_score(y_true, y_pred, beta=0.6))

    found = list(group_metric(subject, fbeta, "fbeta_06", draws=20))
    for group, printed in {"a": 0.365591, "b": 0.85, "c": 0.468966}.items():
        assert one(found, "fbeta_06", group={"g": group}).value == pytest.approx(printed, abs=1e-6)
    assert fbeta(Y_TRUE, Y_PRED) == pytest.approx(0.56983, abs=1e-5)


@pytest.mark.parametrize(
    ("counts", "printed"),
    [
        ((2035, 1282, 1216, 2681), (32.35, 37.40, 0.68, 0.63, 0.45, 0.61, 0.69)),
        ((389, 1597, 347, 4121), (27.93, 47.15, 0.72, 0.53, 0.11, 0.20, 0.92)),
    ],
    ids=["two-year", "violent"],
)
def test_propublicas_rates_of_all_defendants(
    counts: tuple[int, int, int, int], printed: tuple[float, ...]
) -> None:
    tp, fp, fn, tn = counts
    for name, value in zip(PRINTED, printed, strict=True):
        rate = named_rate(Confusion(tp=tp, fp=fp, fn=fn, tn=tn), name, (0.95,)).value
        assert rate is not None
        assert round(100 * rate if name in PRINTED[:2] else rate, 2) == value, name
