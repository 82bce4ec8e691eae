"""A case's findings by what pages ask for, so that a large case is walked through once.

Pure: built once a case (see ``shelf.Shelf.index``) and kept as long as the case is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from evenhand.audit.case.plan import PlannedSubject
from evenhand.audit.finding import Finding, Status
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.axes import axis

MOST_GROUPS = 500  # in the list of groups; a link reaches the rest


@dataclass(frozen=True)
class Index:
    """Findings by measure and by axis (see ``frames.axis``), and the groups that they name."""

    by_measure: Mapping[str, Sequence[Finding]]
    by_axis: Mapping[tuple[str, str, str], Sequence[Finding]]
    groups: tuple[str, ...]
    sizes: Mapping[str, int]
    by_id: Mapping[str, Finding]
    statuses: Mapping[Status, int]
    checks: Set[str]

    def of(self, measure: str, *, check: str = "") -> Sequence[Finding]:
        """The findings of one measure, of one check where it is named."""
        found = self.by_measure.get(measure, ())
        return [f for f in found if f.check == check] if check else found

    def overall(self, measure: str, *, check: str = "") -> Finding | None:
        """The measured finding over all rows, if there is one."""
        alone = (f for f in self.of(measure, check=check) if is_overall(f) and f.value is not None)
        return next(alone, None)

    def about_group(self, key: str, measure: str, check: str) -> Finding | None:
        """The finding of one measure about the group with this key."""
        found = self.by_axis.get((check, measure, group_axis(key)), ())
        return next((f for f in found if group_key(f.group) == key), None)


def build(findings: Sequence[Finding], features: Sequence[str]) -> Index:
    """The index of a case; ``features`` are the sensitive and control features of its subject."""
    by_measure: dict[str, list[Finding]] = defaultdict(list)
    by_axis: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    sizes: dict[str, int] = {}
    known = set(features)
    for f in findings:
        by_measure[f.measure].append(f)
        if key := axis(f):
            by_axis[(f.check, f.measure, key)].append(f)
        if f.group and not f.column and known.issuperset(f.group):
            name = group_key(f.group)
            # the n of a group's share of the data is that of all rows
            rows = 0 if f.check.startswith("data.") else f.n
            sizes[name] = max(sizes.get(name, 0), rows)
    by_id = {f.id: f for f in findings}
    statuses, checks = Counter(f.status for f in findings), {f.check for f in findings}
    simple = sorted(sizes, key=lambda k: (k.count("&"), -sizes[k], k))[:MOST_GROUPS]
    return Index(dict(by_measure), dict(by_axis), tuple(simple), sizes, by_id, statuses, checks)


def features(subject: PlannedSubject) -> list[str]:
    """The sensitive and control features of a case's subject."""
    return [*subject.sensitive_features, *subject.control_features]


def is_overall(finding: Finding) -> bool:
    """Whether a finding is about all rows: no group, no gap, no column."""
    return not (finding.group or finding.between or finding.column)


def group_key(group: Mapping[str, Any]) -> str:
    """A group as it stands in a link.

    >>> group_key({"sex": "F", "race": "a b"})
    'race=a%20b&sex=F'
    """
    pairs = sorted((str(k), str(v)) for k, v in group.items())
    return "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in pairs)


def group_axis(key: str) -> str:
    """The axis (see ``frames.axis``) on which the group with this key lies.

    >>> group_axis("race=a%20b&sex=F")
    'race&sex'
    """
    return "&".join(pair.partition("=")[0] for pair in key.split("&") if pair)


def group_name(key: str) -> str:
    """A group's key in words.

    >>> group_name("race=a%20b&sex=F")
    'race = a b, sex = F'
    """
    pairs = [pair.partition("=") for pair in key.split("&") if pair]
    return visible(", ".join(f"{unquote(k)} = {unquote(v)}" for k, _, v in pairs))
