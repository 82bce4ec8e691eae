"""No withheld group size can be worked out from what is published: attacks by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from evenhand.audit.measure.disclosure.suppression import (
    Group,
    group_of,
    possible_sizes,
    suppressed,
)


def sizes_of(table: np.ndarray, names: tuple[str, str] = ("r", "s")) -> dict[Group, int]:
    """All sizes of a crossing of two features, margins and total included."""
    found: dict[Group, int] = {frozenset(): int(table.sum())}
    for i, j in product(*map(range, table.shape)):
        found[group_of({names[0]: f"r{i}", names[1]: f"s{j}"})] = int(table[i, j])
    for i in range(table.shape[0]):
        found[group_of({names[0]: f"r{i}"})] = int(table[i].sum())
    for j in range(table.shape[1]):
        found[group_of({names[1]: f"s{j}"})] = int(table[:, j].sum())
    return found


def tables_that_fit(sizes: dict[Group, int], withheld: frozenset[Group], shape: tuple[int, int]):
    """Every table of whole numbers that agrees with all published sizes."""
    total = sizes[frozenset()]
    for flat in product(range(total + 1), repeat=shape[0] * shape[1]):
        if sum(flat) != total:
            continue
        guess = sizes_of(np.array(flat).reshape(shape))
        if all(guess[g] == n for g, n in sizes.items() if g not in withheld):
            yield guess


def test_no_withheld_size_can_be_worked_out_by_brute_force() -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(25):
        table = rng.multinomial(12, rng.dirichlet([1, 1, 1, 1])).reshape(2, 2)
        sizes = sizes_of(table)
        withheld = suppressed(sizes, minimum=3)
        small = {g for g, n in sizes.items() if g and 0 < n < 3}
        assert small <= withheld
        fits = list(tables_that_fit(sizes, withheld, (2, 2)))
        for group in withheld:
            if any(n > 0 for g, n in sizes.items() if g and g not in withheld):
                assert len({guess[group] for guess in fits}) > 1, (table, group)
                seen += 1
    assert seen > 20


@pytest.mark.parametrize("seed", range(8))
def test_no_withheld_size_can_be_worked_out_in_larger_tables(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.poisson(rng.gamma(0.7, 40, size=(4, 3)))
    sizes = sizes_of(table)
    withheld = suppressed(sizes)
    assert {g for g, n in sizes.items() if g and 0 < n < 10} <= withheld
    for group in withheld:
        found = possible_sizes(sizes, withheld, group)
        assert found.high - found.low >= 1 - 1e-6
        assert found.low - 1e-6 <= sizes[group] <= found.high + 1e-6


def test_two_groups_one_small() -> None:
    # 995 of 1,000 would give the other group away: both are withheld
    sizes = {frozenset(): 1000, group_of({"g": "a"}): 5, group_of({"g": "b"}): 995}
    assert suppressed(sizes) == {group_of({"g": "a"}), group_of({"g": "b"})}


def test_the_smallest_other_group_goes_first() -> None:
    sizes = {frozenset(): 170} | {
        group_of({"g": g}): n for g, n in {"a": 5, "b": 100, "c": 45, "d": 20}.items()
    }
    assert suppressed(sizes) == {group_of({"g": "a"}), group_of({"g": "d"})}


def test_nothing_small_nothing_withheld() -> None:
    assert suppressed(sizes_of(np.array([[10, 20], [30, 0]]))) == frozenset()


def test_a_known_difference_would_be_worked_out() -> None:
    # the cell of 4 alone withheld: 50 + 60 + 4 = 114 gives it away (the attack itself)
    sizes = sizes_of(np.array([[4, 46], [50, 60]]))
    alone = {group_of({"r": "r0", "s": "s0"})}
    found = possible_sizes(sizes, alone, next(iter(alone)))
    assert (found.low, found.high) == pytest.approx((4, 4))
    assert len(suppressed(sizes)) == 4  # a rectangle


def test_crossings_of_very_many_cells_are_withheld_as_a_whole() -> None:
    table = np.full((30, 20), 50)
    table[0, 0] = 3
    withheld = suppressed(sizes_of(table))
    assert len(withheld) == 600
    assert all(len(g) == 2 for g in withheld)
