"""Which pictures of a case's explanations a report shows, each with its numbers as a table.

They are drawn from the case's artifacts as they are: nothing is computed but places on the drawing.
Pictures of single people (dots, words, images) stay out of what is published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.case.case import Case
from evenhand.audit.reports.drawing import charts
from evenhand.audit.reports.drawing.pixels import coloured_words, heat_map
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import number
from evenhand.audit.words.text import name, short

if TYPE_CHECKING:
    from markupsafe import Markup

ATTRIBUTIONS = "explanation.attribution.json"
CURVES = "explanation.quality-curves.json"
REASONS = "explanation.reasons.json"
_CURVE_NAMES = {
    "deletion": "pic_curve.deletion",
    "insertion": "pic_curve.insertion",
    "random_deletion": "pic_curve.random_deletion",
}
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
    for artifact, draw in (
        (ATTRIBUTIONS, _attributions),
        (CURVES, _curves),
        (REASONS, _reference),
    ):
        if f"artifacts/{artifact}" not in case.files:
            continue
        try:
            shown += draw(case, case.artifact(artifact), say)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            unreadable.append(artifact)  # another version wrote it; the findings stand without it
    return Pictures(tuple(shown), tuple(unreadable))


def is_published(case: Case) -> bool:
    """Whether this is the version for the public, which shows nobody's row."""
    return case.plan.published is not None


def _attributions(case: Case, told: Mapping[str, Any], say: Words) -> list[Picture]:
    _require_schema(told, "evenhand-attributions/1")
    found: list[Picture] = []
    if len(told["columns"]) > 1:
        found.append(_bars(told, say))
    if is_published(case):
        return found
    kinds: dict[str, Callable[[Mapping[str, Any], Words], list[Picture]]] = {
        "tabular": _table,
        "text": _texts,
        "generation": _texts,
        "image": _maps,
    }
    return found + kinds[told["kind"]](told, say)


def _bars(told: Mapping[str, Any], say: Words) -> Picture:
    columns = told["columns"][:_BARS]
    unit = say.term("unit", str(told["unit"]))
    title = say("pic_bars")
    description = say(
        "pic_bars_about",
        shown=len(columns),
        count=len(told["columns"]),
        n=f"{told['n']:,}",
        unit=unit,
        first=columns[0]["column"],
    )
    rows = [
        charts.Bar(str(c["column"]), float(c["mean_absolute"]), c["low"], c["high"])
        for c in columns
    ]
    table = [
        (str(c["column"]), _shown(c["mean_absolute"]), _between(c), _shown(c["mean"]))
        for c in columns
    ]
    heads = ("pic_column", "pic_mean_absolute", "col_interval", "pic_mean")
    return _picture(title, description, charts.bars(title, description, rows), heads, table, say)


def _table(told: Mapping[str, Any], say: Words) -> list[Picture]:
    names = [c["column"] for c in told["columns"] if c["mean_absolute"] > 0]
    kept = len(told["rows"]["output"])
    if not names or not kept:
        return []
    swarm = [_dots(told, c) for c in names[:_SWARMS]]
    title = say("pic_swarm")
    about = "pic_swarm_about" if told["inputs"] else "pic_swarm_plain"
    description = say(about, n=f"{kept:,}", unit=say.term("unit", str(told["unit"])))
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
    numeric = [c for c in names if c in told["numeric"] and len(set(told["inputs"].get(c, ()))) > 2]
    return found + [_scatter(told, c, say) for c in numeric[:_SCATTERS]]


