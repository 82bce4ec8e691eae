"""A metric of one's own runs through Fairlearn's MetricFrame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from evenhand.audit.errors import InputError
from evenhand.audit.run.custom import group_metric
from tests.audit.checks.fairness.published import (
    GROUP,
    Y_PRED,
    Y_TRUE,
)
from tests.audit.subjects import confusion_rows, one, stored_subject


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


def test_a_metric_of_ones_own_runs_through_metricframe(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=20, fp=5, fn=5, tn=20),
            confusion_rows({"g": "b"}, tp=10, fp=9, fn=9, tn=12),
        ]
    )
    subject = stored_subject(frame, tmp_path, sensitive_features=["g"])
    found = list(group_metric(subject, sk.matthews_corrcoef, "matthews_corrcoef", draws=30))
    # (20 * 20 - 5 * 5) / 25^2 = 0.6
    a = one(found, "matthews_corrcoef", group={"g": "a"})
    assert (a.value, a.n) == (pytest.approx(0.6), 50)
    gap = one(found, "matthews_corrcoef_difference", between=("g",))
    assert gap.value is not None and gap.interval is not None
    assert gap.interval.low <= gap.value <= gap.interval.high
    assert "biased upwards" in gap.method
    with pytest.raises(InputError, match="only predicted labels"):
        list(group_metric(subject, sk.roc_auc_score, "auc", uses="score"))


def test_a_metric_of_ones_own_within_control_levels_and_with_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    n = 300
    frame = pd.DataFrame(
        {k: rng.choice(v, n) for k, v in {"g": ["a", "b"], "d": ["x", "y"]}.items()}
    )
    frame["y"], frame["yhat"] = rng.integers(0, 2, n), rng.integers(0, 2, n)
    frame["w"] = rng.integers(1, 9, n)
    subject = stored_subject(
        frame, tmp_path, sensitive_features=["g"], control_features=["d"], weight="w"
    )
    found = list(group_metric(subject, sk.f1_score, "f1_score", draws=2))
    for level, part in ({}, frame), *(({"d": d}, p) for d, p in frame.groupby("d")):
        by_group = {
            g: sk.f1_score(p["y"], p["yhat"], sample_weight=p["w"]) for g, p in part.groupby("g")
        }
        for group, value in by_group.items():
            mine = one(found, "f1_score", group={"g": group, **level})
            assert mine.value == pytest.approx(value)
            assert (mine.n, "weighted rows" in mine.method) == ((part["g"] == group).sum(), True)
        gap = one(found, "f1_score_difference", group=level, between=("g",))
        assert gap.value == pytest.approx(abs(by_group["a"] - by_group["b"]))
        assert gap.n == len(part)

    def unweighted(y_true: np.ndarray, y_pred: np.ndarray) -> float:
        return float((y_true == y_pred).mean())

    plain = one(list(group_metric(subject, unweighted, "hits", draws=2)), "hits", group={"g": "a"})
    assert "takes no sample_weight" in plain.method
