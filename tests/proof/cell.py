"""A cell of the proof: a family of intervals or tests in one regime, and what its draws said."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from evenhand.audit.finding import Interval
from evenhand.audit.measure.uncertainty.intervals import clopper_pearson

LEVELS = (0.95,)
Rng = np.random.Generator
Ends = Interval | tuple[float, float] | None
Kind = Literal["interval", "test", "power", "assurance"]
# What is asked of each kind: the least share of draws that held, or the most that alarmed
LIMITS: dict[Kind, float] = {"interval": 0.935, "test": 0.06, "power": 0.0, "assurance": 0.8}


class Drawn(NamedTuple):
    """One data set: did the interval hold (the test alarm, the advice settle)? None where the
    measure gives none. Beside it another method's answer on the same data."""

    hit: bool | None
    width: float = math.nan
    rival_hit: bool | None = None
    rival_width: float = math.nan


Draw = Callable[[Rng], Drawn]


@dataclass(frozen=True)
class Cell:
    """``draw`` makes one data set and looks at it. ``rival`` names the other method. ``listed``
    says why no method holds here: such a finding says so itself. ``most``: draws at most."""

    family: str
    regime: str
    draw: Draw
    kind: Kind = "interval"
    rival: str = ""
    listed: str = ""
    limit: float = math.nan
    most: int = 1_000_000

    @property
    def name(self) -> str:
        """What seeds and stores it."""
        return f"{self.family} / {self.regime}"

    @property
    def asked(self) -> float:
        """The least share that must hold, or the most that may alarm."""
        return LIMITS[self.kind] if math.isnan(self.limit) else self.limit


_OF_CODE = ("commit", "code", "first")


@dataclass
class Seen:
    """What the draws of a cell said so far; ``commit`` and ``code`` of what they were made by.
    ``first`` is what the first block alone said: its sums, by which other code is compared."""

    draws: int = 0
    made: int = 0  # draws that gave an interval or a p-value
    hits: int = 0
    width: float = 0.0
    finite: int = 0  # draws whose interval had a width
    rival_made: int = 0
    rival_hits: int = 0
    rival_width: float = 0.0
    rival_finite: int = 0
    commit: str = ""
    code: str = ""
    first: list[float] = field(default_factory=list)

    @property
    def sums(self) -> list[float]:
        """All that was summed up, to nine digits of each: equal where the same was drawn."""
        told = (x for name, x in vars(self).items() if name not in _OF_CODE)
        return [float(f"{x:.9g}") for x in told]

    def add(self, one: Drawn) -> None:
        """Counts one data set."""
        self.draws += 1
        if one.hit is not None:
            self.made += 1
            self.hits += bool(one.hit)
            if math.isfinite(one.width):
                self.width += one.width
                self.finite += 1
        if one.rival_hit is not None:
            self.rival_made += 1
            self.rival_hits += bool(one.rival_hit)
            if math.isfinite(one.rival_width):
                self.rival_width += one.rival_width
                self.rival_finite += 1

    def join(self, other: Seen) -> None:
        """Adds the draws of another block."""
        if not self.draws:
            self.first = other.sums
        for name in vars(self):
            if name not in _OF_CODE:
                setattr(self, name, getattr(self, name) + getattr(other, name))


def simulated(k: int, n: int) -> Interval:
    """The 95 % interval of what was simulated, exact: of ``k`` in ``n`` draws."""
    return clopper_pearson(k, n, 0.95)


def verdict(cell: Cell, seen: Seen) -> str:
    """ "holds", "borderline" (the simulation's own interval spans the limit), "fails", "listed"
    (fails where the finding says so itself), "reported" (power) or "not drawn"."""
    if cell.kind == "power":
        return "reported"
    if not seen.made:
        return "not drawn"
    found = simulated(seen.hits, seen.made)
    if cell.kind == "test":
        fails, holds = found.low > cell.asked, found.high <= cell.asked
    else:
        fails, holds = found.high < cell.asked, found.low >= cell.asked
    if fails:
        return "listed" if cell.listed else "fails"
    return "holds" if holds else "borderline"


def held(found: Ends, truth: float, rival: Ends = None) -> Drawn:
    """Whether the interval of a data set, and another method's, hold the truth."""
    hit, width = _held(found, truth)
    return Drawn(hit, width, *_held(rival, truth))


def _held(found: Ends, truth: float) -> tuple[bool | None, float]:
    if found is None:
        return None, math.nan
    low, high = (found.low, found.high) if isinstance(found, Interval) else found
    return bool(low - 1e-9 <= truth <= high + 1e-9), high - low


def alarms(p_value: float | None, rival: float | None = None) -> Drawn:
    """Whether a nominal 5 % test alarms, and another one."""
    said = None if p_value is None else p_value <= 0.05
    return Drawn(said, math.nan, None if rival is None else rival <= 0.05)


@dataclass(frozen=True)
class Layout:
    """Group sizes, by the name that rows of the page have."""

    name: str
    sizes: tuple[int, ...] = field(default=())


LAYOUTS = (
    Layout("1000/200/60", (1000, 200, 60)),
    Layout("5000/300/100/50", (5000, 300, 100, 50)),
    Layout("2 x 100", (100,) * 2),
    Layout("5 x 100", (100,) * 5),
    Layout("10 x 100", (100,) * 10),
    Layout("20 x 100", (100,) * 20),
)
