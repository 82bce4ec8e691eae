"""Inequality indices: by hand, by their definition, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.audit.measure.groups.inequality import (
    between_groups_index,
    generalized_entropy,
    individual_index,
)

SEED = (1, 2)


def test_entropy_indices_by_hand() -> None:
    # benefits 0, 1, 1, 2: mean 1, so half the mean square minus a half: (6/4 - 1) / 2 = 1/4
    shares, benefits = np.array([1.0, 2.0, 1.0]), np.array([0.0, 1.0, 2.0])
    assert generalized_entropy(shares, benefits, 2) == pytest.approx(0.25)
    # Theil: mean of r ln r = (2 ln 2) / 4
    assert generalized_entropy(shares, benefits, 1) == pytest.approx(np.log(2) / 2)


def test_alpha_two_is_half_the_squared_coefficient_of_variation() -> None:
    b = np.random.default_rng(1).choice([0.0, 1.0, 2.0], 500, p=[0.2, 0.5, 0.3])
    counts = np.array([(b == v).sum() for v in (0, 1, 2)])
    value = individual_index(counts, 2, (0.95,), SEED).value
    assert value == pytest.approx((b.std() / b.mean()) ** 2 / 2)
    theil = np.mean([x / b.mean() * np.log(x / b.mean()) if x else 0 for x in b])
    assert individual_index(counts, 1, (0.95,), SEED).value == pytest.approx(theil)


def test_index_splits_into_within_and_between() -> None:
    # Shorrocks: total = between + sum of (share of people) * (mean / overall mean)^2 * within
    counts = np.array([[5, 60, 35], [30, 60, 10]])
    benefits = np.array([0.0, 1.0, 2.0])
    total = generalized_entropy(counts.sum(axis=0).astype(float), benefits, 2)
    between = between_groups_index(counts, 2, (0.95,)).value
    size = counts.sum(axis=1)
    means = (counts @ benefits) / size
    overall = (counts @ benefits).sum() / size.sum()
    within = generalized_entropy(counts.astype(float), benefits, 2)
    parts = (size / size.sum() * (means / overall) ** 2 * within).sum()
    assert between == pytest.approx(total - parts)


def test_intervals_of_indices_cover_and_do_not_collapse() -> None:
    rng = np.random.default_rng(2)
    truth = generalized_entropy(np.array([0.2, 0.6, 0.2]), np.array([0.0, 1.0, 2.0]), 2)
    held = between = 0
    for trial in range(150):
        drawn = rng.multinomial(100, [0.2, 0.6, 0.2], size=3)
        interval = individual_index(drawn.sum(axis=0), 2, (0.95,), (trial,)).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
        # three groups with the same benefits: the truth between them is 0
        low = between_groups_index(drawn, 2, (0.95,)).interval
        assert low is not None
        between += low.low == 0
    assert held >= 0.9 * 150
    assert between >= 0.9 * 150
    perfect = individual_index(np.array([0, 50, 0]), 2, (0.95,), SEED)
    assert perfect.value == 0
    assert perfect.interval is not None
    assert perfect.interval.high > 0


def test_the_ends_of_two_groups_is_that_of_their_one_direction() -> None:
    # two groups leave one direction: u = (sqrt(s2), -sqrt(s1)), x lies on it
    counts = np.array([[10, 60, 30], [30, 60, 10]])
    shares = counts + 0.5
    shares = shares / shares.sum(axis=1, keepdims=True)
    variance = shares @ np.array([0, 1, 4]) - (shares @ np.array([0, 1, 2])) ** 2
    # means 1.2 and 0.8 of 1: x = sqrt(.5) (.2, -.2), its length .2, half its square .02
    u, root, length = np.array([1, -1]) / np.sqrt(2), np.array([1, 1]) / np.sqrt(2), 0.2
    error = np.sqrt((variance / 200 * (u - length * root) ** 2).sum())
    found = between_groups_index(counts, 2, (0.95,))
    assert found.value == pytest.approx(0.02)
    assert found.interval is not None
    assert found.interval.high == pytest.approx((length + 1.959964 * error) ** 2 / 2, rel=1e-5)
    # the lower end along the same direction, M's part in x's variance worked out by hand: x moves
    # by sqrt(s1 s2) (d1 - d2) / M to first order, and by d M / M times itself
    w, rest = np.array([0.5, -0.5]), np.array([0.5, 0.5]) * length
    spread = np.sqrt((variance / 100 * (w - rest) ** 2).sum())
    assert found.interval.low == pytest.approx((length - 1.959964 * spread) ** 2 / 2, rel=0.02)


def test_the_upper_end_holds_where_it_failed() -> None:
    # the reflected bootstrap's upper end lay below such truths in up to 46 % of samples
    rng, held = np.random.default_rng(4), 0
    for _ in range(150):
        drawn = rng.multinomial((400, 200), np.array([[0.09, 0.8, 0.11], [0.12, 0.81, 0.07]]))
        interval = between_groups_index(drawn, 2, (0.95,)).interval
        assert interval is not None
        # means 1.02 and 0.95 of 599/600: half the mean square of m / M - 1
        overall = (400 * 1.02 + 200 * 0.95) / 600
        truth = (2 * (1.02 / overall - 1) ** 2 + (0.95 / overall - 1) ** 2) / 6
        held += interval.high >= truth
    # at least 97.5 % of 150, its standard error 1.9
    assert held >= 140
