"""What a section is made of: its rows, its sentences, and the case that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.reports.page.decision import (
    Decision,
)
from evenhand.audit.reports.page.hundredths import (
    Strip,
)
from evenhand.audit.reports.page.ranking import in_order
from evenhand.audit.reports.parts.words import Words
from evenhand.policies.verdict import Verdict

MOST_ROWS = 9


@dataclass(frozen=True)
class PageRow:
    """A line of a section's chart: what, of whom, the number, and what follows from it."""

    label: str
    of: str
    strip: Strip | None
    value: str
    note: str
    tone: str = "mark"


@dataclass(frozen=True)
class PageLine:
    """A sentence; ``status`` is that of the item that it is about, ``anchor`` where it stands."""

    text: str
    status: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Of:
    """What a section is made of."""

    case: Case
    verdicts: Sequence[Verdict]
    page: Decision
    say: Words
    key: str
    families: tuple[str, ...]

    @property
    def findings(self) -> list[Finding]:
        return [f for f in self.case.findings if f.check.split(".", 1)[0] in self.families]

    @property
    def items(self) -> list[Verdict]:
        """The items that read findings of this section, most pressing first."""
        ids = {f.id for f in self.findings}
        return [v for v in in_order(self.verdicts) if ids & set(v.findings)]

    def measured(self, *measures: str) -> list[Finding]:
        """Numbers of the whole, in the order asked for."""
        return [
            f
            for measure in measures
            for f in self.findings
            if f.measure == measure
            and f.value is not None
            and not (f.group or f.between or f.column)
        ]
