"""What DP-SGD spends: epsilon from the noise, and the noise for an epsilon.

The reported number is the upper bound of Opacus' PRV accountant (Gopi, Lee and Wutschitz 2021,
"Numerical composition of differential privacy"), with its RDP accountant beside it as a check. The
GDP accountant is not used: it is an approximation that reports too little.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evenhand.audit.errors import InputError
from evenhand.audit.words.numbers import at_most, number
from evenhand.trainers.private.bracket import Segment, bracket

# Above this PRV needs gigabytes and the guarantee says next to nothing; RDP bounds it well enough.
_PRV_LIMIT = 60.0
_TOLERANCE = 0.02
# RDP's bound is up to 13 times looser, for few steps with much noise: beyond this, what PRV says is
# held against the limits of a third computation (bracket.py).
_FAR_APART = 3.0
_MAX_PRV_SEGMENTS = 24  # its time grows with them: 8 seconds for 50
_MAX_GRID = 1 << 23  # points: about 10 seconds and 1 GB
MAX_NOISE = 10_000.0
_LEAST_DELTA = 1e-250
_LEAST_PRV_DELTA = 1e-12  # PRV works in double precision
_UNIT_ROUNDS = 4
_UNIT_SPARE = 0.995  # the rounds stop where they change epsilon by less than this
_OPACUS_ORDERS = [1 + x / 10.0 for x in range(1, 100)] + list(range(12, 64))
# And larger ones: small budgets have their best order above Opacus' last, 63.
_ORDERS = _OPACUS_ORDERS + [2**k for k in range(6, 13)]


@dataclass(frozen=True)
class Spent:
    """``epsilon`` by ``accountant``; ``epsilon_rdp`` is the cross-check; ``note`` says what was
    unusual. Holds for the delta that was asked, neighbours differing by one row more or less, or
    by the rows of one unit."""

    epsilon: float
    epsilon_rdp: float
    accountant: str
    note: str = ""


def spent(segments: Sequence[Segment], delta: float, *, rows_per_unit: int = 1) -> Spent:
    """The epsilon of all ``segments`` together, at ``delta``, under Poisson sampling.

    It protects a row, or a unit (a person) that has at most ``rows_per_unit`` rows in each.
    """
    steps: dict[tuple[float, float], int] = {}
    for s in segments:
        key = (s.noise_multiplier, s.sample_rate)
        steps[key] = steps.get(key, 0) + s.steps
    # Equal dials compose as one longer segment; sorted, so that the order of runs changes nothing.
    merged = tuple(Segment(*key, n) for key, n in sorted(steps.items()) if n > 0)
    if not merged:
        return Spent(0.0, 0.0, "PRV")
    return _spent(merged, delta) if rows_per_unit == 1 else _by_unit(merged, delta, rows_per_unit)


def row_delta(epsilon: float, delta: float, rows: int) -> float:
    """The delta of a row that gives ``rows`` rows together (``rows`` * ``epsilon``, ``delta``).

    Source: Vadhan 2017, "The complexity of differential privacy", lemma 2.2: a group of k has
    k epsilon and delta (1 + e^epsilon + ... + e^((k - 1) epsilon)).
    """
    grown = math.fsum(math.exp(min(700.0, i * epsilon)) for i in range(rows))
    return delta / grown


@lru_cache(maxsize=256)
def _by_unit(segments: tuple[Segment, ...], delta: float, rows: int) -> Spent:
    """Group privacy: a bound, looser the more rows a unit may have."""
    note = f"for {rows} rows of one unit together, by group privacy"
    low, high = math.log(_LEAST_DELTA), math.log(delta)
    for _ in range(24):  # the largest delta of a row with which RDP alone keeps the unit's delta
        middle = (low + high) / 2
        is_kept = math.exp(middle) <= row_delta(_rdp(segments, math.exp(middle)), delta, rows)
        low, high = (middle, high) if is_kept else (low, middle)
    at = math.exp(low)
    by_rdp = _rdp(segments, at)
    if at > row_delta(by_rdp, delta, rows):
        # As if every row of the unit were in every batch: one Gaussian, ``rows`` times as far.
        wide = tuple(Segment(s.noise_multiplier / rows, 1.0, s.steps) for s in segments)
        unsampled = _rdp(wide, delta)
        return Spent(unsampled, unsampled, "RDP", f"{note}, without amplification by sampling")
    if at < _LEAST_PRV_DELTA:
        return Spent(rows * by_rdp, rows * by_rdp, "RDP", note)
    spending = _spent(segments, at)
    for _ in range(_UNIT_ROUNDS):  # PRV's epsilon is smaller, which leaves room for a larger delta
        wider = row_delta(spending.epsilon, delta, rows)
        if wider <= at * 1.03:
            break
        at, spending = wider, _spent(segments, wider)
    if at > row_delta(spending.epsilon, delta, rows) * (1 + 1e-9):  # PRV was above RDP
        return Spent(rows * by_rdp, rows * by_rdp, "RDP", note)
    told = "; ".join(part for part in (note, spending.note) if part)
    return Spent(rows * spending.epsilon, rows * by_rdp, spending.accountant, told)


@lru_cache(maxsize=256)
def _spent(segments: tuple[Segment, ...], delta: float) -> Spent:
    by_rdp = _rdp(segments, delta)
    if by_rdp > _PRV_LIMIT:
        return Spent(by_rdp, by_rdp, "RDP", f"epsilon is above {_PRV_LIMIT:g}: PRV was not run")
    if len(segments) > _MAX_PRV_SEGMENTS:
        note = f"{len(segments)} different settings: PRV was not run, RDP stands in"
        return Spent(by_rdp, by_rdp, "RDP", note)
    try:
        by_prv = _prv(segments, delta, by_rdp)
        if by_prv * _FAR_APART < by_rdp:  # its grid was made for an epsilon as large as RDP's
            by_prv = min(by_prv, _prv(segments, delta, by_prv))
    except (RuntimeError, ValueError, ArithmeticError, MemoryError) as error:
        return Spent(by_rdp, by_rdp, "RDP", f"PRV failed ({error}); RDP stands in")
    note = ""
    if by_prv * _FAR_APART < by_rdp:
        limits = bracket(segments, delta)
        if limits is None or by_prv < limits.low:
            note = f"PRV ({at_most(by_prv)}) is far below RDP ({at_most(by_rdp)}): RDP is reported"
            return Spent(by_rdp, by_rdp, "RDP", note)
    if by_prv > by_rdp * (1 + _TOLERANCE) + _TOLERANCE:
        note = f"PRV ({at_most(by_prv)}) is above RDP ({at_most(by_rdp)}): the larger is reported"
    return Spent(by_prv, by_rdp, "PRV", note)


def _rdp(segments: Sequence[Segment], delta: float, orders: Sequence[float] = _ORDERS) -> float:
    """Epsilon by Renyi divergence at ``orders``, the first of ``_ORDERS``."""
    from opacus.accountants.analysis.rdp import get_privacy_spent

    curve: Any = sum(_of_one_step(s.sample_rate, s.noise_multiplier) * s.steps for s in segments)
    with _edge_orders_allowed():
        epsilon, _ = get_privacy_spent(orders=orders, rdp=curve[: len(orders)], delta=delta)
    return max(0.0, float(epsilon))


@lru_cache(maxsize=256)
def _of_one_step(sample_rate: float, noise_multiplier: float) -> Any:
    """The Renyi divergence of one step at each of ``_ORDERS``; that of n steps is n times this.

    Nearly all of an accountant's time goes here, and all numbers of steps share it.
    """
    from opacus.accountants.analysis.rdp import compute_rdp

    return compute_rdp(q=sample_rate, noise_multiplier=noise_multiplier, steps=1, orders=_ORDERS)


def _prv(segments: tuple[Segment, ...], delta: float, by_rdp: float) -> float:
    import numpy as np
    from opacus.accountants import PRVAccountant

    error, domain = _grid(segments, delta, by_rdp)

    class OnGrid(PRVAccountant):
        def _get_domain(self, **_: Any) -> Any:
            return domain

    accountant = OnGrid()
    accountant.history = [(s.noise_multiplier, s.sample_rate, s.steps) for s in segments]
    # log(1 - sample rate) is minus infinity at rate 1, which is what it should be.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        epsilon = float(accountant.get_epsilon(delta, eps_error=error))
    if not math.isfinite(epsilon):
        raise ArithmeticError(f"it gave {epsilon}")
    return max(0.0, epsilon)


def _grid(segments: tuple[Segment, ...], delta: float, by_rdp: float) -> tuple[float, Any]:
    """The discretisation error of PRV that keeps its grid below ``_MAX_GRID`` points, and the grid.

    The error is part of the bound: a coarser grid gives a looser epsilon, never a smaller one.
    Raises ValueError where a grid that small would lose a tenth of the epsilon.
    """
    import numpy as np
    from opacus.accountants.analysis.prv import Domain

    error = min(0.01, max(by_rdp, 1e-3) / 50)
    n, delta_error = sum(s.steps for s in segments), delta / 1000
    while True:
        half = _safe_half_width(segments, n, error, delta_error)
        mesh = error / np.sqrt(n * np.log(12 / delta_error) / 2)
        if 2 * half / mesh <= _MAX_GRID:
            return error, Domain.create_aligned(-half, half, mesh)
        error *= 2
        if error > min(0.5, 0.1 * by_rdp):  # Opacus' grid size is not sound for errors near 1
            raise ValueError("its grid would be too large")


def _safe_half_width(
    segments: tuple[Segment, ...], n: int, error: float, delta_error: float
) -> float:
    """How far a grid has to reach: the number of Opacus' ``compute_safe_domain_size``, which works
    the divergences out again each time.

    Source: Gopi, Lee and Wutschitz 2021, remark 5.6.
    """
    together = _rdp(segments, delta_error / 4, _OPACUS_ORDERS)
    alone = (
        _rdp([Segment(s.noise_multiplier, s.sample_rate, 1)], delta_error / (8 * n), _OPACUS_ORDERS)
        for s in segments
    )
    return max(together, *alone, error) + 3


@contextmanager
def _edge_orders_allowed() -> Iterator[None]:
    """At the first or last Renyi order a bound still holds; it is just not the best one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Optimal order is the")
        yield


