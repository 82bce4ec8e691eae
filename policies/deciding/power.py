"""How many more rows would settle an inconclusive item.

Two numbers, each with four chances in five: one if the truth is what was seen, and one given what
is known of the truth, which is never all (assurance). The seen gap of several groups is larger than
the true one, since its ends were picked: rates are therefore taken nearer to one another first.
How near depends on how far the true rates are spread, which a few groups hardly tell, and at some
spreads the gap is most likely near the threshold: so the chance has to be there for the smaller and
for the larger half of the spreads that are likely.

Sources: O'Hagan, Stevens and Campbell 2005, "Assurance in clinical trial design"; Morris 1983,
"Parametric empirical Bayes inference". How often it is kept: docs/proof.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import NormalDist

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.intervals import normal_quantile

CHANCE = 0.8
_MOST_ROWS = 1_000_000_000  # beyond this, "collect more rows" is no advice
_DRAWS = 240
_MOST_GROUPS = 24  # pairs grow with their square
_phi = NormalDist().cdf


@dataclass(frozen=True)
class RowsNeeded:
    """Further rows that settle an item with four chances in five: ``as_seen`` if the truth is what
    was seen, ``sure`` given what is known of it. None where that is beyond a billion, or never."""

    as_seen: int | None
    sure: int | None


def rows_for_rate(k: int, n: int, threshold: float, level: float) -> RowsNeeded:
    """Rows beyond ``n`` until the Wilson interval of a rate leaves ``threshold``.

    ``level`` is two-sided. The threshold t lies in the Wilson interval of p over N rows as long as
    (p - t)^2 <= z^2 t (1 - t) / N. The rate over all N rows is normal around (k + 1) / (n + 2),
    with the variance of what is not yet known: s^2 (1 - n/N) for a rate that is only estimated,
    p (1 - p) (N - n) / N^2 for one that is what was seen.
    """
    if n <= 0 or not 0 < threshold < 1:
        return RowsNeeded(None, None)
    p = (k + 1) / (n + 2)
    half = normal_quantile(level) * math.sqrt(threshold * (1 - threshold))
    return _closed_form(p - threshold, half, math.sqrt(p * (1 - p)), n)


def rows_by_width(
    value: float, interval: Interval, n: int, threshold: float, *, ratio: bool = False
) -> RowsNeeded:
    """Rows beyond ``n`` until the interval's near end clears ``threshold``.

    The distance from value to end shrinks with 1 / sqrt(n); for a ratio it does on the log scale.
    All groups are taken to grow in proportion. The value is taken for unbiased: gaps of several
    groups are not (``rows_for_gap``).
    """
    end = near_end(value, interval, threshold)
    if ratio:
        if min(value, end, threshold) <= 0:
            return RowsNeeded(None, None)
        value, end, threshold = math.log(value), math.log(end), math.log(threshold)
    half = abs(value - end) * math.sqrt(n)
    if n <= 0 or half == 0:
        return RowsNeeded(None, None)
    spread = half / normal_quantile(interval.level)
    return _closed_form(value - threshold, half, spread, n)


def near_end(value: float | None, interval: Interval, threshold: float) -> float:
    """The end of the interval that lies towards the threshold."""
    return interval.low if value is not None and threshold < value else interval.high


def rows_for_gap(
    cells: Sequence[tuple[int, int]], threshold: float, level: float, *, ratio: bool = False
) -> RowsNeeded:
    """Rows beyond those there are, all groups growing in proportion, until the largest difference
    of the groups' rates (the smallest ratio) is settled against ``threshold``.

    ``cells`` are k and n of each group. It is settled where every pair's upper limit keeps the
    threshold, or one pair's lower limit, corrected for all pairs, misses it (for ratios the other
    way round); where that holds already there is no number. Rates are drawn from what is known of
    them: normal around a common mean with a spread of its own, both unknown; then the rows to come,
    with the same draws for every number of them.
    """
    if not 2 <= len(cells) <= _MOST_GROUPS or any(n <= 0 for _, n in cells):
        return RowsNeeded(None, None)
    if ratio and not 0 < threshold < 1:
        return RowsNeeded(None, None)
    trial = _Trial(cells, threshold, normal_quantile(level), ratio)
    if trial.is_settled_now():  # then what is open was decided by another interval
        return RowsNeeded(None, None)
    centre = _centre(cells)
    random = Random(0)  # noqa: S311  (the same draws each time, for a plan)
    fixed = [[(centre, _noise(random, len(cells))) for _ in range(_DRAWS)]]
    drawn = [
        [(rates, _noise(random, len(cells))) for rates in at_spread]
        for at_spread in _posteriors(cells, random)
    ]
    total = sum(n for _, n in cells)
    return RowsNeeded(trial.further(fixed, total), trial.further(drawn, total))


def _closed_form(distance: float, half: float, spread: float, n: int) -> RowsNeeded:
    """``distance`` from the threshold, ``half`` width and ``spread`` of one row."""

    def known(total: float) -> float:
        return spread * math.sqrt(total - n) / total

    def unknown(total: float) -> float:
        return spread / math.sqrt(n) * math.sqrt(1 - n / total)

    def chance(total: float, error: Callable[[float], float]) -> float:
        c, tau = half / math.sqrt(total), error(total)
        return _phi((distance - c) / tau) + _phi((-distance - c) / tau)

    # a rate that is the threshold itself is settled, if ever, by chance
    as_seen = _least(lambda t: chance(t, known), n) if distance else None
    return RowsNeeded(as_seen, _least(lambda t: chance(t, unknown), n))


def _least(chance: Callable[[float], float], n: int) -> int | None:
    """The fewest rows beyond ``n`` from which on the chance is ``CHANCE``, by halving."""
    low, high = 0, 1
    while chance(n + high) < CHANCE:
        low, high = high, high * 2
        if high > _MOST_ROWS:
            return None
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if chance(n + middle) >= CHANCE else (middle, high)
    return high


_Draw = tuple[Sequence[float], Sequence[float]]  # true rates; normal deviates of the rows to come


@dataclass(frozen=True)
class _Trial:
    """The decision over again, with ``times`` the rows."""

    cells: Sequence[tuple[int, int]]
    threshold: float
    z: float
    ratio: bool

    def further(self, spreads: Sequence[Sequence[_Draw]], total: int) -> int | None:
        """The fewest rows that have the chance at each of the spreads."""
        order = list(spreads)

        def chance(rows: float) -> float:
            """The least, or the first one that is too small: that one is asked first next time."""
            least = 1.0
            for i, draws in enumerate(order):
                settled = sum(self._is_settled(draw, rows / total) for draw in draws)
                least = min(least, settled / len(draws))
                if least < CHANCE:
                    order.insert(0, order.pop(i))
                    return least
            return least

        return _least(chance, total)

    def is_settled_now(self) -> bool:
        rates = [(min(1 - 1e-9, max(1e-9, k / n)), float(n)) for k, n in self.cells]
        return self._ratios(rates) if self.ratio else self._differences(rates)

    def _is_settled(self, draw: _Draw, times: float) -> bool:
        rates = []
        for (k, n), true, deviate in zip(self.cells, *draw, strict=True):
            more = (times - 1) * n
            sampled = true + deviate * math.sqrt(true * (1 - true) / more)
            rate = (k + more * min(1.0, max(0.0, sampled))) / (n + more)
            rates.append((min(1 - 1e-9, max(1e-9, rate)), n + more))
        return self._ratios(rates) if self.ratio else self._differences(rates)

    def _differences(self, rates: Sequence[tuple[float, float]]) -> bool:
        pairs = len(rates) * (len(rates) - 1) / 2
        corrected = self.z if pairs == 1 else _z_of(self.z, pairs)
        keeps = True
        known = [(p, p * (1 - p) / n) for p, n in rates]
        for p, v in known:
            for q, w in known:
                error = math.sqrt(v + w)
                if p - q - corrected * error > self.threshold:
                    return True
                keeps = keeps and p - q + self.z * error <= self.threshold
        return keeps

    def _ratios(self, rates: Sequence[tuple[float, float]]) -> bool:
        """Katz et al. 1978: var(log ratio) = (1 - p)/(n p) + (1 - q)/(m q)."""
        pairs = len(rates) * (len(rates) - 1) / 2
        corrected = self.z if pairs == 1 else _z_of(self.z, pairs)
        limit, keeps = math.log(self.threshold), True
        for p, n in rates:
            for q, m in rates:
                error = math.sqrt((1 - p) / (n * p) + (1 - q) / (m * q))
                keeps = keeps and math.log(p / q) - self.z * error >= limit
                if math.log(p / q) + corrected * error < limit:
                    return True
        return keeps


def _z_of(z: float, tests: float) -> float:
    """The quantile of a level that ``tests`` tests share."""
    return NormalDist().inv_cdf(1 - (1 - _phi(z)) / tests)


def _noise(random: Random, n: int) -> list[float]:
    return [random.gauss(0.0, 1.0) for _ in range(n)]


def _rates(cells: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Each group's rate and the variance of its estimate; half a row is added to either side."""
    rates = [(k + 0.5) / (n + 1) for k, n in cells]
    return [(r, r * (1 - r) / n) for r, (_, n) in zip(rates, cells, strict=True)]


