"""Verdicts on the terminal: what fails first, then what is open, then what waits for a person; what
is in order is one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.commands.parts.shared import safe
from evenhand.audit.commands.parts.tables import show, table
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from rich.table import Table

    from evenhand.policies.gate import Gate
    from evenhand.policies.verdict import Verdict, VerdictStatus

# a mark and a word: status never by colour alone
MARKS: dict[VerdictStatus, str] = {
    "pass": "✓ pass",
    "fail": "✗ fails",
    "warn": "! warning",
    "inconclusive": "? undecided",
    "needs-attestation": "✎ to attest",
    "attested": "✓ attested",
    "not-applicable": "– not applicable",
    "not-yet-applicable": "– not yet applicable",
    "waived": "~ waived",
    "error": "✗ error",
}
_FOLDED: tuple[VerdictStatus, ...] = (
    "attested",
    "pass",
    "not-yet-applicable",
    "not-applicable",
)


def show_verdicts(verdicts: Sequence[Verdict]) -> None:
    """For each pack its counts, what is to be looked at, and the rest in a line a status."""
    by_pack: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_pack.setdefault(f"{verdict.pack} {verdict.pack_version}", []).append(verdict)
    for pack, items in by_pack.items():
        show(phrase("{pack}: {items}", pack=pack, items=counts_text(items)))
        if any(v.status not in _FOLDED for v in items):
            show(verdict_table(items))
        for line in folded(items):
            show(line)


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """The items to be looked at, the most pressing first: status, item, severity and sentence."""
    made = table("", ["verdict", "item", "severity", "because"])
    for v in ranked(verdicts):
        if v.status not in _FOLDED:
            item = f"{v.item} {safe(v.title.get('en', ''))}"
            made.add_row(MARKS[v.status], item, v.severity, safe(v.because.get("en", "")))
    return made


def ranked(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """By status, the most pressing first; within one by severity, then in the pack's order."""
    from evenhand.policies.verdict import SEVERITIES, VERDICT_STATUSES

    return sorted(
        verdicts,
        key=lambda v: (VERDICT_STATUSES.index(v.status), SEVERITIES.index(v.severity)),
    )


def folded(verdicts: Sequence[Verdict]) -> list[str]:
    """``✓ pass: BASE-DATA-1, BASE-DATA-2``, a line for each status that asks for nothing."""
    lines = []
    for status in _FOLDED:
        items = [safe(v.item) for v in verdicts if v.status == status]
        if items:
            lines.append(f"{MARKS[status]}: {', '.join(items)}")
    return lines


def counts_text(verdicts: Sequence[Verdict]) -> str:
    """``2 fail, 1 undecided, 9 pass``: statuses that occur, the most pressing first."""
    from evenhand.policies.gate import counts

    told = {"inconclusive": "undecided", "needs-attestation": "to attest", "warn": "warning"}
    found = {told.get(s, s.replace("-", " ")): n for s, n in counts(verdicts).items() if n}
    return ", ".join(f"{n} {status}" for status, n in found.items()) or "no items"


def show_known(setting: Gate) -> None:
    """What a gate with a baseline let go because it was there before."""
    if setting.known is not None:
        listed = ", ".join(setting.known) or "nothing"
        show(phrase("Known since the baseline, and no worse: {listed}", listed=listed))


def show_why(setting: Gate) -> None:
    """Why the exit code is not 0, and what would change it, in one line."""
    if setting.why:
        show(setting.why["en"])
