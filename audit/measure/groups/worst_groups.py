"""Search for groups with many errors on one half of the rows, confirmation on the other half.

A group is a crossing of one to three columns' levels. Searching thousands of groups finds a bad one
in pure noise; only what a half that played no part in the search shows again is reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evenhand.audit.measure.uncertainty.persons import by_person
from evenhand.audit.measure.uncertainty.testing import adjust, equal_rates_of_persons
from evenhand.audit.measure.uncertainty.weighted import Clustered, clustered

if TYPE_CHECKING:
    import numpy as np

_OVERLAP = 0.8  # a candidate that shares more of its rows with a better one says nothing new


@dataclass(frozen=True, eq=False)
class Levels:
    """A column as levels: ``codes`` (n,) are positions in ``names``, texts for people.

    ``not_searched`` are the positions of levels that are no group: people of unknown group (who may
    belong to any, ``unknown``), and what is left of levels too rare to be looked at.
    """

    column: str
    codes: np.ndarray
    names: tuple[str, ...]
    unknown: int | None = None
    not_searched: tuple[int, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A group: (position of the column, level) pairs, and its excess of errors in z."""

    where: tuple[tuple[int, int], ...]
    z: float


@dataclass(frozen=True)
class Confirmed:
    """A candidate on the other half: errors and rows inside it and outside; sums over the persons
    of either, where these have several rows."""

    where: tuple[tuple[int, int], ...]
    errors: int
    rows: int
    other_errors: int
    other_rows: int
    p_value: float
    adjusted: float
    persons: tuple[Clustered, Clustered] | None = None


def search(
    columns: Sequence[Levels],
    is_error: np.ndarray,
    *,
    depth: int,
    smallest: int,
    most: int,
) -> tuple[list[Candidate], int]:
    """The ``most`` groups with the greatest excess of errors over the rest, and how many groups
    were looked at. Groups under ``smallest`` rows, or like a better one, are passed over.

    Parameters
    ----------
    columns  : levels of each column for the n rows to search
    is_error : bool array of shape (n,)
    """
    looked_at = 0
    candidates: list[Candidate] = []
    for size in range(1, depth + 1):
        for chosen in combinations(range(len(columns)), size):
            used = [columns[c] for c in chosen]
            n, k = _table(used, is_error)
            rest = is_error.size - _maybe(n, used), int(is_error.sum()) - _maybe(k, used)
            z = _excess(k, n, *rest, smallest)
            is_group = _groups(used)
            z[~is_group] = -math.inf
            looked_at += int(((n >= smallest) & is_group).sum())
            candidates += [
                Candidate(
                    tuple(zip(chosen, _unravel(i, columns, chosen), strict=True)), float(z[i])
                )
                for i in _top(z, most)
            ]
    # simpler groups first among equals; then by columns, which does not depend on levels' names
    candidates.sort(key=lambda c: (-round(c.z, 9), len(c.where), c.where))
    return _distinct(candidates, columns, most), looked_at


def confirm(
    candidates: Sequence[Candidate],
    columns: Sequence[Levels],
    is_error: np.ndarray,
    units: np.ndarray | None = None,
) -> list[Confirmed]:
    """Each candidate on rows that the search has not seen: one-sided Fisher test of more errors
    inside than outside, with Holm's adjustment over all candidates. People of whom it is unknown
    whether they belong to it are on neither side.

    ``units`` tell persons apart who have several rows, shape (n,): then it is Student's t over
    persons (``testing.equal_rates_of_persons``), and no person may be in both halves.
    """
    counted, p_values, sums = [], [], []
    for candidate in candidates:
        inside = members(candidate.where, columns)
        outside = ~members(candidate.where, columns, or_unknown=True)
        k, n = int(is_error[inside].sum()), int(inside.sum())
        others, rows = int(is_error[outside].sum()), int(outside.sum())
        counted.append((candidate.where, k, n, others, rows))
        of_persons = None
        if units is not None and n and rows:
            of_persons = _clustered(is_error, units, inside), _clustered(is_error, units, outside)
        sums.append(of_persons)
        p_values.append(_more_errors(k, n, others, rows, of_persons))
    return [
        Confirmed(*one, p_value=p, adjusted=a, persons=of)
        for one, p, a, of in zip(counted, p_values, adjust(p_values), sums, strict=True)
    ]


def _clustered(is_error: np.ndarray, units: np.ndarray, rows: np.ndarray) -> Clustered:
    import numpy as np

    return clustered(
        by_person(is_error[rows].astype(float), units[rows]),
        by_person(np.ones(int(rows.sum())), units[rows]),
    )


def _more_errors(
    k: int, n: int, others: int, rows: int, persons: tuple[Clustered, Clustered] | None
) -> float:
    """One-sided p-value of more errors inside (``k`` of ``n``) than outside."""
    from scipy.stats import hypergeom

    if persons is not None:
        two_sided = equal_rates_of_persons(*persons)
        return two_sided / 2 if k / n > others / rows else 1 - two_sided / 2
    # P(at least k errors among n rows) if the errors fell anywhere
    return min(1.0, float(hypergeom.sf(k - 1, n + rows, k + others, n))) if n else 1.0


def members(
    where: Sequence[tuple[int, int]], columns: Sequence[Levels], *, or_unknown: bool = False
) -> np.ndarray:
    """The rows of a group, bool array of shape (n,); with ``or_unknown`` those that may be, too."""
    import numpy as np

    inside = np.ones(columns[0].codes.size, dtype=bool)
    for c, level in where:
        own = columns[c].codes == level
        if or_unknown and columns[c].unknown is not None:
            own |= columns[c].codes == columns[c].unknown
        inside &= own
    return inside


