"""No small number of selected or misjudged people can be worked out from what is published."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from evenhand.audit.measure.classification import RATES, rate_count
from evenhand.audit.measure.disclosure.cell_suppression import (
    EVERYONE,
    Headcount,
    KnownFinding,
    possible,
    told_by_rate,
    withheld,
)
from evenhand.audit.measure.disclosure.suppression import group_of
from evenhand.audit.subject.tallying.counts import Cell, Counts, count_groups, feature_sets, total

NAMES = ("selection_rate", "true_positive_rate", "false_positive_rate", "precision_score")


def counted(groups: int, rows: int, seed: int, selected: float = 0.5) -> Counts:
    rng = np.random.default_rng(seed)
    columns = {
        "r": np.array([f"r{i}" for i in rng.integers(0, groups, rows)], dtype=object),
        "s": np.array([f"s{i}" for i in rng.integers(0, 2, rows)], dtype=object),
    }
    return count_groups(columns, ["r", "s"], rng.random(rows) < 0.4, rng.random(rows) < selected)


def told_of(counts: Counts, names: tuple[str, ...] = NAMES) -> list[KnownFinding]:
    """Size and rates of every group, crossing, and of everybody."""
    cells = [c for f in feature_sets(counts.features) for c in counts.by(f).cells()]
    everybody = Cell({}, total(counts.cells()), counts.has_labels)
    found = []
    for cell in [*cells, everybody]:
        group = group_of(cell.group)
        found.append(KnownFinding(f"{cell.name}/n", (Headcount(group, EVERYONE, cell.n),)))
        for rate in names:
            count = rate_count(cell.confusion, rate)
            name = f"{cell.name}/{rate}"
            found.append(told_by_rate(name, group, rate, int(count.k), int(count.n)))
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("names", [("selection_rate",), NAMES, (*NAMES, "accuracy_score")])
def test_a_linear_programme_cannot_rebuild_small_numbers(names: tuple[str, ...], seed: int) -> None:
    counts = counted(3, 160, seed, selected=0.3)
    told = told_of(counts, names)
    hidden = withheld(told, total=counts.n)
    small = {p for t in told for p in t.people if 0 < p.n < 10}
    assert small
    for people in small:
        found = possible(told, hidden, people, total=counts.n)
        assert found.low - 1e-6 <= people.n <= found.high + 1e-6
        assert found.high - found.low >= 1 - 1e-6
    # the attack does rebuild them where only the small numbers themselves are withheld
    alone = frozenset(t.id for t in told if not small.isdisjoint(t.people))
    ranges = [possible(told, alone, people, total=counts.n) for people in small]
    if names == NAMES:
        assert any(r.high - r.low < 1 - 1e-6 for r in ranges)


def test_every_whole_table_that_fits_leaves_the_number_open() -> None:
    # two groups of 12: of a 3 were selected, of b 6; everybody's 9 of 24 would give a's 3 back
    people = {"a": (9, 3), "b": (6, 6)}
    told = [
        told_by_rate(g, group_of({"g": g}), "selection_rate", k, no + k)
        for g, (no, k) in people.items()
    ]
    told.append(told_by_rate("all", frozenset(), "selection_rate", 9, 24))
    told += [KnownFinding(f"n {g}", (Headcount(group_of({"g": g}), EVERYONE, 12),)) for g in people]
    hidden = withheld(told, total=24)
    assert "a" in hidden
    shown = [p for t in told if t.id not in hidden for p in t.people]

    def fits(selected: dict[str, int]) -> bool:
        for p in shown:
            inside = [g for g in people if p.group <= group_of({"g": g})]
            of = {(1, 3): sum(selected[g] for g in inside), EVERYONE: 12 * len(inside)}
            of[0, 2] = of[EVERYONE] - of[1, 3]
            if of[p.outcomes] != p.n:
                return False
        return True

    options = {a for a, b in product(range(13), repeat=2) if fits({"a": a, "b": b})}
    assert 3 in options
    assert len(options) > 1


def test_nothing_small_nothing_withheld() -> None:
    counts = counted(2, 4000, 0)
    assert withheld(told_of(counts, tuple(RATES)), total=counts.n) == frozenset()


def test_very_many_groups_are_published_by_single_feature_alone() -> None:
    counts = counted(200, 8000, 1)
    told = told_of(counts, ("selection_rate",))
    hidden = withheld(told, total=counts.n)
    assert {t.id for t in told if any(len(p.group) > 1 for p in t.people)} <= hidden
    assert hidden < {t.id for t in told}


def test_complements_are_protected_too() -> None:
    # 3 of 50 rejected is as telling as 3 of 50 selected
    told = [
        told_by_rate(f"{g} {k}", group_of({"g": g}), "selection_rate", k, 50)
        for g, k in (("a", 47), ("b", 25), ("c", 20))
    ]
    hidden = withheld(told, total=150)
    assert "a 47" in hidden
    for one, other in combinations(told, 2):
        assert one.id != other.id
