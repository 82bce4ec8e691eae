"""Charts as SVG without script: pure functions of numbers and names, for reports and static pages.

Drawn 320 units wide, so that letters stay readable on a narrow screen; colours come from the
page's style sheet by class (``chart`` and those below), so that they follow light and dark. Colour
alone carries no meaning: lines differ in their dashes, and every chart stands beside a table of its
numbers. Names come from strangers: they are escaped, and shown shortened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from evenhand.audit.words.numbers import number
from evenhand.audit.words.text import name, short

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH = 320
_LEFT, _RIGHT = 8, 312
_NAME = 44  # characters of a name that fit into a line
TONES = 5  # steps from a column's low values to its high ones; 0 is for what has no order


@dataclass(frozen=True)
class Bar:
    """A named value with its interval, if there is one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Dots:
    """A named row of values; ``tones`` says for each in which of TONES steps its input lies (1 the
    lowest), 0 where the input has no order or isn't known."""

    name: str
    values: Sequence[float]
    tones: Sequence[int]


@dataclass(frozen=True)
class Line:
    """A named curve with its band; ``kind`` picks its dashes: 1, 2 or 3."""

    name: str
    kind: int
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def bars(
    title: str,
    description: str,
    rows: Sequence[Bar],
    *,
    within: tuple[float, float] | None = None,
) -> Markup:
    """Horizontal bars from 0, each under its name, with whiskers; ``within`` widens the axis, so
    that several charts can share one."""
    ends = [e for r in rows for e in (r.value, r.low, r.high) if e is not None]
    ends += within or ()
    axis = _Axis(min(0.0, *ends), max(0.0, *ends), _LEFT, _RIGHT)
    parts, y = [], 0.0
    for row in rows:
        y += 13
        parts.append(_text(_LEFT, y, name(row.name, _NAME)))
        y += 9
        parts.append(
            f'<path class="bar" d="M{_at(axis(0))} {y}H{_at(axis(row.value))}" stroke-width="8"/>'
        )
        if row.low is not None and row.high is not None:
            low, high = _at(axis(row.low)), _at(axis(row.high))
            parts.append(
                f'<path class="whisker" d="M{low} {y}H{high}M{low} {y - 4}v8M{high} {y - 4}v8"/>'
            )
        y += 8
    return _svg(title, description, y + 18, [*parts, *_ticks(axis, y + 3)])


def beeswarm(title: str, description: str, rows: Sequence[Dots]) -> Markup:
    """A strip of dots for each name, stacked where they would lie on each other."""
    ends = [v for r in rows for v in r.values]
    axis = _Axis(min([0.0, *ends]), max([0.0, *ends]), _LEFT + 2, _RIGHT - 2)
    parts, y = [], 0.0
    for row in rows:
        y += 13
        parts.append(_text(_LEFT, y, name(row.name, _NAME)))
        y += 17
        parts.append(f'<path class="zero" d="M{_at(axis(0))} {y - 12}v24"/>')
        parts += _dots(axis, row, y)
        y += 12
    return _svg(title, description, y + 18, [*parts, *_ticks(axis, y + 3)])


def _dots(axis: _Axis, row: Dots, y: float) -> list[str]:
    """One path a tone: a dot is a stroke of no length with round ends."""
    stacked: dict[int, int] = {}
    paths: dict[int, list[str]] = {}
    for value, tone in sorted(zip(row.values, row.tones, strict=True)):
        x = axis(value)
        cell = round(x / 3)
        place = stacked.get(cell, 0)
        stacked[cell] = place + 1
        off = (place + 1) // 2 * 3 * (1 if place % 2 else -1)
        if abs(off) > 10:  # a full stack: the rest lies on its end
            off = 10 if off > 0 else -10
        paths.setdefault(tone, []).append(f"M{_at(x)} {_at(y + off)}h0")
    return [
        f'<path class="dots t{tone}" d="{"".join(marks)}"/>'
        for tone, marks in sorted(paths.items())
    ]


def scatter(
    title: str, description: str, x_name: str, x: Sequence[float], y: Sequence[float]
) -> Markup:
    """Dots of ``y`` over a number ``x``."""
    across = _Axis(min(x), max(x), _LEFT + 34, _RIGHT - 4)
    up = _Axis(min([0.0, *y]), max([0.0, *y]), 150, 10)
    marks = "".join(f"M{_at(across(a))} {_at(up(b))}h0" for a, b in zip(x, y, strict=True))
    parts = [f'<path class="zero" d="M{_LEFT + 34} {_at(up(0))}H{_RIGHT}"/>']
    parts += [f'<path class="dots t0" d="{marks}"/>', *_levels(up), *_ticks(across, 156)]
    parts.append(_text((_LEFT + 34 + _RIGHT) / 2, 184, name(x_name, _NAME), "middle"))
    return _svg(title, description, 190, parts)


