"""The four-fifths rule of thumb: how far from it, how sure, and how much hangs on one person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evenhand.audit.checks.record import Recorder
from evenhand.audit.favourable import Favourable, favourable
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import group_counts
from evenhand.audit.subject.subject import UNKNOWN, Subject

QUESTION = "Is a group favoured at under four fifths of the highest rate, and could that be chance?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "29 CFR 1607.4(D) and 1607.15(A)(2)(a); 44 FR 11996, Q. 20 to 24; Westfall and Young 1993"
COST = "fast"
MEASURES = {
    "adverse_impact_ratio": "a group's rate of the favourable outcome divided by the highest, with "
    "the p-value of equal rates",
    "flip_one_ratio": "the same ratio if one more person of the group had the favourable outcome",
    "selections_to_four_fifths": "how many more people of the group would have to have it",
}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields the three numbers for every group but the highest, per feature, pair and crossing.

    The favourable outcome is being selected where ``positive_is`` says benefit, and not being
    selected where it says burden. p-values are of each group's shortfall against the highest
    group, adjusted for all groups of the table and for picking the highest (permutation of the
    margins). People whose feature is unknown are left out; a group under ``min_group_size`` gets a
    reason instead of a ratio, and can't be the highest. ``counts`` holds the people of the whole
    ``table``, the highest group and the small ones included.
    """
    from evenhand.audit.subject.counts import feature_sets

    counts, outcome = group_counts(subject), favourable(subject)
    record = Recorder(__name__, seed)
    for features in feature_sets(subject.sensitive_features):
        cells = [c for c in counts.by(features).cells() if UNKNOWN not in c.group.values()]
        table = [(c.group, outcome.cases(c.confusion.tp + c.confusion.fp, c.n), c.n) for c in cells]
        if len(table) > 1:
            yield from _small(record, table, min_group_size)
            compared = [row for row in table if row[2] >= min_group_size]
            total = sum(n for _, _, n in table)
            yield from _compared(record, compared, total, outcome, levels)


Table = Sequence[tuple[Mapping[str, str], int, int]]


def _small(record: Recorder, table: Table, minimum: int) -> Iterator[Finding]:
    from evenhand.audit.measure.uncertainty.estimate import undefined

    big = sum(n >= minimum for _, _, n in table)
    total = sum(n for _, _, n in table)
    for group, _, n in table:
        if n < minimum:
            why = because("too-small", n=n, least=minimum)
        elif big < 2:
            why = because("fewer-than-two-groups-to-compare")
        else:
            continue
        blank = undefined(why, n=n, counts={"assessed": n, "table": total})
        for name in MEASURES:
            unit = "person" if name == "selections_to_four_fifths" else "ratio"
            yield record.write(name, blank, unit=unit, group=group)


def _compared(
    record: Recorder, table: Table, total: int, outcome: Favourable, levels: Sequence[float]
) -> Iterator[Finding]:
    from dataclasses import replace

    from evenhand.audit.measure.groups import impact as m
    from evenhand.audit.measure.uncertainty.estimate import Estimate
    from evenhand.audit.measure.uncertainty.picked import METHOD, shortfall_p_values

    def told(estimate: Estimate, test: str = "") -> Estimate:
        counts = {**outcome.counts(estimate.counts), "table": total}
        method = f"{estimate.method}; {test}" if test else estimate.method
        return replace(estimate, counts=counts, method=outcome.method(method))

    if len(table) < 2:
        return
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
        yield record.write(
            "adverse_impact_ratio",
            told(ratio, METHOD),
            unit="ratio",
            group=group,
            p_value=None if ratio.value is None else p_values[i],
            p_covers=len(table) - 1,
            random=True,
        )
        if k < n:
            more_by_one = m.Selected(k + 1, n)
            flipped = m.impact_ratio(
                more_by_one, [*everyone[:i], more_by_one, *everyone[i + 1 :]], levels
            )
            yield record.write("flip_one_ratio", told(flipped), unit="ratio", group=group)
        more = m.selections_to_four_fifths(one, top)
        yield record.plain("selections_to_four_fifths", more, n=n, unit="person", group=group)
