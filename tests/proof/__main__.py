"""``python -m tests.proof``: draws every cell, resumes where it stopped, writes docs/proof.md."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np

from tests.proof.cell import Cell, Seen, verdict
from tests.proof.page import PAGE, page
from tests.proof.regimes import every
from tests.proof.stamp import ROOT, code_of, commit, module_of

BLOCK = 100  # draws of one seed: what is stored, and where a run that was stopped goes on
FIRST = 1000  # draws of every cell; those that do not hold then get twice as many, and so on


def main() -> int:
    """Exit code 1 where a cell that is not listed fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("--minutes", type=float, default=28, help="stop drawing after so many")
    parser.add_argument("--most", type=int, default=16_000, help="draws of a borderline cell")
    parser.add_argument("--jobs", type=int, default=2, help="processes that draw")
    parser.add_argument("--first", type=int, default=FIRST, help="draws of every cell")
    parser.add_argument("--only", default="*", help="families, as a pattern; others stay as stored")
    parser.add_argument("--store", type=Path, default=ROOT / ".ci" / "artifacts" / "proof.json")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    cells = every()
    kept = _stored(asked.store)
    at, stop = commit(), time.monotonic() + 60 * asked.minutes
    wanted = [c for c in cells if fnmatchcase(c.family, asked.only)]
    with multiprocessing.get_context("fork").Pool(asked.jobs) as pool:
        _drop_what_changed(wanted, kept, pool, at)
        for most in _doubling(asked.first, asked.most):
            tasks = [
                (cell.kind == "assurance", block, cell.name)
                for cell in wanted
                for block in _blocks(cell, kept[cell.name], most, is_first=most == asked.first)
            ]
            # in order, so that what is stored of a cell is its first blocks; advice is slow: last
            for done, (name, seen) in enumerate(pool.imap(_drawn, sorted(tasks))):
                kept[name].join(seen)
                if done % 50 == 0 or time.monotonic() > stop:
                    _store(asked.store, kept)
                if time.monotonic() > stop:
                    break
            _store(asked.store, kept)
            if time.monotonic() > stop:
                pool.terminate()
                break
    asked.page.write_text(page(cells, kept), encoding="utf-8")
    return _told(cells, kept)


def _drop_what_changed(wanted: Sequence[Cell], kept: dict[str, Seen], pool: Pool, at: str) -> None:
    """Draws by other code stay where that code draws the first block to the same nine digits."""
    codes = {cell.name: code_of(module_of(cell.draw)) for cell in wanted}
    other = [name for name, code in codes.items() if kept.get(name, Seen()).code != code]
    again = [(False, 0, name) for name in other if name in kept and kept[name].first]
    same = {n for n, seen in pool.imap_unordered(_drawn, again) if seen.sums == kept[n].first}
    for name in other:
        if name in same:
            kept[name].code = codes[name]
        else:
            kept[name] = Seen(commit=at, code=codes[name])


def _store(place: Path, kept: dict[str, Seen]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    written = place.with_suffix(".new")
    written.write_text(json.dumps({name: asdict(seen) for name, seen in kept.items()}))
    written.replace(place)


def _stored(place: Path) -> dict[str, Seen]:
    if not place.exists():
        return {}
    return {name: Seen(**seen) for name, seen in json.loads(place.read_text()).items()}


def _doubling(first: int, most: int) -> Iterator[int]:
    while first <= most:
        yield first
        first *= 2


def _blocks(cell: Cell, seen: Seen, most: int, *, is_first: bool) -> range:
    """The blocks that a cell still needs: none beyond the first round where it holds by then.

    A cell that seems to fail goes on: to stop there would call chance a failure.
    """
    is_open = verdict(cell, seen) in ("borderline", "fails") and not cell.listed
    goes_on = is_first or is_open
    end = min(most, cell.most) if goes_on else 0
    return range(seen.draws // BLOCK, end // BLOCK)


_CELLS: dict[str, Cell] = {}


def _drawn(task: tuple[bool, int, str]) -> tuple[str, Seen]:
    """One block of a cell's draws, from a seed that its name and number make."""
    if not _CELLS:
        _CELLS.update({cell.name: cell for cell in every()})
    _, block, name = task
    rng, seen = np.random.default_rng([zlib.crc32(name.encode()), block]), Seen()
    for _ in range(BLOCK):
        seen.add(_CELLS[name].draw(rng))
    return name, seen


def _told(cells: Sequence[Cell], kept: dict[str, Seen]) -> int:
    by: dict[str, list[str]] = {}
    for cell in cells:
        by.setdefault(verdict(cell, kept.get(cell.name, Seen())), []).append(cell.name)
    print(f"{len(cells)} cells: " + ", ".join(f"{len(v)} {k}" for k, v in sorted(by.items())))
    for name in by.get("fails", []):
        print(f"fails: {name}")
    return 1 if "fails" in by else 0


if __name__ == "__main__":
    raise SystemExit(main())
