"""Shapley values against their definition, their axioms, and the errors that sampling reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.attribution.shapley import exact, sampled
from evenhand.audit.errors import InputError
from tests.audit.attribution.made import Scored, attribute, by_orders, table

LIMIT = 64 << 20


class Given:
    """A game written as a function of the present players, bool of shape (m, players)."""

    def __init__(self, function: Any, n: int, d: int) -> None:
        self._function = function
        self.active = np.ones((n, d), dtype=bool)
        self.evaluations = 0

    def values(self, rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        self.evaluations += len(rows)
        return np.asarray(self._function(rows, present), dtype=float)


def mixture(rows: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Main effects, an interaction of two, one of three, and a player (4) that does nothing."""
    a, b, c, d = (present[:, j].astype(float) for j in range(4))
    return (1 + rows) * (2 * a - b + 3 * a * b + 4 * a * c * d) + 7


def test_enumeration_equals_the_definition() -> None:
    found = exact(Given(mixture, 2, 5), LIMIT).values
    for row in range(2):

        def value(there: frozenset[int], row: int = row) -> float:
            present = np.array([[j in there for j in range(5)]])
            return float(mixture(np.array([row]), present)[0])

        assert found[row] == pytest.approx(by_orders(value, 5), abs=1e-12)
    # 2a + 3ab/2 + 4acd/3; -b + 3ab/2; 4acd/3 twice; nothing
    assert found[0] == pytest.approx([2 + 1.5 + 4 / 3, 0.5, 4 / 3, 4 / 3, 0], abs=1e-12)


def test_axioms() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=2**6), rng.normal(size=2**6)

    def game(values: np.ndarray) -> Given:
        return Given(lambda rows, present: values[present @ (1 << np.arange(6))], 1, 6)

    first, second = exact(game(one), LIMIT).values, exact(game(other), LIMIT).values
    assert exact(game(one + other), LIMIT).values == pytest.approx(first + second)  # additivity
    assert first.sum() == pytest.approx(one[-1] - one[0])  # efficiency
    size = np.array([bin(i).count("1") for i in range(64)], dtype=float)
    alike = exact(game(size**2), LIMIT).values
    assert alike == pytest.approx(np.full((1, 6), 6.0))  # symmetry: 36 shared by six
    without = one[np.arange(64) & ~4]  # player 2 changes nothing
    assert exact(game(without), LIMIT).values[0, 2] == 0.0  # dummy


def test_sampling_stops_at_its_precision_and_tells_its_error() -> None:
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(300, 9))

    def value(rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(weights[rows] * present).sum(axis=1)))

    truth = exact(Given(value, 300, 9), LIMIT).values
    settings: dict[str, Any] = {"level": 0.95, "most_evaluations": 10**7, "memory_bytes": LIMIT}
    found = sampled(Given(value, 300, 9), seed=1, precision=0.01, **settings)
    assert found.half_width.max() <= 0.01
    assert len(set(found.permutations)) > 1  # each row gets as many as it needs
    # 2,700 intervals at 95 %: by stopping when they look narrow a few points may be lost
    inside = np.abs(found.values - truth) <= found.half_width
    assert 0.92 <= inside.mean() <= 0.99
    assert found.values.sum(axis=1) == pytest.approx(truth.sum(axis=1), abs=1e-12)


def test_sampling_is_the_same_in_any_batch_and_ends_with_its_budget() -> None:
    def value(rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        return np.sin(5 * present @ np.arange(1, 21)) * (1 + rows)

    settings: dict[str, Any] = {"seed": 3, "precision": 0.001, "level": 0.95}
    whole = sampled(Given(value, 5, 20), most_evaluations=20_000, memory_bytes=LIMIT, **settings)
    parts = sampled(Given(value, 5, 20), most_evaluations=20_000, memory_bytes=1 << 15, **settings)
    assert parts.values == pytest.approx(whole.values, abs=1e-12)
    assert parts.half_width == pytest.approx(whole.half_width, abs=1e-12)
    game = Given(value, 5, 20)
    late = sampled(game, most_evaluations=20_000, memory_bytes=LIMIT, **settings)
    assert game.evaluations <= 20_000
    assert late.half_width.max() > 0.001  # and it says so
    fixed = sampled(
        Given(value, 5, 20), most_evaluations=1, memory_bytes=LIMIT, permutations=7, **settings
    )
    assert set(fixed.permutations) == {8}  # in pairs


def test_columns_of_any_type_and_missing_cells() -> None:
    frame = table()
    effect = {"clerk": 1.0, "nurse": 2.5, "cook": -1.0}

    def value(rows: pd.DataFrame) -> Any:
        assert rows["age"].dtype == frame["age"].dtype
        assert rows["new"].dtype == bool
        pay = rows["pay"].fillna(0.0)
        return rows["age"] * (1 + rows["new"]) + pay + rows["job"].map(effect).to_numpy()

    model = Scored(value, tuple(frame.columns), "regression")
    base = pd.DataFrame({"age": [40], "pay": [np.nan], "job": ["cook"], "new": [False]})
    found = attribute(model, frame, base, method="shapley_exact").arrays["values"]
    age, new = frame["age"] - 40, frame["new"].astype(float)
    # age * (1 + new): the product of two changes is shared by both
    assert found[:, 0] == pytest.approx(age + age * new / 2)
    assert found[:, 1] == pytest.approx(frame["pay"].fillna(0.0))
    assert found[:, 2] == pytest.approx(frame["job"].map(effect) + 1)
    assert found[:, 3] == pytest.approx(new * (40 + age / 2))


def test_a_column_at_its_baseline_is_not_asked_about() -> None:
    columns = tuple(f"x{i}" for i in range(12))
    frame = pd.DataFrame(np.eye(12), columns=columns)
    model = Scored(lambda rows: rows.sum(axis=1), columns, "regression")
    base = pd.DataFrame([[0.0] * 12], columns=columns)
    found = attribute(model, frame, base, method="shapley_exact")
    assert found.arrays["values"] == pytest.approx(np.eye(12))
    # one column of each row differs: two coalitions a row, not 4,096, and both ends
    assert found.facts["evaluations"] == 12 * 2 + 12 * 2


def test_too_many_to_enumerate() -> None:
    frame = pd.DataFrame(np.ones((2, 13)), columns=[f"x{i}" for i in range(13)])
    model = Scored(lambda rows: rows.sum(axis=1), tuple(frame.columns), "regression")
    with pytest.raises(InputError, match="13 features differ") as caught:
        attribute(model, frame, frame.iloc[:1] * 0, method="shapley_exact")
    assert "shapley_sampling" in caught.value.remedy


def test_a_player_that_does_nothing_has_nothing_at_all() -> None:
    """Not the rounding of a long sum: ranks, shares and relative changes would be made of it."""
    worth = np.random.default_rng(5).normal(size=2**5)

    def idle_third(rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        others = np.delete(present, 2, axis=1)
        return worth[others @ (1 << np.arange(5))]

    assert exact(Given(idle_third, 1, 6), LIMIT).values[0, 2] == 0.0
    nothing = exact(Given(lambda rows, present: np.full(len(rows), 0.1), 1, 6), LIMIT)
    assert not nothing.values.any()
