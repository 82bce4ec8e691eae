"""The distance between shares: its interval by simulation."""

from __future__ import annotations

import numpy as np

from evenhand.audit.measure.groups.representation import total_variation


def test_distances_interval_starts_at_zero_for_the_declared_shares() -> None:
    rng = np.random.default_rng(5)
    shares = [0.5, 0.3, 0.2]
    held = 0
    for _ in range(300):
        found = total_variation(rng.multinomial(200, shares).tolist(), shares, (0.95,))
        assert found.interval is not None
        held += found.interval.low == 0
    assert held >= (0.95 - 3 * 0.0126) * 300  # less three standard errors
