"""Which pictures of a case's explanations a report shows, each with its numbers as a table.

They are drawn from the case's artifacts as they are: nothing is computed but places on the drawing.
Pictures of single people (dots, words, images) stay out of what is published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.artifacts.artifact import Cell
from evenhand.audit.artifacts.explanation import (
    Attributions,
    ColumnPush,
    MeanPoint,
    QualityCurves,
    Reasons,
)
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.reports.drawing import charts
from evenhand.audit.reports.drawing.pixels import coloured_words, heat_map
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import level_said, number
from evenhand.audit.words.text import name, short

if TYPE_CHECKING:
    from markupsafe import Markup

_CURVE_NAMES = ("pic_curve.deletion", "pic_curve.insertion", "pic_curve.random_deletion")
_BARS, _SWARMS, _SCATTERS, _PEOPLE = 12, 8, 3, 6


@dataclass(frozen=True)
class Picture:
    """A drawing, what it shows in words, and its numbers: column heads and rows of cells."""

    title: str
    description: str
    drawing: Markup
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Pictures:
    """The pictures in order, and the names of artifacts that could not be drawn."""

    shown: tuple[Picture, ...]
    unreadable: tuple[str, ...]


def pictures(case: Case, say: Words) -> Pictures:
    """Every picture that the case's artifacts give."""
    shown: list[Picture] = []
    unreadable = []
    for kind, draw in (
        (Attributions, _attributions),
        (QualityCurves, _curves),
        (Reasons, _reference),
    ):
        try:
            shown += draw(case, say)
        except InputError:  # another version wrote it; the findings stand without it
            unreadable.append(kind.FILE)
    return Pictures(tuple(shown), tuple(unreadable))


def is_published(case: Case) -> bool:
    """Whether this is the version for the public, which shows nobody's row."""
    return case.plan.published is not None


def _attributions(case: Case, say: Words) -> list[Picture]:
    document = case.document(Attributions)
    if document is None:
        return []
    found: list[Picture] = []
    if len(document.columns) > 1:
        found.append(_bars(document, say))
    if is_published(case):
        return found
    kinds: dict[str, Callable[[Attributions, Words], list[Picture]]] = {
        "tabular": _table,
        "text": _texts,
        "generation": _texts,
        "image": _maps,
    }
    return found + kinds[document.kind](document, say)


def _bars(document: Attributions, say: Words) -> Picture:
    columns = document.columns[:_BARS]
    unit = say.term("unit", document.unit)
    title = say("pic_bars")
    description = say(
        "pic_bars_about",
        shown=len(columns),
        count=len(document.columns),
        n=f"{document.n:,}",
        unit=unit,
        first=columns[0].column,
    )
    rows = [charts.Bar(c.column, c.mean_absolute or 0.0, c.low, c.high) for c in columns]
    table = [(c.column, _shown(c.mean_absolute), _between(c), _shown(c.mean)) for c in columns]
    heads = ("pic_column", "pic_mean_absolute", "col_interval", "pic_mean")
    return _picture(title, description, charts.bars(title, description, rows), heads, table, say)


