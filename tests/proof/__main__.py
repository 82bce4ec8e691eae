"""``python -m tests.proof``: draws every cell, resumes where it stopped, writes docs/proof.md."""

from __future__ import annotations

import argparse
import json
import math
import time
import zlib
from pathlib import Path

import numpy as np

from evenhand.audit.measure.uncertainty.intervals import share
from tests.proof.cells import Cell
from tests.proof.covered import UNPROVEN
from tests.proof.regimes import every

ROOT = Path(__file__).parents[2]
BLOCK = 100  # draws of one seed: what is stored, and where a run that was stopped goes on
_SURE = 0.999  # of the simulation's own interval
PAGE = ROOT / "docs" / "proof.md"


def main() -> int:
    """Exit code 1 where a cell that is not listed fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof")
    parser.add_argument("--draws", type=int, default=2000, help="a cell (a borderline one x4)")
    parser.add_argument("--minutes", type=float, default=30, help="stop drawing after so many")
    parser.add_argument("--store", type=Path, default=ROOT / ".ci" / "artifacts" / "proof.json")
    asked = parser.parse_args()
    stop = time.monotonic() + 60 * asked.minutes
    kept = json.loads(asked.store.read_text()) if asked.store.exists() else {}
    cells = every()
    for wanted in range(BLOCK, 4 * asked.draws + 1, BLOCK):
        for cell in cells:
            done = kept.setdefault(cell.name, [0, 0, 0.0, 0])
            more = wanted <= asked.draws or verdict(cell, done) == "borderline"
            if done[0] < wanted and more and time.monotonic() < stop:
                _block(cell, done)
        asked.store.parent.mkdir(parents=True, exist_ok=True)
        asked.store.write_text(json.dumps(kept))
        if time.monotonic() >= stop:
            break
    PAGE.write_text(page(cells, kept), encoding="utf-8")
    failed = [cell.name for cell in cells if verdict(cell, kept[cell.name]) == "fails"]
    print(f"{len(cells)} cells; failed: {failed or 'none'}")
    return 1 if failed else 0


def _block(cell: Cell, done: list[float]) -> None:
    rng = np.random.default_rng([zlib.crc32(cell.name.encode()), int(done[0])])
    for _ in range(BLOCK):
        hit, width = cell.draw(rng)
        done[1] += hit
        if not math.isnan(width):
            done[2] += width
            done[3] += 1
    done[0] += BLOCK


def verdict(cell: Cell, done: list[float]) -> str:
    """Holds, borderline (the simulation's own interval spans the limit), fails, or listed."""
    if not done[0]:
        return "not drawn"
    sure, likely = (share(done[1], done[0], level) for level in (_SURE, 0.95))
    if cell.is_test:
        fails, holds = sure.low > cell.limit, likely.high <= cell.limit
    else:
        fails, holds = sure.high < cell.limit, likely.low >= cell.limit
    if fails:
        return "listed" if cell.listed else "fails"
    return "holds" if holds else "borderline"


def page(cells: list[Cell], kept: dict[str, list[float]]) -> str:
    """docs/proof.md."""
    lines = [
        "# How often the numbers hold",
        "",
        "Simulated from public seeds by `make proof` (`tests/proof`), which can be stopped and",
        "goes on. A 95 % interval must hold the truth in 93.5 % of data sets or more, a 5 % test",
        "alarm in 6 % or less, 'smaller than it was' be said falsely in 3 % or less (2.5 % is",
        "promised). The interval beside each figure is the simulation's own, at 99.9 % since there",
        "are many cells and they are looked at several times; a cell fails where it lies wholly",
        "beyond the limit, and holds where the 95 % one keeps it. Between them it is borderline:",
        "more draws decide. 'Listed' cells fail for a reason that the finding states itself.",
        "",
        "| family | regime | held (tests: alarms) | simulation | draws | mean width | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        done = kept[cell.name]
        if not done[0]:
            lines.append(f"| {cell.family} | {cell.regime} | - | - | 0 | - | not drawn |")
            continue
        found = share(done[1], done[0], _SURE)
        width = f"{done[2] / done[3]:.3f}" if done[3] else "-"
        spread = f"{found.low:.3f} to {found.high:.3f}"
        told = verdict(cell, done) + (f": {cell.listed}" if cell.listed else "")
        lines.append(
            f"| {cell.family} | {cell.regime} | {done[1] / done[0]:.3f} | {spread} | {done[0]} | "
            f"{width} | {told} |"
        )
    lines += ["", "## Not simulated yet", "", "Measures with an interval and no row above:", ""]
    lines += [f"- {family}: {why}" for family, why in sorted(UNPROVEN.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
