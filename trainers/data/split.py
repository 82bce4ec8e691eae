"""Which part each row falls into: training, validation or test."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.data.table import canonical_order, renumbered, texts
from evenhand.audit.errors import InputError
from evenhand.trainers.data.rows import cells

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Split:
    """Training, validation and held-out (test) rows: disjoint, in canonical order, together every
    row, unless the test rows come from a file of their own.

    ``n_twins`` counts the held-out rows that equal a training row in every cell: such rows were
    in effect seen in training. ``validation`` is None where none was asked for.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    n_twins: int
    validation: pd.DataFrame | None = None


def split(
    frame: pd.DataFrame,
    *,
    share: float,
    seed: int,
    classes_of: str | None,
    validation_share: float = 0.0,
    test: pd.DataFrame | None = None,
    keyed_by: str | None = None,
) -> Split:
    """Holds out about ``share`` of the rows for the test and ``validation_share`` for validation.

    Each row (with ``keyed_by``: each value of that column, with all its rows) falls into its part
    by a hash of itself, keyed by ``seed``, and by nothing else: one row more or less in the file
    changes one part by one row, so what is promised of a training row is promised of a row of the
    file. Sizes are therefore those of a coin thrown for each row. Of equal rows each has a coin of
    its own. Where ``test`` is given, its rows are the test and none of ``frame`` are held out for
    it. Independent of the order of rows; which rows are held out for the test doesn't depend on
    ``validation_share``.

    Raises InputError where a part that was asked for is empty, and where a class of the column
    ``classes_of`` has no row to train on.
    """
    ordered = renumbered(frame.iloc[canonical_order(frame)])
    drawn = _drawn(ordered if keyed_by is None else ordered[[keyed_by]], seed, keyed_by is None)
    share = 0.0 if test is not None else share
    is_test, is_kept = drawn < share, (drawn >= share) & (drawn < share + validation_share)
    train, validation = ordered[~is_test & ~is_kept], ordered[is_kept]
    held_out = ordered[is_test] if test is None else test.iloc[canonical_order(test)]
    asked = {"training": train}
    asked |= {"held-out": held_out} if share else {}
    asked |= {"validation": validation} if validation_share else {}
    for name, part in asked.items():
        if part.empty:
            raise InputError(
                "no row of {n_frame} falls to the {name} rows with test_share={share} and "
                "validation_share={validation_share}",
                remedy="use more rows, other shares, or another seed",
                n_frame=len(frame),
                name=name,
                share=share,
                validation_share=validation_share,
            )
    if classes_of is not None:
        _require_trained_on(ordered, train, classes_of)
    return Split(
        renumbered(train),
        renumbered(held_out),
        n_twins(train, held_out),
        renumbered(validation) if validation_share else None,
    )


def _drawn(rows: pd.DataFrame, seed: int, each: bool) -> np.ndarray:
    """A number in [0, 1) for each row, of shape (n,), from its cells and the seed alone.

    ``each``: of equal rows the first, second ... have numbers of their own, so that which of them
    is taken away makes no difference; else they share one.
    """
    import numpy as np
    import pandas as pd

    key = hashlib.blake2b(str(seed).encode(), digest_size=8).hexdigest()  # 16 characters
    plain = pd.DataFrame({c: cells(rows[c]) for c in sorted(rows.columns, key=str)}, dtype=object)
    hashes = pd.util.hash_pandas_object(plain, index=False, hash_key=key, categorize=True)
    twin = hashes.groupby(hashes).cumcount() if each else 0
    mixed = hashes.to_numpy() + np.asarray(twin, dtype=np.uint64) * np.uint64(_ODD)
    return _spread(mixed) / 2.0**64


_ODD = 0x9E3779B97F4A7C15


def _spread(bits: np.ndarray) -> np.ndarray:
    """Bits so mixed that each of the 64 depends on all: SplitMix64's last step (Steele, Lea and
    Flood 2014, "Fast splittable pseudorandom number generators")."""
    import numpy as np

    with np.errstate(over="ignore"):
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return bits ^ (bits >> np.uint64(31))


def _require_trained_on(frame: pd.DataFrame, train: pd.DataFrame, column: str) -> None:
    counts = Counter(texts(frame[column])[0])
    for label in sorted(set(counts) - set(texts(train[column])[0])):
        raise InputError(
            "class {label!r} of {column!r} has {counts} rows, and none of them falls to "
            "the training rows",
            remedy="use more rows, smaller shares, or another seed",
            label=label,
            column=column,
            counts=counts[label],
        )


def n_twins(train: pd.DataFrame, held_out: pd.DataFrame) -> int:
    """How many held-out rows equal a training row in every cell."""
    seen = set(_row_hashes(train))
    return sum(h in seen for h in _row_hashes(held_out))


def _row_hashes(frame: pd.DataFrame) -> list[int]:
    import pandas as pd

    plain = pd.DataFrame({c: texts(frame[c])[0] for c in frame.columns})
    return [int(h) for h in pd.util.hash_pandas_object(plain, index=False)]
