"""Is a group treated unlike the rest, beyond chance? One test for each group and rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.checks.compared import ComparedGroups, OneGroup
from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.predictions import counts_of
from evenhand.audit.subject.subject import Subject
from evenhand.audit.subject.tallying.sides import own_and_rest

if TYPE_CHECKING:
    from evenhand.audit.measure.classification import Confusion
    from evenhand.audit.measure.uncertainty.estimate import Estimate
    from evenhand.audit.subject.tallying.counts import Cell, Counts

QUESTION = "Which groups' rates differ from those of everybody else by more than chance explains?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "Fisher 1935; pooled two-proportion z test; intervals: Newcombe 1998; budget: Holm 1979"
COST = "fast"
_RATES = {
    "selection_rate": "selection rate",
    "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate",
    "precision_score": "precision",
}
MEASURES = {
    f"{rate}_difference_to_rest": f"the group's {words} minus that of all other rows of known group"
    for rate, words in _RATES.items()
}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields one signed difference with a p-value for each group and rate; groups under
    ``min_group_size`` are left to ``group_rates``, which shows them.

    The p-values share one error budget with all others of the audit (``evenhand.audit.run.run``).
    """
    counts = counts_of(subject)
    if counts.weights is not None:
        raise MissingNeed(because("no-tests-for-weights"))
    own = counts.by(subject.sensitive_features)
    yield from from_counts(own, seed=seed, levels=levels, min_group_size=min_group_size)


def from_counts(
    counts: Counts, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """The same findings from counts (``evenhand.audit.subject.tallying.tally.count_file``)."""
    from evenhand.audit.subject.tallying.counts import total

    record = Recorder(__name__, seed)
    for _, grouped in counts.groupings():
        groups = ComparedGroups(
            (OneGroup(c.group, c.n, c) for c in grouped.cells()), min_group_size
        )
        everyone = total(m.of for m in groups.known)
        for member in groups.big:
            if member.n >= everyone.n:
                continue
            if grouped.people is not None:
                yield from _of_persons(record, groups, grouped, member.of, levels)
            else:
                yield from _tested(record, groups, member.of, everyone, levels)


def _tested(
    record: Recorder,
    groups: ComparedGroups[Cell],
    cell: Cell,
    everyone: Confusion,
    levels: Sequence[float],
) -> Iterator[Finding]:
    from evenhand.audit.measure.classification import rate_counts
    from evenhand.audit.measure.uncertainty.testing import equal_rates

    whole, own = rate_counts(everyone), rate_counts(cell.confusion)
    for rate in _RATES if cell.has_labels else ("selection_rate",):
        k1, n1, empty = own[rate]
        k2, n2 = whole[rate][0] - k1, whole[rate][1] - n1
        p_value, test = None, ""
        if n1 and n2:
            p_value, test = equal_rates(k1, n1, k2, n2)
        estimate = groups.told(_difference(k1, n1, k2, n2, empty, test, levels))
        yield record.write(
            f"{rate}_difference_to_rest",
            estimate,
            unit="rate difference",
            group=cell.group,
            p_value=p_value,
        )


def _difference(
    k1: int, n1: int, k2: int, n2: int, empty: Reasons, test: str, levels: Sequence[float]
) -> Estimate:
    from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
    from evenhand.audit.measure.uncertainty.intervals import newcombe

    counts = {"k": k1, "n": n1, "k_rest": k2, "n_rest": n2}
    method = f"Newcombe interval; {test}"
    if not n1 or not n2:
        why = because("within", why=empty, where="this-group" if not n1 else "rest")
        return undefined(why, n=n1 + n2, counts=counts, method="Newcombe interval")
    intervals = tuple(newcombe(k1, n1, k2, n2, level) for level in levels)
    return Estimate(k1 / n1 - k2 / n2, n1 + n2, intervals, counts, method)


def _of_persons(
    record: Recorder,
    groups: ComparedGroups[Cell],
    counts: Counts,
    cell: Cell,
    levels: Sequence[float],
) -> Iterator[Finding]:
    """The same where persons have several rows: each one's rows are taken together."""
    own, rest = own_and_rest(counts, cell)
    for rate in _RATES if cell.has_labels else ("selection_rate",):
        estimate, p_value = _clustered(own, rest, rate, levels)
        yield record.write(
            f"{rate}_difference_to_rest",
            groups.told(estimate),
            unit="rate difference",
            group=cell.group,
            p_value=p_value,
        )


def _clustered(
    own: Cell, rest: Cell, rate: str, levels: Sequence[float]
) -> tuple[Estimate, float | None]:
    from evenhand.audit.finding import Interval
    from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
    from evenhand.audit.measure.uncertainty.testing import equal_rates_of_persons
    from evenhand.audit.measure.uncertainty.weighted import Clustered, cluster_limits

    one, other = own.rate(rate), rest.rate(rate)
    method = "a person's rows together; variances recovered from both rates' limits"
    n = one.rows + other.rows
    if not isinstance(one.weights, Clustered) or not isinstance(other.weights, Clustered):
        where, empty = ("rest", other.empty) if one.rows else ("this-group", one.empty)
        return undefined(because("within", why=empty, where=where), n=n, method=method), None
    p, q = one.weights.share, other.weights.share
    ends = []
    for level in levels:
        a, b = cluster_limits(one.weights, level), cluster_limits(other.weights, level)
        low = p - q - math.hypot(p - a[0], b[1] - q)
        high = p - q + math.hypot(a[1] - p, q - b[0])
        ends.append(Interval(low=max(-1.0, low), high=min(1.0, high), level=level, method=method))
    counts = {"units": one.weights.persons + other.weights.persons}
    test = "Student's t test of linearised rates"
    found = Estimate(p - q, n, tuple(ends), counts, f"{method}; {test}")
    return found, equal_rates_of_persons(one.weights, other.weights)
