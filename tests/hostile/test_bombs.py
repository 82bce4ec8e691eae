"""Quick bombs against readers in this process, within small limits; and the law that lists readers.

The whole set, through the command line with its memory and time measured, is `make fuzz`.
"""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from evenhand.audit.data.formats.limits import Limits
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import EvenhandError, InputError, LimitError
from evenhand.audit.files.within import reading
from tests.hostile.bombs import BOMBS

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
QUICK = (
    *("sqlite_multiplied", "sqlite_silent", "sqlite_large_cell", "png_60_000_squared", "png_vast"),
    *("jpeg_65_000_squared", "tiff_vast", "webp_vast", "npz_vast_shape", "npz_n_shape"),
    *("npz_deep_header", "idx_0", "idx_no_pixels", "idx_vast", "csv_wide"),
)


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_bomb_ends_in_a_typed_error(name: str, tmp_path: Path) -> None:
    place = BOMBS[name](tmp_path)[2]
    started = time.monotonic()
    with pytest.raises((InputError, LimitError)) as caught:
        read_table(place, limits=Limits(2.0 if "sqlite" in name else 15.0, memory=400 * MIB))
    assert caught.value.remedy and time.monotonic() - started < 20
    assert "could not be read: " not in caught.value.message, "a reader has words of its own for it"


def test_what_nobody_foresaw_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENHAND_TRACEBACK", raising=False)
    with (
        pytest.raises(InputError, match=r"a.csv could not be read: ZeroDivisionError"),
        reading(1, "a.csv"),
    ):
        raise ZeroDivisionError
    with pytest.raises(KeyError), reading(1, "a.csv", known=(KeyError,)):
        raise KeyError
    with pytest.raises(LimitError, match="takes more than"), reading(1, "a.csv"):
        raise MemoryError


def test_the_clock_rings_once_and_is_put_back() -> None:
    """A loop that never ends is left after the outer limit; an alarm set before is set again."""
    import signal

    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 60)
        with pytest.raises(LimitError, match=r"could not be read in 0\.2 seconds"):
            endless()
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < 60 and not rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def endless() -> None:
    with reading(1, "a.csv", seconds=0.2), reading(1, "b.csv", seconds=90):
        while True:
            pass


# Modules that open bytes, and by what a stranger's are held there. "reading": inside the one limit;
# "called": by a module that is; "worker": in a worker; "caps": few bytes, or its own limits, said
# in the module; "ours": files of this project or of the system, or what this process wrote.
HELD = {
    "audit/case/case.py": "reading",
    "audit/case/findings.py": "called",
    "audit/data/formats/arrow_files.py": "called",
    "audit/data/formats/excel.py": "called",
    "audit/data/formats/sqlite.py": "called",
    "audit/data/formats/arrays.py": "called",
    "audit/data/reading/images.py": "reading",
    "audit/data/reading/one_file.py": "reading",
    "audit/data/reading/plain_text.py": "reading",
    "audit/data/reading/rows_on_disk.py": "reading",
    "audit/files/bounded.py": "reading",
    "audit/files/safe_yaml.py": "reading",
    "audit/register/archive.py": "reading",
    "audit/subject/tallying/tally.py": "reading",
    "trainers/folder/json_files.py": "reading",
}
DOORS = {"reading", "read_within"}
PARSERS = {
    *("ParquetFile", "ZipFile", "load_workbook", "dataset"),
    *("np.load", "Image.open", "sqlite3.connect", "duckdb.connect", "json.load"),
}
# Where models are opened, in a worker alone; and what is made here, of our own files.
ELSEWHERE = ("audit/models/", "audit/worker/", "trainers/result.py", "audit/api/sources.py")


def names_called(tree: ast.AST) -> set[str]:
    """Functions that are called, by name and by module.name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.add(node.func.attr)
            if isinstance(node.func.value, ast.Name):
                found.add(f"{node.func.value.id}.{node.func.attr}")
    return found


def test_every_module_that_parses_strangers_bytes_stands_inside_the_limit() -> None:
    for room in ("audit", "policies", "trainers"):
        for file in sorted((ROOT / room).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            called = names_called(ast.parse(file.read_text("utf-8")))
            if called & PARSERS and not name.startswith(ELSEWHERE):
                assert name in HELD, f"{name} parses bytes: hold it within `reading`, and list it"
            if HELD.get(name) == "reading":
                assert called & DOORS, f"{name} is listed, and calls neither of {DOORS}"
    assert all((ROOT / name).is_file() for name in HELD)


def test_every_kind_of_reader_has_a_bomb() -> None:
    kinds = "csv gzip parquet arrow excel json sqlite png jpeg tiff webp npz idx yaml pack case"
    kinds += " archive safetensors onnx gguf pickle skops"
    assert {name.split("_")[0] for name in BOMBS} == set(kinds.split())
    assert len(BOMBS) >= 30


def test_the_limit_holds_where_a_reader_has_none(tmp_path: Path) -> None:
    with (
        pytest.raises(EvenhandError, match="takes more than"),
        reading(1, "a.csv", memory=100 * MIB),
    ):
        bytearray(400 * MIB)
