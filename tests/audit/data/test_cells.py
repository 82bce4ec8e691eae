"""What a cell is: one decision for every reader, held against pandas and against each other."""

from __future__ import annotations

import io
import itertools
import sqlite3
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

from evenhand.audit.data.cells import MISSING_TEXTS, is_missing, is_number, read_texts, settled
from evenhand.audit.data.reading.read import read_table, table_of
from evenhand.audit.data.table import as_text, match_label, texts
from evenhand.audit.errors import InputError
from evenhand.audit.measure.dependence import levels_of
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.streamed import open_subject
from evenhand.trainers.encoders.tabular import NumericColumn, TabularEncoder
from tests.source import ROOT

# Cells that parsers of numbers differ about: underscores, signs, exponents, other scripts, codes.
ODD = (
    *("1_0", "10", "1_1", "+1", "-1", ".5", "5.", "1e5", "1E+5", "1e", "inf", "-Infinity"),
    *("0x10", "1d5", "1f", "1L", "١", "１", "1,5", "--1", "1.5.2", "-", ".", "e5", "-.5", "1e-400"),
    *("00.5", "007", "-0", "0", "true", "False", "TRUE", "yes", "9007199254740993", "1 "),
)


def in_pandas(cells: list[str]) -> list[str]:
    """The texts that an audit in memory compares these cells of a CSV file by."""
    rows = "\n".join(f"{cell}|x" for cell in cells)
    read = pd.read_csv(io.StringIO(f"a|b\n{rows}\n"), sep="|", keep_default_na=False)
    if is_number(read["a"]) and any(c in ("007",) for c in cells):
        return cells  # codes stay text, which is a rule of ours
    return [as_text(v) for v in read["a"]]


def test_texts_are_numbers_where_pandas_reads_numbers() -> None:
    for pair in itertools.combinations(ODD, 2):
        read = read_texts(pair)
        assert [as_text(read[c]) for c in pair] == in_pandas(list(pair)), pair


def test_every_reader_has_the_same_kinds_and_groups(tmp_path: Path) -> None:
    """The same cells through every door: exact decimals, bytes, blank texts, mixed numbers."""
    amounts = [Decimal("1.50"), Decimal("2.00"), None, Decimal("10.25")]
    groups = ["F", "M", "", "F"]
    plain = {"amount": [1.5, 2.0, None, 10.25], "group": ["F", "M", None, "F"]}
    arrow = pa.table({"amount": pa.array(amounts, pa.decimal128(10, 2)), "group": groups})
    as_bytes = arrow.set_column(1, "group", pa.array([g.encode() for g in groups], pa.binary()))
    frame = pd.DataFrame({"amount": pd.Series(amounts, dtype=object), "group": groups})
    pd.DataFrame(plain).to_csv(tmp_path / "t.csv", index=False)
    pd.DataFrame(plain).to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    pq.write_table(arrow, tmp_path / "t.parquet")
    pq.write_table(as_bytes, tmp_path / "bytes.parquet")
    with ipc.new_file(tmp_path / "t.arrow", arrow.schema) as writer:
        writer.write_table(arrow)
    with sqlite3.connect(tmp_path / "t.sqlite") as database:
        pd.DataFrame({"amount": plain["amount"], "group": groups}).to_sql(
            "t", database, index=False
        )
    database.close()
    names = ("t.csv", "t.jsonl", "t.parquet", "bytes.parquet", "t.arrow", "t.sqlite")
    tables = [read_table(tmp_path / name) for name in names]
    tables += [table_of(frame), table_of(arrow), table_of(as_bytes)]
    for table in tables:
        assert table.types == {"amount": "number", "group": "text"}, table.source
        names, missing = texts(table.frame["group"])
        assert missing.tolist() == [False, False, True, False], table.source
        assert names[~missing].tolist() == ["F", "M", "F"]
        assert texts(table.frame["amount"])[0][[0, 1, 3]].tolist() == ["1.5", "2", "10.25"]


def test_decimals_are_numbers_wherever_columns_are_told_apart() -> None:
    exact = pd.Series([Decimal(i) / 4 for i in range(200)], dtype=object, name="x")
    frame = table_of(pd.DataFrame({"x": exact})).frame
    floats = pd.DataFrame({"x": [i / 4 for i in range(200)]})
    assert levels_of(frame["x"], 5).tolist() == levels_of(floats["x"], 5).tolist()
    encoder = TabularEncoder.fit(frame, ["x"])
    assert isinstance(encoder.columns[0], NumericColumn)
    assert encoder == TabularEncoder.fit(floats, ["x"])


def test_whole_numbers_that_floats_merge_stay_apart() -> None:
    big = [2**60, 2**60 + 1]
    for column in (big, [*big, None], [Decimal(b) for b in big]):
        read = settled(pd.DataFrame({"id": pd.Series(column, dtype=object)}))["id"]
        assert [as_text(v) for v in read[:2]] == [str(b) for b in big]


def test_rows_on_disk_have_the_groups_of_rows_in_memory(tmp_path: Path) -> None:
    """Ten rows of each zone: "1_0" is another zone than "10", in memory and counted on disk."""
    zones = ["1_0", "10", "1_1", "11"] * 10
    frame = pd.DataFrame({"zone": zones, "y": [0, 1] * 20, "p": [1, 1, 0, 0] * 10})
    frame.to_csv(tmp_path / "t.csv", index=False)
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    zone = pa.array([z.encode() for z in zones], pa.binary())
    pq.write_table(arrow.set_column(0, "zone", zone), tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        given = {"predictions": str(tmp_path / name), "target": "y", "predicted": "p"}
        spec = SubjectSpec(**given, positive_label="1", sensitive_features=("zone",))
        inside = open_subject(spec.model_copy(update={"stream": False}))
        assert inside.groups["zone"].value_counts().to_dict() == dict.fromkeys(set(zones), 10)
        counts = open_subject(spec.model_copy(update={"stream": True})).counts
        assert counts is not None
        assert sorted(counts.names[:, 0].tolist()) == sorted(set(zones))


def test_a_label_is_a_number_only_where_it_is_written_as_one() -> None:
    assert match_label("1_0", ["10", "0"]) is None
    assert match_label("1.0", ["1", "0"]) == "1"


@pytest.mark.parametrize("text", [*MISSING_TEXTS[:1], "  ", "\t"])
def test_a_text_with_nothing_in_it_is_missing(text: str) -> None:
    assert is_missing(text)
    for dtype in (object, "str", "category"):
        frame = pd.DataFrame({"a": pd.Series(["x", text], dtype=dtype)})
        assert settled(frame)["a"].isna().tolist() == [False, True], dtype


def test_groups_in_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    table = pa.table({"sex": [b"\xff", b"\xfe"] * 5, "y": [0, 1] * 5, "p": [0, 1] * 5})
    pq.write_table(table, tmp_path / "t.parquet")
    given = {"predictions": str(tmp_path / "t.parquet"), "target": "y", "predicted": "p"}
    spec = SubjectSpec(**given, positive_label="1", sensitive_features=("sex",), stream=False)
    with pytest.raises(InputError, match="holds bytes that are no UTF-8 text"):
        open_subject(spec)


def test_what_is_a_number_is_decided_in_one_place() -> None:
    asking = [
        str(path.relative_to(ROOT))
        for room in ("audit", "trainers")
        for path in (ROOT / room).rglob("*.py")
        if "is_numeric_dtype" in path.read_text("utf-8")
    ]
    assert asking == ["audit/data/cells.py"]
