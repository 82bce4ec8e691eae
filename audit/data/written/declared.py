"""How a table is to be read, as whoever knows it declares: one record for every command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from evenhand.audit.errors import InputError
from evenhand.audit.words.phrases import phrase

ColumnType = Literal["number", "category", "text", "boolean", "date"]
COLUMN_TYPES: tuple[str, ...] = get_args(ColumnType)
QUANTILES = "quantiles:"
# A part is quoted as a whole, or reaches to the next comma.
_PART = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"\s*|(?P<plain>[^,]*))(?:,|$)')
_MOST_BINS = 100


class Reading(BaseModel):
    """What is declared about the cells of a table; whatever is not is told by the cells.

    A mark of ``missing`` or ``unknown`` and a code of ``labels`` is a cell's text; ``COLUMN:TEXT``
    speaks of one column alone, where there is one of that name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    types: Mapping[str, ColumnType] = Field(
        default_factory=dict,
        description="what columns hold, by name: number, category, text, boolean or date; others "
        "are told by their cells (as an option: age=number,zip=text)",
    )
    missing: tuple[str, ...] = Field(
        default=(),
        description="cells that mean no value, beside empty ones and NA: None,?,-999; of one "
        "column: age:-999",
    )
    unknown: tuple[str, ...] = Field(
        default=(),
        description='groups whose people are of no known group, such as "Not disclosed"; of one '
        "column: sex:U",
    )
    decimal: Literal[".", ","] | None = Field(
        default=None,
        description="decimal sign of numbers that are written with thousands signs, or with a "
        "comma (default: plain numbers such as 1234.5 alone are numbers)",
    )
    dates: Literal["dmy", "mdy"] | None = Field(
        default=None,
        description="order of day and month in dates such as 3/4/2026: dmy or mdy (default: told "
        "by the cells, where a day is above 12)",
    )
    encoding: str | None = Field(
        default=None, description="encoding of text files (default: told by a mark, else UTF-8)"
    )
    sheet: str | None = Field(
        default=None, description="sheet of a workbook, or table of a SQLite file"
    )
    labels: Mapping[str, str] = Field(
        default_factory=dict,
        description="what labels mean that are written otherwise, in target and predicted column: "
        "1=hired,0=rejected; of any column: sex:f=F (in a file also sex: {f: F})",
    )
    bins: Mapping[str, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="edges of the groups that numbers or dates of a sensitive or control feature "
        "make, age=18,25,40,65, or how many of equal size: income=quantiles:4",
    )

    @field_validator("missing", "unknown", mode="before")
    @classmethod
    def _texts(cls, given: Any) -> Any:
        if isinstance(given, str | int | float):
            given = (given,)
        return tuple(map(plain_text, given)) if isinstance(given, list | tuple) else given

    @field_validator("labels", mode="before")
    @classmethod
    def _label_texts(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        found: dict[str, str] = {}
        for code, word in given.items():
            if isinstance(word, Mapping):  # SEX: {1: male, 2: female}
                found |= {f"{code}:{plain_text(c)}": plain_text(w) for c, w in word.items()}
            else:
                found[plain_text(code)] = plain_text(word)
        return found

    @field_validator("bins", mode="before")
    @classmethod
    def _edge_texts(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {str(c): _edges(str(c), edges) for c, edges in given.items()}

    @property
    def reading(self) -> Reading:
        """This record alone, without what a model adds that it is part of."""
        return Reading(**{name: getattr(self, name) for name in Reading.model_fields})

    def as_plain(self) -> dict[str, Any]:
        """What is declared, as plain JSON types: plans and models keep it."""
        return self.reading.model_dump(mode="json", exclude_defaults=True)

    def only(self, columns: Collection[str]) -> Reading:
        """The same of some columns alone: what is declared of others is left out."""
        kept = {
            name: {c: v for c, v in getattr(self, name).items() if c in columns}
            for name in ("types", "bins")
        }
        return self.reading.model_copy(update=kept)

    def of_written(self) -> Reading:
        """The same of rows that were read by it and written again: their missing cells are empty,
        their numbers plain and their labels words."""
        kept = {name: getattr(self, name) for name in ("types", "unknown", "bins", "dates")}
        return Reading(**kept)

    def meant(self, label: Any, column: str | None) -> Any:
        """A label of the target as its ``labels`` name it, where it was typed as the code.

        >>> reading = Reading(labels={"y:yes": "Yes", "0": "No"})
        >>> reading.meant("yes", "y"), reading.meant(0, "y"), reading.meant("No", "y")
        ('Yes', 'No', 'No')
        """
        if label is None or not self.labels or isinstance(label, list | Mapping):
            return label
        words = self.labels_of(str(column), (str(column),), is_answer=True)
        text = plain_text(label)
        return label if text in words.values() else words.get(text, label)

    def marks_missing(self, column: str, columns: Collection[str]) -> frozenset[str]:
        """The texts that mean no value in ``column``, one of ``columns``."""
        return _marks(self.missing, column, columns)

    def marks_unknown(self, column: str, columns: Collection[str]) -> frozenset[str]:
        """The texts that mean no known group in ``column``, one of ``columns``."""
        return _marks(self.unknown, column, columns)

    def labels_of(
        self, column: str, columns: Collection[str], *, is_answer: bool
    ) -> Mapping[str, str]:
        """Code -> word in ``column``; ``is_answer``: it is the target or the predicted one."""
        found = {}
        for code, word in self.labels.items():
            of, text = _of_column(code, columns)
            if of == column or (of is None and is_answer):
                found[text] = word
        return found


def parts_of(text: str) -> list[str]:
    """The parts of an option that commas part, as in CSV: quotes hold commas, and blanks at ends.

    >>> parts_of('age, "Gender, self-declared"'), parts_of('?,"F ",'), parts_of('sex:"x"=y')
    (['age', 'Gender, self-declared'], ['?', 'F '], ['sex:"x"=y'])
    """
    found = []
    for match in _PART.finditer(text):
        quoted, plain = match["quoted"], match["plain"]
        part = plain.strip() if quoted is None else quoted.replace('""', '"')
        if part or quoted is not None:
            found.append(part)
    return found


def quoted_part(text: str) -> str:
    """A text as one part of an option, in quotes where it holds a comma or blanks at its ends.

    >>> quoted_part("a"), quoted_part("a, b"), quoted_part("F ")
    ('a', '"a, b"', '"F "')
    """
    needs = "," in text or text.startswith('"') or text != text.strip() or not text
    return '"' + text.replace('"', '""') + '"' if needs else text


def typed(value: Any) -> str:
    """A value of a plan or a call as the text of an option that would be read as the same.

    >>> typed(["a", "b, c"]), typed({"age": ("18", "40"), "zip": "text"}), typed(0.5)
    ('a,"b, c"', 'age=18,40,zip=text', '0.5')
    """
    if isinstance(value, Mapping):
        parts = []
        for key, held in value.items():
            first, *more = held if isinstance(held, list | tuple) else [held]
            parts += [f"{key}={first}", *map(str, more)]
        return typed(parts)
    if isinstance(value, list | tuple):
        return ",".join(quoted_part(str(part)) for part in value)
    return str(value)


def option(name: str, *parts: str) -> str:
    """An option of the command line as it can be typed.

    >>> option("missing", "?", "a, b")
    '--missing \'?,"a, b"\''
    """
    return f"--{name} {shlex.quote(','.join(map(quoted_part, parts)))}"


def make_reading(given: Mapping[str, Any], source: str) -> Reading:
    """A reading of plain values. Raises InputError for a key or a value that is none."""
    try:
        return Reading.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        known = ", ".join(Reading.model_fields)
        raise InputError(
            "{source}: {key} = {input!r}: {msg}",
            remedy="how a table is read is told by {known}",
            source=source,
            key=key,
            input=str(first["input"])[:80],
            msg=first["msg"],
            known=known,
        ) from None


def plain_text(value: Any) -> str:
    """A value of YAML as the text that a cell would be: -999 and -999.0 are "-999"."""
    if value is None:
        return "None"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _marks(given: Iterable[str], column: str, columns: Collection[str]) -> frozenset[str]:
    found = set()
    for mark in given:
        of, text = _of_column(mark, columns)
        if of is None or of == column:
            found.add(text.strip())
    return frozenset(found)


def _of_column(mark: str, columns: Collection[str]) -> tuple[str | None, str]:
    """The column that a mark speaks of (None: every one) and its text."""
    before, colon, after = mark.partition(":")
    while colon:
        if before in columns:
            return before, after
        more, colon, after = after.partition(":")
        before = f"{before}:{more}"
    return None, mark


def _edges(column: str, bins: Any) -> str | tuple[str, ...]:
    """Edges as texts, or ``quantiles:N``. Raises ValueError for what is neither."""
    if isinstance(bins, str) and bins.startswith(QUANTILES):
        count = bins.removeprefix(QUANTILES)
        if not count.isdecimal() or not 2 <= int(count) <= _MOST_BINS:
            raise ValueError(
                phrase(
                    "{column}: {given!r} is not quantiles:N with N from 2 to {most_bins}",
                    column=column,
                    given=bins,
                    most_bins=_MOST_BINS,
                )
            )
        return f"{QUANTILES}{int(count)}"
    many = [bins] if isinstance(bins, str | int | float) else bins
    if not isinstance(many, list | tuple):
        raise ValueError(
            phrase(
                "{column}: {given!r} is neither a list of edges nor quantiles:N",
                column=column,
                given=bins,
            )
        )
    edges = tuple(plain_text(e).strip() for e in many)
    if not 1 <= len(edges) < _MOST_BINS:
        raise ValueError(
            phrase(
                "{column}: {n_edges} edges, where 1 to {most_bins} make groups",
                column=column,
                n_edges=len(edges),
                most_bins=_MOST_BINS - 1,
            )
        )
    if len(edges) == 1 and edges[0].startswith(QUANTILES):
        return _edges(column, edges[0])
    return edges


def _pairs(option: str, given: Sequence[str], example: str) -> Iterable[tuple[str, str]]:
    for part in given:
        left, equals, right = part.rpartition("=")
        if not equals or not left:
            raise InputError(
                "{option} {part!r} has no = in it",
                remedy="write e.g. {example}",
                option=option,
                part=part,
                example=example,
            )
        yield left, right


def parse_types(given: Sequence[str]) -> dict[str, str]:
    """``["age=number", "zip=text"]`` as a mapping. Raises InputError for what is neither."""
    found: dict[str, str] = {}
    for part in given:
        column, equals, kind = part.rpartition("=")
        if not equals or kind not in COLUMN_TYPES:
            raise InputError(
                "--types {part!r} is not COLUMN=TYPE",
                remedy="types: {column_types}; e.g. --types age=number,zip=text",
                part=part,
                column_types=", ".join(COLUMN_TYPES),
            )
        found[column] = kind
    return found


def parse_labels(given: Sequence[str]) -> dict[str, str]:
    """``["1=yes", "sex:f=F"]`` as a mapping. Raises InputError for a part without =."""
    return dict(_pairs("--labels", given, "--labels 1=hired,0=rejected"))


def parse_bins(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """``["age=18", "40", "income=quantiles:4"]``: a part without = is one more edge of the column
    before it. Raises InputError for edges of no column."""
    edges_by_column: dict[str, tuple[str, ...]] = {}
    column = ""
    for part in given:
        left, equals, right = part.rpartition("=")
        if equals and left:
            column = left
        elif not column:
            raise InputError(
                "--bins {part!r} is of no column",
                remedy="write e.g. --bins age=18,25,40,65",
                part=part,
            )
        edges_by_column[column] = (*edges_by_column.get(column, ()), right)
    return edges_by_column


# How the parts of an option become the value of its field.
READS = {"types": parse_types, "labels": parse_labels, "bins": parse_bins}
