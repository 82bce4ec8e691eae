"""Copies of a sensitive feature: every way of writing it again is found, and nothing else is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.measure.copies import Rewriting, copies

N = 600
RNG = np.random.default_rng(0)
SEX = RNG.choice(["F", "M"], N)
RACE = RNG.choice(["a", "b", "c"], N, p=[0.6, 0.3, 0.1])
AGE = RNG.integers(18, 80, N)
NOISE = RNG.normal(size=N)
ZIP = np.where(RNG.random(N) < 0.97, RACE, "x")  # nearly, and not quite

COPIES = {
    "code": (np.where(SEX == "F", 0, 1), ("sex",)),
    "code in texts": (np.where(SEX == "F", "code 7", "code 8"), ("sex",)),
    "truth value": (SEX == "F", ("sex",)),
    "scaled": (3.5 * (SEX == "M") - 1.25, ("sex",)),
    "missing for one group": (np.where(SEX == "F", 1.0, np.nan), ("sex",)),
    "one of the one-hots": ((RACE == "c").astype(int), ("race",)),
    "two races in one": (np.isin(RACE, ["a", "c"]).astype(int), ("race",)),
    "with a job": (np.char.add(SEX, RNG.choice(["nurse", "clerk", "cook"], N)), ("sex",)),
    "years in months": (12 * AGE + RNG.integers(0, 12, N), ("age",)),
    "bins": (AGE // 10, ("age",)),
    "over forty": ((AGE >= 40).astype(int), ("age",)),
    "affine": (1.8 * AGE + 32, ("age",)),
    "born": (2026 - AGE - RNG.integers(0, 2, N), ("age",)),
    "both": (((SEX == "F") & (RACE == "b")).astype(int), ("sex", "race", "age")),
    "numbers far apart": (np.where(SEX == "F", NOISE - 50, NOISE + 50), ("sex",)),
}
OTHERS = {
    "noise": NOISE,
    "digits": RNG.integers(0, 10, N),
    "zip": ZIP,
    "identifier": [f"p{i}" for i in range(N)],
    "row": np.arange(N),
    "constant": np.ones(N),
    "tied": NOISE + 2 * (SEX == "F"),
    "rare": (np.arange(N) == 3).astype(int),
    "older": (AGE + RNG.normal(0, 8, N) > 40).astype(int),
}


def found_in(columns: dict[str, object]) -> dict[str, tuple[str, ...]]:
    groups = pd.DataFrame({"sex": SEX, "race": RACE, "age": AGE.astype(str)}, dtype=object)
    missing = pd.DataFrame(False, index=groups.index, columns=groups.columns)
    return {c: copy.features for c, copy in copies(pd.DataFrame(columns), groups, missing).items()}


def test_every_way_to_write_it_again_is_found() -> None:
    assert found_in({name: cells for name, (cells, _) in COPIES.items()}) == {
        name: features for name, (_, features) in COPIES.items()
    }


def test_what_is_no_copy_is_not_taken_for_one() -> None:
    assert found_in(OTHERS) == {}


def test_rows_without_a_value_say_nothing() -> None:
    sex = SEX.astype(object).copy()
    code = np.where(SEX == "F", 0, 1)
    sex[:100] = ""  # the code stays, whatever nobody said
    missing = pd.DataFrame({"sex": np.arange(N) < 100})
    groups = pd.DataFrame({"sex": sex}, dtype=object)
    assert set(copies(pd.DataFrame({"code": code}), groups, missing)) == {"code"}


@pytest.mark.parametrize("n", [30, 60, 120])
def test_chance_makes_no_copies(n: int) -> None:
    """Random columns of two to thirty values beside random groups: none of 500 fits."""
    rng = np.random.default_rng(n)
    for _ in range(100):
        groups = pd.DataFrame({"g": rng.choice(["a", "b"], n, p=[0.8, 0.2])}, dtype=object)
        inputs = {f"c{k}": rng.integers(0, k, n) for k in (2, 4, 8, 16, 30)}
        missing = pd.DataFrame({"g": np.zeros(n, dtype=bool)})
        assert copies(pd.DataFrame(inputs), groups, missing) == {}


def test_a_copy_is_rewritten_for_another_group() -> None:
    code = Rewriting(pd.Series(np.where(SEX == "F", 0, 1)), SEX)
    women = np.flatnonzero(SEX == "F")[:5]
    assert code.cells(women, "M").tolist() == [1] * 5
    assert not code.knows("X")
    # ranks are kept: of three young (20, 30, 40) and three old (60, 70, 80), 30 becomes 70
    ages = Rewriting(pd.Series([20, 30, 40, 60, 70, 80]), np.array(list("yyyooo")))
    assert ages.cells(np.array([1, 0]), "o").tolist() == [70, 60]
    assert ages.cells(np.array([5]), "y").tolist() == [40]
