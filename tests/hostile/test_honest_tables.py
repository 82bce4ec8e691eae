"""The same rows in every format that is accepted: what is read equals what was written."""

from __future__ import annotations

import gzip
import json
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.table import Table
from evenhand.audit.data.written.declared import Reading

ROWS = pd.DataFrame(
    {
        "zip": ["02139", "10001", "00501", "94105"] * 30,
        "age": [31, 44, 19, 70] * 30,
        "rate": [0.1, 2.5e-9, -1234567.875, 1 / 3] * 30,
        "name": ['O"Neil, Zoë', "two\nlines", "=1+1", "None"] * 30,
        "yes": [True, False, True, True] * 30,
    }
)


def csv(**how: object) -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        ROWS.to_csv(path, index=False, **how)  # type: ignore[call-overload]
        return path

    return made


def parquet(**how: object) -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        pq.write_table(pa.Table.from_pandas(ROWS), path, **how)
        return path

    return made


def arrow(compression: str, chunk: int | None = None) -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        table = pa.Table.from_pandas(ROWS)
        feather.write_feather(table, str(path), compression=compression, chunksize=chunk)
        return path

    return made


def dictionary(path: Path) -> Path:
    table = pa.Table.from_pandas(ROWS)
    at = table.schema.get_field_index("zip")
    feather.write_feather(table.set_column(at, "zip", table["zip"].dictionary_encode()), str(path))
    return path


def excel(path: Path) -> Path:
    ROWS.to_excel(path, index=False, engine="openpyxl")
    return path


def json_lines(path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS.to_dict("records")))
    return path


def packed_json(path: Path) -> Path:
    path.write_bytes(gzip.compress(json_lines(path).read_bytes()))
    return path


def many_members(path: Path) -> Path:
    """A gzip file of several members, as parallel packers write them."""
    raw = csv()(path).read_bytes()
    path.write_bytes(b"".join(gzip.compress(raw[i : i + 999]) for i in range(0, len(raw), 999)))
    return path


def sqlite(path: Path) -> Path:
    with sqlite3.connect(path) as made:
        ROWS.to_sql("people", made, index=False)
    made.close()
    return path


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{sqlite(path)}#people"


def sqlite_view(path: Path) -> str:
    with sqlite3.connect(sqlite(path)) as made:
        made.execute('CREATE VIEW "all of them" AS SELECT * FROM people')
    made.close()
    return f"{path}#all of them"


MAKERS: dict[str, Callable[[Path], Path | str]] = {
    "comma": csv(),
    "tab": csv(sep="\t"),
    "semicolon": csv(sep=";"),
    "bar": csv(sep="|"),
    "quoted": csv(quoting=1),
    "windows": csv(lineterminator="\r\n"),
    "marked": csv(encoding="utf-8-sig"),
    "utf16": csv(encoding="utf-16"),
    "utf32": csv(encoding="utf-32"),
    "latin1": csv(encoding="latin-1"),
    "cp1252": csv(encoding="cp1252"),
    "gzip": csv(compression="gzip"),
    "gzip_members": many_members,
    "parquet": parquet(),
    "parquet_zstd": parquet(compression="zstd", row_group_size=7),
    "parquet_plain": parquet(compression="none", use_dictionary=False, version="1.0"),
    "parquet_v2": parquet(data_page_version="2.0", compression="gzip"),
    "arrow": arrow("uncompressed"),
    "arrow_lz4": arrow("lz4"),
    "arrow_zstd": arrow("zstd", 11),
    "arrow_dictionary": dictionary,
    "json_lines": json_lines,
    "json_gzip": packed_json,
    "excel": excel,
    "sqlite": sqlite,
    "sqlite_url": sqlite_url,
    "sqlite_view": sqlite_view,
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_read_is_what_was_written(name: str, tmp_path: Path) -> None:
    made = MAKERS[name](tmp_path / f"rows.{name}")
    declared = name if name in ("latin1", "cp1252") else None
    table = read_table(made, Reading(encoding=declared))
    # SQLite has no truth values: it keeps 1 and 0
    wanted = ROWS.assign(yes=ROWS["yes"].astype(int)) if "sqlite" in name else ROWS
    assert list(table.frame.columns) == list(ROWS.columns)
    for column in ROWS.columns:
        assert table.frame[column].tolist() == wanted[column].tolist(), column
    kind = "number" if "sqlite" in name else "boolean"
    zip_kind = "category" if name == "arrow_dictionary" else "text"
    expected = {"zip": zip_kind, "age": "number", "rate": "number", "name": "text", "yes": kind}
    assert table.types == expected


def test_there_are_twenty_and_more() -> None:
    assert len(MAKERS) + len(IMAGES) >= 30


def pixels() -> np.ndarray:
    return np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)


def idx(folder: Path, packed: bool) -> Path:
    for what, values in (("images-idx3", pixels()), ("labels-idx1", np.arange(6, dtype=np.uint8))):
        raw = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
        raw += values.tobytes()
        name = folder / f"t10k-{what}-ubyte{'.gz' if packed else ''}"
        name.write_bytes(gzip.compress(raw) if packed else raw)
    return folder


def png(folder: Path) -> Path:
    from PIL import Image

    for number, picture in enumerate(pixels()):
        Image.fromarray(picture).save(folder / f"{number}.png")
    frame = pd.DataFrame({"file": [f"{i}.png" for i in range(6)], "label": range(6)})
    frame.to_csv(folder / "metadata.csv", index=False)
    return folder


def npz(folder: Path) -> Path:
    np.savez_compressed(folder / "set.npz", images=pixels(), labels=np.arange(6))
    return folder / "set.npz"


IMAGES: dict[str, Callable[[Path], Path]] = {
    "idx": lambda folder: idx(folder, False),
    "idx_gzip": lambda folder: idx(folder, True),
    "png": png,
    "npz": npz,
}


@pytest.mark.parametrize("name", IMAGES)
def test_pictures_keep_every_pixel(name: str, tmp_path: Path) -> None:
    table: Table = read_table(IMAGES[name](tmp_path))
    assert table.shapes["image"] == (4, 5)
    read = [np.frombuffer(cell, dtype=np.uint8).reshape(4, 5) for cell in table.frame["image"]]
    assert (np.stack(read) == pixels()).all()
    assert table.frame["label"].tolist() == list(range(6))
    assert table.types == {"image": "bytes", "label": "number"}
