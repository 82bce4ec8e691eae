"""The levels that keep most of a table and make every class large enough.

What a level loses of a column is the share of its entropy that the level hides, H(cell | level) /
H(cell) (Gionis and Tassa 2009, non-uniform entropy); of a table, the mean over quasi-identifiers,
rows that are left out being lost wholly. The least loss is found exactly, by trying combinations in
order of what their levels alone lose, a lower bound of the whole.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.measure.exposure.classes import class_diversity, joint

if TYPE_CHECKING:
    import numpy as np

MOST_TRIED = 4000  # combinations


@dataclass(frozen=True, eq=False)
class Cells:
    """The table as the search sees it, one entry for rows that agree in everything it looks at.

    ``levels[q][i]``: codes of quasi-identifier q at level i, int of shape (cells,); ``rows``: rows
    of each; ``people``: codes of persons, int of shape (cells,), or None where each row is one;
    ``confidential``: codes and whether they are ordered, by column.
    """

    levels: Sequence[Sequence[np.ndarray]]
    rows: np.ndarray
    people: np.ndarray | None
    confidential: Sequence[tuple[np.ndarray, bool]]

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.rows.sum())


@dataclass(frozen=True)
class Asked:
    """What each class must have: at least ``k`` people, ``l`` different confidential values, and a
    distance of at most ``t`` to the table; up to ``leave_out`` of the rows may be in others."""

    k: int
    l: int  # noqa: E741 - the literature's name
    t: float | None
    leave_out: float


@dataclass(frozen=True)
class LevelChoice:
    """A level for each quasi-identifier, rows in classes that don't hold, and the share lost."""

    levels: tuple[int, ...]
    n_left_out: int
    loss: float


@dataclass(frozen=True)
class Searched:
    """The best choice (None: none holds), the fewest rows that any tried one would leave out, how
    many were tried, and whether no other can be better."""

    best: LevelChoice | None
    fewest_left_out: int
    n_tried: int
    is_exact: bool


def search(cells: Cells, limits: Asked, most: int = MOST_TRIED) -> Searched:
    """The choice of least loss. Where more than ``most`` combinations would have to be tried the
    best of those tried is taken, the coarsest of all being one of them."""
    losses = [_losses(levels, cells.rows) for levels in cells.levels]
    best, fewest, tried, is_exact = None, cells.n, 0, True
    for levels, least in _by_loss(losses):
        if best is not None and least >= best.loss:
            break
        if tried == most:
            is_exact = False
            levels = tuple(len(each) - 1 for each in losses)
            least = _mean(losses, levels)
        out = int(cells.rows[~holding(cells, levels, limits)].sum())
        tried, fewest = tried + 1, min(fewest, out)
        share = out / cells.n
        loss = (1 - share) * least + share
        if share <= limits.leave_out and (best is None or loss < best.loss):
            best = LevelChoice(levels, out, loss)
        if not is_exact:
            break
    return Searched(best, fewest, tried, is_exact)


def _mean(losses: Sequence[Sequence[float]], levels: Sequence[int]) -> float:
    return sum(loss[i] for loss, i in zip(losses, levels, strict=True)) / len(losses)


def _by_loss(losses: Sequence[Sequence[float]]) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every combination of levels, from the least mean loss: losses rise along each ladder, so the
    next one is a step above one that was had."""
    start = (0,) * len(losses)
    queue, seen = [(_mean(losses, start), start)], {start}
    while queue:
        loss, levels = heapq.heappop(queue)
        yield levels, loss
        for place, ladder in enumerate(losses):
            if levels[place] + 1 < len(ladder):
                up = (*levels[:place], levels[place] + 1, *levels[place + 1 :])
                if up not in seen:
                    seen.add(up)
                    heapq.heappush(queue, (_mean(losses, up), up))


def _losses(levels: Sequence[np.ndarray], rows: np.ndarray) -> list[float]:
    """H(cell | level) / H(cell) by level; rising, since levels nest."""
    whole = _entropy(levels[0], rows)
    if whole == 0.0:
        return [0.0] * len(levels)
    return [max(0.0, 1 - _entropy(codes, rows) / whole) for codes in levels]


def _entropy(codes: np.ndarray, rows: np.ndarray) -> float:
    import numpy as np

    share = np.bincount(codes, rows)
    share = share[share > 0] / rows.sum()
    return float(-(share * np.log(share)).sum())


def holding(cells: Cells, levels: Sequence[int], limits: Asked) -> np.ndarray:
    """Which cells are in classes that have what is asked; bool of shape (cells,)."""
    import numpy as np

    own = [codes[i] for codes, i in zip(cells.levels, levels, strict=True)]
    classes = joint(own, len(cells.rows))
    if cells.people is None:
        sizes = np.bincount(classes, cells.rows)
    else:
        pairs = np.unique(np.stack([classes, cells.people], axis=1), axis=0)
        sizes = np.bincount(pairs[:, 0])
    holds = sizes >= limits.k
    if limits.l > 1 or limits.t is not None:
        for values, is_ordered in cells.confidential:
            each = class_diversity(classes, values, is_ordered, cells.rows)
            holds &= each.distinct >= limits.l
            if limits.t is not None:
                holds &= each.distance <= limits.t
    found: np.ndarray = holds[classes]
    return found
