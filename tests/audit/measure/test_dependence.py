"""Mutual information and what foretells a group: scikit-learn, and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mutual_info_score

from evenhand.audit.measure import dependence as d

SEED = (3, 4)


def test_mutual_information_equals_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    x, s = rng.integers(0, 5, 500), rng.integers(0, 3, 500)
    s[x == 0] = 0
    table = d.contingency(x, s)
    assert d.mutual_information(table) == pytest.approx(mutual_info_score(x, s))
    share = np.bincount(s) / 500
    entropy = -(share * np.log(share)).sum()
    found = d.uncertainty_coefficient(table, (0.95,), SEED)
    assert found.value == pytest.approx(mutual_info_score(x, s) / entropy)


def test_strength_is_one_for_a_copy_and_near_none_for_noise() -> None:
    rng = np.random.default_rng(2)
    s = rng.integers(0, 3, 400)
    assert d.uncertainty_coefficient(d.contingency(s, s), (0.95,), SEED).value == 1.0
    lows, p_values = [], []
    for trial in range(60):
        x = rng.integers(0, 8, 200)
        s = rng.integers(0, 2, 200)
        interval = d.uncertainty_coefficient(d.contingency(x, s), (0.95,), (trial,)).interval
        assert interval is not None
        lows.append(interval.low)
        p_values.append(d.permutation_p_value(x, s, 39, (trial,)))
    assert np.mean(np.array(lows) == 0) >= 0.95
    assert np.mean(np.array(p_values) <= 0.1) <= 0.2
    assert d.permutation_p_value(s, s, 39, SEED) == 1 / 40


def test_levels_of_numbers_and_texts() -> None:
    codes = d.levels_of(pd.Series([1.0, 2.0, 3.0, 4.0, None]), 2)
    assert len(set(codes[:2])) == 1
    assert len(set(codes)) == 3
    assert d.levels_of(pd.Series(["a", "b", "a", None]), 10).tolist() == [0, 1, 0, 2]


def test_areas_of_noise_are_not_biased_away_from_a_half() -> None:
    rng = np.random.default_rng(4)
    from evenhand.audit.measure.ranking import roc_auc

    found = []
    for trial in range(200):
        x, inside = rng.integers(0, 10, 200), rng.random(200) < 0.3
        told = d.foretell(x, inside, (trial,))
        found.append(roc_auc(told.is_member, told.share, (0.95,)).value)
    # the standard error of the mean is about 0.06 / sqrt(200) = 0.004
    assert np.mean(np.array(found, dtype=float)) == pytest.approx(0.5, abs=0.015)
