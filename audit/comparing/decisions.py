"""Decisions row by row, as bits: what two cases need to be compared on the same people.

The artifact ``decisions.json`` of a binary audit holds, for the audited rows in canonical order,
one bit each for "selected" and (with labels) "positive", and each row's group. Of several classes
"selected" says who was answered rightly, and everybody is positive: no class is told. No scores, no
inputs, no ids. Bit i of a number is row i; a group's level number is spread over bit planes, so
that the rows of any group are found with a few operations on whole columns.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.artifacts.kinds import DecisionBits
from evenhand.audit.errors import InputError
from evenhand.audit.reason import Reasons
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    import numpy as np


SCHEMA = "evenhand-decisions/1"


class NotPairedError(InputError):
    """Two cases whose rows can't be paired; ``reason`` says why."""

    def __init__(self, reason: Reasons, *, remedy: str) -> None:
        super().__init__(render(reason), remedy=remedy)
        self.reason = reason


@dataclass(frozen=True)
class Feature:
    """A sensitive or control feature: its groups by name, and each row's group in bit planes."""

    levels: tuple[str, ...]
    planes: tuple[int, ...]

    def rows(self, level: int, among: int) -> int:
        """The rows of one group among those given, as bits."""
        found = among
        for place, plane in enumerate(self.planes):
            found &= plane if level >> place & 1 else ~plane
        return found

    def names(self, n: int) -> np.ndarray:
        """Each row's group by name, object array of shape (n,)."""
        import numpy as np

        found: np.ndarray = np.array(self.levels, dtype=object)[number_of(self.planes, n)]
        return found


@dataclass(frozen=True)
class Decisions:
    """``selected`` and ``positive`` (None without labels) as bits of ``n`` rows; ``persons`` are
    bit planes of each row's person by number, () where every row is another's."""

    n: int
    selected: int
    positive: int | None
    features: Mapping[str, Feature]
    persons: tuple[int, ...] = ()

    @property
    def everyone(self) -> int:
        """All rows, as bits."""
        return (1 << self.n) - 1

    def taken(self, rows: np.ndarray) -> Decisions:
        """These rows, positions of shape (n,), in this order."""

        def bits(number: int) -> int:
            return _number(_bools(number, self.n)[rows])

        features = {
            name: Feature(one.levels, tuple(bits(plane) for plane in one.planes))
            for name, one in self.features.items()
        }
        positive = None if self.positive is None else bits(self.positive)
        persons = tuple(bits(plane) for plane in self.persons)
        return Decisions(len(rows), bits(self.selected), positive, features, persons)

    def units(self, rows: int) -> np.ndarray:
        """The persons, by number, of the rows given as bits, int of shape (rows,)."""
        return number_of(self.persons, self.n)[_bools(rows, self.n)]

    def answers(self, bits: int, rows: int) -> np.ndarray:
        """Which of the rows given as bits have their bit set, bool of shape (rows,)."""
        return _bools(bits, self.n)[_bools(rows, self.n)]

    def groups(self, features: Sequence[str]) -> Iterator[tuple[dict[str, str], int]]:
        """Every group of ``features`` that has rows, by name, with its rows as bits."""

        def narrowed(
            rest: Sequence[str], names: dict[str, str], rows: int
        ) -> Iterator[tuple[dict[str, str], int]]:
            if not rest:
                yield names, rows
                return
            feature = self.features[rest[0]]
            for number, level in enumerate(feature.levels):
                within = feature.rows(number, rows)
                if within:
                    yield from narrowed(rest[1:], {**names, rest[0]: level}, within)

        yield from narrowed(tuple(features), {}, self.everyone)


def read_decisions(bits: DecisionBits, where: str) -> Decisions:
    """Decisions from the artifact. Raises InputError for other bits than ``n`` rows have."""
    n, positive = bits.n, bits.positive
    try:
        return Decisions(
            n,
            _unpacked(bits.selected, n),
            None if positive is None else _unpacked(positive, n),
            {
                name: Feature(one.levels, tuple(_unpacked(plane, n) for plane in one.planes))
                for name, one in bits.features.items()
            },
            tuple(_unpacked(plane, n) for plane in bits.persons or ()),
        )
    except ValueError as error:
        raise InputError(
            "{where}: {file} cannot be read: {error}",
            remedy="audit the model again",
            where=where,
            file=bits.FILE,
            error=error,
        ) from None


def _bools(number: int, n: int) -> np.ndarray:
    """Bits as a bool array of shape (n,)."""
    import numpy as np

    raw = np.frombuffer(number.to_bytes(-(-n // 8), "little"), dtype=np.uint8)
    return np.unpackbits(raw, count=n, bitorder="little").astype(bool)


def number_of(planes: Sequence[int], n: int) -> np.ndarray:
    """Each row's number, spread over bit planes, int of shape (n,)."""
    import numpy as np

    found = np.zeros(n, dtype=np.int64)
    for place, plane in enumerate(planes):
        found |= _bools(plane, n).astype(np.int64) << place
    return found


def planes_of(numbers: np.ndarray) -> list[str]:
    """Numbers of 0 or more, int of shape (n,), as packed bit planes, the lowest first."""
    most = int(numbers.max(initial=0)).bit_length()
    return [packed((numbers >> place) & 1) for place in range(most)]


def _number(bits: np.ndarray) -> int:
    import numpy as np

    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def packed(bits: np.ndarray) -> str:
    import numpy as np

    packed = np.packbits(np.asarray(bits, dtype=bool), bitorder="little")
    return base64.b64encode(packed.tobytes()).decode("ascii")


def _unpacked(text: str, n: int) -> int:
    raw = base64.b64decode(text, validate=True)
    bits = int.from_bytes(raw, "little")
    if len(raw) != -(-n // 8) or bits >> n:
        raise ValueError(f"bits for {n} rows are expected")
    return bits
