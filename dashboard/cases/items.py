"""Verdicts arranged as a checklist is worked through: by section, one at a time, by who has to act.

Pure functions of a pack and its verdicts; they judge nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evenhand.policies.pack import Pack
from evenhand.policies.schema import Change, Item
from evenhand.policies.verdict import VERDICT_STATUSES, Verdict, VerdictStatus

# Where a clause turns from the principle or article to its parts: "Art. 10(2)(f)", "fairness: x".
_PARTS = re.compile(r"[:;,(，]")
_LAST_NUMBER = re.compile(r"(?<=\d)\.\d+$")
_MOST_SECTIONS = 20  # more of them are numbered finer than people look for something


@dataclass(frozen=True)
class ItemSection:
    """The items under one article or principle; ``title`` is empty for those that name none."""

    title: str
    cite: str
    verdicts: tuple[Verdict, ...]

    @property
    def families(self) -> tuple[str, ...]:
        """What is measured under it: the families of the findings that decided."""
        found = (f.partition(".")[0] for v in self.verdicts for f in v.findings)
        return tuple(dict.fromkeys(found))

    def pressing(self) -> list[tuple[VerdictStatus, int]]:
        """How many items have each status that somebody has to do something about, worst first."""
        counted = Counter(v.status for v in self.verdicts)
        return [(s, counted[s]) for s in VERDICT_STATUSES if s in PRESSING and counted[s]]


# What neither holds nor is settled by anybody.
PRESSING: tuple[VerdictStatus, ...] = (
    "fail",
    "error",
    "inconclusive",
    "needs-attestation",
    "warn",
)


def principle(verdict: Verdict, pack: Pack | None) -> tuple[str, str]:
    """What an item stands under: its first clause without sub-clauses, and the source's name.

    Both are empty for an item that names no clause.
    """
    for source, text in verdict.clause.items():
        known = pack.sources.get(source) if pack else None
        head = _PARTS.split(text, maxsplit=1)[0].strip() or text.strip()
        return head, known.cite if known else source
    return "", ""


def sections(verdicts: Sequence[Verdict], pack: Pack | None) -> list[ItemSection]:
    """Verdicts under their articles, both in the pack's order; those without one come last.

    Where a source numbers nearly every item ("MAP 1.1"), the last number is let go of ("MAP 1").
    """
    heads = [principle(v, pack) for v in verdicts]
    while len(set(heads)) > _MOST_SECTIONS:
        coarser = [(_LAST_NUMBER.sub("", title), cite) for title, cite in heads]
        if coarser == heads:
            break
        heads = coarser
    grouped: dict[tuple[str, str], list[Verdict]] = {}
    for head, verdict in zip(heads, verdicts, strict=True):
        grouped.setdefault(head, []).append(verdict)
    made = [ItemSection(title, cite, tuple(found)) for (title, cite), found in grouped.items()]
    return sorted(made, key=lambda section: section.title == "")


def opened(verdicts: Sequence[Verdict], asked: str) -> Verdict | None:
    """The item that is open: the one asked for, else the most pressing; None of none."""
    named = next((v for v in verdicts if v.item == asked), None)
    ranked = sorted(verdicts, key=lambda v: VERDICT_STATUSES.index(v.status))
    return named or next(iter(ranked), None)


def awaiting(
    verdicts: Sequence[Verdict], pack: Pack, may_sign_as: Callable[[str], bool]
) -> list[str]:
    """The items that wait for somebody who may attest in these roles, in the pack's order."""
    found = []
    for verdict in verdicts:
        item = pack.item(verdict.item)
        if verdict.status == "needs-attestation" and item is not None and item.attest is not None:
            found += [verdict.item] if may_sign_as(item.attest.role) else []
    return found


def after(item: str, order: Sequence[str], wanted: Sequence[str]) -> str:
    """The next of ``wanted`` behind ``item`` in ``order``, from its start again at the end; empty
    where there is no other.

    >>> after("b", ["a", "b", "c"], ["a", "b"]), after("b", ["a", "b"], ["b"])
    ('a', '')
    """
    place = order.index(item) + 1 if item in order else 0
    ahead = (*order[place:], *order[:place])
    return next((one for one in ahead if one in wanted and one != item), "")


def waiting(verdicts: Sequence[Verdict], pack: Pack) -> list[tuple[str, int]]:
    """For each role that has to attest: how many items wait for it; most items first."""
    counted = Counter(
        item.attest.role
        for verdict in verdicts
        if verdict.status == "needs-attestation"
        and (item := pack.item(verdict.item)) is not None
        and item.attest is not None
    )
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def actions(verdict: Verdict, item: Item) -> list[str]:
    """What a person can do about an item: attest, waive, both or neither."""
    if verdict.status in ("not-applicable", "not-yet-applicable") and item.attest is None:
        return []
    found = ["attest"] if item.attest is not None else []
    if item.can_be_waived and verdict.underlying not in ("pass", "attested", "not-applicable"):
        found.append("waive")
    return found


def changes(pack: Pack, item: str) -> list[Change]:
    """What a house pack changed of an item of the pack that it extends."""
    return [c for c in pack.extended.changes if c.item == item] if pack.extended else []
