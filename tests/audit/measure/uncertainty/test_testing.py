"""Tests of two rates against published values and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evenhand.audit.measure.uncertainty.testing import (
    adjust,
    equal_rates,
    fisher_exact,
    two_proportion_z,
)


def test_fishers_tea_tasting_lady() -> None:
    # Fisher 1935: 3 of 4 and 1 of 4 right. P(3 or 4 right) = 17/70, two-sided 34/70
    assert fisher_exact(3, 4, 1, 4) == pytest.approx(34 / 70)


def test_z_test_squared_is_pearsons_chi_square() -> None:
    theirs = stats.chi2_contingency([[30, 70], [20, 80]], correction=False).pvalue
    assert two_proportion_z(30, 100, 20, 100) == pytest.approx(theirs, abs=1e-12)
    assert two_proportion_z(0, 10, 0, 20) == 1.0


def test_counts_are_tested_exactly_unless_thousands_are_expected() -> None:
    assert equal_rates(1, 20, 5, 400)[1] == "Fisher's exact test"
    assert equal_rates(100, 400, 90, 500)[1] == "Fisher's exact test"
    many = (52_000, 300_000, 51_000, 300_000)
    p, test = equal_rates(*many)
    assert test == "two-proportion z test"
    # with half a million rows both say the same
    assert p == pytest.approx(fisher_exact(*many), rel=0.02)


def test_adjusted_p_values_equal_scipys_and_a_loop() -> None:
    rng = np.random.default_rng(1)
    for size in (1, 2, 7, 40):
        p = (rng.random(size) ** 3).tolist()
        theirs = stats.false_discovery_control(p, method="bh")
        assert adjust(p, "benjamini-hochberg") == pytest.approx(theirs.tolist(), abs=1e-12)
        # Holm by its definition: reject in order until one fails
        holm = adjust(p)
        for level in (0.01, 0.05, 0.2, 0.7):
            rejected = set()
            for rank, i in enumerate(np.argsort(p)):
                if p[i] > level / (size - rank):
                    break
                rejected.add(int(i))
            assert {i for i, q in enumerate(holm) if q <= level + 1e-15} == rejected