def _spreads(cells: Sequence[tuple[int, int]]) -> list[tuple[float, float, float]]:
    """A grid of the true rates' standard deviation, flat; for each the likelihood (the common mean
    integrated out), and mean and variance of that mean."""
    rates = _rates(cells)
    middle = sum(r for r, _ in rates) / len(rates)
    widest = 2 * math.sqrt(sum((r - middle) ** 2 for r, _ in rates) / (len(rates) - 1)) or 0.01
    points, logs = [], []
    for step in range(40):
        tau = widest * step / 39
        weights = [1 / (v + tau * tau) for _, v in rates]
        total = sum(weights)
        mean = sum(w * r for w, (r, _) in zip(weights, rates, strict=True)) / total
        log = sum(
            0.5 * math.log(w) - 0.5 * w * (r - mean) ** 2
            for w, (r, _) in zip(weights, rates, strict=True)
        )
        points.append((tau, mean, 1 / total))
        logs.append(log - 0.5 * math.log(total))
    top = max(logs)
    return [
        (math.exp(log - top), tau, mean) for log, (tau, mean, _) in zip(logs, points, strict=True)
    ]


def _centre(cells: Sequence[tuple[int, int]]) -> list[float]:
    """The rates' expected values: each drawn towards the common mean by how little it is known."""
    grid, rates = _spreads(cells), _rates(cells)
    total = sum(weight for weight, _, _ in grid)
    return [
        sum(
            weight * (mean + (r - mean) * tau * tau / (tau * tau + v)) for weight, tau, mean in grid
        )
        / total
        for r, v in rates
    ]


def _posteriors(cells: Sequence[tuple[int, int]], random: Random) -> list[list[list[float]]]:
    """Draws of the true rates: by the smaller half of the likely spreads, and by the larger."""
    grid, rates = _spreads(cells), _rates(cells)
    chosen = random.choices(grid, weights=[weight for weight, _, _ in grid], k=2 * _DRAWS)
    drawn = [_drawn(rates, tau, mean, random) for _, tau, mean in sorted(chosen, key=_spread_of)]
    return [drawn[:_DRAWS], drawn[_DRAWS:]]


def _spread_of(point: tuple[float, float, float]) -> float:
    return point[1]


def _drawn(
    rates: Sequence[tuple[float, float]], tau: float, centre: float, random: Random
) -> list[float]:
    """True rates, given their spread and the most likely common mean."""
    weights = [1 / (v + tau * tau) for _, v in rates]
    mean = random.gauss(centre, math.sqrt(1 / sum(weights)))
    drawn = []
    for r, v in rates:
        kept = tau * tau / (tau * tau + v)
        at = random.gauss(mean + (r - mean) * kept, math.sqrt(v * kept))
        drawn.append(min(1 - 1e-6, max(1e-6, at)))
    return drawn
