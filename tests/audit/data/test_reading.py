"""Reading tables: what is kept, what is text, what is missing; the canonical order."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evenhand.audit.data.reading.read import read_table, table_of
from evenhand.audit.data.table import as_text, canonical_order, csv_text, match_label, texts
from evenhand.audit.errors import InputError


def write(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_four_formats_give_the_same_table(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y, z"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.data")  # by content, not by name
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for name in ("t.csv", "t.tsv", "t.data", "t.jsonl"):
        read = read_table(tmp_path / name).frame
        assert read.to_dict("list") == {"a": [1, 2], "b": ["x", "y, z"]}, name


def test_codes_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    read = read_table(write(tmp_path, "zip,n,share\n02139,1,0.5\n10001,0,0\n,3,1\n")).frame
    assert read["zip"].tolist()[:2] == ["02139", "10001"]
    assert pd.isna(read["zip"][2])
    assert read["n"].tolist() == [1, 0, 3]
    assert read["share"].tolist() == [0.5, 0.0, 1.0]


def test_none_is_a_value_and_na_is_missing(tmp_path: Path) -> None:
    read = read_table(write(tmp_path, "a,b\nNone,NA\n?,\n null ,N/A\n")).frame
    assert read["a"].tolist()[:2] == ["None", "?"]
    assert read["b"].isna().all()


def test_byte_order_mark_and_spaces_after_commas(tmp_path: Path) -> None:
    read = read_table(write(tmp_path, "\ufeffage, income\n39, >50K\n"))
    assert list(read.frame.columns) == ["age", "income"]
    assert read.frame["income"].tolist() == [">50K"]


def test_a_column_of_lists_or_records_is_read_and_ordered(tmp_path: Path) -> None:
    table = pa.table({"g": [[1], [2, 3], None], "r": [{"a": 1}, {"a": 2}, None], "y": [1, 0, 1]})
    pq.write_table(table, tmp_path / "nested.parquet")
    frame = read_table(tmp_path / "nested.parquet").frame
    names, missing = texts(frame["g"])
    assert missing.tolist() == [False, False, True]
    assert len(set(names)) == 3
    assert sorted(canonical_order(frame)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (np.float32(2), "2"),
        (np.int8(-3), "-3"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (True, "true"),
        (np.bool_(False), "false"),
        ("01", "01"),
        (2**60, str(2**60)),
        (float("inf"), "inf"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_one_text_for_one_value(value: object, text: str) -> None:
    assert as_text(value) == text


def test_labels_match_as_text_number_or_truth_value() -> None:
    assert match_label("1", ["0", "1"]) == "1"
    assert match_label("1.0", ["0", "1"]) == "1"
    assert match_label("TRUE", ["false", "true"]) == "true"
    assert match_label("yes", ["no", "Yes"]) is None
    assert match_label("nan", ["0", "1"]) is None


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", "b", None, "a"]),
        pd.Series(["a", "b", None, "a"], dtype="category"),
        pd.Series([1, 2, None, 1]),
        pd.Series([True, False, None, True], dtype=object),
        pd.Series([1, 2, None, 1], dtype="Int64"),
        pd.Series(["a", "b", None, "a"], dtype="string"),
    ],
    ids=lambda c: str(c.dtype),
)
def test_group_columns_of_every_kind(column: pd.Series) -> None:
    names, missing = texts(column)
    assert missing.tolist() == [False, False, True, False]
    assert names[0] == names[3] != names[1]
    assert all(isinstance(n, str) for n in names)


def test_the_order_of_rows_depends_on_their_contents_alone() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.integers(0, 9, 200), "g": rng.choice(list("abc"), 200)})
    first = frame.iloc[canonical_order(frame, last=["g"])].reset_index(drop=True)
    for seed in range(5):
        other = frame.sample(frac=1, random_state=seed)[["g", "x"]]
        ordered = other.iloc[canonical_order(other, last=["g"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(first, ordered[["x", "g"]])


def test_repeated_names_in_memory_and_parquet(tmp_path: Path) -> None:
    twice = pd.DataFrame([[1, 1], [2, 2]], columns=["a", "a"])
    assert table_of(twice).notes
    with pytest.raises(InputError, match="'a' is repeated"):
        table_of(pd.DataFrame([[1, 1], [2, 3]], columns=["a", "a"]))
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="columns 1 and 2"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1}\n[1]\n', "line 2"),
        ('{"a": 1, "a": 2}\n', "'a' is repeated"),
        ('{"a": NaN}\n{"a"', "line 2"),
        ('{"a": "\\ud800"}\n', "surrogates not allowed"),
    ],
)
def test_bad_json_lines(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_table(write(tmp_path, text, "t.jsonl"))


def test_a_folder_that_holds_no_data(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_table(tmp_path)


def test_what_we_write_is_split_into_the_same_cells(tmp_path: Path) -> None:
    """A lone carriage return ends a row for whoever reads it bare."""
    frame = pd.DataFrame({"a\rb": ["x\ry", "z"], "c": [1, 2]})
    (tmp_path / "rows.csv").write_bytes(csv_text(frame).encode())
    found = read_table(tmp_path / "rows.csv").frame
    assert list(found.columns) == ["a\rb", "c"] and found["a\rb"].tolist() == ["x\ry", "z"]
    plain = pd.DataFrame({"a": ["x", "y z"]})
    assert csv_text(plain) == plain.to_csv(index=False)  # digests stay what they were
