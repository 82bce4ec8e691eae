"""A binary classifier, all groups together: by hand, and scikit-learn where scores are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from tests.audit.subjects import confusion_rows, findings_of, one


def test_labels_alone_by_hand(tmp_path: Path) -> None:
    frame = confusion_rows({}, tp=6, fp=2, fn=4, tn=8)
    found = findings_of("performance.classification", frame, tmp_path)
    by_hand = {
        "accuracy_score": 14 / 20,
        "precision_score": 6 / 8,
        "recall_score": 6 / 10,
        "balanced_accuracy_score": (6 / 10 + 8 / 10) / 2,
        "f1_score": 2 * 6 / (2 * 6 + 2 + 4),
    }
    for name, value in by_hand.items():
        mine = one(found, name)
        assert mine.value == pytest.approx(value), name
        assert mine.interval is not None, name
        assert mine.interval.low < value < mine.interval.high, name
    for name in ("roc_auc_score", "log_loss"):
        assert one(found, name).status == "not_applicable", name
    assert len(found) == 7


def test_scores_equal_scikit_learns(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    score = rng.random(200).round(2).clip(0.01, 0.99)
    frame = pd.DataFrame({"s": score, "y": (rng.random(200) < score).astype(int)})
    options = {"predicted": None, "score": "s", "threshold": 0.5}
    found = findings_of("performance.classification", frame, tmp_path, **options)
    area, loss = one(found, "roc_auc_score"), one(found, "log_loss")
    assert area.value == pytest.approx(metrics.roc_auc_score(frame["y"], score))
    assert loss.value == pytest.approx(metrics.log_loss(frame["y"], score))
    right = metrics.accuracy_score(frame["y"], score >= 0.5)
    assert one(found, "accuracy_score").value == pytest.approx(right)


def test_scores_that_are_no_probabilities_have_no_log_loss(tmp_path: Path) -> None:
    frame = pd.DataFrame({"s": [1, 2, 3, 4] * 10, "y": [0, 0, 1, 1] * 10})
    options = {"predicted": None, "score": "s", "threshold": 3}
    found = findings_of("performance.classification", frame, tmp_path, **options)
    assert one(found, "roc_auc_score").value == 1.0
    assert one(found, "log_loss").status == "not_applicable"
