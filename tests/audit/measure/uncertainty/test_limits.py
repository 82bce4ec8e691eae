"""Limits that hold: exact coverage where it can be summed up, brute force and closed forms else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from evenhand.audit.measure.uncertainty.picked import shortfall_p_values
from evenhand.audit.measure.uncertainty.placements import Placements, auc_limits, placements
from evenhand.audit.measure.uncertainty.score import share_limits, wilson_form
from evenhand.audit.measure.uncertainty.skewed import few_rows, mean_limits, moments
from evenhand.audit.measure.uncertainty.weighted import (
    Weighted,
    cluster_limits,
    clustered,
    few_heavy,
    weighted_limits,
)
from evenhand.audit.reason import because

Z = stats.norm.ppf(0.975)


@pytest.mark.parametrize("n", [2, 5, 10, 20, 50, 100, 400])
def test_a_share_is_held_in_94_percent_of_samples_whatever_it_is(n: int) -> None:
    k = np.arange(n + 1)
    low, high = share_limits(k, np.full(n + 1, n), 0.95)
    shares = np.unique(np.concatenate([np.geomspace(0.02 / n, 0.5, 800), [0.02, 0.1, 0.5]]))
    chance = stats.binom.pmf(k[None], n, shares[:, None])
    held = (low[None] <= shares[:, None]) & (shares[:, None] <= high[None])
    assert (chance * held).sum(axis=1).min() > 0.94
    # the same for the mirrored shares, by symmetry of the limits
    assert np.allclose(low, 1 - high[::-1])


def test_a_share_has_wilsons_limits_where_they_lie_further_out() -> None:
    # Wilson at 0 of 10: z^2 / (n + z^2) = .278; m = .75 + 2/10, so the beta quantile's shapes are
    # k + m = .95 and n - k + 1 - m = 10.05
    low, high = share_limits(0, 10, 0.95)
    assert low == 0
    assert high > Z**2 / (10 + Z**2)
    assert math.isclose(high, stats.beta.ppf(0.975, 0.95, 10.05), rel_tol=1e-9)
    # scipy's own Wilson interval never lies outside
    for k, n in ((3, 50), (25, 50), (400, 1000)):
        own = stats.binomtest(k, n).proportion_ci(method="wilson")
        low, high = share_limits(k, n, 0.95)
        assert low <= own.low + 1e-12
        assert high >= own.high - 1e-12


def brute_force_auc(pos: np.ndarray, neg: np.ndarray) -> tuple[float, float]:
    """The recipe from every pair of rows, a worst (best) row appended for each end."""
    wins = (pos[:, None] > neg) + 0.5 * (pos[:, None] == neg)
    of_pos, of_neg, area = wins.mean(axis=1), wins.mean(axis=0), wins.mean()
    ends = []
    for side in (0.0, 1.0):
        # the variance of a mean of k rows, estimated from k + 1: sum of squares / k / (k + 1)
        parts = [np.var(np.append(v, side), ddof=1) / (len(v) + 1) for v in (of_pos, of_neg)]
        total = sum(parts)
        freedom = total**2 / (parts[0] ** 2 / len(of_pos) + parts[1] ** 2 / len(of_neg))
        k = min(len(of_pos), len(of_neg))
        r = (area * k + side) / (k + 1)
        n = r * (1 - r) / total
        z = stats.t.ppf(0.975, max(1.0, freedom))
        centre = (area + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(area * (1 - area) / n + z * z / (4 * n * n))
        ends.append(centre - half if side == 0 else centre + half)
    return min(max(ends[0], 0.0), area), max(min(ends[1], 1.0), area)


def score_counts(pos: np.ndarray, neg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores = np.unique(np.concatenate([pos, neg]))
    return (
        np.array([(pos == s).sum() for s in scores]),
        np.array([(neg == s).sum() for s in scores]),
    )


@pytest.mark.parametrize("digits", [0, 1, 6])
def test_auc_limits_from_score_counts_are_those_of_every_pair(digits: int) -> None:
    rng = np.random.default_rng(digits)
    pos, neg = rng.normal(1, 1, 17).round(digits), rng.normal(0, 2, 40).round(digits)
    found = auc_limits(*placements(*score_counts(pos, neg)), 0.95)
    assert np.allclose(found, brute_force_auc(pos, neg), atol=1e-9)


def test_perfectly_separated_scores_still_have_a_lower_limit() -> None:
    low, high = auc_limits(*placements(np.array([0, 20]), np.array([200, 0])), 0.95)
    # a share of 20 in 20 has a Clopper-Pearson limit of .832 (.025^(1/20)); no more is known here
    assert high == 1
    assert 0.80 < low < 0.025 ** (1 / 20)


def test_one_row_of_each_label_says_almost_nothing() -> None:
    low, high = auc_limits(Placements(1, 1.0, 1.0), Placements(1, 1.0, 1.0), 0.95)
    assert low < 0.1
    assert high == 1


def test_auc_holds_where_a_third_of_the_positives_is_missed() -> None:
    rng, held = np.random.default_rng(7), 0
    normal = stats.norm.cdf(1.5 / math.sqrt(2))
    truth = 0.7 * normal + 0.3 * stats.norm.cdf(-3 / math.sqrt(2))
    for _ in range(400):
        shift = np.where(rng.random(30) < 0.3, -3.0, 1.5)
        pos, neg = rng.normal(shift, 1), rng.normal(0, 1, 300)
        counts = np.histogram(pos, 400, (-9, 9))[0], np.histogram(neg, 400, (-9, 9))[0]
        low, high = auc_limits(*placements(*counts), 0.95)
        held += low <= truth <= high
    # 95 % of 400 is 380, its standard error 4.4; the old form held 77 %
    assert held >= 366


def test_equal_weights_are_nearly_wilson_with_students_quantile() -> None:
    low, high = weighted_limits(Weighted(30, 70, 30, 70, 30, 70), 0.95)
    plain = wilson_form(0.3, 100, stats.t.ppf(0.975, 99))
    assert abs(low - plain[0]) < 0.008
    assert abs(high - plain[1]) < 0.008
    # where the rows are known to be 100, equal weights are seen as such
    known = weighted_limits(Weighted(60, 140, 120, 280, 480, 1120, rows=100), 0.95)
    assert np.allclose(known, share_limits(30, 100, 0.95))
    # in another unit of weight nothing changes
    assert np.allclose(
        weighted_limits(Weighted(150, 350, 750, 1750, 18750, 43750), 0.95), (low, high)
    )


def test_weights_that_tell_of_the_outcome_widen_the_limits() -> None:
    # 10 cases of weight 10 and 100 others of weight 1: share .5; linearised by hand
    # v = (10 * 100 * .25 + 100 * .25) / 200^2 = .006875, 36 rows' worth, which rest on the heavy
    # ones: (1,000 + 100)^2 / (100,000 + 100) = 12.1 of them, and one more comes for either end
    low, high = weighted_limits(Weighted(100, 100, 1000, 100, 100_000, 100), 0.95)
    half = stats.t.ppf(0.975, 11.1) * math.sqrt(0.006875)
    assert 0.85 < (high - low) / (2 * half) < 1.15
    # a case unseen would weigh 10: the upper limit is far from 0 where no case was seen
    assert weighted_limits(Weighted(0, 100, 0, 100, 0, 100), 0.95)[1] > 0.03


def test_weights_hold_their_level_where_cases_weigh_ten() -> None:
    rng, held = np.random.default_rng(3), 0
    # shares of rows: .2 are cases of weight 10, .8 others of weight 1: share 2 / 2.8
    for _ in range(600):
        k = rng.binomial(200, 0.2)
        low, high = weighted_limits(
            Weighted(10 * k, 200 - k, 100 * k, 200 - k, 10_000 * k, 200 - k), 0.95
        )
        held += low <= 2 / 2.8 <= high
    # 570 +- 5.3 expected at 95 %; Kish's effective number held 83 %
    assert held >= 553


def test_a_few_heavy_rows_are_said() -> None:
    # 4 rows of weight 20 among 196 of 1: (1,600 + 196)^2 / (640,000 + 196) = 5.04 rows
    few = Weighted(80, 196, 1600, 196, 640_000, 196, rows=200)
    assert few_heavy(few) == because("few-heavy-rows", rows=5)
    # 40 of them: 41; and equal weights are never few
    assert few_heavy(Weighted(800, 160, 16_000, 160, 6_400_000, 160, rows=200)) == ()
    assert few_heavy(Weighted(8, 8, 16, 16, 64, 64, rows=8)) == ()


def test_each_row_a_person_is_the_plain_share() -> None:
    y = np.array([1.0] * 30 + [0.0] * 70)
    low, high = cluster_limits(clustered(y, np.ones(100)), 0.95)
    plain = wilson_form(0.3, 100, stats.t.ppf(0.975, 99))
    assert abs(low - plain[0]) < 0.008
    assert abs(high - plain[1]) < 0.008


def test_five_equal_rows_a_person_are_one_row() -> None:
    y = np.array([1.0] * 30 + [0.0] * 70)
    once = cluster_limits(clustered(y, np.ones(100)), 0.95)
    five = cluster_limits(clustered(5 * y, np.full(100, 5.0)), 0.95)
    assert np.allclose(once, five, atol=1e-12)
    assert cluster_limits(clustered(np.array([3.0]), np.array([5.0])), 0.95) == (0.0, 1.0)


def test_clusters_hold_their_level() -> None:
    rng, held = np.random.default_rng(5), 0
    for _ in range(400):
        own = rng.beta(0.3 * 7 / 3, 0.7 * 7 / 3, 40)  # intraclass correlation .3
        k = rng.binomial(5, own)
        low, high = cluster_limits(clustered(k.astype(float), np.full(40, 5.0)), 0.95)
        held += low <= 0.3 <= high
    assert held >= 366


def test_the_mean_of_symmetric_values_has_students_interval() -> None:
    x = np.array([-3.0, -2, -1, 0, 1, 2, 3])
    low, high = mean_limits(moments(x), 0.95)
    own = stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert math.isclose(low, own.low, rel_tol=1e-5)
    assert math.isclose(high, own.high, rel_tol=1e-5)


def test_halls_cubic_is_inverted() -> None:
    x = np.random.default_rng(1).exponential(1, 40)
    high = mean_limits(moments(x), 0.95)[1]
    # the upper end is that with one more row towards the largest value
    share = min(1.0, 3 * abs(stats.skew(x)) * (39 / 40) ** 1.5 / math.sqrt(40))
    y = np.append(x, x.mean() + share * (x.max() - x.mean()))
    n, sd = y.size, y.std(ddof=1)
    g = stats.skew(y) * ((n - 1) / n) ** 1.5
    t = (y.mean() - high) / sd
    # Hall 1992: t + g t^2 / 3 + g^2 t^3 / 27 + g / (6 n) is Student's quantile over sqrt(n)
    cubic = t + g * t**2 / 3 + g**2 * t**3 / 27 + g / (6 * n)
    assert math.isclose(cubic, -stats.t.ppf(0.975, n - 1) / math.sqrt(n), rel_tol=1e-9)


def test_a_mean_of_skewed_values_holds_its_level() -> None:
    rng, held = np.random.default_rng(11), 0
    for _ in range(400):
        low, high = mean_limits(moments(rng.lognormal(0, 1.2, 60)), 0.95)
        held += low <= math.exp(0.72) <= high
    # Student's interval holds 87 % here
    assert held >= 366
    assert few_rows(moments(np.array([0.0] * 40 + [9.0]))) == because("few-rows-carry-it")
    assert few_rows(moments(rng.normal(size=200))) == ()


def test_of_two_groups_the_shortfall_is_the_permutation_test_summed_up() -> None:
    # 9 of 12 against 3 of 10: every table with these margins, its |z| and its chance
    k, n = (9, 3), (12, 10)

    def z(a: int) -> float:
        one, other = a / 12, (12 - a) / 10
        pooled = 12 / 22
        return abs(one - other) / math.sqrt(pooled * (1 - pooled) * (1 / 12 + 1 / 10))

    chances = {a: stats.hypergeom.pmf(a, 22, 12, 12) for a in range(2, 13)}
    exact = sum(p for a, p in chances.items() if z(a) >= z(9) - 1e-9)
    found = shortfall_p_values(k, n, seed=[1], draws=20000)
    assert found[0] == 1
    assert abs(found[1] - exact) < 3 * math.sqrt(exact / 20000)


def test_a_picked_top_is_no_alarm_where_all_groups_are_alike() -> None:
    rng, alarms = np.random.default_rng(2), 0
    for i in range(200):
        k = rng.binomial(100, 0.3, 10)
        alarms += min(shortfall_p_values(k.tolist(), [100] * 10, seed=[i], draws=400)) < 0.05
    # 10 +- 3 expected; each group against the found top with Holm alarms in 15 %
    assert alarms <= 19


def test_shortfalls_do_not_depend_on_the_order_of_groups() -> None:
    k, n = (40, 25, 3, 25), (100, 100, 9, 50)
    one = shortfall_p_values(k, n, seed=[4])
    reverse = shortfall_p_values(k[::-1], n[::-1], seed=[4])
    assert reverse[::-1] == one
    assert shortfall_p_values((0, 0), (5, 5), seed=[1]) == [1.0, 1.0]
