"""The search for the worst groups: false alarms, a planted group, sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from evenhand.audit.measure.groups.worst_groups import Levels, confirm, heat_map, search


def columns_of(rng: np.random.Generator, n: int) -> list[Levels]:
    return [
        Levels(f"c{i}", rng.integers(0, size, n), tuple(map(str, range(size))))
        for i, size in enumerate((3, 4, 2, 5))
    ]


def at(columns: list[Levels], rows: slice) -> list[Levels]:
    return [Levels(c.column, c.codes[rows], c.names) for c in columns]


def test_pure_noise_is_confirmed_no_more_often_than_alpha() -> None:
    rng = np.random.default_rng(7)
    trials = 200
    alarms = 0
    for _ in range(trials):
        columns, wrong = columns_of(rng, 600), rng.random(600) < 0.2
        first, second = slice(0, 300), slice(300, 600)
        found, looked_at = search(at(columns, first), wrong[first], depth=2, smallest=10, most=10)
        assert found
        assert looked_at > 50
        tested = confirm(found, at(columns, second), wrong[second])
        alarms += any(c.adjusted <= 0.05 for c in tested)
    # at most 5 % of 200 = 10; 18 is that plus 2.6 standard errors
    assert alarms <= 18


def test_a_planted_group_is_found_and_its_p_value_is_fishers() -> None:
    rng = np.random.default_rng(8)
    columns = columns_of(rng, 2000)
    planted = (columns[0].codes == 1) & (columns[3].codes == 2)
    wrong = rng.random(2000) < np.where(planted, 0.6, 0.1)
    found, _ = search(at(columns, slice(0, 1000)), wrong[:1000], depth=2, smallest=10, most=10)
    assert found[0].where == ((0, 1), (3, 2))
    second = at(columns, slice(1000, 2000))
    best = confirm(found, second, wrong[1000:])[0]
    inside = planted[1000:]
    assert (best.rows, best.errors) == (inside.sum(), (wrong[1000:] & inside).sum())
    tail = hypergeom.sf(best.errors - 1, 1000, wrong[1000:].sum(), best.rows)
    assert best.p_value == pytest.approx(tail)
    assert best.adjusted < 1e-4


def test_heat_map_adds_up() -> None:
    rng = np.random.default_rng(9)
    columns, wrong = columns_of(rng, 200), rng.random(200) < 0.3
    shown = heat_map(columns, wrong)
    assert len(shown["pairs"]) == 6
    assert all(np.sum(p["rows"]) == 200 for p in shown["pairs"])
    assert all(np.sum(p["errors"]) == wrong.sum() for p in shown["columns"])
