"""Small files that want much: one or more for every reader of strangers' bytes.

Each ``make`` writes into a folder and gives the arguments of a command line that reads it, or a
call; all of them end in a typed error, or in what an honest file gives, within the limits of
SECURITY.md.
"""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

MIB = 1 << 20
STORED = ("--target", "y", "--predicted", "yhat", "--positive-label", "1")
AUDIT = ("--sensitive-features", "g", "--checks", "fairness.gaps", "--quiet")
Bomb = Callable[[Path], list[str]]
BOMBS: dict[str, Bomb] = {}


def bomb(make: Bomb) -> Bomb:
    """Lists it by its name."""
    BOMBS[make.__name__] = make
    return make


def audit(file: Path | str) -> list[str]:
    """An audit of stored predictions in a file."""
    return ["audit", "--predictions", str(file), *STORED, *AUDIT]


def written(file: Path, data: bytes) -> list[str]:
    """The same of a file with these bytes."""
    file.write_bytes(data)
    return audit(file)


HEAD = b"y,yhat,g\n"


@bomb
def csv_one_line(folder: Path) -> list[str]:
    return written(folder / "a.csv", HEAD + b"1,0," + b"x" * (60 * MIB))


@bomb
def csv_of_commas(folder: Path) -> list[str]:
    return written(folder / "a.csv", HEAD + b"," * (30 * MIB))


@bomb
def csv_wide(folder: Path) -> list[str]:
    return written(folder / "a.csv", b"a," * (2 * MIB) + b"\n1\n")


@bomb
def csv_open_quote(folder: Path) -> list[str]:
    return written(folder / "a.csv", HEAD + b'1,0,"' + b"x,\n" * (8 * MIB))


@bomb
def csv_of_quotes(folder: Path) -> list[str]:
    return written(folder / "a.csv", HEAD + b'"' * (8 * MIB))


@bomb
def csv_each_its_own(folder: Path) -> list[str]:
    rows = b"".join(b"%d,%d,g%d\n" % (i % 2, i // 2 % 2, i) for i in range(300_000))
    return written(folder / "a.csv", HEAD + rows)


@bomb
def gzip_of_zeros(folder: Path) -> list[str]:
    return written(folder / "a.csv.gz", gzip.compress(bytes(400 * MIB), 9))


@bomb
def gzip_members(folder: Path) -> list[str]:
    return written(folder / "a.csv.gz", gzip.compress(b"") * 400_000)


@bomb
def gzip_nested(folder: Path) -> list[str]:
    data = bytes(100 * MIB)
    for _ in range(3):
        data = gzip.compress(data, 9)
    return written(folder / "a.csv.gz", data)


def table(rows: int) -> pa.Table:
    """Rows of one text."""
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "int8")), pa.array(["x" * 5000]))
    return pa.table({"y": np.zeros(rows, "int8"), "yhat": np.zeros(rows, "int8"), "g": same})


@bomb
def parquet_repeated(folder: Path) -> list[str]:
    pq.write_table(table(3_000_000), folder / "a.parquet", compression="zstd")
    return audit(folder / "a.parquet")


@bomb
def parquet_lying_rows(folder: Path) -> list[str]:
    pq.write_table(table(1000), folder / "a.parquet")
    raw = (folder / "a.parquet").read_bytes()
    return written(folder / "a.parquet", raw.replace(b"\xd0\x0f", b"\xfe\xff"))


@bomb
def parquet_streamed(folder: Path) -> list[str]:
    return [*parquet_repeated(folder), "--stream"]


@bomb
def arrow_repeated(folder: Path) -> list[str]:
    plain = table(400_000)
    plain = plain.set_column(2, "g", plain["g"].cast(pa.large_string()))
    feather.write_feather(plain, str(folder / "a.arrow"), compression="zstd")
    return audit(folder / "a.arrow")


@bomb
def arrow_lying_length(folder: Path) -> list[str]:
    feather.write_feather(table(1000).drop(["g"]), str(folder / "a.arrow"), compression="lz4")
    raw = (folder / "a.arrow").read_bytes()
    return written(folder / "a.arrow", raw.replace(struct.pack("<q", 1000), b"\xff" * 7 + b"\x3f"))


