"""What the live pages draw from a case's artifacts, as still pictures with their tables. Pure.

Where a live page lets the reader choose one view, all of them stand below each other here: one
small picture a group, all of a kind on the same scale. What is left out is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from evenhand.audit.artifacts.artifact import ArtifactDocument
from evenhand.audit.artifacts.explanation import AttributionsByGroup, Counterfactuals, Reasons
from evenhand.audit.artifacts.fairness import Calibration, Thresholds, WorstGroups
from evenhand.audit.artifacts.kinds import LedgerTimeline
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.reports.drawing import charts
from evenhand.audit.reports.drawing.pictures import is_published
from evenhand.audit.reports.parts.words import words
from evenhand.audit.words.numbers import at_most, level_said, number
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.axes import axis_label
from evenhand.dashboard.cases.index import build
from evenhand.dashboard.frames import explained as frames_explained
from evenhand.dashboard.frames import fairness as frames_fairness
from evenhand.dashboard.frames import plain_words
from evenhand.dashboard.frames.privacy import ledger_frame
from evenhand.dashboard.i18n import Translator

if TYPE_CHECKING:
    from markupsafe import Markup

_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy_score")
_MOST_CURVES, _MOST_GROUPS, _MOST_PEOPLE, _MOST_PAIRS = 48, 12, 20, 6
_POINTS, _ROWS = 51, 11
_MOST_BARS = 8
_D = TypeVar("_D", bound=ArtifactDocument)


@dataclass(frozen=True)
class View:
    """Pictures side by side, each under its name, and the table of their numbers.

    ``note`` says what is left out. A view may be a table alone, or say alone why there is none.
    """

    title: str
    about: str = ""
    pictures: tuple[tuple[str, Markup], ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def fairness(case: Case, t: Translator) -> list[View]:
    """Rates along the threshold, calibration, and where the errors gather."""
    return _public(case, t, (Thresholds, Calibration, WorstGroups)) or [
        *_drawn(case, Thresholds, _thresholds, t),
        *_drawn(case, Calibration, _calibration, t),
        *_drawn(case, WorstGroups, _worst, t),
    ]


def explanations(case: Case, t: Translator) -> list[View]:
    """Attributions by group, and what the case keeps of single people."""
    return _public(case, t, (AttributionsByGroup, Reasons, Counterfactuals)) or [
        *_drawn(case, AttributionsByGroup, _by_group, t),
        *_drawn(case, Reasons, _reasons, t),
        *_drawn(case, Counterfactuals, _changes, t),
    ]


def privacy(case: Case, t: Translator) -> list[View]:
    """The budget in words, the ledger's lines in their order, and what is not there."""
    index = build(case.findings, ())
    told = [View(t("privacy.budget"), t("sentence.space").join(plain_words.leaks(index, t)))]
    if case.holds(LedgerTimeline):
        told += _drawn(case, LedgerTimeline, _ledger, t)
    else:
        has_ledger = any(f.check == "privacy.ledger" for f in case.findings)
        why = t("privacy.no_timeline" if has_ledger else "privacy.no_ledger")
        told.append(View(t("privacy.timeline"), why))
    if not plain_words.attacks(index):
        told.append(View(t("privacy.attacks"), t("privacy.no_attacks")))
    return [*told, View(t("privacy.cost"), t("export.cost"))]


def _public(case: Case, t: Translator, kinds: Iterable[type[ArtifactDocument]]) -> list[View]:
    """What is said instead of the views of ``kinds`` in the version for the public: they have
    counts of every group, and what is withheld could be worked out from them."""
    if not is_published(case) or not any(case.holds(kind) for kind in kinds):
        return []
    return [View(t("export.withheld.title"), t("export.withheld"))]


def _drawn(
    case: Case, kind: type[_D], draw: Callable[[_D, Translator], list[View]], t: Translator
) -> list[View]:
    """The views of one artifact, if the case has one; a word of one of another version."""
    try:
        document = case.document(kind)
    except InputError:
        return [View(t("view.unreadable", name=kind.FILE), t("view.other_version"))]
    return [] if document is None else draw(document, t)


