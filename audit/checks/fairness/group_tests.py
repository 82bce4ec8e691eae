"""Is a group treated unlike the rest, beyond chance? One test for each group and rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.checks.compared import Compared, Member
from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.predictions import group_counts
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    from evenhand.audit.measure.classification import Confusion
    from evenhand.audit.measure.uncertainty.estimate import Estimate
    from evenhand.audit.subject.counts import Cell, Counts

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
    counts = group_counts(subject)
    if counts.weights is not None:
        raise MissingNeed(because("no-tests-for-weights"))
    own = counts.by(subject.sensitive_features)
    yield from from_counts(own, seed=seed, levels=levels, min_group_size=min_group_size)


def from_counts(
    counts: Counts, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """The same findings from counts (``evenhand.audit.subject.tally.count_file``)."""
    from evenhand.audit.subject.counts import total

    record = Recorder(__name__, seed)
    for _, grouped in counts.groupings():
        groups = Compared((Member(c.group, c.n, c) for c in grouped.cells()), min_group_size)
        everyone = total(m.of for m in groups.known)
        for member in groups.big:
            if member.n < everyone.n:
                yield from _tested(record, groups, member.of, everyone, levels)


def _tested(
    record: Recorder,
    groups: Compared[Cell],
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
