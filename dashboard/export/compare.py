"""The compare page of the copy that needs no server: each case against the others on its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from evenhand.audit.artifacts.kinds import DecisionBits
from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.audit.reports.drawing import charts
from evenhand.audit.reports.drawing.pictures import is_published
from evenhand.audit.reports.parts.words import words
from evenhand.audit.words.numbers import level_said, of_measure, p_value, signed
from evenhand.audit.words.reasons import render_json
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.axes import axis_label
from evenhand.dashboard.cases.index import group_axis, group_key
from evenhand.dashboard.export.views import View, table
from evenhand.dashboard.frames import compared as comparing
from evenhand.dashboard.i18n import Translator
from evenhand.policies.verdict import Verdict

MOST = 5  # others that a case is compared with: each comparison runs a command
_AT_ONCE = 2
_MOST_GROUPS = 30


@dataclass(frozen=True)
class Side:
    """One case of the export: its key in links, the case, and its verdicts by pack."""

    key: str
    case: Case
    verdicts: tuple[Verdict, ...]
    titles: Mapping[str, Mapping[Any, str]]

    @property
    def label(self) -> str:
        """Name, start of the seal's digest, and date, as the live pages name a case."""
        return visible(f"{self.case.subject.name} · {self.key[:8]}")


@dataclass(frozen=True)
class Against:
    """The other case, and what the command says of the pair; ``problem`` where it refuses.
    ``lacking`` is the label of a case that keeps no decisions: then there was nothing to ask."""

    other: Side
    told: Mapping[str, Any] | None
    problem: str = ""
    lacking: str = ""


def all_pairs(sides: Sequence[Side]) -> dict[str, list[Against]]:
    """For each case, by key: the others on the same rows, newest first, at most ``MOST``.

    ``evenhand compare`` is asked once a pair and direction, in processes of its own.
    """
    pairs = [(one, other) for one in sides for other in _others(one, sides)[:MOST]]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(lambda pair: _against(*pair), pairs))
    made: dict[str, list[Against]] = {side.key: [] for side in sides}
    for (one, _), against in zip(pairs, found, strict=True):
        made[one.key].append(against)
    return made


def left_out(one: Side, sides: Sequence[Side]) -> int:
    """How many others on the same rows are not compared, because there are too many."""
    return max(0, len(_others(one, sides)) - MOST)


def _others(one: Side, sides: Sequence[Side]) -> list[Side]:
    rows = _rows(one.case)
    return [s for s in sides if s.key != one.key and rows and _rows(s.case) == rows]


def _rows(case: Case) -> str:
    return case.subject.data_digest


def _against(one: Side, other: Side) -> Against:
    for side in (one, other):
        if not side.case.holds(DecisionBits):
            return Against(other, None, lacking=side.label)
    try:
        return Against(other, comparing.compared(one.case.path, other.case.path))
    except EvenhandError as error:
        return Against(other, None, " → ".join(p for p in (error.message, error.remedy) if p))


def views(one: Side, against: Against, t: Translator) -> list[View]:
    """Differences with intervals, verdicts that changed, and how far explanations drifted."""
    made: list[View] = []
    if against.told is not None:
        made += _differences(one, against, t)
    else:
        lacking = against.lacking and t("export.no_decisions", name=against.lacking)
        title = t("compare.cannot", name=against.other.label)
        made.append(View(title, lacking or visible(against.problem)))
    made += _changed(one, against, t)
    if against.told is not None:
        frame = comparing.drift_frame({against.other.label: against.told}, t)
        made.append(table(t("compare.drift"), t("compare.drift_what"), frame, t, ("against",)))
    return made


