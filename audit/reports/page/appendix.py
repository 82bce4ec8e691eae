"""Every finding in one table: nothing that was measured is lost, and no text stands there twice.

Methods and reasons repeat hundreds of times: they are told once, by number, and each finding names
the numbers of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from evenhand.audit.finding import Finding
from evenhand.audit.reports.page.ranking import Ranked
from evenhand.audit.reports.parts import outline
from evenhand.audit.reports.parts.figures import level, value_of
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import number, p_value, span

# At the end of a method: beside the finding's own unadjusted p-value it says the same again.
_UNADJUSTED = re.compile(r", unadjusted (?:< )?\S+$")


@dataclass(frozen=True)
class FindingRow:
    """One finding as short texts; ``n`` has k of n where the value is a plain share, ``notes`` are
    numbers of the legend."""

    anchor: str
    about: str
    value: str
    ends: str
    n: str
    p: str
    counts: str
    notes: tuple[int, ...]
    sort: str


@dataclass(frozen=True)
class Group:
    """The findings of one measure of one check; ``notes`` are those that all of them share."""

    check: str
    measure: str
    title: str
    unit: str
    notes: tuple[int, ...]
    rows: tuple[FindingRow, ...]


@dataclass
class Legend:
    """Texts by number, from 1, in the order in which they were first needed."""

    texts: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """The number of a text."""
        return self.texts.setdefault(text, len(self.texts) + 1)


@dataclass(frozen=True)
class Appendix:
    """All findings, by measure, those that lead first; ``legend`` has the texts that they share."""

    groups: tuple[Group, ...]
    legend: tuple[str, ...]
    count: int
    level: str


def appendix(entries: Sequence[Ranked], say: Words) -> Appendix:
    """The table of all findings, families in reading order, within them what leads first."""
    legend = Legend()
    found: dict[tuple[str, str], list[Finding]] = {}
    for entry in entries:
        f = entry.finding
        found.setdefault((f.check, f.measure), []).append(f)
    groups = []
    levels = [f.interval.level for e in entries if (f := e.finding).interval]
    usual = max(set(levels), key=levels.count, default=0.95)
    order = sorted(found.items(), key=lambda item: _family_order(item[0][0]))
    for (check, measure), findings in order:
        told = [_notes(f, legend, say) for f in findings]
        shared = [n for n in told[0] if all(n in own for own in told)]
        rows = tuple(
            _row(f, [n for n in own if n not in shared], usual, say)
            for f, own in zip(findings, told, strict=True)
        )
        unit = findings[0].unit
        groups.append(
            Group(
                check,
                measure,
                say.measure(measure),
                say.term("unit", unit) if unit else "",
                tuple(shared),
                rows,
            )
        )
    return Appendix(tuple(groups), tuple(legend.texts), len(entries), f"{100 * usual:g}%")


def _family_order(check: str) -> tuple[int, str]:
    family = check.split(".", 1)[0]
    order = ("fairness", *outline.FAMILIES)
    return (order.index(family) if family in order else len(order), family)


def _row(finding: Finding, notes: Sequence[int], usual: float, say: Words) -> FindingRow:
    f = finding
    own = f.interval
    ends = "–".join(span(own.low, own.high)) if own else ""
    if own and own.low < 0:
        ends = " … ".join(span(own.low, own.high))
    if own and own.level != usual:
        ends += f" ({level(own)})"
    for other in f.other_intervals:
        ends += f"; {'–'.join(span(other.low, other.high))} ({level(other)})"
    is_plain = set(f.counts) == {"k", "n"} and f.counts["n"] == f.n
    return FindingRow(
        anchor=outline.anchor("f", f.id),
        about=_about(f, say),
        value=value_of(f, say).split(" ")[0]
        if f.value is not None
        else say.term("finding", f.status),
        ends=ends,
        n=f"{f.counts['k']:,}/{f.n:,}" if is_plain else f"{f.n:,}",
        p=_p(f),
        counts="" if is_plain else "·".join(f"{k}={v}" for k, v in sorted(f.counts.items())),
        notes=tuple(notes),
        sort=f"{f.value!r}" if f.value is not None else "",
    )


def _about(finding: Finding, say: Words) -> str:
    told = [f"{k}={v}" for k, v in sorted(finding.group.items())]
    if finding.between:
        told.append("×".join(finding.between))
    if finding.column:
        told.append(finding.column)
    return say.listed(told) or say("rp.everybody")


def _p(finding: Finding) -> str:
    if finding.p_value is None:
        return ""
    told = p_value(finding.p_value).replace(" ", "")
    if finding.p_unadjusted is not None and finding.p_unadjusted != finding.p_value:
        told += f"({number(finding.p_unadjusted)})"
    return told


def _notes(finding: Finding, legend: Legend, say: Words) -> list[int]:
    own = finding.interval.method if finding.interval else ""
    said = [
        part.strip()
        for text in dict.fromkeys((finding.method, own))
        for part in (text if finding.p_unadjusted is None else _UNADJUSTED.sub("", text)).split(
            "; "
        )
        if part.strip()
    ]
    if finding.reason:
        said += [say.reason((reason,)) for reason in finding.reason]
    if finding.seed is not None:
        said.append(say("seed", seed=finding.seed))
    if not finding.reproducible:
        said.append(say("not_reproducible"))
    said += list(finding.artifacts)
    return [legend.number(text) for text in dict.fromkeys(said)]
