"""Rates of groups: ProPublica's, Aequitas's and Fairlearn's printed numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.checks.fairness import group_rates
from evenhand.audit.errors import InputError
from evenhand.audit.words.reasons import render
from tests.audit.checks.fairness.published import (
    GROUP,
    PRINTED,
    PROPUBLICA,
    Y_PRED,
    Y_TRUE,
    cells,
)
from tests.audit.subjects import confusion_rows, findings_of, one, stored_subject


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
        assert "linearised" in found.method
        assert "k" not in found.counts, "no pack may take weighted rows for counted ones"
    # b's positives weigh 2, 3, 2, 2, 3, nearly alike: five people say little either way
    b = one(weighted, "true_positive_rate", group={"g": "b"})
    unit = one(plain, "true_positive_rate", group={"g": "b"})
    assert b.interval is not None and unit.interval is not None
    widths = [i.high - i.low for i in (b.interval, unit.interval)]
    assert widths == pytest.approx([0.78, 0.8], abs=0.02)


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


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("category", ["x", "y"]),
        ("bool", ["false", "true"]),
        ("int64", ["0", "1"]),
        ("float64", ["0", "1"]),
        ("str", ["0", "1"]),
    ],
)
def test_groups_of_every_kind_of_column(kind: str, names: list[str], tmp_path: Path) -> None:
    frame = confusion_rows({}, tp=20, fp=10, fn=10, tn=20)
    values = pd.Series(np.arange(len(frame)) % 2, index=frame.index)
    frame["g"] = values.map({0: "x", 1: "y"}).astype(kind) if kind == "category" else values
    frame["g"] = frame["g"].astype(kind)
    found = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["g"])
    assert sorted({f.group["g"] for f in found}) == names


def test_labels_that_are_words_constant_predictions_and_groups_of_one(tmp_path: Path) -> None:
    frame = confusion_rows({"g": "a"}, tp=20, fp=20, fn=0, tn=0)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=15, fp=25, fn=0, tn=0)])
    frame = pd.concat([frame, confusion_rows({"g": "alone"}, tp=1, fp=0, fn=0, tn=0)])
    frame = frame.replace({"y": {1: "yes", 0: "no"}, "yhat": {1: "yes"}})
    options: dict[str, Any] = {"sensitive_features": ["g"], "positive_label": "yes"}
    rates = findings_of("fairness.group_rates", frame, tmp_path, **options, min_group_size=1)
    alone = {f.measure: f for f in rates if f.group == {"g": "alone"}}
    assert (alone["selection_rate"].value, alone["selection_rate"].n) == (1.0, 1)
    assert render(alone["false_positive_rate"].reason) == "no negative labels"
    assert render(alone["negative_predictive_value"].reason) == "no negative predictions"
    found = findings_of("fairness.gaps", frame, tmp_path, **options, min_group_size=1)
    by_name = {f.measure: f for f in found}
    assert {f.status for f in found} == {"measured", "undefined"}
    assert by_name["demographic_parity_difference"].value == 0.0
    assert by_name["demographic_parity_ratio"].value == 1.0
    assert by_name["negative_predictive_value_difference"].status == "undefined"


def test_scores_that_are_nan_stop_the_audit(tmp_path: Path) -> None:
    frame = confusion_rows({"g": "a"}, tp=5, fp=5, fn=5, tn=5)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=5, fp=5, fn=5, tn=5)])
    frame["s"] = [np.nan] + [0.5] * (len(frame) - 1)
    options: dict[str, Any] = {"predicted": None, "score": "s", "threshold": 0.5}
    subject = stored_subject(frame, tmp_path, sensitive_features=["g"], **options)
    with pytest.raises(InputError, match="a value that is not finite in row"):
        list(group_rates.measure(subject, seed=0, levels=(0.95,)))
