"""Honest files with bytes flipped, cut and doubled: each is read, or refused with a typed error.

300 examples a parser, the same ones every time; EVENHAND_FUZZ=20000 asks for more, at random.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import shutil
import sqlite3
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.audit.case.case import read_case, verify_case
from evenhand.audit.data.formats.limits import Limits
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.table import texts
from evenhand.audit.errors import AlteredEvidenceError, InputError, LimitError, UnsafeModelError
from evenhand.audit.subject.subject_file import read_spec
from evenhand.policies.pack import load_pack
from tests.fuzz.changes import CHANGES, changed, profile
from tests.samples import write_sample_case

ROWS = pd.DataFrame({"y": [0, 1, 1, 0] * 5, "g": list("aabc") * 5, "x": np.linspace(0, 1, 20)})
PACKS = Path(__file__).parents[2] / "policies" / "packs"


def written(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "f")
        return (Path(folder) / "f").read_bytes()


def sqlite_file(path: Path) -> None:
    with sqlite3.connect(path) as made:
        ROWS.to_sql("rows", made, index=False)
        made.execute("CREATE VIEW v AS SELECT * FROM rows")
    made.close()


def excel_file(path: Path) -> None:
    sink = io.BytesIO()
    ROWS.to_excel(sink, index=False, engine="openpyxl")
    path.write_bytes(sink.getvalue())


def excel_bare(path: Path) -> None:
    """A workbook whose parts are not packed, so that changes reach the XML in them."""
    import zipfile

    sink = io.BytesIO()
    ROWS.to_excel(sink, index=False, engine="openpyxl")
    with zipfile.ZipFile(sink) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))


@lru_cache(maxsize=1)
def tables() -> dict[str, bytes]:
    """An honest file of each format of tables."""
    table = pa.Table.from_pandas(ROWS)
    csv = ROWS.to_csv(index=False)
    return {
        "csv": csv.encode(),
        "csv_quoted": ROWS.to_csv(index=False, quoting=1, sep=";").encode(),
        "csv_utf16": csv.encode("utf-16"),
        "gzip": gzip.compress(csv.encode(), mtime=0),
        "parquet": written(lambda p: pq.write_table(table, p)),
        "parquet_plain": written(
            lambda p: pq.write_table(table, p, compression="none", use_dictionary=False)
        ),
        "arrow": written(lambda p: feather.write_feather(table, str(p), compression="zstd")),
        "arrow_plain": written(
            lambda p: feather.write_feather(table, str(p), compression="uncompressed")
        ),
        "json_lines": written(lambda p: ROWS.to_json(p, orient="records", lines=True)),
        "excel": written(excel_file),
        "excel_bare": written(excel_bare),
        "sqlite": written(sqlite_file),
    }


FORMATS = ("csv", "csv_quoted", "csv_utf16", "gzip", "parquet", "parquet_plain", "arrow")
FORMATS += ("arrow_plain", "json_lines", "excel", "excel_bare", "sqlite")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    yield place
    shutil.rmtree(place)


def read(path: Path | str) -> None:
    """Reads a table and names its cells, as an audit does; typed errors are as good."""
    try:
        table = read_table(path, limits=Limits(seconds=5))
    except (InputError, LimitError):
        return
    for column in table.frame.columns:
        texts(table.frame[column])


@pytest.mark.parametrize("name", FORMATS)
def test_tables(name: str, folder: Path) -> None:
    raw, path = tables()[name], folder / name

    @profile
    @given(CHANGES)
    def run(changes: list[tuple[str, float, int]]) -> None:
        path.write_bytes(changed(raw, changes))
        read(f"{path}#rows" if name == "sqlite" else path)

    run()


def idx_set(folder: Path) -> list[str]:
    pixels = np.arange(6 * 16, dtype=np.uint8).reshape(6, 4, 4)
    for what, values in (("images-idx3", pixels), ("labels-idx1", np.arange(6, dtype=np.uint8))):
        head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
        name = folder / f"t10k-{what}-ubyte.gz"
        name.write_bytes(gzip.compress(head + values.tobytes(), mtime=0))
    return [f"t10k-{what}-ubyte.gz" for what in ("images-idx3", "labels-idx1")]


def idx_bare(folder: Path) -> list[str]:
    names = idx_set(folder)
    for name in names:
        raw = gzip.decompress((folder / name).read_bytes())
        (folder / name.removesuffix(".gz")).write_bytes(raw)
        (folder / name).unlink()
    return [name.removesuffix(".gz") for name in names]


def pictures(kind: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        from PIL import Image

        Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(
            folder / f"a.{kind}"
        )
        (folder / "metadata.csv").write_text(f"file,label\na.{kind},1\n")
        return [f"a.{kind}", "metadata.csv"]

    return make


def npz_set(folder: Path) -> list[str]:
    images = np.zeros((3, 4, 4), dtype=np.uint8)
    np.savez_compressed(folder / "a.npz", images=images, labels=np.arange(3))
    return ["a.npz"]


SETS = {
    "idx_gz": idx_set,
    "idx": idx_bare,
    "png": pictures("png"),
    "jpeg": pictures("jpeg"),
    "npz": npz_set,
}


@pytest.mark.parametrize("name", SETS)
def test_images(name: str, folder: Path) -> None:
    place = folder / name
    place.mkdir()
    files = SETS[name](place)
    honest = {file: (place / file).read_bytes() for file in files}

    @profile
    @given(st.sampled_from(files), CHANGES)
    def run(file: str, changes: list[tuple[str, float, int]]) -> None:
        for other, raw in honest.items():
            (place / other).write_bytes(raw)
        (place / file).write_bytes(changed(honest[file], changes))
        read(place / "a.npz" if name == "npz" else place)

    run()


def typed(what: Callable[[], object]) -> None:
    """Runs it; a typed error is as good as an answer."""
    with contextlib.suppress(InputError, LimitError, UnsafeModelError, AlteredEvidenceError):
        what()


@pytest.mark.parametrize("kind", ["pack", "spec"])
def test_yaml(kind: str, folder: Path) -> None:
    path = folder / f"{kind}.yaml"
    spec = "model: m\ndata: d.csv\ntarget: y\npositive_label: 1\nsensitive_features: [a, b]\n"
    spec += "types: {age: number}\noptions: {fairness.gaps: {draws: 10}}\ndeclared: {a: 1e-3}\n"
    honest = spec.encode() if kind == "spec" else (PACKS / "baseline.yaml").read_bytes()[:6000]
    opened = read_spec if kind == "spec" else load_pack

    @profile
    @given(CHANGES)
    def run(changes: list[tuple[str, float, int]]) -> None:
        path.write_bytes(changed(honest, changes))
        typed(lambda: opened(str(path)))

    run()


def resealed(case: Path, file: str) -> None:
    """A seal that fits the changed file: who alters a case may know how seals are made."""
    from evenhand.audit.files.canonical import canonical_bytes, digest_file

    seal = json.loads((case / "seal.json").read_text())
    seal["files"][file] = digest_file(case / file)
    (case / "seal.json").write_bytes(canonical_bytes(seal))


@pytest.mark.parametrize("file", ["findings.jsonl", "plan.json", "seal.json", "environment.json"])
def test_case_files(file: str, tmp_path: Path) -> None:
    case = write_sample_case(tmp_path / "case").path
    honest = {name: (case / name).read_bytes() for name in (file, "seal.json")}

    @profile
    @given(CHANGES, st.booleans())
    def run(changes: list[tuple[str, float, int]], reseals: bool) -> None:
        for name, raw in honest.items():
            (case / name).write_bytes(raw)
        (case / file).write_bytes(changed(honest[file], changes))
        if reseals and file != "seal.json":
            resealed(case, file)
        typed(lambda: verify_case(case))
        typed(lambda: read_case(case))

    run()


@pytest.mark.parametrize("file", ["model.json", "ledger.jsonl"])
def test_model_folders(file: str, tmp_path: Path) -> None:
    from evenhand.trainers.folder import reading as model_folder

    home = tmp_path / "model"
    shutil.copytree(small_model(), home)
    honest = (home / file).read_bytes()

    @profile
    @given(CHANGES)
    def run(changes: list[tuple[str, float, int]]) -> None:
        (home / file).write_bytes(changed(honest, changes))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            typed(lambda: model_folder.load(home))

    run()


@lru_cache(maxsize=1)
def small_model() -> Path:
    """A folder that a private training of one epoch wrote."""
    from evenhand.trainers import train

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200), "y": rng.choice(["n", "p"], 200)})
    frame.to_csv(folder / "rows.csv", index=False)
    recipe = {
        "data": str(folder / "rows.csv"),
        "target": "y",
        "positive_label": "p",
        "epochs": 1,
        "architecture": {"hidden": [2]},
        "private": {"epsilon": 5, "delta": 1e-3},
    }
    model: Path = train(recipe, out=folder / "model").model
    return model


def test_the_changes_reach_what_is_packed() -> None:
    """A flipped byte in a packed file is mostly found by its checksum; bare ones are parsed."""
    packed = gzip.compress(b"a,b\n1,2\n")
    with pytest.raises((zlib.error, OSError, EOFError)):
        gzip.decompress(changed(packed, [("flip", 0.6, 9)]))