def _table(document: Attributions, say: Words) -> list[Picture]:
    names = [c.column for c in document.columns if (c.mean_absolute or 0.0) > 0]
    swarm = [dots for c in names[:_SWARMS] if (dots := _dots(document, c)).values]
    if not swarm:
        return []
    title = say("pic_swarm")
    about = "pic_swarm_about" if document.inputs else "pic_swarm_plain"
    unit = say.term("unit", document.unit)
    description = say(about, n=f"{len(document.rows.output):,}", unit=unit)
    table = [
        (
            d.name,
            _shown(min(d.values)),
            _shown(sorted(d.values)[len(d.values) // 2]),
            _shown(max(d.values)),
        )
        for d in swarm
    ]
    heads = ("pic_column", "pic_least", "pic_middle", "pic_most")
    drawn = charts.beeswarm(title, description, swarm)
    found = [_picture(title, description, drawn, heads, table, say)]
    inputs = document.inputs
    numeric = [c for c in names if c in document.numeric and len(set(inputs.get(c, ()))) > 2]
    scattered = [(c, pairs) for c in numeric if (pairs := _pairs(document, c))]
    return found + [_scatter(document, c, pairs, say) for c, pairs in scattered[:_SCATTERS]]


def _pairs(document: Attributions, column: str) -> list[tuple[float, float]]:
    """A numeric column's cells with their attributions, where both are known."""
    cells, values = document.inputs.get(column, ()), document.values.get(column, ())
    return [
        (float(x), float(y))
        for x, y in zip(cells, values, strict=bool(cells))
        if isinstance(x, int | float) and y is not None
    ]


def _scatter(
    document: Attributions, column: str, pairs: Sequence[tuple[float, float]], say: Words
) -> Picture:
    title = say("pic_dependence", column=name(column, 60))
    unit = say.term("unit", document.unit)
    description = say("pic_dependence_about", column=name(column, 60), unit=unit)
    by_value: dict[float, list[float]] = {}
    for x, y in sorted(pairs):
        by_value.setdefault(x, []).append(y)
    values = list(by_value)
    chosen = values[:: max(1, -(-len(values) // 8))]
    rows = [(_shown(x), _shown(min(by_value[x])), _shown(max(by_value[x]))) for x in chosen]
    across, up = [x for x, _ in pairs], [y for _, y in pairs]
    drawn = charts.scatter(title, description, column, across, up)
    return _picture(title, description, drawn, ("col_value", "pic_least", "pic_most"), rows, say)


def _texts(document: Attributions, say: Words) -> list[Picture]:
    found = []
    for i, text in enumerate(document.texts[:_PEOPLE]):
        title = say("pic_words", row=_row(document, i))
        score = _shown(document.rows.output[i])
        description = say("pic_words_about", target=document.target, output=score)
        pairs = zip(text.words, text.values, strict=True)
        ranked = sorted(pairs, key=lambda p: -abs(p[1] or 0.0))
        rows = [(name(w, 40), _shown(v)) for w, v in ranked[:8]]
        drawn = coloured_words(text.words, text.values)
        heads = ("pic_word", "pic_attribution")
        found.append(_picture(title, description, drawn, heads, rows, say))
    return found


def _maps(document: Attributions, say: Words) -> list[Picture]:
    pictures = []
    size = {"height": document.height, "width": document.width, "colours": document.colours}
    for i, drawn in enumerate(document.maps[:_PEOPLE]):
        title = say("pic_map", row=_row(document, i))
        output = _shown(document.rows.output[i])
        most = _shown(drawn.scale)
        label = document.rows.target[i] or document.target
        described = say("pic_map_about", target=label, output=output, most=most)
        image = document.images[i] if document.images else None
        picture = heat_map(title, described, drawn.levels, image, **size)
        rows = [(say("pic_output"), output), (say("pic_strongest"), most)]
        pictures.append(_picture(title, described, picture, ("col_name", "col_value"), rows, say))
    return pictures


def _curves(case: Case, say: Words) -> list[Picture]:
    document = case.document(QualityCurves)
    if document is None:
        return []
    shares = [float(s) for s in document.share_of_columns]
    curves = (document.deletion, document.insertion, document.random_deletion)
    lines = [
        _line(say(key), kind, shares, points)
        for kind, (key, points) in enumerate(zip(_CURVE_NAMES, curves, strict=True), start=1)
    ]
    if not any(line.y for line in lines):
        return []
    parts = say.term("parts", document.parts)
    title = say("pic_curves", parts=parts)
    level = level_said(document.level)
    description = say("pic_curves_about", n=f"{document.n:,}", level=level, parts=parts)
    means = zip(*([p.mean for p in points] for points in curves), strict=True)
    rows = [
        (_shown(share), *(_shown(mean) for mean in those))
        for share, those in zip(shares, means, strict=True)
    ]
    drawn = charts.curves(title, description, say("pic_share"), lines)
    return [_picture(title, description, drawn, ("pic_share", *_CURVE_NAMES), rows, say)]


def _line(
    title: str, kind: int, shares: Sequence[float], points: Sequence[MeanPoint]
) -> charts.Line:
    """A curve with its band, as narrow as the line where there is no interval; points without a
    mean are left out."""
    known = [(x, p.mean, p) for x, p in zip(shares, points, strict=True) if p.mean is not None]
    return charts.Line(
        title,
        kind,
        [x for x, _, _ in known],
        [mean for _, mean, _ in known],
        [mean if p.low is None else p.low for _, mean, p in known],
        [mean if p.high is None else p.high for _, mean, p in known],
    )


def _reference(case: Case, say: Words) -> list[Picture]:
    """How often each column is a principal reason, beside the reference applicant's value."""
    document = case.document(Reasons)
    shares = [f for f in case.findings if f.measure == "reason_share" and f.value]
    shares.sort(key=lambda f: (-(f.value or 0.0), f.column))
    if document is None or not shares:
        return []
    values = document.reference.values
    rows = [
        charts.Bar(
            f.column,
            float(f.value or 0.0),
            f.interval.low if f.interval else None,
            f.interval.high if f.interval else None,
        )
        for f in shares[:_BARS]
    ]
    title = say("pic_reasons")
    description = say("pic_reasons_about", n=f"{shares[0].n:,}", first=shares[0].column)
    table = [
        (
            f.column,
            number(f.value or 0.0),
            _cell(values.get(f.column)),
            say("answer.true") if f.column in document.proxies else say("answer.false"),
        )
        for f in shares[:_BARS]
    ]
    heads = ("pic_column", "pic_reason_share", "pic_reference", "pic_proxy")
    return [_picture(title, description, charts.bars(title, description, rows), heads, table, say)]


def _picture(
    title: str,
    description: str,
    drawing: Markup,
    heads: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    say: Words,
) -> Picture:
    return Picture(title, description, drawing, tuple(say(h) for h in heads), tuple(rows))


def _dots(document: Attributions, column: str) -> charts.Dots:
    values = document.values.get(column, ())
    tones = [0] * len(values)
    if column in document.numeric and column in document.inputs:
        cells = document.inputs[column]
        tones = charts.tones([x if isinstance(x, int | float) else None for x in cells])
    pairs = [(float(v), t) for v, t in zip(values, tones, strict=True) if v is not None]
    return charts.Dots(column, [v for v, _ in pairs], [t for _, t in pairs])


def _row(document: Attributions, i: int) -> str:
    place = document.rows.numbers[i]
    return str(i + 1) if place is None else f"{place:,}"


def _shown(value: float | None) -> str:
    return "–" if value is None else number(float(value))


def _cell(value: Cell) -> str:
    if value is None:
        return "–"
    return number(float(value)) if isinstance(value, float | int) else short(value, 60)


def _between(row: ColumnPush) -> str:
    if row.low is None or row.high is None:
        return "–"
    return f"[{_shown(row.low)}, {_shown(row.high)}]"
