from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers.private.accounting import good_delta, noise_for, spent
from evenhand.trainers.private.bracket import Segment

PHI = NormalDist().cdf


def gaussian_epsilon(mu: float, delta: float) -> float:
    """The exact epsilon of a Gaussian mechanism with sensitivity / noise = mu (Balle and Wang
    2018, theorem 8), by bisection: an independent closed form for sample rate 1."""

    def delta_at(epsilon: float) -> float:
        return PHI(mu / 2 - epsilon / mu) - math.exp(epsilon) * PHI(-mu / 2 - epsilon / mu)

    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_at(middle) > delta else (low, middle)
    return high


def test_prv_and_rdp_match_the_published_values_of_opacus_tests() -> None:
    # opacus/tests/accountants_test.py:94-234 at 4d0ebc8: noise 1.5, rate 0.04, delta 1e-5
    assert spent([Segment(1.5, 0.04, 2249)], 1e-5).epsilon == pytest.approx(6.777395712150674)
    assert spent([Segment(1.5, 0.04, 2250)], 1e-5).epsilon_rdp == pytest.approx(7.32911117143)


def renyi_epsilons(noise: float, rate: float, steps: int, delta: float) -> tuple[float, float]:
    """Epsilon by Renyi DP from the closed form at whole orders (Mironov et al. 2019, section 3.3),
    with the first conversion (Mironov 2017) and the tighter one (Canonne et al. 2020)."""
    first = tighter = math.inf
    for order in range(2, 200):
        terms = [
            math.lgamma(order + 1)
            - math.lgamma(k + 1)
            - math.lgamma(order - k + 1)
            + (order - k) * math.log1p(-rate)
            + k * math.log(rate)
            + k * (k - 1) / (2 * noise**2)
            for k in range(order + 1)
        ]
        top = max(terms)
        log_moment = top + math.log(sum(math.exp(t - top) for t in terms))
        divergence = steps * log_moment / (order - 1)
        first = min(first, divergence + math.log(1 / delta) / (order - 1))
        gain = math.log1p(-1 / order) - math.log(delta * order) / (order - 1)
        tighter = min(tighter, divergence + gain)
    return first, tighter


@pytest.mark.parametrize(
    ("noise", "epochs", "published"),
    # opacus/examples/mnist_README.md: 60,000 rows, batches of 240, delta 1e-5, Renyi DP
    [(1.3, 15, 1.16), (1.1, 60, 2.91), (0.7, 45, 6.86)],
)
def test_costs_of_the_published_mnist_runs(noise: float, epochs: int, published: float) -> None:
    steps = epochs * 250
    first, tighter = renyi_epsilons(noise, 0.004, steps, 1e-5)
    assert first == pytest.approx(published, abs=0.03)  # the table predates the tighter conversion
    cost = spent([Segment(noise, 0.004, steps)], 1e-5)
    assert cost.epsilon_rdp == pytest.approx(tighter, rel=0.01)
    assert cost.epsilon <= cost.epsilon_rdp and cost.accountant == "PRV"


