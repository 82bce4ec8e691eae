"""Measures' identifiers in what people read: they have names, and these are said instead."""

from __future__ import annotations

import re
from collections.abc import Iterable

from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import checks
from tests.samples import finding

# An identifier of several words is one in any text; "precision" alone may be a word.
IDENTIFIERS = sorted({m for check in checks() for m in check.measures if "_" in m}, key=len)
# Not within a finding's id ("fairness.gaps/..."), nor as a pack asks for it ("fairness.selec...").
_RAW = re.compile(rf"(?<![\w./])(?:{'|'.join(reversed(IDENTIFIERS))})(?!\w)")


def raw(texts: Iterable[object]) -> set[str]:
    """The identifiers that stand in ``texts`` where a name belongs."""
    return {hit for text in texts for hit in _RAW.findall(str(text).replace("\\", ""))}


def one_of_each() -> list[Finding]:
    """A finding of every measure of the catalogue, over all rows or between the groups of race."""
    made = []
    for check in checks():
        for measure in check.measures:
            is_gap = measure.endswith(("_difference", "_ratio")) and "fairness" in check.id
            between = {"between": ("race",)} if is_gap else {}
            made.append(finding(check.id, measure, 0.5, 0.4, 0.6, n=100, **between))
    return made