def noise_for(
    epsilon: float, delta: float, sample_rate: float, steps: int, *, rows_per_unit: int = 1
) -> float:
    """The noise multiplier with which ``steps`` steps spend at most ``epsilon`` at ``delta``.

    The budget is a row's, or that of a unit with at most ``rows_per_unit`` rows. Between 98 % and
    100 % of it is used. Raises InputError where no noise multiplier up to 10,000 is enough.
    """
    if rows_per_unit > 1:
        epsilon *= _UNIT_SPARE / rows_per_unit
        delta = row_delta(epsilon, delta, rows_per_unit)
    return _noise_for(epsilon, delta, sample_rate, steps)


@lru_cache(maxsize=64)
def _noise_for(epsilon: float, delta: float, sample_rate: float, steps: int) -> float:

    def epsilon_of(noise: float) -> float:
        return spent([Segment(noise, sample_rate, steps)], delta).epsilon

    enough = 1.0
    while epsilon_of(enough) > epsilon:
        enough *= 2
        if enough > MAX_NOISE:
            raise InputError(
                "epsilon={epsilon} at delta={delta} is out of reach for {steps} steps at sample "
                "rate {sample_rate}",
                remedy="ask for a larger epsilon, or train for fewer epochs",
                epsilon=epsilon,
                delta=delta,
                steps=steps,
                sample_rate=number(sample_rate),
            )
    too_little = enough / 2
    while epsilon_of(too_little) <= epsilon and too_little > 0.05:
        enough, too_little = too_little, too_little / 2
    for _ in range(30):
        if epsilon_of(enough) >= 0.99 * epsilon:
            break
        middle = math.sqrt(enough * too_little)
        if epsilon_of(middle) <= epsilon:
            enough = middle
        else:
            too_little = middle
    return enough


def good_delta(n_train: int) -> float:
    """The largest power of ten that is at most 1/(10 n_train).

    >>> good_delta(1392)
    1e-05
    """
    return float(f"1e-{len(str(10 * n_train - 1))}")
