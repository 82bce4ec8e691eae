"""The sections behind the first page: each one chart, and a sentence for each finding that matters.

What is not said here is in the appendix. A section without numbers says why in one box, and names
what would fill it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.reports.page.charts import chart
from evenhand.audit.reports.page.decision import (
    Decision,
    anchor_of,
    number_of,
)
from evenhand.audit.reports.page.making import MOST_ROWS, Of, PageLine, PageRow
from evenhand.audit.reports.page.ranking import proven
from evenhand.audit.reports.page.telling import lines
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.text import short
from evenhand.policies.verdict import Verdict

MOST_LINES = 6
# Items that have a sentence in the section of their findings: what waits for people, and what is
# settled, stands in the checklist.
_TOLD = frozenset({"fail", "error", "inconclusive", "warn", "waived"})
# Section -> the families of checks whose findings it shows. Any other family has one of its own.
FAMILIES: dict[str, tuple[str, ...]] = {
    "fairness": ("fairness",),
    "performance": ("performance",),
    "explanation": ("explanation",),
    "privacy": ("privacy",),
    "data": ("data",),
    "robustness": ("robustness", "energy", "plan"),
}


@dataclass(frozen=True)
class PageSection:
    """``empty`` says why there is nothing and what would fill it; ``status`` is the most pressing
    of the items that read its findings ("" where none does)."""

    id: str
    title: str
    status: str
    chart: str
    caption: str
    rows: tuple[PageRow, ...]
    ticks: tuple[str, ...]
    lines: tuple[PageLine, ...]
    empty: tuple[str, str] | None
    count: int


def sections(
    case: Case, verdicts: Sequence[Verdict], page: Decision, say: Words
) -> list[PageSection]:
    """The sections in order; a family of a stranger's checks has one where it has findings."""
    known = {f for families in FAMILIES.values() for f in families}
    others = {f.check.split(".", 1)[0] for f in case.findings} - known
    order = {**FAMILIES, **{family: (family,) for family in sorted(others)}}
    return [
        _section(Of(case, verdicts, page, say, key, families)) for key, families in order.items()
    ]


def _section(of: Of) -> PageSection:
    title, rows, ticks = chart(of)
    has_numbers = any(f.value is not None for f in of.findings)
    told = [*lines(of), *_of_items(of)] if has_numbers else []
    items = of.items
    say = of.say
    return PageSection(
        id=of.key,
        title=say.family(of.key),
        status=items[0].status if items else "",
        chart=title if rows else "",
        caption=(say.known("caption", of.key) or "") if title != say("rp.chart.gaps") else "",
        rows=tuple(rows[:MOST_ROWS]),
        ticks=ticks,
        lines=tuple(told[:MOST_LINES]),
        empty=None if has_numbers else _empty(of),
        count=len(of.findings),
    )


def _empty(of: Of) -> tuple[str, str]:
    """Why there is nothing: the reason that most of its findings give."""
    say = of.say
    reasons = [say.reason(f.reason) for f in of.findings if f.reason]
    why = max(dict.fromkeys(reasons), key=reasons.count, default=say("rp.not_asked"))
    return short(why, 240), say.known("fill", of.key) or say("rp.fill")


def _of_items(of: Of) -> list[PageLine]:
    """A sentence for each item that is not settled in favour."""
    say = of.say
    lines = []
    by_people = [r.verdict for r in proven(of.page.entries)] if of.key == "fairness" else []
    for v in of.items:
        if v.status not in _TOLD or v in by_people:
            continue
        told = number_of(v, of.case, say) or short(say.pick(v.because), 180)
        said = say("rp.titled", title=short(say.pick(v.title), 90), said=told)
        lines.append(PageLine(said, v.status, anchor_of(v)))
    return lines
