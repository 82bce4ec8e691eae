"""Which rows are meant, as people write it: ``sex == "F" and (age >= 40 or job in ("nurse", 3))``.

A column is a word, or stands between backquotes where its name has other characters; a value is a
number, or a text between quotes. Comparisons: ``== != < <= > >=``, ``in (...)``, ``not in (...)``,
``is missing``, ``is not missing``; ``and`` binds before ``or``, ``not`` before both. Nothing of it
is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from evenhand.audit.errors import InputError

MOST_CHARACTERS = 4000
_MOST_DEEP = 40
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w`])"
    r"|(?P<sign>==|!=|<=|>=|<|>|\(|\)|,)"
    r"|\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'"
    r"|`(?P<quoted>[^`]+)`|(?P<word>[^\W\d]\w*))"
)
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "missing"})
ORDERS = ("<", "<=", ">", ">=")

Value = str | float


@dataclass(frozen=True)
class ColumnCompared:
    """One column held against values; ``sign``: ==, !=, <, <=, >, >=, in, missing."""

    column: str
    sign: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Joined:
    """Several conditions; ``word``: and, or, not (of one)."""

    word: str
    parts: tuple[Condition, ...]


Condition = ColumnCompared | Joined


def parse_filter(text: str) -> Condition:
    """The condition that a text is. Raises InputError that says where it stops being one."""
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            "the condition has {n} characters, more than {most}",
            remedy="put the values into a column of the data, and compare with that",
            n=len(text),
            most=MOST_CHARACTERS,
        )
    reader = _Reader(text)
    found = reader.either(0)
    if reader.kind != "end":
        raise reader.wrong("and, or, or the end")
    return found


def columns_in(condition: Condition) -> tuple[str, ...]:
    """The columns that it names, each once, in order."""

    def every(part: Condition) -> Iterator[str]:
        if isinstance(part, ColumnCompared):
            yield part.column
        else:
            for inner in part.parts:
                yield from every(inner)

    return tuple(dict.fromkeys(every(condition)))


def as_column(name: str) -> str:
    """A column's name as a condition writes it; empty for one that none can (it has a backquote).

    >>> as_column("age"), as_column("zip code")
    ('age', '`zip code`')
    """
    if re.fullmatch(r"[^\W\d]\w*", name) and name.lower() not in _KEYWORDS:
        return name
    return "" if "`" in name or not name else f"`{name}`"


def as_value(text: str) -> str:
    """A text as a condition writes it.

    >>> print(as_value('a "b"'))
    "a \\"b\\""
    """
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


class CohortOf(BaseModel):
    """A part of the rows that is audited as a case of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=80, description="what people call them")
    where: str = Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        description='the rows, as a condition: sex == "F" and age >= 40',
    )
    parent: str = Field(default="", description="digest of the case whose rows they are")


class _Reader:
    """Reads one token after another; ``kind``: number, text, column, word, sign or end."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.end = text, 0, 0
        self.kind, self.value = "", ""
        self.step()

    def step(self) -> str:
        """Goes to the next token; the value of the one before."""
        before = self.value
        self.at = self.end
        rest = self.text[self.end :]
        if not rest.strip():
            self.kind, self.value = "end", ""
            return before
        hit = _TOKEN.match(self.text, self.end)
        if hit is None:
            raise self.wrong("a column, a value or a comparison")
        self.end = hit.end()
        for name in ("double", "single"):
            if hit[name] is not None:
                self.kind, self.value = "text", re.sub(r"\\(.)", r"\1", hit[name])
                return before
        name = str(hit.lastgroup)
        self.kind, self.value = name, str(hit[name])
        if name == "quoted" or (name == "word" and self.value.lower() not in _KEYWORDS):
            self.kind = "column"
        return before

    def takes(self, word: str) -> bool:
        """Whether the next token is this word or sign; it is then gone past."""
        if self.kind in ("word", "sign") and self.value.lower() == word:
            self.step()
            return True
        return False

    def wrong(self, expected: str) -> InputError:
        """The error that names the place."""
        rest = self.text[self.at :].strip()
        return InputError(
            "the condition stops at {rest!r}: {expected} was expected",
            remedy='write e.g. sex == "F" and (age >= 40 or job in ("nurse", "cook")); names with '
            "other characters stand between backquotes",
            rest=rest[:40] or "its end",
            expected=expected,
        )

    def either(self, depth: int) -> Condition:
        parts = [self.both(depth)]
        while self.takes("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def both(self, depth: int) -> Condition:
        parts = [self.one(depth)]
        while self.takes("and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def one(self, depth: int) -> Condition:
        if depth > _MOST_DEEP:
            raise self.wrong("fewer brackets")
        if self.takes("not"):
            return Joined("not", (self.one(depth + 1),))
        if self.takes("("):
            inner = self.either(depth + 1)
            if not self.takes(")"):
                raise self.wrong(")")
            return inner
        if self.kind != "column":
            raise self.wrong("a column")
        return self.comparison(self.step())

    def comparison(self, column: str) -> Condition:
        if self.takes("is"):
            is_not = self.takes("not")
            if not self.takes("missing"):
                raise self.wrong("missing")
            found: Condition = ColumnCompared(column, "missing")
            return Joined("not", (found,)) if is_not else found
        if self.takes("in"):
            return ColumnCompared(column, "in", self.values())
        if self.takes("not"):
            if not self.takes("in"):
                raise self.wrong("in")
            # a missing cell is in neither
            known = Joined("not", (ColumnCompared(column, "missing"),))
            return Joined(
                "and", (known, Joined("not", (ColumnCompared(column, "in", self.values()),)))
            )
        if self.kind != "sign" or self.value not in ("==", "!=", *ORDERS):
            raise self.wrong("a comparison")
        return ColumnCompared(column, self.step(), (self.a_value(),))

    def values(self) -> tuple[Value, ...]:
        if not self.takes("("):
            raise self.wrong("( and values")
        found = [self.a_value()]
        while self.takes(","):
            found.append(self.a_value())
        if not self.takes(")"):
            raise self.wrong(")")
        return tuple(found)

    def a_value(self) -> Value:
        if self.kind not in ("number", "text"):
            raise self.wrong("a number, or a text between quotes")
        kind = self.kind
        text = self.step()
        return float(text) if kind == "number" else text