def _thresholds(document: Thresholds, t: Translator) -> list[View]:
    """One picture a group for each rate and each single feature."""
    views: list[View] = []
    axes = frames_fairness.swept_axes(one.group for one in document.groups)
    rates = [r for r in _RATES if r in document.rates]
    own = document.threshold
    about = t("export.thresholds", level=level_said(document.level))
    if own is not None:
        about += t("sentence.space") + t("export.own_threshold", threshold=number(own))
    left_out = sum("&" in axis for axis in axes)
    drawn = 0
    for axis in (a for a in axes if "&" not in a):
        for rate in rates:
            frame = frames_fairness.explorer_frame(document, axis, rate, "", t)
            names = list(dict.fromkeys(frame["group"]))
            if drawn + len(names) > _MOST_CURVES or len(names) > _MOST_GROUPS:
                left_out += 1
                continue
            drawn += len(names)
            views.append(_swept(frame, names, (axis, rate), own, "" if views else about, t))
    if left_out and views:
        views.append(View("", note=t("export.views_left_out", number=left_out)))
    return views or [View(t("view.thresholds"), t("explorer.too_many"))]


def _swept(
    frame: pd.DataFrame,
    names: Sequence[str],
    what: tuple[str, str],
    own: float | None,
    about: str,
    t: Translator,
) -> View:
    """One rate of one set of features; ``about`` stands over the first of all."""
    within = (float(frame["threshold"].min()), float(frame["threshold"].max()))
    rate = words(t.lang).measure(what[1])
    title = t("fairness.by", measure=rate, feature=axis_label(what[0], t))
    pictures = []
    for name in names:
        curve = frame[(frame["group"] == name) & frame["value"].notna()]
        if curve.empty:
            continue
        line = _line(name, _thinned(curve, _POINTS), "threshold")
        said = t("export.curve_words", measure=rate, group=name)
        drawing = charts.curves(
            f"{rate} · {name}",
            said,
            t("column.threshold"),
            [line],
            within=within,
            between=(0.0, 1.0),
            at=own,
        )
        pictures.append((name, drawing))
    return View(
        f"{t('view.thresholds')}{t('colon')}{title}",
        about,
        tuple(pictures),
        (t("column.threshold"), *names),
        tuple(_swept_rows(frame, names, own)),
    )


