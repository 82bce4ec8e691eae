"""Bounds on a gap over all assignments of unknown rows: every assignment tried, on small cases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from evenhand.audit.measure.groups.gaps import GroupCount
from evenhand.audit.measure.groups.unknown import lowest_ratio, narrowest, widest


def groups_of(*counts: tuple[float, float]) -> list[GroupCount]:
    return [GroupCount(str(i), k, n) for i, (k, n) in enumerate(counts)]


def gap(groups: list[GroupCount]) -> float:
    rates = [g.k / g.n for g in groups]
    return max(rates) - min(rates)


def ratio(groups: list[GroupCount]) -> float:
    rates = [g.k / g.n for g in groups]
    return min(rates) / max(rates) if max(rates) > 0 else 1.0


def splits(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in splits(total - first, parts - 1):
            yield (first, *rest)


def every_assignment(
    groups: list[GroupCount], selected: int, rejected: int
) -> Iterator[list[GroupCount]]:
    for up, down in product(splits(selected, len(groups)), splits(rejected, len(groups))):
        yield [
            GroupCount(g.name, g.k + s, g.n + s + r)
            for g, s, r in zip(groups, up, down, strict=True)
        ]


def cases() -> Iterator[tuple[list[GroupCount], int, int]]:
    rng = np.random.default_rng(8)
    for _ in range(60):
        n = rng.integers(1, 9, size=int(rng.integers(2, 4)))
        counts = [(int(rng.integers(0, m + 1)), int(m)) for m in n]
        yield groups_of(*counts), int(rng.integers(0, 5)), int(rng.integers(0, 5))


def test_the_widest_gap_is_the_widest_of_all_assignments() -> None:
    for groups, selected, rejected in cases():
        tried = list(every_assignment(groups, selected, rejected))
        assert gap(widest(groups, selected, rejected)) == pytest.approx(max(map(gap, tried)))
        assert ratio(lowest_ratio(groups, selected, rejected)) == pytest.approx(
            min(map(ratio, tried))
        )


def test_the_narrowest_gap_bounds_all_assignments_and_is_nearly_reached() -> None:
    for groups, selected, rejected in cases():
        bound = narrowest(groups, selected, rejected)
        tried = list(every_assignment(groups, selected, rejected))
        assert gap(bound) <= min(map(gap, tried)) + 1e-12
        assert ratio(bound) >= max(map(ratio, tried)) - 1e-12
        # no row is lost or invented
        assert sum(g.n for g in bound) <= sum(g.n for g in groups) + selected + rejected + 1e-9


@pytest.mark.parametrize(
    ("counts", "selected", "rejected"),
    [
        (((1, 4), (3, 4)), 1, 1),
        (((0, 3), (1, 4), (4, 4)), 2, 1),
        (((1, 5), (2, 5)), 3, 2),
        (((2, 4), (2, 4)), 0, 3),
    ],
)
def test_the_narrowest_gap_is_what_ever_finer_rows_tend_to(
    counts: tuple[tuple[int, int], ...], selected: int, rejected: int
) -> None:
    """Every row cut into 12: the best assignment of the pieces comes within a piece's share."""
    fine = groups_of(*((12 * k, 12 * n) for k, n in counts))
    assignments = every_assignment(fine, 12 * selected, 12 * rejected)
    smallest = min(gap(g) for g in assignments)
    bound = gap(narrowest(groups_of(*counts), selected, rejected))
    assert bound <= smallest + 1e-12
    assert smallest - bound < 1 / 30
