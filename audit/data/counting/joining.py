"""Two tables of the same people as one: answers lie here, features there, a key says whose.

Every row of the first table stays, whether the second knows it or not: a person without features is
of no known group, and is not lost. What does not match on either side is counted and said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import Table, texts
from evenhand.audit.errors import InputError, RowError, nearest
from evenhand.audit.files.canonical import digest_json
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_SHOWN = 3


def joined(table: Table, other: Table, on: Sequence[str]) -> Table:
    """``table`` with the columns of ``other`` whose rows have the same keys.

    ``on`` names the columns of the key, each NAME, or HERE=THERE where the two tables call it
    otherwise. Keys are compared as texts are: 1 and 1.0 are one. The digest is of both tables.

    Raises InputError for a column that is not there or is in both with cells that differ, a key
    that is empty or repeated in ``other``, and where no row finds another.
    """
    pairs = [_ends(name, table, other) for name in on]
    here, there = ([pair[i] for pair in pairs] for i in (0, 1))
    keys, others = _keys(table, here), _keys(other, there)
    _require_single(others, other, there)
    place = others_at(keys, others)
    is_matched = place >= 0
    if not is_matched.any():
        raise InputError(
            "no row of {source} has a row in {source_2} by {on}: {keys} here, {others} there",
            remedy="name the columns that hold the same keys: --on HERE=THERE; keys that were read "
            "as numbers lose leading zeros: --types NAME=text",
            source=table.source,
            source_2=other.source,
            on=", ".join(on),
            keys=_some(keys),
            others=_some(others),
        )
    frame = _with_columns(table, other, there, place)
    said = other.notes + _counted(table, other, is_matched, place)
    digest = digest_json({"table": table.digest, "joined": other.digest, "on": list(on)})
    types = {**{c: t for c, t in other.types.items() if c in frame}, **table.types}
    return replace(
        table, frame=frame, digest=digest, notes=(*table.notes, *said), types=dict(types)
    )


def with_types_of(
    read: Callable[[Mapping[str, str]], Table], declared: Mapping[str, str]
) -> tuple[Table, Mapping[str, str]]:
    """A table read with those declared types whose columns it has, and the types that are left."""
    if not declared:
        return read({}), {}
    own = {name: kind for name, kind in declared.items() if name in read({}).frame.columns}
    return read(own), {name: kind for name, kind in declared.items() if name not in own}


def _ends(name: str, table: Table, other: Table) -> tuple[str, str]:
    """What a part of the key is called here and there."""
    here, equals, there = name.partition("=")
    ends = (name, name) if name in table.frame.columns or not equals else (here, there)
    for column, side in zip(ends, (table, other), strict=True):
        if column not in side.frame.columns:
            raise InputError(
                "--on {column!r} is not a column of {source}",
                remedy="{column_2}; where it is called otherwise there: --on HERE=THERE",
                column=column,
                source=side.source,
                column_2=nearest(column, side.frame.columns),
            )
    return ends


def _keys(table: Table, columns: Sequence[str]) -> list[tuple[str, ...] | None]:
    """Each row's key; None where a part of it is empty."""
    parts = [texts(table.frame[column]) for column in columns]
    return [
        None if any(missing for _, missing in row) else tuple(str(text) for text, _ in row)
        for row in zip(*(zip(*part, strict=True) for part in parts), strict=True)
    ]


def _require_single(keys: Sequence[Any], other: Table, columns: Sequence[str]) -> None:
    """Two rows with one key would give a person two sets of features."""
    first: dict[Any, int] = {}
    twice = []
    for position, key in enumerate(keys):
        if key is not None and first.setdefault(key, position) != position:
            twice.append(position)
    if twice:
        key = keys[twice[0]]
        raise RowError(
            "{source} has {n_twice} rows too many: {key} of {columns} is in row {first} "
            "already, and again in {row}",
            twice[0],
            remedy="keep one row a key, or name further columns of the key: --on id,date",
            source=other.source,
            n_twice=len(twice),
            key=_shown(key),
            columns=", ".join(columns),
            first=first[key] + 1,
        )


def others_at(keys: Sequence[Any], others: Sequence[Any]) -> np.ndarray:
    """For each key its place among ``others``, int of shape (n,); -1 where it is not there."""
    import numpy as np

    place = {key: position for position, key in enumerate(others) if key is not None}
    return np.array([-1 if key is None else place.get(key, -1) for key in keys], dtype=int)


def _with_columns(
    table: Table, other: Table, there: Sequence[str], place: np.ndarray
) -> pd.DataFrame:
    """The first table's columns, and beside them those of the other that are not of the key."""
    import numpy as np
    import pandas as pd

    added = {}
    known = np.flatnonzero(place >= 0)
    for name in other.frame.columns:
        if name in there:
            continue
        column = other.frame[name].iloc[np.where(place < 0, 0, place)].set_axis(table.frame.index)
        column = column.where(pd.Series(place >= 0, index=table.frame.index))
        if name in table.frame.columns:
            _require_same(table, other, name, column, known)
        else:
            added[name] = column
    return pd.concat([table.frame, pd.DataFrame(added, index=table.frame.index)], axis=1)


def _require_same(
    table: Table, other: Table, name: str, column: pd.Series[Any], known: np.ndarray
) -> None:
    here, there = texts(table.frame[name])[0][known], texts(column)[0][known]
    differ = here != there
    if differ.any():
        first = int(differ.argmax())
        raise RowError(
            "column {name!r} is in {source} and in {source_2}, and differs in {differ} "
            "rows: {here!r} and {there!r} in {row} of {source}",
            int(known[first]),
            remedy="rename or remove one of them: which is meant is not guessed",
            name=name,
            source=table.source,
            source_2=other.source,
            differ=int(differ.sum()),
            here=here[first],
            there=there[first],
        )


def _counted(table: Table, other: Table, found: np.ndarray, place: np.ndarray) -> Reasons:
    """What found its other half, and what did not."""
    import numpy as np

    n, alone = len(found), int((~found).sum())
    here, there = table.source, other.source
    said = because("rows-joined", n=n - alone, of=n, here=here, there=there)
    if alone:
        said = because("rows-joined-but", n=n - alone, of=n, here=here, there=there, alone=alone)
    unused = len(other.frame) - len(np.unique(place[found]))
    if unused:
        said += because("rows-not-joined", n=unused, here=here, there=there)
    return said


def _some(keys: Sequence[Any]) -> str:
    known = list(dict.fromkeys(_shown(key) for key in keys if key is not None))
    return ", ".join(known[:_SHOWN]) or "no key at all"


def _shown(key: tuple[str, ...]) -> str:
    return " / ".join(repr(part)[:60] for part in key)
