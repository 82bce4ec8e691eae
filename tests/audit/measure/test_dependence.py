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
    told = d.dependence(x, s, (0.95,), permutations=199, seed=SEED)
    found, by_chance = told.strength.value, adjusted_for_chance(x, s)
    # shuffles estimate what scikit-learn has in closed form
    assert found == pytest.approx(by_chance, abs=0.003)


def adjusted_for_chance(x: np.ndarray, s: np.ndarray) -> float:
    """(I - E) / (H - E), E being the expectation over shuffles (Vinh et al. 2010)."""
    from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

    expected = expected_mutual_information(contingency_matrix(x, s), len(x))
    entropy = mutual_info_score(s, s)  # a variable's information about itself
    return float((mutual_info_score(x, s) - expected) / (entropy - expected))


def test_strength_is_one_for_a_copy() -> None:
    s = np.random.default_rng(2).integers(0, 3, 400)
    told = d.dependence(s, s, (0.95,), permutations=39, seed=SEED)
    assert told.strength.value == 1.0
    assert told.strength.intervals == ()
    assert told.p_value == 1 / 40


@pytest.mark.parametrize(("n", "levels", "groups"), [(120, 40, 2), (200, 8, 2), (150, 12, 5)])
def test_noise_is_no_stand_in(n: int, levels: int, groups: int) -> None:
    """Independent columns: the strength is 0 in the middle, and the interval holds 0."""
    values, lows, p_values = [], [], []
    for trial in range(120):
        rng = np.random.default_rng((trial, n))
        x, s = rng.integers(0, levels, n), rng.integers(0, groups, n)
        told = d.dependence(x, s, (0.95,), permutations=99, seed=(trial,))
        assert told.strength.interval is not None
        lows.append(told.strength.interval.low)
        values.append(told.strength.value)
        p_values.append(told.p_value)
    assert np.median(np.array(values, dtype=float)) <= 0.02
    # a two-sided 95 % interval misses on this side in 2.5 %; 7 of 120 has a chance of 2 %
    assert np.count_nonzero(lows) <= 7
    assert np.mean(np.array(p_values, dtype=float) <= 0.1) <= 0.2


@pytest.mark.parametrize(("agree", "n", "levels"), [(0.9, 300, 2), (0.6, 400, 10), (0.75, 150, 4)])
def test_intervals_hold_the_true_strength(agree: float, n: int, levels: int) -> None:
    """The input is the group with chance ``agree``, else any level: the joint law is known."""
    joint = np.full((levels, 2), (1 - agree) / levels / 2)
    joint[0, 0] += agree / 2
    joint[1, 1] += agree / 2
    outer = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    true = float((joint * np.log(joint / outer)).sum() / np.log(2))
    held = 0
    for trial in range(150):
        rng = np.random.default_rng((trial, 7))
        cell = rng.choice(levels * 2, size=n, p=joint.ravel())
        told = d.dependence(cell // 2, cell % 2, (0.95,), permutations=49, seed=(trial,))
        assert told.strength.interval is not None
        held += told.strength.interval.low <= true <= told.strength.interval.high
    # 95 % of 150 is 142.5 with a standard error of 2.7
    assert held >= 135


def test_an_identifier_tells_nothing() -> None:
    s = np.arange(120) % 2
    told = d.dependence(np.arange(120), s, (0.95,), permutations=39, seed=SEED)
    assert told.strength.value is None
    assert told.p_value is None


def test_dates_go_by_their_order() -> None:
    days = pd.Series(pd.date_range("2020-01-01", periods=100)).sample(frac=1, random_state=0)
    as_texts = days.dt.strftime("%Y-%m-%d")
    assert d.levels_of(days, 4).tolist() == d.levels_of(as_texts, 4).tolist()
    assert d.levels_of(days, 4).tolist() == (days.rank().sub(1) // 25).astype(int).tolist()


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