def _swept_rows(
    frame: pd.DataFrame, names: Sequence[str], own: float | None
) -> Iterable[tuple[str, ...]]:
    """Some of the thresholds, the model's own among them; a column a group."""
    thresholds = sorted(set(frame["threshold"]))
    step = max(1, (len(thresholds) - 1) // (_ROWS - 1))
    shown = {*thresholds[::step], thresholds[-1]}
    if own is not None:
        shown.add(min(thresholds, key=lambda x: abs(x - own)))
    by_place = {(row["group"], row["threshold"]): row for row in _records(frame)}
    for threshold in sorted(shown):
        cells = [_of(by_place[(name, threshold)]) for name in names]
        yield (number(threshold), *cells)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _of(row: Mapping[str, Any]) -> str:
    return f"{_interval(row)} ({row['cases']}/{row['n']})" if row["n"] else "–"


def _calibration(document: Calibration, t: Translator) -> list[View]:
    """One picture a group: the share of positives against the score, beside the diagonal."""
    views = []
    axes = frames_fairness.swept_axes(one.group for one in document.curves)
    for axis in (a for a in axes if "&" not in a):
        frame = frames_fairness.calibration_frame(document, axis, "")
        names = list(dict.fromkeys(frame["group"]))[:_MOST_GROUPS]
        pictures, rows = [], []
        for name in names:
            curve = frame[(frame["group"] == name) & frame["value"].notna()]
            if curve.empty:
                continue
            ends = [0.0, 1.0]
            lines = [
                charts.Line(t("export.diagonal"), 3, ends, ends, ends, ends),
                _line(name, curve, "score"),
            ]
            title = f"{t('view.calibration')} · {name}"
            said = t("export.curve_words", measure=t("calibration.share"), group=name)
            drawing = charts.curves(
                title, said, t("calibration.score"), lines, between=(0.0, 1.0), dotted=lines[1:]
            )
            pictures.append((name, drawing))
            rows += [(name, number(r["score"]), _of(r)) for r in _records(curve)]
        feature = axis_label(axis, t)
        views.append(
            View(
                f"{t('view.calibration')}{t('colon')}{t('summary.by', feature=feature)}",
                f"{t('export.calibration')}{t('sentence.space')}"
                + t("calibration.legend", level=level_said(document.level)),
                tuple(pictures),
                (t("column.group"), t("calibration.score"), t("calibration.share")),
                tuple(rows),
            )
        )
    return views


def _worst(document: WorstGroups, t: Translator) -> list[View]:
    """The tested groups, the tree from top to bottom, and crossings of two columns, as tables."""
    tested = frames_fairness.tested_frame(document)
    tree = frames_fairness.tree_frame(document, t)
    rows = tuple(
        ("› " * int(r["depth"]) + r["group"], number(r["value"]), f"{r['errors']}/{r['n']}")
        for r in _records(tree)
    )
    heads = (t("column.group"), t("worst.rate"), t("export.errors"))
    views = []
    if len(tested):
        views.append(table(t("worst.tested"), "", tested, t))
    views.append(View(t("worst.tree"), t("export.tree"), heads=heads, rows=rows))
    pairs = document.pairs
    for pair in pairs[:_MOST_PAIRS]:
        first, second = pair.columns
        frame = frames_fairness.heat_frame(document, first, second, t)
        title = f"{t('worst.heat')}{t('colon')}{visible(first)} × {visible(second)}"
        cells = tuple(
            (f"{r['first']} × {r['second']}", number(r["value"]), f"{r['errors']}/{r['n']}")
            for r in _records(frame.sort_values("value", ascending=False).head(20))
        )
        note = t("export.first_of", shown=len(cells), all=len(frame))
        is_cut = len(cells) < len(frame)
        views.append(
            View(title, t("worst.heat_legend"), heads=heads, rows=cells, note=note * is_cut)
        )
    if len(pairs) > _MOST_PAIRS:
        views.append(View("", note=t("export.views_left_out", number=len(pairs) - _MOST_PAIRS)))
    return views


def _by_group(document: AttributionsByGroup, t: Translator) -> list[View]:
    """What moves each group's score: one picture a group, the same columns in each."""
    views = []
    unit = visible(t.term("unit", document.unit))
    for axis in (a for a in frames_explained.by_group_axes(document) if "&" not in a):
        frame = frames_explained.by_group_frame(document, axis, "", t)
        names = list(dict.fromkeys(frame["group"]))[: _MOST_GROUPS + 1]
        columns = list(dict.fromkeys(frame["column"]))[:_MOST_BARS]
        shown = frame[frame["group"].isin(names) & frame["column"].isin(columns)]
        ends = [v for v in shown["value"] if v == v]
        within = (0.0, max([0.0, *ends]))
        pictures = []
        for name in names:
            held = shown[(shown["group"] == name) & shown["value"].notna()]
            bars = [charts.Bar(r["column"], float(r["value"])) for r in _records(held)]
            said = t("export.curve_words", measure=t("column.attribution"), group=name)
            title = f"{name} (n={int(held['n'].max())})" if len(held) else name
            pictures.append((title, charts.bars(title, said, bars, within=within)))
        rows = tuple(
            (r["group"], r["column"], _cell(r["value"]), _cell(r["rank"]), f"{r['n']:,}")
            for r in _records(shown)
        )
        heads = (*(t(f"column.{c}") for c in ("group", "column", "value", "rank")), "n")
        feature = axis_label(axis, t)
        title = f"{t('column.attribution')}{t('colon')}{t('summary.by', feature=feature)}"
        about = t("export.by_group", unit=unit, columns=len(columns))
        views.append(View(title, about, tuple(pictures), heads, rows))
    return views


def _reasons(document: Reasons, t: Translator) -> list[View]:
    people, rows = document.people, []
    for person in people[:_MOST_PEOPLE]:
        frame = frames_explained.reasons_frame(person, document, t)
        rows += [
            (f"{person.row:,}", str(r["place"]), r["column"], r["compared"], _cell(r["push"]))
            for r in _records(frame)
        ]
    heads = tuple(t(f"column.{c}") for c in ("row", "place", "column", "compared", "push"))
    about = t("person.reasons_legend", rows=document.reference.favourable_rows)
    return [View(t("person.reasons"), about, (), heads, tuple(rows), _people_left(people, t))]


def _changes(document: Counterfactuals, t: Translator) -> list[View]:
    people = document.people
    rows: list[tuple[str, ...]] = []
    for person in people[:_MOST_PEOPLE]:
        place = f"{person.row:,}"
        if not person.is_found:
            rows.append((place, t("person.no_change"), "–"))
        for change in _records(frames_explained.changes_frame(person)):
            rows.append((place, change["column"], change["change"]))
    heads = tuple(t(f"column.{c}") for c in ("row", "column", "change"))
    return [View(t("person.change"), "", (), heads, tuple(rows), _people_left(people, t))]


def _people_left(people: Sequence[Any], t: Translator) -> str:
    if len(people) <= _MOST_PEOPLE:
        return ""
    return t("export.people", shown=_MOST_PEOPLE, all=len(people))


def _ledger(document: LedgerTimeline, t: Translator) -> list[View]:
    frame = ledger_frame(document, t)
    epsilon = float(document.epsilon)
    known = {"shown": len(frame), "lines": document.n_lines, "epsilon": at_most(epsilon)}
    about = t("privacy.timeline_legend", delta=at_most(document.delta), **known)
    said = t("privacy.timeline_words", steps=f"{frame['steps'].iloc[-1]:,}", **known)
    x, y = _stairs([float(s) for s in frame["steps"]], list(frame["epsilon"]))
    far, top = max(x), 1.08 * max(epsilon, *y, 1e-9)
    lines = [
        charts.Line(
            t("export.declared"), 3, [0.0, far], [epsilon] * 2, [epsilon] * 2, [epsilon] * 2
        ),
        charts.Line(t("column.epsilon"), 2, x, y, y, y),
    ]
    drawing = charts.curves(
        t("privacy.timeline"),
        said,
        t("column.steps"),
        lines,
        within=(0.0, max(far, 1.0)),
        between=(0.0, top),
    )
    pictures = ((t("column.epsilon"), drawing),) if far else ()
    made = table(t("privacy.timeline"), about, frame, t)
    return [View(made.title, made.about, pictures, made.heads, made.rows)]


def _stairs(x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    """The corners of a line that keeps each value until the next place."""
    along, up = list(x[:1]), list(y[:1])
    for i in range(1, len(x)):
        along += [x[i], x[i]]
        up += [y[i - 1], y[i]]
    return along, up


def table(
    title: str, about: str, frame: pd.DataFrame, t: Translator, hidden: Sequence[str] = ()
) -> View:
    """A table of ``frames`` as a view; columns that are not ours keep their names."""
    columns = [c for c in frame.columns if c not in hidden]
    heads = tuple("n" if c == "n" else t.term("column", str(c)) for c in columns)
    rows = tuple(tuple(_cell(row[c]) for c in columns) for row in _records(frame))
    return View(title, about, heads=heads, rows=rows)


def _line(name: str, curve: pd.DataFrame, along: str) -> charts.Line:
    """A curve with its band; where the band is unknown it is as narrow as the line."""
    low = curve["low"].fillna(curve["value"])
    high = curve["high"].fillna(curve["value"])
    return charts.Line(name, 2, list(curve[along]), list(curve["value"]), list(low), list(high))


def _thinned(curve: pd.DataFrame, most: int) -> pd.DataFrame:
    step = -(-len(curve) // most)
    return pd.concat([curve.iloc[::step], curve.iloc[-1:]]).drop_duplicates("threshold")


def _interval(row: Mapping[str, Any]) -> str:
    if row["value"] is None or row["value"] != row["value"]:
        return "–"
    if row["low"] != row["low"] or row["low"] is None:
        return number(row["value"])
    return f"{number(row['value'])} [{number(row['low'])}, {number(row['high'])}]"


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "–"
    if isinstance(value, float | int) and not isinstance(value, bool):
        return number(float(value))
    return visible(value)
