"""Changes of a gap between two models: shrinking rates alone are no help."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from evenhand.audit.measure import paired_gap
from evenhand.audit.measure.paired_gap import gap_change


def drawn(rng: np.random.Generator, new: list[float], old: list[float], rows: int) -> np.ndarray:
    """Rows of each group, all with label 1, decided by the two models independently."""
    table = np.zeros((len(new), 2, 2, 2))
    for g, (p, q) in enumerate(zip(new, old, strict=True)):
        cells = [(1 - p) * (1 - q), (1 - p) * q, p * (1 - q), p * q]
        table[g, 1] = rng.multinomial(rows, cells).reshape(2, 2)
    return table


def ends(table: np.ndarray, *rates: str) -> tuple[float, float]:
    found = gap_change(table, rates or ("selection_rate",), seed=1).interval
    assert found is not None
    return found.low, found.high


def test_shrinking_rates_are_no_help() -> None:
    rng = np.random.default_rng(1)
    # both gaps are 0; a percentile bootstrap says "helped" in 84 % of these data sets
    helped = [ends(drawn(rng, [0.05] * 6, [0.5] * 6, 50))[1] < 0 for _ in range(60)]
    assert sum(helped) <= 2


def test_a_gap_that_stays_is_no_help_where_errors_shrink() -> None:
    rng = np.random.default_rng(2)
    missed = [0, 0]
    for _ in range(400):
        low, high = ends(drawn(rng, [0.1, 0.2], [0.5, 0.6], 200))
        missed = [missed[0] + (low > 0), missed[1] + (high < 0)]
    # at most 2.5 % a side: 10 of 400, its standard error 3.1
    assert max(missed) <= 19


def test_a_gap_that_is_closed_is_seen() -> None:
    rng = np.random.default_rng(3)
    helped = [ends(drawn(rng, [0.3, 0.3], [0.3, 0.5], 500))[1] < 0 for _ in range(40)]
    assert sum(helped) >= 36


def test_the_bounds_of_two_groups_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired_gap, "_MOST_DRAWN", 0)  # Bonferroni's quantile alone
    table = np.zeros((2, 2, 2, 2))
    cells = np.array([[20, 30, 10, 40], [50, 5, 25, 20]])  # neither, old, new, both
    table[:, 1] = cells.reshape(2, 2, 2)
    x = cells + 0.5
    n = x.sum(axis=1)
    new, old = (x[:, 2] + x[:, 3]) / n, (x[:, 1] + x[:, 3]) / n
    z = stats.norm.isf(0.025 / 2)
    upper = []
    for k, m in permutations(range(2)):  # the old model's pair
        bounds = []
        for i, j in permutations(range(2)):  # the new model's pair
            change = (new[i] - new[j]) - (old[k] - old[m])
            variance = 0.0
            for g in range(2):
                # the contrast of group g: +1 or -1 of new, -1 or +1 of old
                a = (g == i) - (g == j)
                b = (g == k) - (g == m)
                shares = x[g] / n[g]
                values = np.array([0.0, -b, a, a - b])
                mean = shares @ values
                variance += (shares @ values**2 - mean**2) / n[g]
            bounds.append(change + z * math.sqrt(variance))
        upper.append(max(bounds))
    assert math.isclose(ends(table)[1], min(upper), rel_tol=1e-9)


def test_right_answers_are_cases_of_either_label() -> None:
    table = np.zeros((2, 2, 2, 2))
    # group 0: label 0, only the first model selects (wrong): it is wrong, the second is right
    table[0, 0, 1, 0] = table[0, 1, 1, 1] = 5
    table[1, 0, 0, 0] = table[1, 1, 1, 1] = 5
    found = gap_change(table, ["accuracy_score"], seed=0)
    # first: .5 against 1; second: 1 against 1
    assert found.value == 0.5


def test_very_many_groups_are_bounded_one_gap_at_a_time() -> None:
    rng = np.random.default_rng(4)
    table = drawn(rng, [0.1] * 60, [0.4] * 60, 100)
    found = gap_change(table, ("selection_rate",), seed=0)
    assert found.interval is not None
    assert found.interval.low <= 0 <= found.interval.high
    # groups without rows for the rate are in neither gap
    assert gap_change(table, ("false_positive_rate",), seed=0).value is None