def workbook(folder: Path, sheet: bytes, shared: bytes = b"") -> list[str]:
    """A workbook of one sheet with these parts."""
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = b"http://schemas.openxmlformats.org/package/2006/"
    kinds = b"application/vnd.openxmlformats-officedocument.spreadsheetml."
    parts = {
        "[Content_Types].xml": b'<Types xmlns="%scontent-types">' % package
        + b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        + b'relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="%ssheet.main'
        % kinds
        + b'+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="%sworksheet+xml"/>'
        % kinds
        + b'<Override PartName="/xl/sharedStrings.xml" ContentType="%ssharedStrings+xml"/></Types>'
        % kinds,
        "_rels/.rels": b'<Relationships xmlns="%srelationships"><Relationship Id="r" Type="'
        % package
        + office
        + b'/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": b'<workbook xmlns="%s" xmlns:r="%s"><sheets><sheet name="a" sheetId="1"'
        % (main, office)
        + b' r:id="s"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": b'<Relationships xmlns="%srelationships"><Relationship Id="s"'
        % package
        + b' Type="%s/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="t" Type="%s/'
        % (office, office)
        + b'sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": b'<worksheet xmlns="%s"><sheetData>' % main
        + sheet
        + b"</sheetData></worksheet>",
        "xl/sharedStrings.xml": b'<sst xmlns="%s">' % main + shared + b"</sst>",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return written(folder / "a.xlsx", made.getvalue())


@bomb
def excel_rows(folder: Path) -> list[str]:
    return workbook(folder, b"<row><c><v>1</v></c></row>" * (4 * MIB))


@bomb
def excel_shared_strings(folder: Path) -> list[str]:
    return workbook(folder, b"<row><c t='s'><v>0</v></c></row>" * 9, b"<si><t/></si>" * (12 * MIB))


@bomb
def excel_far_cell(folder: Path) -> list[str]:
    return workbook(
        folder,
        b'<row r="1"><c r="A1"><v>1</v></c></row>'
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>' * 2,
    )


@bomb
def json_deep(folder: Path) -> list[str]:
    return written(folder / "a.jsonl", b'{"y":' + b"[" * (4 * MIB))


@bomb
def json_keys(folder: Path) -> list[str]:
    lines = b"".join(b'{"k%d": 1}\n' % i for i in range(60_000))
    return written(folder / "a.jsonl", lines)


@bomb
def json_numbers(folder: Path) -> list[str]:
    return written(folder / "a.jsonl", b'{"y": ' + b"9" * (8 * MIB) + b"}\n")


def database(file: Path, *statements: str) -> list[str]:
    """A SQLite file made by these statements, whose only table or view is read."""
    with sqlite3.connect(file) as made:
        for statement in statements:
            made.execute(statement)
    made.close()
    return audit(f"{file}#v")


COUNTED = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n"
ROWS = f"CREATE TABLE t AS {COUNTED} LIMIT 2000) SELECT i%2 AS y, i/2%2 AS yhat, i AS g FROM n"


@bomb
def sqlite_multiplied(folder: Path) -> list[str]:
    view = "CREATE VIEW v AS SELECT a.y, b.yhat, hex(zeroblob(900)) || a.g AS g FROM t a, t b, t c"
    return database(folder / "a.db", ROWS, view)


@bomb
def sqlite_recursive(folder: Path) -> list[str]:
    view = "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "
    return database(folder / "a.db", view + "SELECT i%2 AS y, i/2%2 AS yhat, i AS g FROM n")


@bomb
def sqlite_silent(folder: Path) -> list[str]:
    view = "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "
    return database(folder / "a.db", view + "SELECT i AS y, i AS yhat, i AS g FROM n WHERE i < 0")


@bomb
def sqlite_large_cell(folder: Path) -> list[str]:
    view = "CREATE VIEW v AS SELECT 1 AS y, 1 AS yhat, hex(zeroblob(400000000)) AS g"
    return database(folder / "a.db", view)


@bomb
def sqlite_concatenated(folder: Path) -> list[str]:
    cell = "(SELECT group_concat(hex(zeroblob(900))) FROM t a, t b)"
    view = f"CREATE VIEW v AS SELECT y, yhat, {cell} AS g FROM t"
    return database(folder / "a.db", ROWS, view)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A grey picture of that size, whatever its data."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = zlib.compress(data or bytes(1000), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def pictures(folder: Path, raw: bytes, kind: str = "png", n: int = 1) -> list[str]:
    """A folder of images, one of them again and again."""
    place = folder / "images"
    place.mkdir()
    (place / f"a.{kind}").write_bytes(raw)
    rows = "".join(f"a.{kind},1,1,1,x\n" for _ in range(n))
    (place / "metadata.csv").write_text("file,label,y,yhat,g\n" + rows)
    return audit(place)


@bomb
def png_60_000_squared(folder: Path) -> list[str]:
    return pictures(folder, png(60_000, 60_000))


@bomb
def png_vast(folder: Path) -> list[str]:
    return pictures(folder, png(2**31 - 1, 2**31 - 1))


@bomb
def png_4000_times_16_million(folder: Path) -> list[str]:
    return pictures(folder, png(4000, 4000, bytes(4001 * 4000)), n=4000)


@bomb
def png_text_bomb(folder: Path) -> list[str]:
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(400 * MIB), 9))
    raw = png(4, 4, bytes(20))
    return pictures(folder, raw[:33] + text + raw[33:])