def _scatter(told: Mapping[str, Any], column: str, say: Words) -> Picture:
    pairs = [
        (float(x), float(y))
        for x, y in zip(told["inputs"][column], told["values"][column], strict=True)
        if x is not None and y is not None
    ]
    title = say("pic_dependence", column=name(column, 60))
    unit = say.term("unit", str(told["unit"]))
    description = say("pic_dependence_about", column=name(column, 60), unit=unit)
    by_value: dict[float, list[float]] = {}
    for x, y in sorted(pairs):
        by_value.setdefault(x, []).append(y)
    values = list(by_value)
    chosen = values[:: max(1, -(-len(values) // 8))]
    rows = [(_shown(x), _shown(min(by_value[x])), _shown(max(by_value[x]))) for x in chosen]
    drawn = charts.scatter(title, description, str(column), *zip(*pairs, strict=True))
    return _picture(title, description, drawn, ("col_value", "pic_least", "pic_most"), rows, say)


def _texts(told: Mapping[str, Any], say: Words) -> list[Picture]:
    found = []
    for i, text in enumerate(told["texts"][:_PEOPLE]):
        title = say("pic_words", row=_row(told, i, say))
        score = _shown(told["rows"]["output"][i])
        description = say("pic_words_about", target=told["target"], output=score)
        ranked = sorted(
            zip(text["words"], text["values"], strict=True), key=lambda p: -abs(p[1] or 0.0)
        )
        rows = [(name(w, 40), _shown(v)) for w, v in ranked[:8]]
        drawn = coloured_words(text["words"], text["values"])
        heads = ("pic_word", "pic_attribution")
        found.append(_picture(title, description, drawn, heads, rows, say))
    return found


def _maps(told: Mapping[str, Any], say: Words) -> list[Picture]:
    found = []
    size = {k: int(told[k]) for k in ("height", "width", "colours")}
    for i, drawn in enumerate(told["maps"][:_PEOPLE]):
        title = say("pic_map", row=_row(told, i, say))
        output = _shown(told["rows"]["output"][i])
        most = _shown(drawn["scale"])
        label = told["rows"]["target"][i]
        described = say("pic_map_about", target=label or told["target"], output=output, most=most)
        image = told["images"][i] if told["images"] else None
        picture = heat_map(title, described, drawn["levels"], image, **size)
        rows = [(say("pic_output"), output), (say("pic_strongest"), most)]
        found.append(_picture(title, described, picture, ("col_name", "col_value"), rows, say))
    return found


def _curves(case: Case, told: Mapping[str, Any], say: Words) -> list[Picture]:
    _require_schema(told, "evenhand-explanation-curves/1")
    x = [float(s) for s in told["share_of_columns"]]
    lines = []
    for kind, (curve, key) in enumerate(_CURVE_NAMES.items(), start=1):
        points = told[curve]
        y = [float(p["mean"]) for p in points]
        low = [v if p["low"] is None else float(p["low"]) for p, v in zip(points, y, strict=True)]
        high = [
            v if p["high"] is None else float(p["high"]) for p, v in zip(points, y, strict=True)
        ]
        lines.append(charts.Line(say(key), kind, x, y, low, high))
    parts = say.term("parts", str(told.get("parts", "columns")))
    title = say("pic_curves", parts=parts)
    level = f"{told['level'] * 100:g}"
    description = say("pic_curves_about", n=f"{told['n']:,}", level=level, parts=parts)
    rows = [(_shown(share), *(_shown(line.y[i]) for line in lines)) for i, share in enumerate(x)]
    drawn = charts.curves(title, description, say("pic_share"), lines)
    heads = ("pic_share", *_CURVE_NAMES.values())
    return [_picture(title, description, drawn, heads, rows, say)]


def _reference(case: Case, told: Mapping[str, Any], say: Words) -> list[Picture]:
    """How often each column is a principal reason, beside the reference applicant's value."""
    _require_schema(told, "evenhand-reasons/1")
    found = [f for f in case.findings if f.measure == "reason_share" and f.value]
    found.sort(key=lambda f: (-(f.value or 0.0), f.column))
    if not found:
        return []
    values = told["reference"]["values"]
    rows = [
        charts.Bar(
            f.column,
            float(f.value or 0.0),
            f.interval.low if f.interval else None,
            f.interval.high if f.interval else None,
        )
        for f in found[:_BARS]
    ]
    title = say("pic_reasons")
    description = say("pic_reasons_about", n=f"{found[0].n:,}", first=found[0].column)
    table = [
        (
            f.column,
            number(f.value or 0.0),
            _cell(values.get(f.column)),
            say("answer.true") if f.column in told["proxies"] else say("answer.false"),
        )
        for f in found[:_BARS]
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


def _require_schema(told: Mapping[str, Any], schema: str) -> None:
    if told["schema"] != schema:
        raise ValueError(f"schema {told['schema']!r}, expected {schema!r}")


def _dots(told: Mapping[str, Any], column: str) -> charts.Dots:
    values = told["values"][column]
    tones = [0] * len(values)
    if column in told["numeric"] and column in told["inputs"]:
        tones = charts.tones(told["inputs"][column])
    pairs = [(float(v), t) for v, t in zip(values, tones, strict=True) if v is not None]
    return charts.Dots(str(column), [v for v, _ in pairs], [t for _, t in pairs])


def _row(told: Mapping[str, Any], i: int, say: Words) -> str:
    place = told["rows"]["numbers"][i]
    return str(i + 1) if place is None else f"{place:,}"


def _shown(value: Any) -> str:
    return "–" if value is None else number(float(value))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return number(float(value)) if isinstance(value, float | int) else short(value, 60)


def _between(row: Mapping[str, Any]) -> str:
    if row["low"] is None or row["high"] is None:
        return "–"
    return f"[{_shown(row['low'])}, {_shown(row['high'])}]"
