"""Class L: data files and databases that lie, burst, or carry something for whoever shows them."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

HEADER = "y,yhat,race"
SCRIPT = "<script>alert(1)</script>"
# Strings that some reader of a case may obey: a browser, a spreadsheet, a terminal, a database.
STRINGS = {
    "script": SCRIPT,
    "image": '<img src=x onerror="alert(1)">',
    "formula": '=HYPERLINK("http://127.0.0.1/?"&A1)',
    "dde": "=cmd|' /C calc'!A0",
    "plus": "+SUM(1+1)*cmd|'!A0",
    "at": "@SUM(A1)",
    "ansi": "\x1b[31mred\x1b]0;title\x07",
    "c1": "\x9b31mred",
    "bidi": "abc\u202efdp.exe",
    "zero_width": "bl\u200back",
    "line": "one\u2028two",
    "crlf": "a\r\nINFO forged line",
    "sql": "x'; DROP TABLE entries; --",
    "template": "{{ 7*7 }}${7*7}<%= 7*7 %>",
    "percent": "%s%n%(x)s{0}",
    "markdown": "[x](javascript:alert(1)) ![](http://127.0.0.1/x.png)",
    "path": "../../../../etc/passwd",
    "long": "x" * 100_000,
    "combining": "e" + "\u0301" * 5_000,
    "json": '"}], "pass": true, [{"',
}


def rows(race: str = "a,b", n: int = 24) -> str:
    """Rows of stored predictions over two groups."""
    first, second = race.split(",")
    return "".join(f"{i % 2},{(i // 2) % 2},{first if i % 3 else second}\n" for i in range(n))


def wider(lines: str, cells: str) -> str:
    """The lines with further cells."""
    return lines.replace("\n", cells + "\n")


def quoted(text: str) -> str:
    """A cell of a CSV file."""
    return '"' + text.replace('"', '""') + '"'


def csv_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """CSV: names, cells, quotes, encodings."""
    good = rows()
    texts: dict[str, str | bytes] = {
        "nul": f"{HEADER}\n1,1,a\x00\n{good}",
        "nul_utf16": f"{HEADER}\n{good}".encode("utf-16-le"),
        "latin1": f"{HEADER}\n1,1,Zo\u00eb\n{good}".encode("latin-1"),
        "cut_utf8": f"{HEADER}\n{good}1,1,\u4e2d".encode()[:-1],
        "cut_utf16": f"{HEADER}\n{good}".encode("utf-16")[:-1],
        "surrogate": f"{HEADER}\n1,1,".encode() + b"\xed\xa0\x80\n",
        "mark_twice": "\ufeff\ufeff" + f"{HEADER}\n{good}",
        "short_row": f"{HEADER}\n1,1\n{good}",
        "long_row": f"{HEADER}\n1,1,a,b,c\n{good}",
        "open_quote": f'{HEADER}\n1,1,"a\n{good}',
        "open_quote_header": f'y,yhat,"race\n{good}',
        "quotes": f"{HEADER}\n" + '1,1,"""""\n' * 9,
        "giant_cell": f"{HEADER}\n1,1,{'x' * (17 << 20)}\n{good}",
        "giant_line": f"{HEADER}\n1,1,a{',' * 200_000}\n{good}",
        "twice": "y,yhat,race,race\n" + wider(good[:-1] + "x\n", ",c"),
        "no_name": "y,yhat,race,,\n" + wider(good, ",1,2"),
        "only_names": HEADER + "\n",
        "no_rows": HEADER,
        "blank": "\n \n\t\n",
        "commas": ",,,,,\n" * 1000,
        "long_name": f"y,yhat,race,{'n' * 10_240}\n" + wider(good, ",1"),
        "many_columns": ",".join(f"c{i}" for i in range(10_001)) + "\n",
        "mixed": f"{HEADER}\n1,1,a\nyes,no,b\n2.5,,1e400\n{good}",
        "infinite": f"{HEADER},s\n" + good.replace("\n", ",inf\n"),
        "nan_labels": f"{HEADER}\n" + "NaN,NaN,NaN\n" * 30,
        "big_int": f"{HEADER}\n{'9' * 5000},1,a\n{good}",
        "exponent": f"{HEADER}\n1e999999999,1,a\n{good}",
        "one_group": f"{HEADER}\n" + "1,0,a\n0,1,a\n" * 9,
        "reserved": "y,yhat,race,__index_level_0__,image,unknown\n" + wider(good, ",1,2,3"),
        "look_alike": "y,yhat,race,r\u0430ce,Race \n" + wider(good, ",1,2"),
        "carriage": f"{HEADER}\n{good}".replace("\n", "\r"),
        "json_array": '[{"y": 1}]',
        "html": f"<!doctype html><html>{SCRIPT}</html>",
        "php": "<?php system($_GET['c']); ?>\n",
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system",
        "elf": b"\x7fELF\x02\x01\x01" + b"\0" * 100,
        "random": bytes((i * 7919 + i * i) % 251 + 1 for i in range(5000)),
    }
    columns = ",".join(f"c{i}" for i in range(9_000))
    texts["wide"] = f"{HEADER},{columns}\n" + good.replace("\n", ",1" * 9_000 + "\n")
    for name, cell in STRINGS.items():
        group = quoted(cell)
        texts[f"cell_{name}"] = f"{HEADER}\n" + rows(f"{{}},{'b'}").replace("{}", group)
        if len(cell) < 1000:
            texts[f"name_{name}"] = f"y,yhat,{group}\n{good}"
    for name, content in texts.items():
        yield f"L.csv_{name}", write(folder / f"{name}.csv", content)


