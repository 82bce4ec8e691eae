"""The four-fifths rule of thumb: how far from it, how sure, and how much hangs on one person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.subject.predictions import group_counts
from evenhand.audit.subject.subject import UNKNOWN, Subject

QUESTION = "Is a group selected at under four fifths of the highest rate, and could that be chance?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "29 CFR 1607.4(D) and 1607.15(A)(2)(a); 44 FR 11996, Q. 20 to 24; Westfall and Young 1993"
COST = "fast"
MEASURES = {
    "adverse_impact_ratio": "a group's selection rate divided by the highest, with the p-value of "
    "equal rates",
    "flip_one_ratio": "the same ratio if one more person of the group had been selected",
    "selections_to_four_fifths": "how many more people of the group would have to be selected",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the three numbers for every group but the highest, per feature, pair and crossing.

    p-values are of each group's shortfall against the highest group, adjusted for all groups of
    the table and for picking the highest (permutation of the margins). People whose feature is
    unknown are left out.
    """
    from evenhand.audit.subject.counts import feature_sets

    counts = group_counts(subject)
    record = Recorder(__name__, seed)
    for features in feature_sets(subject.sensitive_features):
        cells = [c for c in counts.by(features).cells() if UNKNOWN not in c.group.values()]
        table = [(c.group, c.confusion.tp + c.confusion.fp, c.n) for c in cells]
        if len(table) > 1:
            yield from _compared(record, table, levels)


def _compared(
    record: Recorder, table: Sequence[tuple[Mapping[str, str], int, int]], levels: Sequence[float]
) -> Iterator[Finding]:
    from dataclasses import replace

    from evenhand.audit.measure.groups import impact as m
    from evenhand.audit.measure.uncertainty.picked import METHOD, shortfall_p_values

    everyone = [m.Selected(k, n) for _, k, n in table]
    top = m.highest(everyone)
    # one stream for all tables: a draw must not depend on a group's or a feature's name
    p_values = shortfall_p_values(
        [g.k for g in everyone], [g.n for g in everyone], seed=record.stream("shortfall")
    )
    seen_top = False
    for i, (group, k, n) in enumerate(table):
        one = everyone[i]
        if one == top and not seen_top:
            seen_top = True
            continue
        ratio = m.impact_ratio(one, everyone, levels)
        ratio = replace(ratio, method=f"{ratio.method}; {METHOD}")
        yield record.write(
            "adverse_impact_ratio",
            ratio,
            unit="ratio",
            group=group,
            p_value=None if ratio.value is None else p_values[i],
            random=True,
        )
        if k < n:
            more_by_one = m.Selected(k + 1, n)
            flipped = m.impact_ratio(
                more_by_one, [*everyone[:i], more_by_one, *everyone[i + 1 :]], levels
            )
            yield record.write("flip_one_ratio", flipped, unit="ratio", group=group)
        more = m.selections_to_four_fifths(one, top)
        yield record.plain("selections_to_four_fifths", more, n=n, unit="person", group=group)