def saved(kind: str, size: tuple[int, int]) -> bytes:
    """A small picture of Pillow's, whose size is then lied about."""
    from PIL import Image

    made = io.BytesIO()
    Image.new("L", size).save(made, kind)
    return made.getvalue()


@bomb
def jpeg_65_000_squared(folder: Path) -> list[str]:
    raw = saved("JPEG", (257, 259))
    lie = raw.replace(struct.pack(">HH", 259, 257), struct.pack(">HH", 65_000, 65_000), 1)
    return pictures(folder, lie, "jpg")


@bomb
def tiff_vast(folder: Path) -> list[str]:
    return pictures(folder, saved("TIFF", (257, 259)), "tiff")


@bomb
def webp_vast(folder: Path) -> list[str]:
    return pictures(folder, saved("WEBP", (257, 259)), "webp")


def npz(folder: Path, header: bytes, data: bytes = b"") -> list[str]:
    """Arrays of which the images have this header."""
    head = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    array = b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head + data
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", array)
        labels = io.BytesIO()
        np.save(labels, np.zeros(3, "int64"))
        archive.writestr("labels.npy", labels.getvalue())
    return audit(folder / "a.npz")


@bomb
def npz_vast_shape(folder: Path) -> list[str]:
    return npz(folder, b"{'descr': '|u1', 'fortran_order': False, 'shape': (900000, 99999, 9)}")


@bomb
def npz_n_shape(folder: Path) -> list[str]:
    return npz(folder, b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 4.5, None)}")


@bomb
def npz_deep_header(folder: Path) -> list[str]:
    return npz(folder, b"{'descr': '|u1', 'fortran_order': False, 'shape': " + b"(" * 5000 + b"}")


@bomb
def npz_zeros(folder: Path) -> list[str]:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (3, 16000, 16000)}"
    return npz(folder, header, bytes(3 * 16000 * 16000))


def idx(folder: Path, shape: tuple[int, ...], data: bytes = b"", *, packed: bool) -> list[str]:
    """MNIST's files with these sizes."""
    place = folder / "idx"
    place.mkdir()
    for name, sizes, raw in (("images-idx3", shape, data), ("labels-idx1", shape[:1], b"")):
        whole = bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + raw
        end = ".gz" if packed else ""
        (place / f"t10k-{name}-ubyte{end}").write_bytes(gzip.compress(whole) if packed else whole)
    return audit(place)


@bomb
def idx_0(folder: Path) -> list[str]:
    return idx(folder, (0, 0, 0), packed=False)


@bomb
def idx_no_pixels(folder: Path) -> list[str]:
    return idx(folder, (2**31, 0, 0), packed=False)


@bomb
def idx_vast(folder: Path) -> list[str]:
    return idx(folder, (2**32 - 1, 2**32 - 1, 2**32 - 1), packed=False)