def packed_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """What unpacks to far more than it takes, and what was cut off."""
    zeros = gzip.compress(b"1,1,a\n" * (90 << 20 >> 2))
    yield "L.gz_bomb", write(folder / "bomb.csv.gz", zeros)
    yield "L.gz_in_gz", write(folder / "twice.csv.gz", gzip.compress(gzip.compress(b"a\n1\n")))
    whole = gzip.compress(f"{HEADER}\n{rows()}".encode())
    yield "L.gz_cut", write(folder / "cut.csv.gz", whole[:-9])
    yield "L.gz_checksum", write(folder / "crc.csv.gz", whole[:-8] + b"\1" * 8)
    packers = {"bz2": b"BZh9", "xz": b"\xfd7zXZ\0", "zip": b"PK\3\4", "7z": b"7z\xbc\xaf"}
    for name, magic in packers.items():
        yield f"L.{name}", write(folder / f"x.{name}", magic + b"\0" * 200)
    deep = zlib.compress(b"\0" * 1000)
    yield "L.zlib", write(folder / "x.zlib", deep)
    sparse = folder / "sparse.csv"
    with sparse.open("wb") as handle:
        handle.truncate(1 << 42)
    yield "L.sparse", sparse


def parquet_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Parquet and Arrow: footers, announced sizes, types."""
    table = pa.table({"y": [0, 1] * 20, "yhat": [0, 1, 1, 1] * 10, "race": list("aabb") * 10})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    good = sink.getvalue()
    cuts = {
        "footer": good[:-8] + struct.pack("<I", 1 << 30) + b"PAR1",
        "negative": good[:-8] + b"\xff\xff\xff\xff" + b"PAR1",
        "zero_footer": good[:-8] + b"\0\0\0\0PAR1",
        "cut": good[: len(good) // 2],
        "marks": b"PAR1" * 4,
        "encrypted": good[:-4] + b"PARE",
        "flipped": bytes(b ^ 255 if 30 < i < 60 else b for i, b in enumerate(good)),
    }
    for name, raw in cuts.items():
        yield f"L.parquet_{name}", write(folder / f"{name}.parquet", raw)
    constant = pa.table({f"c{i}": pa.repeat(0, 10_000_000) for i in range(4)})
    pq.write_table(constant, folder / "bomb.parquet")
    yield "L.parquet_bomb", folder / "bomb.parquet"
    same = pa.repeat(pa.scalar(0, pa.int32()), 1_000_000)
    text = pa.DictionaryArray.from_arrays(same, ["x" * 99_999])
    pq.write_table(pa.table({"race": text, "y": pa.repeat(1, 1_000_000)}), folder / "text.parquet")
    yield "L.parquet_text_bomb", folder / "text.parquet"
    pq.write_table(pa.table({"y": pa.nulls(400_000_000)}), folder / "nulls.parquet")
    yield "L.parquet_nulls", folder / "nulls.parquet"
    many = pa.table({f"c{i}": [1] for i in range(10_001)})
    pq.write_table(many, folder / "many.parquet")
    yield "L.parquet_many", folder / "many.parquet"
    odd = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"x" * 16] * 4, pa.binary(16)))
    pq.write_table(pa.table({"id": odd}), folder / "extension.parquet")
    yield "L.parquet_extension", folder / "extension.parquet"
    places = pa.py_buffer(struct.pack("<3i", 0, 1, 2))
    bad = pa.StringArray.from_buffers(2, places, pa.py_buffer(b"\xff\xfe"))
    pq.write_table(pa.table({"race": bad, "y": [0, 1]}), folder / "utf8.parquet")
    yield "L.parquet_utf8", folder / "utf8.parquet"
    names = pa.table({SCRIPT: [1, 2], "\x1b[2J": [3, 4], "n" * 10_240: [5, 6]})
    pq.write_table(names, folder / "names.parquet")
    yield "L.parquet_names", folder / "names.parquet"
    yield from arrow_files(folder, table)


def arrow_files(folder: Path, table: pa.Table) -> Iterator[tuple[str, Path]]:
    """Arrow files: cut off, lying, packed a thousandfold."""
    feather.write_feather(table, folder / "good.arrow", compression="zstd")
    good = (folder / "good.arrow").read_bytes()
    yield "L.arrow_cut", write(folder / "cut.arrow", good[: len(good) // 2])
    yield "L.arrow_magic", write(folder / "magic.arrow", b"ARROW1" * 3)
    yield (
        "L.arrow_flipped",
        write(
            folder / "flipped.arrow",
            bytes(b ^ 255 if 8 < i < 40 else b for i, b in enumerate(good)),
        ),
    )
    big = pa.table({"c": pa.repeat(0, 40_000_000)})
    feather.write_feather(big, folder / "bomb.arrow", compression="zstd", chunksize=40_000_000)
    yield "L.arrow_bomb", folder / "bomb.arrow"
    nulls = pa.table({"c": pa.nulls(400_000_000)})
    feather.write_feather(nulls, folder / "nulls.arrow", chunksize=400_000_000)
    yield "L.arrow_nulls", folder / "nulls.arrow"
    yield "L.feather_v1", write(folder / "old.feather", b"FEA1" + b"\0" * 60)


def databases(folder: Path) -> Iterator[tuple[str, Path | str]]:
    """SQLite: names, views that never end, cells that are too big, broken pages."""
    counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    statements = {
        "endless": [f"CREATE VIEW v AS {counting} SELECT max(i) AS y FROM n"],
        "endless_rows": [f"CREATE VIEW v AS {counting} SELECT i AS y, i AS race FROM n"],
        "endless_sort": [f"CREATE VIEW v AS {counting} SELECT i AS y FROM n ORDER BY random()"],
        "big_cell": ["CREATE VIEW v AS SELECT zeroblob(900000000) AS y, 1 AS race"],
        "long_cell": ["CREATE VIEW v AS SELECT hex(zeroblob(20000000)) AS y, 1 AS race"],
        "itself": [
            "CREATE VIEW v AS SELECT 1 AS y",
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = 'CREATE VIEW v AS SELECT * FROM v'",
        ],
        "extension": ["CREATE VIEW v AS SELECT load_extension('/tmp/x.so') AS y"],
        "schema": [
            "CREATE TABLE v (y)",
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = 'CREATE TABLE v (y, ('",
        ],
        "empty": ["CREATE TABLE v (y, yhat, race)"],
        "none": [],
        "types": [
            'CREATE TABLE v (y "); DROP TABLE v; --", yhat DATE, race "odd type" (9))',
            "INSERT INTO v VALUES (1, 'x', 'a'), (0, x'00ff', 2), (1, NULL, 3.5)",
        ],
        "utf8": ["CREATE TABLE v (y, race)", "INSERT INTO v VALUES (1, CAST(x'ff00fe' AS TEXT))"],
        "virtual": ["CREATE VIRTUAL TABLE v USING fts5(y, race)"],
    }
    for name, lines in statements.items():
        file = folder / f"{name}.db"
        with sqlite3.connect(file) as made:
            for line in lines:
                made.execute(line)
        made.close()
        yield f"L.sqlite_{name}", file if name == "none" else f"sqlite:///{file}#v"
    file = folder / "names.db"
    with sqlite3.connect(file) as made:
        made.execute(
            """CREATE TABLE "x""; DROP TABLE y; --" ("y", "yhat", "race'); --", "%s :a ?")"""
        )
        for i in range(20):
            made.execute(
                """INSERT INTO "x""; DROP TABLE y; --" VALUES (?, ?, ?, 1)""",
                (i % 2, 1, "ab"[i % 2]),
            )
    made.close()
    yield "L.sqlite_names", file
    yield "L.sqlite_injected", f"sqlite:///{file}#x; DELETE FROM entries"
    raw = file.read_bytes()
    yield "L.sqlite_cut", write(folder / "cut.db", raw[:3000])
    yield "L.sqlite_pages", write(folder / "pages.db", raw[:100] + b"\xff" * (len(raw) - 100))
    yield "L.sqlite_mark", write(folder / "mark.db", b"SQLite format 3\0")
    for name, url in {
        "options": f"sqlite:///{file}?mode=rwc#v",
        "memory": "sqlite://#v",
        "driver": "nosuch+driver://u:s3cret@127.0.0.1/db#t",
        "closed": "postgresql+psycopg://u:s3cret@127.0.0.1:9/db#t",
        "not_url": "://x#t",
        "port": "postgresql+psycopg://u:s3cret@127.0.0.1:port/db#t",
    }.items():
        yield f"L.url_{name}", url


def other_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """JSON lines, Excel, folders and odd files."""
    lines = {
        "deep": '{"y": ' + "[" * 100_000 + "]" * 100_000 + "}\n",
        "big_int": '{"y": ' + "9" * 10_000 + "}\n",
        "bigger": '{"y": ' + "9" * 30 + "}\n",
        "nan": '{"y": NaN, "yhat": Infinity, "race": "a"}\n' * 20,
        "twice": '{"y": 1, "y": 2}\n',
        "surrogate": '{"y": "\\ud800"}\n',
        "nested": '{"y": {"z": 1}}\n',
        "mixed": '{"y": 1}\n{"y": "1"}\n{"y": true}\n{"y": null}\n{"x": 1}\n',
        "wide": "".join(json.dumps({f"k{i}": 1}) + "\n" for i in range(9_999)),
        "cut": '{"y": 1}\n{"y": ',
        "proto": '{"__proto__": {"x": 1}}\n',
    }
    for name, text in lines.items():
        yield f"L.json_{name}", write(folder / f"{name}.jsonl", text)
    yield from workbooks(folder)
    yield "L.folder", folder / "nowhere"
    loop = folder / "loop.csv"
    loop.symlink_to(loop)
    yield "L.loop", loop
    yield "L.device", Path("/dev/zero")


def workbooks(folder: Path) -> Iterator[tuple[str, Path]]:
    """Excel: bombs, entities, sizes that lie."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in (("y", "yhat", "race"), (1, 1, "=1+1"), (0, 1, SCRIPT)):
        book.active.append(row)
    book.save(folder / "good.xlsx")

    def changed(name: str, change: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(folder / "good.xlsx") as source:
            parts = {n: source.read(n) for n in source.namelist()}
        with zipfile.ZipFile(folder / f"{name}.xlsx", "w", zipfile.ZIP_DEFLATED) as target:
            for part, raw in {**parts, **change}.items():
                target.writestr(part, raw)
        return folder / f"{name}.xlsx"

    sheet = "xl/worksheets/sheet1.xml"
    start = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    )
    end = b"</sheetData></worksheet>"
    lol = (
        b"<!DOCTYPE x [<!ENTITY a '"
        + b"x" * 1000
        + b"'>"
        + b"".join(
            b"<!ENTITY a%d '%s'>" % (i, (b"&a%s;" % (b"" if i == 1 else b"%d" % (i - 1))) * 10)
            for i in range(1, 9)
        )
        + b"]>"
    )
    far = b'<row r="%d"><c r="%s%d"><v>1</v></c></row>'
    samples = {
        "bomb": b"<x>" + b" " * (300 << 20) + b"</x>",
        "entities": lol + start + b'<row r="1"><c r="A1"><v>&a8;</v></c></row>' + end,
        "external": b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + start + end,
        "far": start + far % (1, b"XFD", 1) + far % (1_048_576, b"A", 1_048_576) + end,
        "gaps": start + far % (1, b"A", 1) + far % (1_048_576, b"A", 1_048_576) + end,
        "deep": start + b"<a>" * 50_000,
        "not_xml": b"not xml at all",
        "no_cells": start + end,
    }
    for name, raw in samples.items():
        yield f"L.excel_{name}", changed(name, {sheet: raw})
    cut = (folder / "good.xlsx").read_bytes()
    yield "L.excel_cut", write(folder / "cut.xlsx", cut[: len(cut) // 2])
    yield "L.excel_old", write(folder / "old.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600)
    yield "L.excel_formula", folder / "good.xlsx"


def image_sets(folder: Path) -> Iterator[tuple[str, Path]]:
    """IDX files of wrong sizes, and pictures that unpack to billions of pixels."""
    for name, shape, size in (
        ("short", (10, 4, 4), 100),
        ("long", (10, 4, 4), 999),
        ("huge", (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), 10),
        ("labels", (3, 4, 4), 48),
        ("zero", (0, 0, 0), 0),
    ):
        home = folder / f"idx_{name}"
        home.mkdir()
        head = bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape)
        write(home / "t10k-images-idx3-ubyte", head + b"\1" * size)
        count = 10 if name == "labels" else shape[0]
        write(
            home / "t10k-labels-idx1-ubyte",
            bytes([0, 0, 8, 1]) + struct.pack(">I", count) + b"\1" * 10,
        )
        yield f"L.idx_{name}", home
    chunk = b"IHDR" + struct.pack(">2I5B", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )
    pictures = {
        "bomb": ("x.png", png),
        "cut": ("x.png", png[:20]),
        "up": ("../../../../etc/passwd", b""),
        "gif": ("x.png", b"GIF89a" + b"\0" * 50),
        "script": ("x.png", f"<svg>{SCRIPT}</svg>".encode()),
    }
    for name, (file, raw) in pictures.items():
        home = folder / f"images_{name}"
        home.mkdir()
        if raw:
            write(home / file, raw)
        write(home / "metadata.csv", f"file,label\n{file},1\n")
        yield f"L.images_{name}", home
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", b"\0" * (1 << 20))
        archive.writestr("labels.npy", b"\x93NUMPY\1\0v\0" + b"{'descr': '|O'}" + b" " * 100)
    yield "L.npz_object", folder / "bomb.npz"


def write(path: Path, content: bytes | str) -> Path:
    """Writes a sample."""
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    )
    return path


def make(folder: Path) -> Iterator[tuple[str, Path | str]]:
    """(name, file, folder or URL) of every sample of class L."""
    for source in (csv_files, packed_files, parquet_files, databases, other_files, image_sets):
        home = folder / source.__name__
        home.mkdir()
        yield from source(home)
