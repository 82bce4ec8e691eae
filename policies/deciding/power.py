"""How many more rows would settle an inconclusive item.

Two numbers, each with four chances in five: one if the truth is what was seen, and one given what
is known of the truth, which is never all (assurance). The seen gap of several groups is larger than
the true one, since its ends were picked: rates are therefore taken nearer to one another first.
How near depends on how far the true rates are spread, which a few groups hardly tell, and at some
spreads the gap is most likely near the threshold: so the chance has to be there for the smaller and
for the larger half of the spreads that are likely.

However many rows come, a truth at the threshold is settled by luck alone. So with the number goes
the zone around the threshold in which it promises nothing: with any truth beyond it the item is
settled with four chances in five, given what was seen.

Sources: O'Hagan, Stevens and Campbell 2005, "Assurance in clinical trial design"; Morris 1983,
"Parametric empirical Bayes inference". How often it is kept: docs/proof.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import NormalDist

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.intervals import normal_quantile

CHANCE = 0.8
_MOST_ROWS = 1_000_000_000  # beyond this, "collect more rows" is no advice
_DRAWS = 240
_HALVINGS = 10  # of what lies between the threshold and the farthest truth
_MOST_GROUPS = 24  # pairs grow with their square
_phi = NormalDist().cdf


@dataclass(frozen=True)
class RowsNeeded:
    """Further rows that settle an item with four chances in five: ``as_seen`` if the truth is what
    was seen, ``sure`` given what is known of it. None where that is beyond a billion, or never.

    ``zone``: with ``sure`` rows every truth below its lower or above its upper end has that chance.
    """

    as_seen: int | None
    sure: int | None
    zone: tuple[float, float] | None = None


NOTHING = RowsNeeded(None, None)


def rows_for_rate(k: int, n: int, threshold: float, level: float) -> RowsNeeded:
    """Rows beyond ``n`` until the Wilson interval of a rate leaves ``threshold``.

    ``level`` is the two-sided one of the look to come. The threshold t lies in the Wilson interval
    of p over N rows as long as (p - t)^2 <= z^2 t (1 - t) / N. The rate over all N rows is normal
    around (k + 1) / (n + 2), with the variance of what is not yet known: s^2 (1 - n/N) for a rate
    that is only estimated, p (1 - p) (N - n) / N^2 for one that is what was seen.
    """
    if n <= 0 or not 0 < threshold < 1:
        return NOTHING
    p = (k + 1) / (n + 2)
    half = normal_quantile(level) * math.sqrt(threshold * (1 - threshold))
    found = _closed_form(p - threshold, half, math.sqrt(p * (1 - p)), n)
    alone = math.sqrt(threshold * (1 - threshold))
    below, above = _indistinct(found.sure, k / n - threshold, half, alone, n)
    zone = max(0.0, threshold - below), min(1.0, threshold + above)
    return found if found.sure is None else replace(found, zone=zone)


def rows_by_width(
    value: float,
    interval: Interval,
    n: int,
    threshold: float,
    *,
    ratio: bool = False,
    level: float | None = None,
) -> RowsNeeded:
    """Rows beyond ``n`` until the interval's near end clears ``threshold``.

    The distance from value to end shrinks with 1 / sqrt(n); for a ratio it does on the log scale.
    All groups are taken to grow in proportion. The value is taken for unbiased: gaps of several
    groups are not (``rows_for_gap``). ``level``: of the look to come, the interval's by default.
    """
    end = near_end(value, interval, threshold)
    if ratio:
        if min(value, end, threshold) <= 0:
            return NOTHING
        value, end, threshold = math.log(value), math.log(end), math.log(threshold)
    half = abs(value - end) * math.sqrt(n)
    if n <= 0 or half == 0:
        return NOTHING
    spread = half / normal_quantile(interval.level)
    half = spread * normal_quantile(level or interval.level)
    found = _closed_form(value - threshold, half, spread, n)
    if found.sure is None:
        return found
    below, above = _indistinct(found.sure, value - threshold, half, spread, n)
    low, high = threshold - below, threshold + above
    return replace(found, zone=(math.exp(low), math.exp(high)) if ratio else (low, high))


def near_end(value: float | None, interval: Interval, threshold: float) -> float:
    """The end of the interval that lies towards the threshold."""
    return interval.low if value is not None and threshold < value else interval.high


def rows_for_gap(
    cells: Sequence[tuple[int, int]],
    threshold: float,
    level: float,
    *,
    ratio: bool = False,
    now: float | None = None,
) -> RowsNeeded:
    """Rows beyond those there are, all groups growing in proportion, until the largest difference
    of the groups' rates (the smallest ratio) is settled against ``threshold``.

    ``cells`` are k and n of each group. It is settled where every pair's upper limit keeps the
    threshold, or one pair's lower limit, corrected for all pairs, misses it (for ratios the other
    way round); where that holds already there is no number. Rates are drawn from what is known of
    them: normal around a common mean with a spread of its own, both unknown; then the rows to come,
    with the same draws for every number of them. ``level`` is that of the look to come, ``now`` the
    one at which it is open (the same by default).
    """
    if not 2 <= len(cells) <= _MOST_GROUPS or any(n <= 0 for _, n in cells):
        return NOTHING
    if ratio and not 0 < threshold < 1:
        return NOTHING
    trial = _Trial(cells, threshold, normal_quantile(level), ratio)
    if replace(trial, z=normal_quantile(now or level)).is_settled_now():
        return NOTHING  # then what is open was decided by another interval
    centre = _centre(cells)
    random = Random(0)  # noqa: S311  (the same draws each time, for a plan)
    fixed = [[(centre, _noise(random, len(cells))) for _ in range(_DRAWS)]]
    drawn = [
        [(rates, _noise(random, len(cells))) for rates in at_spread]
        for at_spread in _posteriors(cells, random)
    ]
    total = sum(n for _, n in cells)
    sure = trial.further(drawn, total)
    zone = (
        None
        if sure is None
        else trial.zone([_noise(random, len(cells)) for _ in range(_DRAWS)], (total + sure) / total)
    )
    return RowsNeeded(trial.further(fixed, total), sure, zone)


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


def _indistinct(
    rows: int | None, seen: float, half: float, spread: float, n: int
) -> tuple[float, float]:
    """How far below and above the threshold a truth must lie for the chance, after ``rows`` more,
    where what was ``seen`` lies so far from it: the seen rows count as they are."""
    if not rows:
        return 0.0, 0.0
    total = n + rows
    needed = half * math.sqrt(total) + NormalDist().inv_cdf(CHANCE) * spread * math.sqrt(rows)
    below, above = ((needed - n * towards) / rows for towards in (-seen, seen))
    return max(0.0, below), max(0.0, above)


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

    def zone(self, noise: Sequence[Sequence[float]], times: float) -> tuple[float, float]:
        """The gaps (ratios) around the threshold that ``times`` the rows do not tell from it.

        A gap is hardest to call small where the groups stand at its two ends, those that seem
        higher at the upper one; and to call large where two groups alone are that far apart.
        """
        order = sorted(range(len(self.cells)), key=lambda i: self.cells[i][0] / self.cells[i][1])
        last, mean = len(order) - 1, sum(k for k, _ in self.cells) / sum(n for _, n in self.cells)
        small = {i: 0.0 if place <= last / 2 else 1.0 for place, i in enumerate(order)}
        large = {i: {0: 0.0, last: 1.0}.get(place, 0.5) for place, i in enumerate(order)}

        def rates(gap: float, where: Mapping[int, float]) -> list[float]:
            if self.ratio:
                found = [mean * gap ** (0.5 - where[i]) for i in sorted(where)]
            else:
                found = [mean + gap * (where[i] - 0.5) for i in sorted(where)]
            return [min(1 - 1e-6, max(1e-6, rate)) for rate in found]

        def edge(far: float, where: Mapping[int, float]) -> float:
            """What is nearest to the threshold, on the side of ``far``, and has the chance."""
            near = self.threshold
            for _ in range(_HALVINGS):
                tried = [(rates((near + far) / 2, where), deviates) for deviates in noise]
                settled = sum(self._is_settled(draw, times) for draw in tried)
                middle = (near + far) / 2
                near, far = (near, middle) if settled >= CHANCE * len(tried) else (middle, far)
            return far

        kept, broken = (1.0, 0.01) if self.ratio else (0.0, 1.0)
        ends = edge(kept, small), edge(broken, large)
        return min(ends), max(ends)

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
