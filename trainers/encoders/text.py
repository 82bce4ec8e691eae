"""Raw texts -> rows of token ids, the inputs of a text network.

A row is cut off, or filled up with padding, at ``max_length`` tokens. For generation a row begins
with the start token, and the targets are the same tokens one place further on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from evenhand.audit.data.table import texts as cell_texts
from evenhand.audit.errors import InputError, nearest
from evenhand.trainers.encoders.tokenisers import N_SPECIAL, PADDING, START, UNKNOWN, Tokeniser
from evenhand.trainers.validate import Strict, checked

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCHEMA = "evenhand-text-encoder/1"
MAX_LENGTH = 8192
Source = Literal["declared", "public data", "training rows"]


class _Stored(Strict):
    schema_: Literal["evenhand-text-encoder/1"] = Field(alias="schema")
    column: str = Field(min_length=1)
    max_length: int = Field(ge=1, le=MAX_LENGTH)
    starts: bool
    vocabulary_from: Source
    tokeniser: Tokeniser = Field(discriminator="kind")


@dataclass(frozen=True)
class TextCounts:
    """What encoding did to some texts: how many are cut off, empty or missing; how many tokens
    were kept, how many of them unknown."""

    n_truncated: int
    n_empty: int
    n_tokens: int
    n_unknown: int


@dataclass(frozen=True)
class TextEncoder:
    """``starts`` puts the start token first (generation). ``vocabulary_from`` says where the
    tokeniser's vocabulary comes from: it is outside a privacy guarantee if from training rows."""

    column: str
    tokeniser: Tokeniser
    max_length: int
    starts: bool = False
    vocabulary_from: Source = "training rows"

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The raw column that it reads."""
        return (self.column,)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One encoded row: (max_length,)."""
        return (self.max_length,)

    @property
    def n_outputs(self) -> int:
        """How many ids there are: the outputs of a next-token network."""
        return self.tokeniser.size

    @property
    def encoded_columns(self) -> tuple[str, ...]:
        """The raw column that each token came from."""
        return (self.column,) * self.max_length

    @property
    def baseline(self) -> np.ndarray:
        """The empty text, int64 of shape (max_length,)."""
        import numpy as np

        return np.array(self._row([])[0], dtype=np.int64)

    @property
    def baseline_name(self) -> str:
        """What the baseline is."""
        return "empty text"

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Raw rows to ids, int64 of shape (rows, max_length). Raises InputError."""
        import numpy as np

        rows = [self._row(self.ids(text))[0] for text in self.texts(frame)]
        return np.array(rows, dtype=np.int64).reshape(len(rows), self.max_length)

    def targets(self, frame: pd.DataFrame, *, ignored: int) -> np.ndarray:
        """The next token at each place, int64 of shape (rows, max_length); ``ignored`` where there
        is none. Raises InputError."""
        import numpy as np

        rows = [self._row(self.ids(text), ignored)[1] for text in self.texts(frame)]
        return np.array(rows, dtype=np.int64).reshape(len(rows), self.max_length)

    def windows(self, text: str, *, ignored: int) -> tuple[list[list[int]], list[list[int]]]:
        """A text of any length as inputs and targets, in consecutive windows of ``max_length``
        tokens; each begins anew, as training rows do. An empty text has none."""
        ids = list(self.tokeniser.encode(text))
        parts = [ids[i : i + self.max_length] for i in range(0, len(ids), self.max_length)]
        pairs = [self._row(part, ignored) for part in parts]
        return [a for a, _ in pairs], [b for _, b in pairs]

    def ids(self, text: str) -> list[int]:
        """The ids of one text, at most ``max_length`` of them."""
        return list(islice(self.tokeniser.encode(text), self.max_length))

    def names(self, ids: Iterable[int]) -> list[str]:
        """What each id stands for, for people to read."""
        return [self.tokeniser.name(int(i)) for i in ids]

    def texts(self, frame: pd.DataFrame) -> list[str]:
        """The cells as texts; a missing one is the empty text. Raises InputError."""
        if self.column not in frame.columns:
            raise InputError(
                "text column {column!r} is not in the data",
                remedy=nearest(self.column, frame.columns),
                column=self.column,
            )
        found, _ = cell_texts(frame[self.column])
        return [str(text) for text in found]

    def count(self, frame: pd.DataFrame) -> TextCounts:
        """What ``transform`` does to these rows."""
        truncated = empty = tokens = unknown = 0
        for text in self.texts(frame):
            ids = list(islice(self.tokeniser.encode(text), self.max_length + 1))
            truncated += len(ids) > self.max_length
            empty += not ids
            kept = ids[: self.max_length]
            tokens, unknown = tokens + len(kept), unknown + kept.count(UNKNOWN)
        return TextCounts(truncated, empty, tokens, unknown)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; ``from_json`` gives an equal encoder."""
        return {
            "schema": SCHEMA,
            "column": self.column,
            "max_length": self.max_length,
            "starts": self.starts,
            "vocabulary_from": self.vocabulary_from,
            "tokeniser": self.tokeniser.model_dump(mode="json"),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> TextEncoder:
        """Raises InputError for anything that ``to_json`` does not write."""
        stored = checked(_Stored, given, "encoder")
        return cls(
            stored.column,
            stored.tokeniser,
            stored.max_length,
            stored.starts,
            stored.vocabulary_from,
        )

    @property
    def outside_guarantee(self) -> tuple[str, ...]:
        """What was learnt from the training rows without noise, in words."""
        learnt = self.tokeniser.size - N_SPECIAL
        if self.tokeniser.kind == "byte-pair":
            learnt = len(self.tokeniser.merges)
        if self.vocabulary_from != "training rows" or not learnt:
            return ()
        return (f"vocabulary of {learnt} tokens from the training rows",)

    def _row(self, ids: list[int], ignored: int = PADDING) -> tuple[list[int], list[int]]:
        missing = self.max_length - len(ids)
        if not self.starts:
            return ids + [PADDING] * missing, ids + [ignored] * missing
        inputs = [START, *ids][: self.max_length]
        filled = inputs + [PADDING] * (self.max_length - len(inputs))
        return filled, ids + [ignored] * missing
