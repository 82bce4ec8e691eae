"""Which rows the ledger store takes for the same, and which not (docs/privacy.md says so too)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.trainers.data.rows import canonical, frame_rows, rows_of
from evenhand.trainers.job import prepare
from evenhand.trainers.recipe.recipe import as_recipe

TABLE = pd.DataFrame(
    {"age": [30, 41], "income": [0.1, 1.5], "town": ["Zürich", "Bern"], "owner": [True, False]}
)


def known(frame: pd.DataFrame) -> set[bytes]:
    return set(frame_rows(frame))


@pytest.mark.parametrize(
    "same",
    [
        TABLE[["town", "owner", "income", "age"]],
        TABLE.iloc[::-1],
        TABLE.assign(age=["30", "41.0"]),
        TABLE.assign(income=["1e-1", "1.50"]),
        TABLE.assign(income=TABLE["income"].astype("float32")),
        TABLE.assign(owner=["True", "false"]),
        TABLE.assign(town=[" Zu\u0308rich", "Bern "]),
        TABLE.assign(remark=[None, None]),
        TABLE.rename(columns={"age": " age"}),
    ],
    ids=[
        "columns in another order",
        "rows in another order",
        "numbers as texts",
        "other digits",
        "single precision",
        "truths as texts",
        "blanks and accents",
        "an empty column",
        "a blank in a name",
    ],
)
def test_rows_that_are_written_in_another_way_are_the_same(same: pd.DataFrame) -> None:
    assert known(same) == known(TABLE)


@pytest.mark.parametrize(
    "other",
    [
        TABLE.assign(age=[31, 42]),
        TABLE.assign(town=["zürich", "bern"]),
        TABLE.assign(income=[0.10001, 1.50001]),
        TABLE.assign(number=[1, 2]),
        TABLE.drop(columns="owner"),
        TABLE.rename(columns={"age": "years"}),
    ],
    ids=["edited", "other case", "more digits", "a column more", "a column less", "renamed"],
)
def test_rows_with_other_contents_are_other_rows(other: pd.DataFrame) -> None:
    assert not known(other) & known(TABLE)


def test_numbers_in_one_spelling() -> None:
    assert canonical("007") == "007" != canonical("7")
    assert canonical(str(2**53 + 1)) == str(2**53 + 1)
    assert canonical("1e39") == canonical("1" + ".0e39") == "1e+39"
    as_single = str(float(np.float32(0.1)))  # 0.10000000149011612
    assert canonical(as_single) == canonical("0.1") == canonical(str(np.float32(0.1)))
    assert canonical("-0.0") == "0" and canonical("") == ""


def test_texts_are_known_by_their_words_and_not_by_their_tokens(tmp_path: Path) -> None:
    lines = [f'{{"text": "row {i} of many", "label": "{"ab"[i % 2]}"}}' for i in range(40)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    given = {"kind": "text-classification", "data": str(tmp_path / "t.jsonl"), "target": "label"}
    given["positive_label"] = "a"
    short = prepare(as_recipe({**given, "max_length": 2, "tokens": "characters"}))
    long = prepare(as_recipe({**given, "max_length": 8, "tokens": "words"}))
    assert set(rows_of(short)) == set(rows_of(long)) and len(set(rows_of(short))) == 28
