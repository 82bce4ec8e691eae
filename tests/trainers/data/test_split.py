"""Each row falls into its part by itself: one row more or less moves no other."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evenhand.audit.errors import InputError
from evenhand.trainers.data.split import Split, split

Rows = list[tuple[str, ...]]


def people(n: int, seed: int = 0) -> pd.DataFrame:
    """Rows of which many are equal, with a number, a text and a missing cell here and there."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": rng.integers(20, 30, n), "town": rng.choice(["n", "s"], n)})
    frame["pay"] = np.where(rng.random(n) < 0.1, np.nan, rng.integers(1, 4, n))
    return frame.assign(y=rng.choice(["a", "b"], n))


def rows_of(frame: pd.DataFrame | None) -> Rows:
    return (
        []
        if frame is None
        else sorted(map(tuple, frame.astype(object).fillna("").astype(str).to_numpy()))
    )


def distance(one: Rows, other: Rows) -> int:
    """How many rows must be taken out or put in to make one of the other (as multisets)."""
    left, right = pd.Series(one).value_counts(), pd.Series(other).value_counts()
    return int(left.sub(right, fill_value=0).abs().sum())


@pytest.mark.parametrize("seed", range(3))
def test_leaving_out_one_row_changes_one_part_by_one_row(seed: int) -> None:
    """The kind: a training set of which a single person decides who else is in it."""
    frame = people(400, seed)
    whole = split(frame, share=0.3, validation_share=0.1, seed=seed, classes_of="y")
    for gone in range(0, 400, 23):
        less = split(
            frame.drop(index=gone), share=0.3, validation_share=0.1, seed=seed, classes_of="y"
        )
        moved = [
            distance(rows_of(a), rows_of(b))
            for a, b in (
                (whole.train, less.train),
                (whole.test, less.test),
                (whole.validation, less.validation),
            )
        ]
        assert sum(moved) == 1


def test_a_row_that_changes_the_spelling_of_a_column_moves_no_other() -> None:
    """A single text or missing cell makes another kind of column of whole numbers: 1 and 1.0."""
    frame = pd.DataFrame({"x": range(200), "y": ["a", "b"] * 100})
    odd = pd.concat([frame, pd.DataFrame({"x": [np.nan], "y": ["a"]})])
    one, other = (split(f, share=0.4, seed=3, classes_of="y") for f in (frame, odd))
    shared = set(one.test["x"]) ^ set(other.test["x"].dropna())
    assert shared == set() and odd["x"].dtype == float


def test_a_unit_is_held_out_whole_by_its_name_alone() -> None:
    frame = people(300).assign(who=[f"p{i % 40}" for i in range(300)])
    parts = split(frame, share=0.3, seed=0, classes_of=None, keyed_by="who")
    assert not set(parts.train["who"]) & set(parts.test["who"])
    # their rows may change as they like, and others may come or go
    other = frame.assign(age=frame["age"] + 1)[frame["who"] != "p7"]
    again = split(other, share=0.3, seed=0, classes_of=None, keyed_by="who")
    assert set(again.test["who"]) == set(parts.test["who"]) - {"p7"}


def test_shares_are_those_of_a_coin_for_each_row() -> None:
    """Of n rows a share p: n p with a standard deviation of sqrt(n p (1 - p)); over 200 seeds."""
    frame = pd.DataFrame({"row": range(500)})
    sizes = [len(split(frame, share=0.3, seed=s, classes_of=None).test) for s in range(200)]
    sd = math.sqrt(500 * 0.3 * 0.7)
    assert abs(np.mean(sizes) - 150) < 4 * sd / math.sqrt(200)
    assert 0.8 * sd < np.std(sizes) < 1.2 * sd
    # and each row is held out about as often as any other: chi-squared of 499 degrees
    times = np.zeros(500)
    for s in range(200):
        times[split(frame, share=0.3, seed=s, classes_of=None).test["row"]] += 1
    assert abs(((times - 60) ** 2 / 42).sum() - 499) < 5 * math.sqrt(2 * 499)


def test_equal_rows_have_a_coin_each() -> None:
    """A table of few different rows would else be tested on what was never trained on."""
    frame = pd.DataFrame({"x": ["u", "v"] * 500, "y": ["a", "b"] * 500})
    parts = split(frame, share=0.5, seed=0, classes_of="y")
    assert 400 < len(parts.test) == parts.n_twins < 600
    assert set(parts.test["y"]) == set(parts.train["y"]) == {"a", "b"}


@given(
    n=st.integers(12, 60),
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.2, 0.3]),
    validation_share=st.sampled_from([0.0, 0.2, 0.25]),
)
@settings(max_examples=40, deadline=None)
def test_three_parts_are_disjoint_and_whole_in_any_order(
    n: int, seed: int, share: float, validation_share: float
) -> None:
    frame = pd.DataFrame({"row": range(2 * n), "y": ["a", "b"] * n})
    options = {"seed": seed, "classes_of": None}
    try:
        parts = split(frame, share=share, validation_share=validation_share, **options)
    except InputError:  # a part without a row: of 24 rows with a share of 0.2, 1 in 200
        assume(False)
    kept = [] if parts.validation is None else list(parts.validation["row"])
    assert sorted([*parts.train["row"], *parts.test["row"], *kept]) == list(range(2 * n))
    assert (parts.validation is None) == (validation_share == 0)
    assert parts.n_twins == 0
    without = split(frame, share=share, **options)
    assert set(without.test["row"]) == set(parts.test["row"])
    shuffled: Split = split(
        frame.sample(frac=1, random_state=5),
        share=share,
        validation_share=validation_share,
        **options,
    )
    pd.testing.assert_frame_equal(shuffled.train, parts.train)


def test_another_seed_holds_out_other_rows() -> None:
    frame = people(200)
    one, other = (split(frame, share=0.3, seed=s, classes_of="y") for s in (1, 2))
    assert rows_of(one.test) != rows_of(other.test)


def test_a_class_that_nobody_is_trained_on_is_an_input_error() -> None:
    frame = pd.DataFrame({"x": range(40), "y": ["a"] * 39 + ["b"]})
    # where the one row falls is the same with and without the question
    held_out = [
        "b" in set(split(frame, share=0.5, seed=seed, classes_of=None).test["y"])
        for seed in range(20)
    ]
    with pytest.raises(InputError, match="class 'b' of 'y' has 1 rows"):
        split(frame, share=0.5, seed=held_out.index(True), classes_of="y")
    kept = split(frame, share=0.5, seed=held_out.index(False), classes_of="y")
    assert "b" in set(kept.train["y"])
    with pytest.raises(InputError, match=r"validation_share=0\.6"):
        split(frame, share=0.5, validation_share=0.6, seed=0, classes_of=None)


def test_a_test_table_of_its_own_keeps_every_row_for_training() -> None:
    frame = people(400).assign(row=range(400))
    parts = split(
        frame.iloc[:300],
        share=0.3,
        validation_share=0.1,
        seed=0,
        classes_of=None,
        test=frame.iloc[295:],
    )
    assert parts.validation is not None
    assert len(parts.train) + len(parts.validation) == 300 and len(parts.test) == 105
    # five rows are in both tables; those of them that are trained on are counted
    assert parts.n_twins == sum(parts.train["row"] >= 295)
