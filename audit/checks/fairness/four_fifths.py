"""The four-fifths rule of thumb: how far from it, how sure, and how much hangs on one person."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.checks.compared import ComparedGroups, OneGroup
from evenhand.audit.checks.record import Recorder
from evenhand.audit.favourable import Favourable, favourable
from evenhand.audit.finding import Finding, is_known
from evenhand.audit.measure.groups.impact import Selected, selected
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import counts_of
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    from evenhand.audit.subject.tallying.counts import Cell

QUESTION = "Is a group favoured at under four fifths of the highest rate, and could that be chance?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "29 CFR 1607.4(D) and 1607.15(A)(2)(a); 44 FR 11996, Q. 20 to 24; Westfall and Young 1993"
COST = "fast"
MEASURES = {
    "adverse_impact_ratio": "a group's rate of the favourable outcome divided by the highest, with "
    "the p-value of equal rates",
    "flip_one_ratio": "the same ratio if one favourable outcome were moved to the group from the "
    "highest one",
    "selections_to_four_fifths": "how many more people of the group would have to have it",
}


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    min_group_size: int = 10,
    minimum_share: float = 0.0,
) -> Iterator[Finding]:
    """Yields the three numbers for every group but the highest, per feature, pair and crossing;
    with control features (a job title) also within each of their levels.

    The favourable outcome is being selected where ``positive_is`` says benefit, and not being
    selected where it says burden. p-values are of each group's shortfall against the highest
    group, adjusted for all groups of the table and for picking the highest (permutation of the
    margins). People whose feature is unknown are counted and left out; a group under
    ``min_group_size``, or under ``minimum_share`` of its table, gets a reason instead of a ratio,
    and can't be the highest. ``counts`` holds the people of the whole ``table``, the highest group
    and the small ones included.
    """
    from evenhand.audit.subject.tallying.counts import feature_sets

    counts, outcome = counts_of(subject), favourable(subject)
    record = Recorder(__name__, seed)
    for level, part in counts.levels(subject.control_features):
        for features in feature_sets(subject.sensitive_features):
            cells = part.by(features).cells()
            members = [OneGroup({**c.group, **level}, c.n, _selected(c, outcome)) for c in cells]
            total = sum(m.n for m in members if is_known(m.group))
            least = max(min_group_size, math.ceil(minimum_share * total - 1e-9))
            table = ComparedGroups(members, least)
            if len(table.known) > 1:
                yield from _small(record, table, min_group_size, minimum_share)
            if len(table.big) > 1:
                yield from _compared(record, table, outcome, levels)


def _small(
    record: Recorder, table: ComparedGroups[Selected], minimum: int, share: float
) -> Iterator[Finding]:
    from evenhand.audit.measure.uncertainty.estimate import undefined

    total = sum(m.n for m in table.known)
    for member in table.known if len(table.big) < 2 else table.small:
        if member.n < minimum:
            why = because("too-small", n=member.n, least=minimum)
        elif member.n < share * total:
            why = because("under-share", share=share, n=member.n, rate=member.of.k / member.n)
        else:
            why = because("fewer-than-two-groups-to-compare")
        blank = undefined(why, n=member.n, counts={"assessed": member.n, "table": total})
        for name in MEASURES:
            unit = "person" if name == "selections_to_four_fifths" else "ratio"
            yield record.write(name, table.told(blank), unit=unit, group=member.group)


def _compared(
    record: Recorder, table: ComparedGroups[Selected], outcome: Favourable, levels: Sequence[float]
) -> Iterator[Finding]:
    from evenhand.audit.measure.groups import impact as m
    from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined

    total = sum(member.n for member in table.known)

    def told(estimate: Estimate, test: str = "") -> Estimate:
        counts = {**outcome.counts(estimate.counts), "table": total}
        method = f"{estimate.method}; {test}" if test else estimate.method
        return table.told(replace(estimate, counts=counts, method=outcome.method(method)))

    everyone = [member.of for member in table.big]
    top = m.highest(everyone)
    # one stream for all tables: a draw must not depend on a group's or a feature's name
    p_values, test = _tested(everyone, record.stream("shortfall"))
    for i, member in enumerate(table.big):
        one, group = everyone[i], member.group
        if i == everyone.index(top):
            continue
        ratio = m.impact_ratio(one, everyone, levels)
        p_value = None if ratio.value is None else p_values[i]
        yield record.write(
            "adverse_impact_ratio",
            told(ratio, test),
            unit="ratio",
            group=group,
            p_value=p_value,
            p_covers=len(table.big) - 1,
            random=True,
        )
        flipped = undefined(because("nobody-left-to-flip"), n=member.n)
        if one.k < one.n and top.k > 0:
            others = list(everyone)
            others[i] = replace(one, k=one.k + 1)
            others[everyone.index(top)] = replace(top, k=top.k - 1)
            flipped = m.impact_ratio(others[i], others, levels)
        yield record.write("flip_one_ratio", told(flipped), unit="ratio", group=group)
        more = Estimate(float(m.selections_to_four_fifths(one, top)), member.n, method="count")
        told_more = table.told(more)
        yield record.write("selections_to_four_fifths", told_more, unit="person", group=group)


def _tested(everyone: Sequence[Selected], stream: Sequence[int]) -> tuple[list[float], str]:
    """p-values of each group's shortfall, and how they came about."""
    from evenhand.audit.measure.uncertainty import picked

    of_persons = [g.sums for g in everyone if g.sums is not None]
    if of_persons:
        found = picked.shortfall_p_values_of_persons(of_persons, seed=stream)
        return found, picked.OF_PERSONS
    k, n = [g.k for g in everyone], [g.n for g in everyone]
    return picked.shortfall_p_values(k, n, seed=stream), picked.METHOD


def _selected(cell: Cell, outcome: Favourable) -> Selected:
    cases = outcome.cases(cell.confusion.selected, cell.n)
    return selected(cases, cell.n, cell.persons, is_selection=outcome.is_selection)
