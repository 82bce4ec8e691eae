"""A frame of this process is read as its CSV file would be, whatever types its columns have."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import evenhand
from evenhand.audit.api.frames import as_arrow
from evenhand.audit.api.sources import as_pandas, rows_at
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.table import texts
from evenhand.audit.errors import InputError

AGES = [18, 25, 44, 61, 33, 70]
ODD: dict[str, Any] = {
    "cut": pd.cut(pd.Series(AGES), [17, 30, 45, 70]),
    "cut with nothing": pd.cut(pd.Series([18, 25, 99, 61, 33, 70]), [17, 30, 45, 70]),
    "qcut": pd.qcut(pd.Series(AGES), 2),
    "named bins": pd.cut(pd.Series(AGES), [17, 30, 70], labels=["young", "old"]),
    "intervals": pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3, 4, 5, 6])),
    "mixed": pd.Series([18, 25, "n.b.", 61, 33, 70], dtype=object),
    "texts, truth values and numbers": pd.Series([True, 1, "x", 2.5, None, "y"], dtype=object),
    "numbers with a gap": pd.Series([1, None, 3, 4, 5, 6], dtype="Int64"),
    "truth values with a gap": pd.Series([True, None, False, True, True, False], dtype="boolean"),
    "categories that are numbers": pd.Series([3, 1, 3, 2, 1, 3]).astype("category"),
    "categories of several types": pd.Series(pd.Categorical([1, "a", 1, "b", "a", 1])),
    "sparse numbers": pd.Series(pd.arrays.SparseArray([0.0, 0.0, 1.5, 0.0, 2.0, 0.0])),
    "sparse truth values": pd.get_dummies(pd.Series(list("abcabc")), sparse=True)["a"],
    "periods": pd.Series(pd.period_range("2026-01", periods=6, freq="M")),
    "times": pd.Series(pd.date_range("2026-01-01 08:00", periods=6, freq="h")),
    "texts of Arrow": pd.Series(["a", None, "b", "a", "b", "c"], dtype="string[pyarrow]"),
    "huge whole numbers": pd.Series([2**70, 1, 2, 3, 4, 5], dtype=object),
    "half precision": pd.Series([0.5, 1.5, 2.0, 0.25, 4.0, 8.0], dtype="float16"),
    "nothing at all": pd.Series([None] * 6, dtype=object),
}


def as_read(frame: Any, folder: Path) -> pd.DataFrame:
    return read_table(rows_at(frame, folder, "rows")).frame


def from_csv(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    frame.to_csv(folder / "rows.csv", index=False)
    return read_table(folder / "rows.csv").frame


@pytest.mark.parametrize("name", ODD)
def test_every_odd_column_is_read_as_from_a_csv_file(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"other": range(6), "odd": ODD[name].to_numpy()})
    frame["odd"] = ODD[name].array
    found, expected = as_read(frame, tmp_path), from_csv(frame, tmp_path)
    for one, other in zip(texts(found["odd"]), texts(expected["odd"]), strict=True):
        assert one.tolist() == other.tolist()


def test_bands_are_their_texts(tmp_path: Path) -> None:
    frame = pd.DataFrame({"band": ODD["cut"]})
    assert set(as_read(frame, tmp_path)["band"]) == {"(17, 30]", "(30, 45]", "(45, 70]"}


def test_repeated_columns_are_as_in_files(tmp_path: Path) -> None:
    same = pd.DataFrame([[1, 2, 1], [3, 4, 3]], columns=["a", "b", "a"])
    assert list(as_read(same, tmp_path)) == ["a", "b"]
    differ = pd.DataFrame([[1, 2, 9]], columns=["a", "b", "a"])
    with pytest.raises(InputError, match="'a' is repeated in the data frame with cells that diff"):
        as_read(differ, tmp_path)
    table = pa.Table.from_arrays([pa.array([1]), pa.array([1])], names=["a", "a"])
    assert list(as_read(table, tmp_path)) == ["a"]


def test_names_that_are_no_texts(tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    assert list(as_read(frame, tmp_path)) == ["('a', 1)", "('b', 2)"]
    assert list(as_read(pd.DataFrame([[1, 2]]), tmp_path)) == ["0", "1"]


def test_frames_of_others(tmp_path: Path) -> None:
    columns = {"a": [1, 2, 3], "s": ["x", None, "y"]}
    made = pl.DataFrame(columns).with_columns(
        pl.Series("category", ["u", "v", "u"], dtype=pl.Categorical),
        pl.Series("kind", ["u", "v", "u"], dtype=pl.Enum(["u", "v"])),
        pl.Series("object", [1, "b", None], dtype=pl.Object),
        pl.Series("length", [1, 2, 3]).cast(pl.Duration("ms")),
        pl.Series("money", [Decimal("1.50"), Decimal("2.25"), None]),
        pl.Series("list", [[1], [2, 3], []]),
    )
    for frame in (made, made.lazy()):
        found = as_read(frame, tmp_path)
        assert found["category"].tolist() == found["kind"].tolist() == ["u", "v", "u"]
        assert found["object"].tolist()[:2] == ["1", "b"]
        assert found["money"].tolist()[:2] == [1.5, 2.25]
        assert found["list"].tolist() == ["[1]", "[2, 3]", "[]"]
    batch = pa.record_batch({"a": pa.array([1, 2]), "s": pa.array(["x", "y"]).dictionary_encode()})
    assert as_read(batch, tmp_path)["s"].tolist() == ["x", "y"]
    assert as_pandas(batch)["a"].tolist() == [1, 2]
    with pytest.raises(InputError, match="list is no data frame"):
        as_arrow([1, 2])


def test_a_text_that_cannot_be_written_names_column_and_row() -> None:
    with pytest.raises(InputError, match=r"'s' of the data frame holds, in row 2, a text"):
        as_arrow(pd.DataFrame({"s": pd.Series(["a", "b\ud800"], dtype=object)}))


def test_audits_ask_nothing_of_columns_that_nobody_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ages = rng.integers(18, 71, 200)
    frame = pd.DataFrame({"p": rng.integers(0, 2, 200), "age": ages, "note": ages.astype(object)})
    frame["band"] = pd.cut(frame["age"], [17, 30, 45, 70])
    frame.loc[3, "note"] = "n/a"
    result = evenhand.audit_predictions(
        frame,
        predicted="p",
        positive_label=1,
        sensitive_features=["band"],
        checks=["fairness.group_rates"],
        out=tmp_path / "case",
    )
    rates = frame.groupby(frame["band"].astype(str))["p"].mean()
    found = {
        f.group["band"]: f.value
        for f in result.findings
        if f.measure == "selection_rate" and f.group
    }
    assert found == pytest.approx(rates.to_dict())
