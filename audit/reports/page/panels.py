"""The chart of the first page: rates by group on one scale, with intervals and n.

Rows stand by size within a feature; a group under the floor is drawn hollow and grey, one that
fares worse than everybody else beyond chance in the colour of harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import declared_favourable
from evenhand.audit.finding import UNKNOWN, Finding
from evenhand.audit.reports.page.hundredths import Strip, is_share, shown, strip
from evenhand.audit.reports.page.ranking import Ranked
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import number
from evenhand.audit.words.subject import Sayings

MOST_ROWS = 14  # of the chart on the first page: it has to fit on a screen
_LEAST_OF_A_FEATURE = 3
_BINARY = ("selection_rate", "false_positive_rate", "false_negative_rate")
# Of other tasks, the first of these that the case has by group.
_OTHERS = (
    "accuracy_score",
    "balanced_accuracy_score",
    "mean_absolute_error",
    "mean_error",
    "mean_prediction",
)
_CHECKS = ("fairness.group_rates", "fairness.class_rates", "fairness.regression_gaps")


@dataclass(frozen=True)
class PanelRow:
    """One group in one panel."""

    name: str
    n: str
    value: str
    ends: str
    tone: str
    strip: Strip | None


@dataclass(frozen=True)
class PanelBlock:
    """The groups of one feature, largest first; ``left_out`` of them are not drawn here."""

    feature: str
    rows: tuple[PanelRow, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Panel:
    """One rate: what it is called, of whom it is a share, and its blocks."""

    measure: str
    title: str
    of: str
    blocks: tuple[PanelBlock, ...]
    ticks: tuple[str, ...]


def panels(
    case: Case, entries: Sequence[Ranked], floor: int, say: Words, most: int | None = MOST_ROWS
) -> list[Panel]:
    """The panels that the case has, three at most; none where no groups were measured."""
    by = _by_feature(case)
    if not by:
        return []
    measures = _measures(case, by)
    shares = _shares(by, most)
    harmed = {
        (tuple(r.finding.group.items()), r.apart.measure)
        for r in entries
        if r.apart and r.apart.is_proven and not r.is_small
    }
    sayings = Sayings(case.subject, say.lang)
    made = []
    for measure in measures:
        axis = _axis(by, measure)
        usual = _everybody(by, measure)
        blocks = []
        for feature, groups in by.items():
            names = _largest(groups, shares[feature])
            rows = [
                _row(groups[n].get(measure), feature, n, floor, harmed, axis, usual) for n in names
            ]
            blocks.append(PanelBlock(feature, tuple(rows), len(groups) - len(names)))
        made.append(
            Panel(
                measure,
                sayings.heading(measure) or say.measure(measure),
                sayings.of(measure) or "",
                tuple(blocks),
                _ticks(axis),
            )
        )
    return made


Groups = Mapping[str, Mapping[str, Finding]]


def _by_feature(case: Case) -> dict[str, dict[str, dict[str, Finding]]]:
    """Feature -> group -> measure -> finding, features in the subject's order."""
    found: dict[str, dict[str, dict[str, Finding]]] = {
        f: {} for f in case.subject.sensitive_features
    }
    for f in case.findings:
        if f.check in _CHECKS and len(f.group) == 1 and not f.column:
            [(feature, name)] = f.group.items()
            if feature in found:
                found[feature].setdefault(name, {}).setdefault(f.measure, f)
    return {feature: groups for feature, groups in found.items() if groups}


def _measures(case: Case, by: Mapping[str, Groups]) -> list[str]:
    held = {
        m
        for groups in by.values()
        for of in groups.values()
        for m, f in of.items()
        if f.value is not None
    }
    order = list(_BINARY)
    outcome = declared_favourable(case.subject)
    if outcome is not None and outcome.is_selection:  # of a benefit, the refusals come first
        order = [order[0], order[2], order[1]]
    binary = [m for m in order if m in held]
    return binary or [m for m in _OTHERS if m in held][:2]


def _size(of: Mapping[str, Finding]) -> int:
    count = of.get("count") or of.get("selection_rate")
    return count.n if count else max((f.n for f in of.values()), default=0)


def _largest(groups: Groups, most: int | None) -> list[str]:
    ordered = sorted(groups, key=lambda g: (g == UNKNOWN, -_size(groups[g]), g))
    return ordered[:most]


def _shares(by: Mapping[str, Groups], most: int | None) -> dict[str, int | None]:
    """How many rows each feature gets, so that all of them fit."""
    if most is None or sum(map(len, by.values())) <= most:
        return dict.fromkeys(by)
    left, shares = most, {}
    for position, (feature, groups) in enumerate(by.items()):
        others = len(by) - position - 1
        got = max(_LEAST_OF_A_FEATURE, left - others * _LEAST_OF_A_FEATURE)
        shares[feature] = min(len(groups), got)
        left -= shares[feature]
    return {**shares}


def _axis(by: Mapping[str, Groups], measure: str) -> tuple[float, float]:
    found = [f for groups in by.values() for of in groups.values() if (f := of.get(measure))]
    known = [f for f in found if f.value is not None]
    if all(is_share(f) for f in known):
        return (0.0, 1.0)
    places = [p for f in known for p in (f.value, *(_ends(f))) if p is not None]
    low, high = min(0.0, *places), max(0.0, *places)
    return (low, high) if low < high else (low, low + 1.0)


def _ends(finding: Finding) -> tuple[float, ...]:
    return (finding.interval.low, finding.interval.high) if finding.interval else ()


def _ticks(axis: tuple[float, float]) -> tuple[str, ...]:
    if axis == (0.0, 1.0):
        return ("0", "25", "50", "75", "100")
    low, high = axis
    return tuple(number(low + (high - low) * i / 4) for i in (0, 2, 4))


def _everybody(by: Mapping[str, Groups], measure: str) -> float | None:
    """The rate of all rows, from the counts of the first feature's groups; None without them."""
    groups = next(iter(by.values()))
    counts = [f.counts for of in groups.values() if (f := of.get(measure)) and f.value is not None]
    if not counts or any(not {"k", "n"} <= set(c) for c in counts):
        return None
    n = sum(c["n"] for c in counts)
    return sum(c["k"] for c in counts) / n if n else None


def _row(
    finding: Finding | None,
    feature: str,
    name: str,
    floor: int,
    harmed: set[tuple[tuple[tuple[str, str], ...], str]],
    axis: tuple[float, float],
    usual: float | None,
) -> PanelRow:
    if finding is None or finding.value is None:
        n = "" if finding is None else f"{finding.n:,}"
        return PanelRow(name, n, "–", "", "small", None)
    is_small = finding.n < floor or name == UNKNOWN
    is_harmed = (((feature, name),), finding.measure) in harmed
    tone = "small" if is_small else "bad" if is_harmed else "mark"
    value, between = shown(finding)
    drawn = strip(finding, axis=axis, tone=tone, usual=usual)
    return PanelRow(name, f"{finding.n:,}", value, between, tone, drawn)
