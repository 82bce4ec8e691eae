"""The limits of epsilon: against closed forms, other accountants and a simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from evenhand.trainers.private.accounting import spent
from evenhand.trainers.private.bracket import Segment, bracket


def gaussian_epsilon(noise: float, steps: int, delta: float) -> float:
    """Of ``steps`` Gaussian mechanisms, which are one of noise / sqrt(steps).

    Source: Balle and Wang 2018, "Improving the Gaussian mechanism for differential privacy",
    theorem 8: delta(eps) = Phi(m/2 - eps/m) - e^eps Phi(-m/2 - eps/m), m = sqrt(steps)/noise.
    """
    m = math.sqrt(steps) / noise

    def excess(eps: float) -> float:
        return norm.cdf(m / 2 - eps / m) - math.exp(eps) * norm.cdf(-m / 2 - eps / m) - delta

    return brentq(excess, 0, 100)


@pytest.mark.parametrize(("noise", "steps"), [(1, 1), (5, 20), (20, 100), (100, 10), (2000, 5)])
def test_without_sampling_it_holds_the_closed_form(noise: float, steps: int) -> None:
    limits = bracket([Segment(noise, 1.0, steps)], 1e-5)
    exact = gaussian_epsilon(noise, steps, 1e-5)
    assert limits is not None and limits.low <= exact <= limits.high
    assert limits.high - limits.low < 0.004 * exact + 1e-4


@pytest.mark.parametrize(
    "segments",
    [
        [Segment(1.0, 0.01, 1000)],
        [Segment(4.0, 0.2, 100)],
        [Segment(400.0, 0.05, 10)],
        [Segment(1.5, 0.001, 100_000)],
        [Segment(1.0, 0.01, 300), Segment(1.4, 0.02, 200)],
    ],
)
def test_with_sampling_the_reported_epsilon_is_not_below_and_near(segments: list[Segment]) -> None:
    limits, cost = bracket(segments, 1e-5), spent(segments, 1e-5)
    assert limits is not None and cost.accountant == "PRV"
    assert limits.low <= cost.epsilon <= cost.epsilon_rdp
    assert cost.epsilon <= limits.high * 1.02 + 0.01


def test_a_small_epsilon_is_not_reported_as_six_times_as_large() -> None:
    """RDP says 0.0036 here; it is 0.0006."""
    cost = spent([Segment(400.0, 0.05, 10)], 1e-5)
    limits = bracket([Segment(400.0, 0.05, 10)], 1e-5)
    assert limits is not None and cost.epsilon_rdp > 5 * limits.high
    assert cost.epsilon < 1.1 * limits.high and not cost.note


def test_by_simulation_delta_at_the_limits_encloses_the_one_asked() -> None:
    """20 steps of noise 1 at rate 0.1; the loss of taking a row out, drawn 400,000 times."""
    steps, noise, rate, delta = 20, 1.0, 0.1, 0.05
    limits = bracket([Segment(noise, rate, steps)], delta)
    assert limits is not None
    rng = np.random.default_rng(0)
    shape = (400_000, steps)
    x = rng.normal(0, noise, shape) + (rng.random(shape) < rate)
    loss = np.log(1 - rate + rate * np.exp((2 * x - 1) / (2 * noise**2))).sum(axis=1)
    at = np.clip(1 - np.exp(np.array([[limits.low], [limits.high]]) - loss), 0, None)
    error = 4 * at.std(axis=1) / math.sqrt(len(loss))
    assert at[0].mean() > delta - error[0] and at[1].mean() < delta + error[1]
    # and the limits lie close: delta differs by less than 2 % between them
    assert at[0].mean() / at[1].mean() < 1.02


def test_where_the_grid_says_nothing_there_are_no_limits() -> None:
    assert bracket([Segment(1.0, 0.01, 100)], 1e-12) is None
    assert bracket([Segment(0.05, 1.0, 100)], 1e-5) is None
    nothing = bracket([], 1e-5)
    assert nothing is not None and (nothing.low, nothing.high) == (0.0, 0.0)
