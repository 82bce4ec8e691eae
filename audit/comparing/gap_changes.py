"""Two models on the same rows: whether the gap between groups got smaller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.case.case import Case
from evenhand.audit.comparing.compare import paired_decisions
from evenhand.audit.comparing.decisions import Decisions
from evenhand.audit.finding import is_known
from evenhand.audit.measure.uncertainty.estimate import Estimate

if TYPE_CHECKING:
    from evenhand.audit.measure.paired_gap import PairedPeople


def gap_change(
    case_a: Case, case_b: Case, features: Sequence[str], rates: Sequence[str], level: float = 0.95
) -> Estimate:
    """How much smaller (below 0) or larger case A's gap between groups is than case B's.

    ``rates``: the gap is the largest over these (both error rates for equalized odds). Raises
    InputError where the cases can't be paired.
    """
    import numpy as np

    from evenhand.audit.measure.paired_gap import gap_change as change

    a, b = paired_decisions(case_a, case_b)
    positive = a.positive or 0
    minimum = min_group_size(case_a)
    table, compared_rows = [], []
    for group, rows in a.groups(features):
        if rows.bit_count() < minimum or not is_known(group):
            continue
        cells = [
            (rows & label & one & other).bit_count()
            for label in (~positive, positive)
            for one in (~a.selected, a.selected)
            for other in (~b.selected, b.selected)
        ]
        table.append(np.reshape(cells, (2, 2, 2)))
        compared_rows.append(rows)
    counts = np.array(table).reshape(-1, 2, 2, 2)
    people = _people(a, b, compared_rows) if a.persons else None
    return change(counts, rates, seed=case_a.plan.seed or 0, level=level, people=people)


def _people(a: Decisions, b: Decisions, groups: Sequence[int]) -> PairedPeople:
    """The rows of each group (bits) by person, label and both answers."""
    import numpy as np

    from evenhand.audit.measure.paired_gap import PairedPeople

    made = []
    for i, rows in enumerate(groups):
        bits = (a.positive or 0, a.selected, b.selected)
        label, one, other = (a.answers(x, rows).astype(int) for x in bits)
        persons, code = np.unique(a.units(rows), return_inverse=True)
        cell = label * 4 + one * 2 + other
        counts = np.bincount(code * 8 + cell, minlength=persons.size * 8).reshape(-1, 2, 2, 2)
        made.append((np.full(persons.size, i), persons, counts))
    group, person, counts = (np.concatenate(x) for x in zip(*made, strict=True))
    return PairedPeople(group, person, counts.astype(float))


def min_group_size(case: Case) -> int:
    """From which size on the case's gaps compare groups; 1 where it measured no gaps."""
    return case.plan.minimum_size("fairness.gaps", 1)