@bomb
def idx_zeros(folder: Path) -> list[str]:
    return idx(folder, (900, 1000, 1000), bytes(900 * MIB), packed=True)


@bomb
def yaml_aliases(folder: Path) -> list[str]:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)]
    file = folder / "subject.yaml"
    file.write_text("model: m\n" + "\n".join(lines))
    return ["audit", str(file)]


@bomb
def yaml_deep(folder: Path) -> list[str]:
    (folder / "subject.yaml").write_text("model: " + "[" * 500_000)
    return ["audit", str(folder / "subject.yaml")]


@bomb
def pack_long(folder: Path) -> list[str]:
    (folder / "pack.yaml").write_bytes(b"- {a: 1, b: [2, 3]}\n" * 52_000)
    return ["policies", "lint", str(folder / "pack.yaml")]


def case(folder: Path, name: str, data: bytes) -> list[str]:
    """A sealed case of which one file is this, its seal as it has to be."""
    from evenhand.audit.files.canonical import canonical_bytes, digest_file
    from tests.samples import write_sample_case

    place = write_sample_case(folder / "case").path
    (place / name).write_bytes(data)
    seal = json.loads((place / "seal.json").read_text())
    seal["files"][name] = digest_file(place / name)
    (place / "seal.json").write_bytes(canonical_bytes(seal))
    return ["judge", str(place), "-p", "baseline"]


@bomb
def case_of_lists(folder: Path) -> list[str]:
    return case(folder, "environment.json", b"[" + b"[]," * (20 * MIB) + b"[]]")


@bomb
def case_of_lines(folder: Path) -> list[str]:
    return case(folder, "findings.jsonl", b"{}\n" * (20 * MIB))


@bomb
def case_deep(folder: Path) -> list[str]:
    return case(folder, "plan.json", b"[" * (30 * MIB))


@bomb
def archive_of_zeros(folder: Path) -> list[str]:
    with zipfile.ZipFile(folder / "case.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(8):
            archive.writestr(f"case/{i}", bytes(31 * MIB))
    return ["verify", str(folder / "case.zip")]


@bomb
def archive_of_names(folder: Path) -> list[str]:
    with zipfile.ZipFile(folder / "case.zip", "w") as archive:
        for i in range(60_000):
            archive.writestr(f"case/{i}", b"")
    return ["verify", str(folder / "case.zip")]


def model(folder: Path, name: str, data: bytes) -> list[str]:
    """A model of these bytes, with honest rows."""
    (folder / name).write_bytes(data)
    (folder / "rows.csv").write_text("y,g,x\n" + "1,a,0.5\n0,b,0.25\n" * 20)
    return [
        *("audit", str(folder / name), "--data", str(folder / "rows.csv"), "--target", "y"),
        *("--positive-label", "1", *AUDIT, "--classes", "0,1", "--outputs", "probabilities"),
        *("--inputs", "x"),
    ]


@bomb
def safetensors_long_header(folder: Path) -> list[str]:
    return model(folder, "model.safetensors", struct.pack("<Q", 2**62) + b"{}")


@bomb
def safetensors_lying_shape(folder: Path) -> list[str]:
    header = json.dumps(
        {"a": {"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 4]}}
    ).encode()
    return model(folder, "model.safetensors", struct.pack("<Q", len(header)) + header + b"1234")


@bomb
def onnx_lying_length(folder: Path) -> list[str]:
    return model(folder, "model.onnx", b"\x08\x08\x3a\xff\xff\xff\xff\x7f" + b"\n" * 100)


@bomb
def gguf_counts(folder: Path) -> list[str]:
    return model(folder, "model.gguf", b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60))


@bomb
def pickle_of_zeros(folder: Path) -> list[str]:
    data = b"\x80\x04cbuiltins\nbytearray\n\x8a\x08\x00\x00\x00\x00\x40\x00\x00\x00\x85R."
    return [*model(folder, "model.pkl", data), "--allow-pickle"]


@bomb
def skops_zip(folder: Path) -> list[str]:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b"[" * (60 * MIB))
    return model(folder, "model.skops", made.getvalue())