@pytest.mark.parametrize(
    "segments",
    [
        [Segment(1.1, 0.02, 700)],
        [Segment(1.1, 0.02, 1)],
        [Segment(0.9, 0.05, 40), Segment(2.0, 0.01, 300)],
        [Segment(8.0, 1.0, 10)],
    ],
)
def test_it_is_the_very_number_of_opacus_accountants(segments: list[Segment]) -> None:
    """Divergences are kept between calls, and the grid is laid here: not a bit of it may change."""
    import warnings

    from opacus.accountants import PRVAccountant, RDPAccountant

    prv, rdp = PRVAccountant(), RDPAccountant()
    history = [(s.noise_multiplier, s.sample_rate, s.steps) for s in segments]
    prv.history, rdp.history = history, history
    cost = spent(segments, 1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        error = min(0.01, max(cost.epsilon_rdp, 1e-3) / 50)
        assert cost.epsilon == prv.get_epsilon(1e-5, eps_error=error)
        assert cost.epsilon_rdp <= rdp.get_epsilon(1e-5)  # ours looks at more orders


def test_noise_for_a_budget_matches_the_published_value() -> None:
    # same tests of Opacus: epsilon 8, rate 0.04, 2,000 steps -> noise 1.2915 by PRV
    assert noise_for(8.0, 1e-5, 0.04, 2000) == pytest.approx(1.2915, rel=0.01)


@pytest.mark.parametrize(("noise", "steps"), [(3.0, 20), (5.0, 1), (20.0, 50)])
def test_full_batches_match_the_exact_gaussian_mechanism(noise: float, steps: int) -> None:
    exact = gaussian_epsilon(math.sqrt(steps) / noise, 1e-5)
    cost = spent([Segment(noise, 1.0, steps)], 1e-5)
    # an upper bound, and a tight one
    assert exact <= cost.epsilon <= exact * 1.02 + 0.02


@pytest.mark.parametrize("epsilon", [0.5, 3.0])
def test_the_noise_uses_the_budget_and_never_exceeds_it(epsilon: float) -> None:
    noise = noise_for(epsilon, 1e-5, 0.2, 80)
    cost = spent([Segment(noise, 0.2, 80)], 1e-5)
    assert 0.985 * epsilon <= cost.epsilon <= epsilon
    assert cost.epsilon_rdp >= cost.epsilon


def test_a_noise_just_short_of_the_budget_is_not_enough() -> None:
    # 4, a power of two that the search tries, costs a tenth more than this budget
    epsilon = spent([Segment(4.0, 0.2, 80)], 1e-5).epsilon / 1.1
    noise = noise_for(epsilon, 1e-5, 0.2, 80)
    assert noise > 4 and spent([Segment(noise, 0.2, 80)], 1e-5).epsilon <= epsilon


def test_long_runs_get_a_coarser_bound_and_not_gigabytes() -> None:
    cost = spent([Segment(5.0, 0.01, 10_000_000)], 1e-5)
    # the fine grid (minutes, gigabytes) gives 46.893; coarser may only be larger
    assert 46.89 < cost.epsilon < 46.893 * 1.01 and cost.epsilon < cost.epsilon_rdp


def test_runs_compose_to_more_than_each_and_less_than_the_sum() -> None:
    first, second = Segment(2.5, 0.2, 40), Segment(4.0, 0.1, 60)
    one, two = spent([first], 1e-5).epsilon, spent([second], 1e-5).epsilon
    both = spent([first, second], 1e-5).epsilon
    assert max(one, two) < both < one + two


def test_two_equal_runs_cost_what_one_of_twice_the_steps_costs() -> None:
    twice = spent([Segment(2.5, 0.2, 40), Segment(2.5, 0.2, 40)], 1e-5).epsilon
    assert twice == pytest.approx(spent([Segment(2.5, 0.2, 80)], 1e-5).epsilon, abs=0.01)


def test_no_steps_cost_nothing_and_little_noise_falls_back_to_rdp() -> None:
    assert spent([Segment(2.0, 0.2, 0)], 1e-5).epsilon == 0.0
    careless = spent([Segment(0.3, 0.5, 100)], 1e-5)
    assert careless.accountant == "RDP" and careless.epsilon > 60 and careless.note


def test_a_budget_out_of_reach_says_so() -> None:
    with pytest.raises(InputError, match="out of reach"):
        noise_for(0.0005, 1e-7, 1.0, 5000)


@pytest.mark.parametrize(("n", "delta"), [(1392, 1e-5), (1000, 1e-4), (999, 1e-4), (60000, 1e-6)])
def test_good_delta_is_at_most_a_tenth_of_one_over_n(n: int, delta: float) -> None:
    assert good_delta(n) == delta <= 1 / (10 * n)
    assert 10 * delta > 1 / (10 * n) or math.isclose(10 * delta, 1 / (10 * n))