def _differences(one: Side, against: Against, t: Translator) -> list[View]:
    """All paired differences of one measure as pictures by feature, and as one table."""
    assert against.told is not None
    differences, other = against.told, against.other
    found = {other.label: differences}
    is_public = is_published(one.case) or is_published(other.case)
    axes = [] if is_public else comparing.axes([differences])
    made = []
    for measure in comparing.measures([differences]):
        title, pictures = words(t.lang).measure(measure), []
        for axis in [a for a in axes if "&" not in a] or [""]:
            frame = comparing.paired_frame(found, measure, axis, "", t)
            rows = frame.dropna(subset=["value"]).head(_MOST_GROUPS)
            bars = [charts.Bar(r["label"], r["value"], *_ends(r)) for r in rows.to_dict("records")]
            if bars:
                name = axis_label(axis, t) if axis else t("about.all")
                said = t("compare.words", measure=title, groups=len(bars))
                pictures.append((name, charts.bars(f"{title} · {name}", said, bars)))
        shown = [r for r in differences["results"] if r["measure"] == measure]
        shown = [r for r in shown if not r["group"]] if is_public else shown
        made.append(_with_table(title, pictures, shown, t))
    legend = t("export.compare_legend", level=level_said(differences["level"]))
    tested, interval = (visible(differences[part]) for part in ("test", "interval"))
    how = f"{tested}; {interval}; n = {differences['n']:,}"
    note = t("export.withheld") if is_public else ""
    return [View(t("compare.paired"), f"{legend} {how}", note=note), *made]


def _ends(row: Mapping[Any, Any]) -> tuple[float | None, float | None]:
    is_known = row["low"] == row["low"] and row["high"] == row["high"]
    return (row["low"], row["high"]) if is_known else (None, None)


def _with_table(
    title: str, pictures: Sequence[Any], results: Sequence[Mapping[str, Any]], t: Translator
) -> View:
    heads = (
        t("column.group"),
        "n",
        t("column.a"),
        t("column.b"),
        t("column.difference"),
        t("column.adjusted"),
        t("column.outcome"),
    )
    ordered = sorted(results, key=lambda r: (len(r["group"]), group_axis(group_key(r["group"]))))
    return View(title, "", tuple(pictures), heads, tuple(_row(r, t) for r in ordered))


def _row(result: Mapping[str, Any], t: Translator) -> tuple[str, ...]:
    group = ", ".join(f"{k} = {v}" for k, v in sorted(result["group"].items()))
    head = (visible(group) or t("about.all"), f"{result['n']:,}")
    if result["difference"] is None:
        return (*head, "–", "–", "–", "–", visible(render_json(result, t.lang)))
    ends, p = result["interval"], result["p_adjusted"]
    change = signed(result["difference"])
    if ends is not None:
        change += f" [{signed(ends['low'])}, {signed(ends['high'])}]"
    shown = p_value(p)
    outcome = t.term("outcome", str(result["outcome"]))
    return (
        *head,
        of_measure(result["measure"], result["a"]),
        of_measure(result["measure"], result["b"]),
        change,
        shown,
        outcome,
    )


def _changed(one: Side, against: Against, t: Translator) -> list[View]:
    """Items of each pack that both were judged by, with another verdict."""
    made = []
    for pack in dict.fromkeys(v.pack for v in one.verdicts):
        ours, theirs = (
            [v for v in side.verdicts if v.pack == pack] for side in (one, against.other)
        )
        if not theirs:
            continue
        name = t.pick(one.titles.get(pack) or {"en": pack})
        frame = comparing.changed_frame(ours, {against.other.label: theirs}, t)
        title = f"{t('compare.changed')}{t('colon')}{visible(name)}"
        if frame.empty:
            made.append(View(title, t("compare.unchanged", pack=name)))
        else:
            about = t("compare.changed_what", pack=name)
            made.append(table(title, about, frame, t, ("against",)))
    return made


def beside(one: Side, against: Sequence[Against], t: Translator) -> View:
    """Quality, budget and energy of the case and the others beside each other."""
    cases = {one.label: one.case, **{a.other.label: a.other.case for a in against}}
    frame = comparing.side_by_side(cases, comparing.SIDE_BY_SIDE, t)
    if frame.empty:
        return View(t("compare.beside"), t("compare.beside_none"))
    return table(t("compare.beside"), t("compare.beside_what"), frame, t)


__all__ = ["MOST", "Against", "Side", "all_pairs", "beside", "left_out", "views"]
