"""Measures of a classifier against scikit-learn, by hand, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from evenhand.audit.measure import classification as c
from evenhand.audit.measure.classification import Confusion, named_rate
from evenhand.audit.measure.groups.background import Background
from evenhand.audit.measure.ranking import roc_auc
from evenhand.audit.words.reasons import render
from tests.audit.checks.fairness.published import PRINTED

COUNTS = c.Confusion(tp=30, fp=12, fn=9, tn=49)


def as_labels(k: c.Confusion) -> tuple[np.ndarray, np.ndarray]:
    truth = [1] * k.tp + [0] * k.fp + [1] * k.fn + [0] * k.tn
    predicted = [1] * (k.tp + k.fp) + [0] * (k.fn + k.tn)
    return np.array(truth), np.array(predicted)


@pytest.mark.parametrize("name", ["accuracy_score", "precision_score", "recall_score"])
def test_rates_equal_scikit_learns(name: str) -> None:
    expected = getattr(metrics, name)(*as_labels(COUNTS))
    assert c.named_rate(COUNTS, name, (0.95,)).value == pytest.approx(expected, abs=1e-15)


def test_balanced_accuracy_and_f1_equal_scikit_learns() -> None:
    truth, predicted = as_labels(COUNTS)
    balanced = c.balanced_accuracy(COUNTS, (0.95,))
    assert balanced.value == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert c.f1(COUNTS, (0.95,)).value == pytest.approx(metrics.f1_score(truth, predicted))


def test_f1_without_a_hit_is_zero_and_without_positives_undefined() -> None:
    assert c.f1(c.Confusion(tp=0, fp=2, fn=3, tn=1), (0.95,)).value == 0.0
    assert c.f1(c.Confusion(tp=0, fp=2, fn=0, tn=1), (0.95,)).value is None


def test_balanced_accuracy_needs_both_labels() -> None:
    found = c.balanced_accuracy(c.Confusion(tp=3, fp=0, fn=1, tn=0), (0.95,))
    assert found.value is None
    assert render(found.reason) == "no negative labels"


def test_log_loss_equals_scikit_learns_and_survives_certain_mistakes() -> None:
    truth = np.array([1, 0, 1, 1, 0], dtype=bool)
    score = np.array([0.9, 0.2, 0.0, 0.6, 1.0])
    found = c.log_loss(truth, score, (0.95,))
    assert found.value == pytest.approx(metrics.log_loss(truth, score), rel=1e-12)
    assert found.counts == {"clipped": 2}


def test_roc_auc_equals_scikit_learns_with_ties() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.3
    score = np.round(rng.random(200) + 0.3 * truth, 1)
    found = roc_auc(truth, score, (0.95,))
    assert found.value == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-14)
    assert found.counts == {"positives": int(truth.sum()), "negatives": int((~truth).sum())}


def test_a_perfect_auc_is_not_certain() -> None:
    # with 10 and 10 rows a perfect order is still compatible with an area well below 1
    found = roc_auc(np.arange(20) >= 10, np.arange(20.0), (0.95,))
    assert found.value == 1.0
    assert found.interval is not None
    assert found.interval.high == 1.0
    # 10 of 10 as a plain share has .025^(1/10) = .69, and here two kinds of rows may be amiss
    assert 0.5 < found.interval.low < 0.69


def test_auc_without_one_class_is_undefined() -> None:
    found = roc_auc(np.zeros(5, dtype=bool), np.arange(5.0), (0.95,))
    assert (found.value, render(found.reason)) == (None, "no positive labels")


@pytest.mark.parametrize(("separation", "m", "n"), [(0.0, 30, 60), (1.0, 25, 100), (2.0, 40, 40)])
def test_auc_interval_covers_the_true_area(separation: float, m: int, n: int) -> None:
    # normal scores shifted by d have the area Phi(d / sqrt 2)
    from statistics import NormalDist

    truth = NormalDist().cdf(separation / 2**0.5)
    rng = np.random.default_rng(4)
    label = np.arange(m + n) < m
    hits = 0
    for _ in range(500):
        score = rng.normal(size=m + n) + separation * label
        interval = roc_auc(label, score, (0.95,)).interval
        assert interval is not None
        hits += interval.low <= truth <= interval.high
    assert hits / 500 >= 0.92  # 0.95 less three standard errors of 0.0097


def test_f1_interval_covers_the_true_f1() -> None:
    # cells 0.2, 0.1, 0.1, 0.6: F1 = 0.4 / 0.6
    rng = np.random.default_rng(8)
    hits = 0
    for draw in rng.multinomial(150, [0.2, 0.1, 0.1, 0.6], size=500):
        tp, fp, fn, tn = map(int, draw)
        interval = c.f1(c.Confusion(tp=tp, fp=fp, fn=fn, tn=tn), (0.95,)).interval
        assert interval is not None
        hits += interval.low <= 2 / 3 <= interval.high
    assert 0.92 <= hits / 500 <= 0.98


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


def test_bpsn_and_bnsp_have_the_limits_of_their_own_rows() -> None:
    # the quick sums against the plain area of exactly the rows that are compared, ties and all
    rng = np.random.default_rng(5)
    truth, inside = rng.random(120) < 0.4, rng.random(120) < 0.3
    score = np.round(rng.random(120) + 0.4 * truth, 1)
    everyone, rows = Background(truth, score), np.flatnonzero(inside)
    for found, kept in (
        (everyone.bpsn(rows, (0.95, 0.8)), (inside & ~truth) | (~inside & truth)),
        (everyone.bnsp(rows, (0.95, 0.8)), (inside & truth) | (~inside & ~truth)),
    ):
        plain = roc_auc(truth[kept], score[kept], (0.95, 0.8))
        assert found.value == pytest.approx(plain.value, abs=1e-12)
        assert found.counts == plain.counts
        for one, other in zip(found.intervals, plain.intervals, strict=True):
            assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-9)