def heat_map(columns: Sequence[Levels], is_error: np.ndarray) -> dict[str, Any]:
    """Rows and errors of every level of each column and of every crossing of two, as JSON."""
    pairs = []
    for a, b in combinations(columns, 2):
        n, k = _table([a, b], is_error)
        shape = (len(a.names), len(b.names))
        pairs.append(
            {
                "columns": [a.column, b.column],
                "rows": n.reshape(shape).tolist(),
                "errors": k.reshape(shape).tolist(),
            }
        )
    singles = []
    for each in columns:
        n, k = _table([each], is_error)
        singles.append(
            {
                "column": each.column,
                "levels": list(each.names),
                "rows": n.tolist(),
                "errors": k.tolist(),
            }
        )
    return {"columns": singles, "pairs": pairs}


def error_tree(
    columns: Sequence[Levels], is_error: np.ndarray, *, depth: int, smallest: int
) -> list[dict[str, Any]]:
    """A greedy tree: each node is split by the one level whose errors stand out most.

    Returns nodes {id, parent, column, level, is_level, rows, errors}; the first is all rows.
    """
    import numpy as np

    nodes: list[dict[str, Any]] = []

    def grow(inside: np.ndarray, parent: int | None, split: Any, left: int) -> None:
        rows, errors = int(inside.sum()), int(is_error[inside].sum())
        node = {"id": len(nodes), "parent": parent, "rows": rows, "errors": errors}
        column, level, is_level = split or ("", "", True)
        nodes.append({**node, "column": column, "level": level, "is_level": is_level})
        best = _best_split(columns, is_error, inside, smallest) if left else None
        if best is None:
            return
        position, code = best
        here = columns[position].codes == code
        named = (columns[position].column, columns[position].names[code])
        grow(inside & here, node["id"], (*named, True), left - 1)
        grow(inside & ~here, node["id"], (*named, False), left - 1)

    grow(np.ones(is_error.size, dtype=bool), None, None, depth)
    return nodes


def _best_split(
    columns: Sequence[Levels], is_error: np.ndarray, inside: np.ndarray, smallest: int
) -> tuple[int, int] | None:
    import numpy as np

    best: tuple[float, int, int] | None = None
    total, errors = int(inside.sum()), int(is_error[inside].sum())
    for position, each in enumerate(columns):
        part = Levels(each.column, each.codes[inside], each.names)
        n, k = _table([part], is_error[inside])
        z = np.abs(_excess(k, n, total - n, errors - k, smallest))
        z[total - n < smallest] = -np.inf
        z[~np.isfinite(z)] = -np.inf
        code = int(z.argmax())
        if z[code] > 0 and (best is None or z[code] > best[0] + 1e-9):
            best = (float(z[code]), position, code)
    return None if best is None else best[1:]


def _table(columns: Sequence[Levels], is_error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and errors of every crossing of the columns' levels, flat."""
    import numpy as np

    code = np.zeros(is_error.size, dtype=np.int64)
    cells = 1
    for each in columns:
        code = code * len(each.names) + each.codes
        cells *= len(each.names)
    rows = np.bincount(code, minlength=cells)
    errors = np.bincount(code, weights=is_error, minlength=cells).astype(np.int64)
    return rows, errors


def _maybe(counted: np.ndarray, columns: Sequence[Levels]) -> np.ndarray:
    """Of what ``_table`` counted: how much each crossing would hold with all people who may belong
    to it, their group in some column being unknown."""
    import numpy as np

    table = counted.reshape([len(c.names) for c in columns])
    for axis, each in enumerate(columns):
        if each.unknown is not None:
            table = table + np.take(table, [each.unknown], axis=axis)
    return table.ravel()


def _groups(columns: Sequence[Levels]) -> np.ndarray:
    """Which crossings are groups to look at, flat."""
    import numpy as np

    found = np.ones([len(c.names) for c in columns], dtype=bool)
    for axis, each in enumerate(columns):
        np.moveaxis(found, axis, 0)[list(each.not_searched)] = False
    return found.ravel()


def _excess(
    k: np.ndarray, n: np.ndarray, rest: np.ndarray, rest_errors: np.ndarray, smallest: int
) -> np.ndarray:
    """z of each group's errors against the rest's, pooled; -inf where it is too small or all."""
    import numpy as np

    pooled = (k + rest_errors) / np.maximum(n + rest, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / rest))
        z = (k / n - rest_errors / rest) / spread
    fits = (n >= smallest) & (rest > 0) & np.isfinite(z)
    found: np.ndarray = np.where(fits, z, -math.inf)
    return found


def _top(z: np.ndarray, most: int) -> Iterator[int]:
    import numpy as np

    for i in np.argsort(-z, kind="stable")[:most]:
        if z[i] > 0 and math.isfinite(z[i]):
            yield int(i)


def _unravel(i: int, columns: Sequence[Levels], chosen: Sequence[int]) -> tuple[int, ...]:
    import numpy as np

    shape = tuple(len(columns[c].names) for c in chosen)
    return tuple(int(x) for x in np.unravel_index(i, shape))


def _distinct(found: Sequence[Candidate], columns: Sequence[Levels], most: int) -> list[Candidate]:
    kept: list[tuple[Candidate, Any]] = []
    for candidate in found:
        inside = members(candidate.where, columns)
        if all((inside & o).sum() <= _OVERLAP * (inside | o).sum() for _, o in kept):
            kept.append((candidate, inside))
        if len(kept) == most:
            break
    return [c for c, _ in kept]
