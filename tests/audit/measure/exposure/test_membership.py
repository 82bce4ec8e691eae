"""Members found at a rate: counted by hand, and held against the true rate by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from evenhand.audit.measure.exposure.membership import (
    advantage,
    threshold_at,
    true_positive_rate,
)


def test_by_hand() -> None:
    others = np.arange(100.0)  # 10 % are above 89
    members = np.array([50.0] * 60 + [89.0] * 10 + [95.0] * 30)
    assert threshold_at(others, 0.1) == 89.0
    found = true_positive_rate(members, others, 0.1, (0.95,))
    assert found.value == 0.3  # ties with the threshold are not above it
    assert found.counts == {"members": 100, "others": 100, "found": 30}
    # the order statistics: a binomial of 100 at 0.1 is 4 or less with chance 0.024, 17 or more
    # with 0.021, so that the true threshold lies among 82 to 95
    low, high = stats.binom.ppf([0.025, 0.975], 100, 0.1)
    assert (low, high) == (5, 16)
    own = stats.beta.ppf([0.025, 0.975], [30, 31], [71, 70])
    interval = found.interval
    assert interval is not None
    # at either end the members above stay 30 of 100 or become 40 (those at 89 too)
    assert interval.high == pytest.approx(0.3 + math.hypot(own[1] - 0.3, 0.1))
    assert math.hypot(0.3 - own[0], 0.3) > 0.3
    assert interval.low == 0.0


def test_a_rate_that_too_few_others_could_show_is_not_told() -> None:
    found = true_positive_rate(np.ones(500), np.zeros(999), 0.01, (0.95,))
    assert found.value is None
    assert "needs 1000" in "".join(
        r.parameters and f"needs {r.parameters['needed']}" for r in found.reason
    )
    assert true_positive_rate(np.ones(500), np.zeros(1000), 0.01, (0.95,)).value == 1.0


def test_the_advantage_is_the_distance_of_kolmogorov() -> None:
    drawn = np.random.default_rng(0)
    for _ in range(20):
        members, others = drawn.normal(0.7, 1, 80), drawn.normal(0, 1, 120)
        expected = stats.ks_2samp(members, others, alternative="less").statistic
        assert advantage(members, others, (0.95,)).value == pytest.approx(expected)
    same = advantage(np.zeros(50), np.zeros(50), (0.95,))
    assert same.value == 0.0
    assert same.interval is not None
    # sqrt(ln(80) / 2) (1/sqrt 50 + 1/sqrt 50)
    assert same.interval.high == pytest.approx(math.sqrt(math.log(80) / 2) * 2 / math.sqrt(50))


def test_the_interval_holds_where_clopper_pearson_alone_does_not() -> None:
    drawn, hits, alone, draws = np.random.default_rng(2), 0, 0, 300
    truth = float(stats.norm.sf(stats.norm.isf(0.1) - 1.0))
    for _ in range(draws):
        found = true_positive_rate(drawn.normal(1, 1, 1500), drawn.normal(0, 1, 200), 0.1, (0.95,))
        assert found.interval is not None
        hits += found.interval.low <= truth <= found.interval.high
        k = found.counts["found"]
        low, high = stats.beta.ppf([0.025, 0.975], [k, k + 1], [1501 - k, 1500 - k])
        alone += low <= truth <= high
    assert hits / draws > 0.93
    assert alone / draws < 0.7