def curves(
    title: str,
    description: str,
    x_name: str,
    lines: Sequence[Line],
    *,
    within: tuple[float, float] = (0.0, 1.0),
    between: tuple[float, float] | None = None,
    at: float | None = None,
    dotted: Sequence[Line] = (),
) -> Markup:
    """Curves with their bands over ``within``; ``between`` fixes the axis upwards, so that several
    charts can share one, ``at`` is a place along it that is marked, and the points of ``dotted``
    lines are drawn as dots (a line of one point is none)."""
    ends = [v for line in lines for series in (line.low, line.high, line.y) for v in series]
    across = _Axis(*within, _LEFT + 34, _RIGHT - 4)
    up = _Axis(*(between or (min(ends), max(ends))), 150, 10)
    parts = []
    for line in lines:
        there = [f"{_at(across(a))} {_at(up(b))}" for a, b in zip(line.x, line.high, strict=True)]
        back = [f"{_at(across(a))} {_at(up(b))}" for a, b in zip(line.x, line.low, strict=True)]
        parts.append(f'<path class="band k{line.kind}" d="M{"L".join([*there, *back[::-1]])}Z"/>')
    if at is not None:
        parts.append(f'<path class="zero" d="M{_at(across(at))} 10V150"/>')
    for line in lines:
        along = "L".join(
            f"{_at(across(a))} {_at(up(b))}" for a, b in zip(line.x, line.y, strict=True)
        )
        parts.append(f'<path class="line k{line.kind}" d="M{along}"/>')
    for line in dotted:
        marks = "".join(
            f"M{_at(across(a))} {_at(up(b))}h0" for a, b in zip(line.x, line.y, strict=True)
        )
        parts.append(f'<path class="dots t1" d="{marks}"/>')
    parts += [*_levels(up), *_ticks(across, 156)]
    parts.append(_text((_LEFT + 34 + _RIGHT) / 2, 184, name(x_name, _NAME), "middle"))
    y = 190.0
    for line in lines if len(lines) > 1 else ():
        y += 13
        parts.append(f'<path class="line k{line.kind}" d="M{_LEFT} {y - 3}h28"/>')
        parts.append(_text(_LEFT + 34, y, name(line.name, _NAME)))
    return _svg(title, description, y + 6, parts)


def tones(cells: Sequence[float | None]) -> list[int]:
    """In which of TONES steps each number lies, by its rank among the different ones; the lowest is
    1, the highest TONES, a missing one 0.

    >>> tones([0.0, 1.0, 0.0, None])
    [1, 5, 1, 0]
    """
    known = sorted({c for c in cells if c is not None})
    rank = {c: i for i, c in enumerate(known)}
    last = max(1, len(known) - 1)
    return [0 if c is None else 1 + round((TONES - 1) * rank[c] / last) for c in cells]


class _Axis:
    """Numbers to places on the drawing; a range of no width gets one."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("an axis needs finite ends")
        self.low, self.high = (low, high) if high > low else (low - 0.5, high + 0.5)
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round numbers inside, three to six of them."""
        step = 10 ** math.floor(math.log10(self.high - self.low))
        for times in (1.0, 0.5, 0.2, 0.1):
            found = _multiples(self.low, self.high, step * times)
            if len(found) >= 3:
                return found
        return found


def _multiples(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - 1e-9)
    return [float(f"{i * step:.6g}") for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _ticks(axis: _Axis, y: float) -> list[str]:
    parts = [f'<path class="axis" d="M{_at(axis.start)} {y}H{_at(axis.end)}"/>']
    for tick, place in _spaced(axis):
        anchor = "start" if place < 24 else "end" if place > WIDTH - 24 else "middle"
        parts.append(f'<path class="axis" d="M{_at(place)} {y}v3"/>')
        parts.append(_text(place, y + 13, number(tick), anchor))
    return parts


def _spaced(axis: _Axis) -> list[tuple[float, float]]:
    """Ticks with their places; every other one where they would touch."""
    found = [(t, axis(t)) for t in axis.ticks]
    while len(found) > 2 and min(abs(b[1] - a[1]) for a, b in pairwise(found)) < 40:
        found = found[::2]
    return found


def _levels(axis: _Axis) -> list[str]:
    return [
        part
        for tick in axis.ticks
        for part in (
            f'<path class="grid" d="M{_LEFT + 34} {_at(axis(tick))}H{_RIGHT}"/>',
            _text(_LEFT + 31, axis(tick) + 3, number(tick), "end"),
        )
    ]


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    from markupsafe import escape

    return f'<text x="{_at(x)}" y="{_at(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, description: str, height: float, parts: Sequence[str]) -> Markup:
    from markupsafe import Markup, escape

    head = f"<title>{escape(short(title))}</title><desc>{escape(short(description, 600))}</desc>"
    return Markup(  # noqa: S704 - every text in it is escaped, every number formatted here
        f'<svg class="chart" role="img" viewBox="0 0 {WIDTH} {_at(height)}">'
        f"{head}{''.join(parts)}</svg>"
    )


def _at(place: float) -> str:
    return f"{place:.1f}".removesuffix(".0")
