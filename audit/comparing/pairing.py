"""Whose row is whose, where two cases audited two files of the same people.

A case keeps its decisions without ids. The files of both plans are read again, held against the
digests that the plans have, and put into the order of the decisions. Rows are paired by the column
that names them; without one by what they hold beside the predictions, if that tells all rows apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.audit.case.case import Case
from evenhand.audit.comparing.decisions import NotPairedError
from evenhand.audit.data.formats.database import is_url
from evenhand.audit.data.table import texts
from evenhand.audit.errors import EvenhandError, nearest
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.planned import planned_rows
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_BY_ID = phrase("name the column that says who is who: evenhand compare CASE_A CASE_B --id COLUMN")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Positions of the same people in the decisions of A and of B, int of shape (n,) each; ``how``
    says by what they were paired, and who was left out."""

    a: np.ndarray
    b: np.ndarray
    how: Reasons


def pairs_of(
    a: Case, b: Case, id_column: str | None = None, data: Sequence[str | None] = (None, None)
) -> Pairs:
    """The people of both cases. ``id_column``: by default the one that both plans name, if any;
    ``data``: where the files of A and of B are now, by default where the plans say.

    Raises NotPairedError where a file is no longer as it was audited, ids are repeated, rows can't
    be told apart, or nobody is in both.
    """
    planned = {case.subject.data.id for case in (a, b)}
    column = id_column or (planned.pop() if len(planned) == 1 else None)
    frames = [_frame(case, place) for case, place in zip((a, b), data, strict=True)]
    if column is not None:
        return _by_id(column, (a, b), frames)
    return _by_rows((a, b), frames)


def _frame(case: Case, moved_to: str | None) -> pd.DataFrame:
    """The audited rows of a case, in the order of its decisions."""
    place = moved_to or case.subject.data.path
    if place is None or not (is_url(place) or Path(place.partition("#")[0]).exists()):
        raise NotPairedError(because("data-not-there", case=case.path, place=place), remedy=_HERE)
    try:
        table, frame = planned_rows(case.plan, place)
    except EvenhandError as error:
        why = because("data-not-readable", case=case.path, place=place, why=error.message)
        raise NotPairedError(why, remedy=error.remedy) from error
    if table.digest != case.subject.data_digest:
        raise NotPairedError(because("data-changed", case=case.path, place=place), remedy=_HERE)
    return frame


_HERE = phrase(
    "say where the files lie that were audited: --data-a FILE --data-b FILE; or audit both models "
    "on one file, with a column of predictions each"
)


def _by_id(column: str, cases: Sequence[Case], frames: Sequence[pd.DataFrame]) -> Pairs:
    import pandas as pd

    keys, positions, missing = [], [], []
    for case, frame in zip(cases, frames, strict=True):
        if column not in frame.columns:
            why = because("no-id-column", column=column, case=case.path)
            raise NotPairedError(why, remedy=nearest(column, map(str, frame.columns)))
        names, is_missing = texts(frame[column])
        own = pd.Index(names[~is_missing])
        if n := int(own.duplicated().sum()):
            raise NotPairedError(
                because("ids-repeated", column=column, case=case.path, n=n),
                remedy="name a column that is another in every row, or audit one row a person",
            )
        keys.append(own)
        positions.append((~is_missing).nonzero()[0])
        missing.append(int(is_missing.sum()))
    first, second = _places(keys, positions)
    _require_some(first, cases)
    how = because(
        "paired-by-id",
        column=column,
        n=len(first),
        only_a=len(keys[0]) - len(first),
        only_b=len(keys[1]) - len(first),
        missing=sum(missing),
    )
    return Pairs(first, second, how)


def _by_rows(cases: Sequence[Case], frames: Sequence[pd.DataFrame]) -> Pairs:
    import numpy as np
    import pandas as pd

    answers = {
        name
        for case in cases
        if (stored := case.subject.stored) is not None
        for name in (stored.predicted, stored.score)
    }
    shared = sorted(set(frames[0].columns) & set(frames[1].columns) - answers)
    keys = []
    for case, frame in zip(cases, frames, strict=True):
        plain = pd.DataFrame({name: texts(frame[name])[0] for name in shared})
        own = pd.Index(pd.util.hash_pandas_object(plain, index=False))
        if n := int(own.duplicated(keep=False).sum()):
            raise NotPairedError(because("rows-alike", case=case.path, n=n), remedy=_BY_ID)
        keys.append(own)
    first, second = _places(keys, [np.arange(len(own)) for own in keys])
    _require_some(first, cases)
    n, alone = len(first), [len(own) - len(first) for own in keys]
    how = because("paired-by-rows", n=n, only_a=alone[0], only_b=alone[1])
    return Pairs(first, second, how)


def _places(
    keys: Sequence[pd.Index], positions: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the keys that are in both stand, in A and in B."""
    place = keys[1].get_indexer(keys[0])
    return positions[0][place >= 0], positions[1][place[place >= 0]]


def _require_some(found: np.ndarray, cases: Sequence[Case]) -> None:
    if not len(found):
        raise NotPairedError(
            because("nobody-in-both", a=cases[0].path, b=cases[1].path),
            remedy=phrase("are they the same people? Then {by_id}", by_id=_BY_ID),
        )
