"""Intervals of quantiles cover skewed values."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.audit.measure.uncertainty.quantiles import quantile


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_quantiles_cover_for_skewed_values(share: float) -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        interval = quantile(rng.exponential(size=200), share, (0.95,)).interval
        assert interval is not None
        held += interval.low <= -np.log(1 - share) <= interval.high
    assert held / 400 >= 0.917  # three standard errors of 0.011 under 0.95
    assert quantile(np.arange(20.0), 0.05, (0.95,)).intervals == ()
