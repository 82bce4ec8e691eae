"""Measures of several classes against scikit-learn, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from evenhand.audit.measure import multiclass as m
from evenhand.audit.words.reasons import render


def three_classes(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    actual = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    predicted = np.where(rng.random(n) < 0.7, actual, rng.integers(0, 3, n))
    return actual, predicted


def test_multiclass_measures_equal_scikit_learns() -> None:
    actual, predicted = three_classes()
    matrix = m.confusion_matrix(actual, predicted, 3)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(actual, predicted))
    expected = {
        m.accuracy: metrics.accuracy_score(actual, predicted),
        m.balanced_accuracy: metrics.balanced_accuracy_score(actual, predicted),
    }
    for function, value in expected.items():
        assert function(matrix, (0.95,)).value == pytest.approx(value, abs=1e-12)
    macro = m.macro_f1(matrix, (0.95,))
    value = metrics.f1_score(actual, predicted, average="macro")
    assert macro.value == pytest.approx(value, abs=1e-12)
    assert macro.interval is not None
    assert macro.interval.low < value < macro.interval.high
    per_class = metrics.recall_score(actual, predicted, average=None)
    assert m.recall(matrix, 2, ()).value == pytest.approx(per_class[2])


def test_macro_f1_covers_the_true_one() -> None:
    # cells of the true matrix; the true macro F1 is that of the cells themselves
    cells = np.array([[0.5, 0.1, 0.0], [0.05, 0.2, 0.02], [0.03, 0.0, 0.1]])
    hits, rows, columns = np.diag(cells), cells.sum(1), cells.sum(0)
    truth = float((2 * hits / (rows + columns)).mean())
    rng = np.random.default_rng(6)
    covered = 0
    for draw in rng.multinomial(400, cells.ravel(), size=300):
        interval = m.macro_f1(draw.reshape(3, 3), (0.95,)).interval
        assert interval is not None
        covered += interval.low <= truth <= interval.high
    assert covered / 300 >= 0.90  # 0.95 less the percentile's small-sample loss and 3 s.e.


def test_a_class_without_rows_is_left_out_not_zero() -> None:
    matrix = np.array([[5, 1, 0], [2, 4, 0], [0, 0, 0]])
    # recalls 5/6 and 4/6: mean 0.75
    assert m.balanced_accuracy(matrix, ()).value == pytest.approx(0.75)
    assert m.recall(matrix, 2, ()).value is None
    assert render(m.precision(matrix, 2, ()).reason) == "no rows predicted as this class"
