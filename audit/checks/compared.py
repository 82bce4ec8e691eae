"""Which groups a check compares: one rule for people whose group is unknown, and for small groups.

People whose value is missing belong to some group, nobody knows to which. They are shown beside the
groups, and counted in everything that is about all rows; no gap, ratio, test, order or "rest of the
people" is about them. A group under the minimum is shown, and left out of what compares, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from evenhand.audit.finding import group_name, is_known
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.reason import Reasons, because, listed

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class OneGroup(Generic[T]):
    """One group of one set of features: its name by feature, its rows, and what is known of it."""

    group: Mapping[str, str]
    n: int
    of: T

    @property
    def name(self) -> str:
        """The group as people write it: ``race=black, sex=F``."""
        return group_name(self.group)


class ComparedGroups(Generic[T]):
    """The groups of one set of features: ``big`` are compared, ``small`` and ``unknown`` are not.

    ``known`` are big and small ones, ``members`` all of them, each in the order given.
    """

    def __init__(self, members: Iterable[OneGroup[T]], minimum: int) -> None:
        self.members, self.minimum = tuple(members), minimum
        self.known = tuple(m for m in self.members if is_known(m.group))
        self.unknown = tuple(m for m in self.members if not is_known(m.group))
        self.big = tuple(m for m in self.known if m.n >= minimum)
        self.small = tuple(m for m in self.known if m.n < minimum)

    @property
    def by_name(self) -> dict[str, T]:
        """The groups that are compared, by name."""
        return {m.name: m.of for m in self.big}

    @property
    def n_unknown(self) -> int:
        """Rows whose group is unknown."""
        return sum(m.n for m in self.unknown)

    def compares(self, member: OneGroup[T]) -> bool:
        """Whether the group is known and large enough."""
        return member.n >= self.minimum and is_known(member.group)

    def note(self, member: OneGroup[T]) -> Reasons:
        """What is said beside one group's own numbers: that it is too small to compare."""
        if member.n >= self.minimum:
            return ()
        return because("too-small", n=member.n, least=self.minimum)

    def noted(self, estimate: Estimate, *, is_bound: bool = False) -> Estimate:
        """What compares the groups, with those left out counted and named, and the rows of unknown
        group counted. A bound over what the unknown could be (``is_bound``) tells of them itself.
        """
        counts, reason = dict(estimate.counts), estimate.reason
        if self.small:
            names = listed(because("named-rows", name=m.name, n=m.n)[0] for m in self.small)
            reason += because("small-groups-left-out", least=self.minimum, names=names)
            counts["groups"] = len(self.known)
            counts["groups_left_out"] = counts.get("groups_left_out", 0) + len(self.small)
        noted = replace(estimate, counts=counts, reason=reason)
        return noted if is_bound else self.told(noted)

    def told(self, estimate: Estimate) -> Estimate:
        """What holds one group against others, with the rows of unknown group counted."""
        if not self.unknown:
            return estimate
        counts = {**estimate.counts, "unknown": self.n_unknown}
        reason = estimate.reason + because("unknown-not-compared", n=self.n_unknown)
        return replace(estimate, counts=counts, reason=reason)


def by_features(
    members: Sequence[OneGroup[T]], minimum: int
) -> dict[tuple[str, ...], ComparedGroups[T]]:
    """The groups by the features that they are groups of; all rows (no feature) are no group."""
    found: dict[tuple[str, ...], list[OneGroup[T]]] = {}
    for member in members:
        if member.group:
            found.setdefault(tuple(member.group), []).append(member)
    return {features: ComparedGroups(groups, minimum) for features, groups in found.items()}
