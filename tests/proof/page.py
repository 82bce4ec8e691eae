"""docs/proof.md: a row for every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.proof.cell import Cell, Seen, simulated, verdict
from tests.proof.covered import UNPROVEN
from tests.proof.stamp import ROOT, code_of, module_of

PAGE = ROOT / "docs" / "proof.md"
_HEAD = """\
# How often the numbers hold

Simulated from public seeds by `make proof` (`tests/proof`), which can be stopped and goes on. A
95 % interval must hold the truth in 93.5 % of data sets or more, a 5 % test alarm in 6 % or less,
"smaller than it was" be said falsely in 3 % or less (2.5 % is promised), and the rows that are
advised settle an item in 80 % of the cases or more, if the truth lies beyond the zone around the
limit that the advice names (no number of rows settles a truth at the limit; beside it stands how
often the item was settled whatever the truth).

The interval beside each figure is the simulation's own (95 %, exact). A cell *fails* where it lies
wholly beyond the limit, *holds* where it lies wholly within, and is *borderline* between them;
what does not hold after the first 1,000 draws gets twice as many, up to 16,000, and is judged by
all of them. *Listed* cells fail for a reason that the finding states itself (of advice: that the
row states). Among some hundred cells that keep exactly to the limit a few fail by chance; none is
drawn again for that.

"Beside" is another method on the same data: its width over ours (above 1: ours is narrower) and
how often it held. "No number": data sets for which the measure gives no interval and says why;
they count neither way. "From" is the commit that drew the row, with * where the code it went
through has changed since. A run draws such a row anew, unless the changed code draws its first 100
data sets to the same nine digits: then its draws stay.
"""


def page(cells: Sequence[Cell], kept: Mapping[str, Seen]) -> str:
    """The whole page."""
    draws = sorted(kept.get(cell.name, Seen()).draws for cell in cells)
    lines = [
        _HEAD,
        f"This page: {len(cells)} cells, {sum(draws):,} draws, {draws[0]:,} of the least drawn "
        f"cell, {draws[len(draws) // 2]:,} of the middle one; a full run draws 1,000 and more. "
        "With 100 draws only coverage below 89 % can be told from 93.5 %: *borderline* then means "
        "that little is known yet, and `make proof` goes on from here.\n",
    ]
    for title, kinds, columns in (
        ("Intervals", ("interval",), "held"),
        ("Tests", ("test",), "alarms"),
        ("Power of tests", ("power",), "found"),
        ("Rows that are advised", ("assurance",), "settled"),
    ):
        chosen = [c for c in cells if c.kind in kinds]
        if not chosen:
            continue
        lines += [f"## {title}", "", *_table(chosen, kept, columns), ""]
    lines += ["## Not simulated", "", "Measures with an interval and no row above:", ""]
    lines += [f"- {family}: {why}" for family, why in sorted(UNPROVEN.items())] or ["- none"]
    return "\n".join(lines) + "\n"


def _table(cells: Sequence[Cell], kept: Mapping[str, Seen], column: str) -> list[str]:
    made = [
        f"| family | regime | {column} | simulation | draws | no number | mean width | beside "
        "| from | verdict |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return made + [_row(cell, kept.get(cell.name, Seen())) for cell in cells]


def _row(cell: Cell, seen: Seen) -> str:
    first = f"| {cell.family} | {cell.regime} |"
    if not seen.made:
        return f"{first} - | - | {seen.draws} | - | - | - | - | not drawn |"
    found = simulated(seen.hits, seen.made)
    told = verdict(cell, seen) + (f": {cell.listed}" if cell.listed else "")
    without = 1 - seen.made / seen.draws
    cells = [
        f"{seen.hits / seen.made:.3f}",
        f"{found.low:.3f} to {found.high:.3f}",
        f"{seen.draws:,}",
        f"{without:.1%}" if without else "-",
        f"{seen.width / seen.finite:.3f}" if seen.finite else "-",
        _beside(cell, seen),
        seen.commit + ("" if seen.code == code_of(module_of(cell.draw)) else "*"),
        told,
    ]
    return f"{first} " + " | ".join(cells) + " |"


def _beside(cell: Cell, seen: Seen) -> str:
    if not seen.rival_made:
        return "-"
    said = f"{cell.rival}: {seen.rival_hits / seen.rival_made:.3f}"
    if seen.rival_finite and seen.finite and seen.width:
        wider = seen.rival_width / seen.rival_finite / (seen.width / seen.finite)
        said += f", x{wider:.2f}"
    return said
