"""Verdicts arranged as a checklist is worked through: by principle, by who has to act.

Pure functions of a pack and its verdicts; they judge nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from evenhand.policies.pack import Pack
from evenhand.policies.schema import Change, Item
from evenhand.policies.verdict import Verdict

# Where a clause turns from the principle or article to its parts: "Art. 10(2)(f)", "fairness: x".
_PARTS = re.compile(r"[:;,(]")


def principle(verdict: Verdict, pack: Pack | None) -> str:
    """What an item stands under: its first clause without sub-clauses, with the source's name.

    Empty for an item that names no clause.
    """
    for source, text in verdict.clause.items():
        known = pack.sources.get(source) if pack else None
        head = _PARTS.split(text, maxsplit=1)[0].strip() or text.strip()
        return f"{known.cite if known else source} · {head}"
    return ""


def by_principle(verdicts: Sequence[Verdict], pack: Pack | None) -> list[tuple[str, list[Verdict]]]:
    """Verdicts under their principles, both in the pack's order; those without one come last."""
    grouped: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        grouped.setdefault(principle(verdict, pack), []).append(verdict)
    return sorted(grouped.items(), key=lambda group: group[0] == "")


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
