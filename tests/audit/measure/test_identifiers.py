"""Which columns name rows: by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.measure.identifiers import identifier, identifiers

N = 60
RNG = np.random.default_rng(0)
NAMING = {
    "email": [f"p{i}@x.org" for i in range(N)],
    "uuid": [f"{i * 7919:032x}" for i in range(N)],
    "person": [f"n{i // 2}" for i in range(N)],  # two rows each: 30 values in 60 rows
    "born": [f"19{i % 80 + 10}-03-{i % 28 + 1:02d}" for i in range(N)],
    "row": list(range(1, N + 1)),
    "in_turn": list(RNG.permutation(N) + 100_000),
    "customer_id": list(RNG.choice(10**9, N, replace=False)),
    "userId": list(RNG.choice(10**9, N, replace=False)),
}
DESCRIBING = {
    "income": list(RNG.choice(10**6, N, replace=False)),  # all differ, far apart
    "score": list(RNG.normal(size=N)),
    "age": list(RNG.integers(18, 80, N)),
    "city": [f"t{i % 25}" for i in range(N)],  # 25 values in 60 rows
    "paid": [bool(i % 2) for i in range(N)],
    "grid": [i / 4 for i in range(N)],
    "few": ["a", "b", "c"] * 20,
    "customer_id_seen": [5] * N,
}


@pytest.mark.parametrize("name", NAMING)
def test_a_column_that_names_rows(name: str) -> None:
    assert identifier(pd.Series(NAMING[name], name=name)) is not None


@pytest.mark.parametrize("name", DESCRIBING)
def test_a_column_that_describes_rows(name: str) -> None:
    assert identifier(pd.Series(DESCRIBING[name], name=name)) is None


def test_counts_and_missing_cells() -> None:
    column = pd.Series([*NAMING["email"][:40], *[None] * 20], name="email")
    found = identifier(column)
    assert found is not None
    assert (found.n, found.n_values, found.n_once) == (40, 40, 40)
    assert str(found) == "email: 40 values, 40 of them once"
    both = pd.DataFrame({**NAMING, **DESCRIBING})
    assert {i.column for i in identifiers(both)} == set(NAMING)


def test_few_rows_name_nobody() -> None:
    assert identifier(pd.Series([f"a{i}" for i in range(19)], name="id")) is None
