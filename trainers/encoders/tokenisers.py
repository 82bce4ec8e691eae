"""Texts -> token ids and back: words, characters, or pairs of bytes. No pickles, no libraries.

Ids 0, 1 and 2 are padding, unknown and start; they are positions, not texts, so nothing that a
text contains is mistaken for one. Every tokeniser is data: plain JSON, checked when it is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator

from evenhand.trainers.validate import Strict

PADDING, UNKNOWN, START = 0, 1, 2
N_SPECIAL = 3
SPECIAL_NAMES = ("<padding>", "<unknown>", "<start>")
MAX_VOCABULARY = 200_000
_MAX_WORD = 100
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
# Bounded runs: merging within a run takes time quadratic in its length.
_RUN = re.compile(r" ?\w{1,32}| ?[^\w\s]{1,32}|\s{1,32}")


class _Listed(Strict):
    """A tokeniser with a list of tokens; the token at position i has the id i + 3."""

    vocabulary: tuple[str, ...] = Field(max_length=MAX_VOCABULARY)

    @field_validator("vocabulary")
    @classmethod
    def _once_each(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(given)) < len(given):
            raise ValueError("the vocabulary repeats a token")
        if any(not 0 < len(token) <= _MAX_WORD for token in given):
            raise ValueError(f"a token is empty or longer than {_MAX_WORD} characters")
        return given

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary, start=N_SPECIAL)}

    @property
    def size(self) -> int:
        """How many ids there are, the three special ones included."""
        return N_SPECIAL + len(self.vocabulary)

    def name(self, token_id: int) -> str:
        """What an id stands for, for people to read."""
        if token_id < N_SPECIAL:
            return SPECIAL_NAMES[token_id]
        return self.vocabulary[token_id - N_SPECIAL]


class WordTokeniser(_Listed):
    """Lower-case words and single punctuation marks; not reversible."""

    kind: Literal["words"] = "words"

    @staticmethod
    def pieces(text: str) -> Iterator[str]:
        """
        >>> list(WordTokeniser.pieces("It's GOOD, isn't it?"))
        ["it's", 'good', ',', "isn't", 'it', '?']
        """
        return (match.group().lower() for match in _WORD.finditer(text))

    def encode(self, text: str) -> Iterator[int]:
        """The ids of a text, one by one; a word that is not in the vocabulary is unknown."""
        return (self._ids.get(piece, UNKNOWN) for piece in self.pieces(text))

    @staticmethod
    def spans(text: str) -> Iterator[tuple[int, int]]:
        """Where each token of a text begins and ends in it, in characters."""
        return (match.span() for match in _WORD.finditer(text))

    def decode(self, ids: Iterable[int]) -> str:
        """The words with spaces between them: capitals and spacing are lost."""
        return " ".join(self.name(i) for i in ids if i not in (PADDING, START))


class Characters(_Listed):
    """Single characters as they are; reversible but for unknown ones, which become U+FFFD."""

    kind: Literal["characters"] = "characters"

    @staticmethod
    def pieces(text: str) -> Iterator[str]:
        """The characters."""
        return iter(text)

    def encode(self, text: str) -> Iterator[int]:
        """The ids of a text, one by one; a character that is not listed is unknown."""
        return (self._ids.get(piece, UNKNOWN) for piece in text)

    @staticmethod
    def spans(text: str) -> Iterator[tuple[int, int]]:
        """Where each token of a text begins and ends in it, in characters."""
        return ((i, i + 1) for i in range(len(text)))

    def decode(self, ids: Iterable[int]) -> str:
        """The text again."""
        kept = (i for i in ids if i not in (PADDING, START))
        return "".join("\ufffd" if i == UNKNOWN else self.vocabulary[i - N_SPECIAL] for i in kept)


Merge = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]


class BytePairs(Strict):
    """Bytes of UTF-8, joined by learnt ``merges``; reversible, and nothing is unknown.

    Symbol 0 to 255 is a byte, symbol 256 + i is merge i of two earlier symbols; ids are symbols
    plus 3. Without merges this is a tokeniser that has learnt nothing from anybody.
    Source: Sennrich, Haddow and Birch 2016, "Neural machine translation of rare words".
    """

    kind: Literal["byte-pair"] = "byte-pair"
    merges: tuple[Merge, ...] = Field(default=(), max_length=MAX_VOCABULARY)

    @field_validator("merges")
    @classmethod
    def _of_earlier_symbols(cls, given: tuple[Merge, ...]) -> tuple[Merge, ...]:
        lengths = [1] * 256
        for i, (a, b) in enumerate(given):
            if max(a, b) >= 256 + i:
                raise ValueError(f"merge {i} joins a symbol that comes after it")
            lengths.append(lengths[a] + lengths[b])
            if lengths[-1] > 4 * 33:  # longer than any run has bytes
                raise ValueError(f"merge {i} is of {lengths[-1]} bytes")
        return given

    @cached_property
    def _ranks(self) -> dict[tuple[int, int], int]:
        return {pair: i for i, pair in reversed(list(enumerate(self.merges)))}

    @cached_property
    def _bytes(self) -> list[bytes]:
        found = [bytes([i]) for i in range(256)]
        for a, b in self.merges:
            found.append(found[a] + found[b])
        return found

    @cached_property
    def _known_runs(self) -> dict[str, list[int]]:
        return {}

    @property
    def size(self) -> int:
        """How many ids there are, the three special ones included."""
        return N_SPECIAL + 256 + len(self.merges)

    def encode(self, text: str) -> Iterator[int]:
        """The ids of a text, one by one."""
        for run in self.pieces(text):
            ids = self._known_runs.get(run)
            if ids is None:
                ids = [N_SPECIAL + symbol for symbol in self._merged(_utf8(run))]
                if len(self._known_runs) < 100_000:
                    self._known_runs[run] = ids
            yield from ids

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where each token of a text begins and ends in it, in characters; a token of some of a
        character's bytes has the whole character."""
        owners = [i for i, character in enumerate(text) for _ in _utf8(character)]
        begin = 0
        for token_id in self.encode(text):
            end = begin + len(self._bytes[token_id - N_SPECIAL])
            yield owners[begin], owners[end - 1] + 1
            begin = end

    @staticmethod
    def pieces(text: str) -> Iterator[str]:
        """The runs of characters within which bytes are joined; together they are the text."""
        return (match.group() for match in _RUN.finditer(text))

    def decode(self, ids: Iterable[int]) -> str:
        """The text again; bytes that are no UTF-8 (a model may say them) become U+FFFD."""
        joined = b"".join(self._bytes[i - N_SPECIAL] for i in ids if i >= N_SPECIAL)
        return joined.decode("utf-8", "replace")

    def name(self, token_id: int) -> str:
        """What an id stands for, for people to read."""
        if token_id < N_SPECIAL:
            return SPECIAL_NAMES[token_id]
        return self._bytes[token_id - N_SPECIAL].decode("utf-8", "replace")

    def _merged(self, symbols: Iterable[int]) -> list[int]:
        joined, none = list(symbols), len(self.merges)
        while len(joined) > 1:
            pairs = pairwise(joined)
            rank, place = min((self._ranks.get(p, none), i) for i, p in enumerate(pairs))
            if rank == none:
                break
            joined[place : place + 2] = [256 + rank]
        return joined


Tokeniser = WordTokeniser | Characters | BytePairs
Kind = Literal["words", "characters", "byte-pair"]
ASCII = Characters(vocabulary=("\n", "\t", *map(chr, range(32, 127))))


def learn(kind: Kind, texts: Iterable[str], size: int) -> Tokeniser:
    """A tokeniser of at most ``size`` ids from ``texts``: the most frequent words or characters,
    or the most frequent pairs. Deterministic, whatever the order of the texts."""
    if kind == "byte-pair":
        return learn_pairs(texts, size)
    maker = WordTokeniser if kind == "words" else Characters
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(maker.pieces(text))
    usable = [(token, n) for token, n in counts.items() if _is_usable(token)]
    usable.sort(key=lambda item: (-item[1], item[0]))
    return maker(vocabulary=tuple(token for token, _ in usable[: max(0, size - N_SPECIAL)]))


def learn_pairs(texts: Iterable[str], size: int) -> BytePairs:
    """Byte pairs: the commonest pair is joined, again and again, until there are ``size`` ids or
    no pair is seen twice. Ties go to the lower symbols."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(BytePairs.pieces(text))
    runs = [(list(_utf8(run)), n) for run, n in sorted(counts.items())]
    pairs: Counter[tuple[int, int]] = Counter()
    where: dict[tuple[int, int], set[int]] = {}
    for i, (symbols, n) in enumerate(runs):
        _count(symbols, n, i, pairs, where)
    merges: list[tuple[int, int]] = []
    while pairs and len(merges) < size - N_SPECIAL - 256:
        best = max(pairs, key=lambda pair: (pairs[pair], -pair[0], -pair[1]))
        if pairs[best] < 2:
            break
        for i in sorted(where.pop(best)):
            symbols, n = runs[i]
            _count(symbols, -n, i, pairs, where)
            _join(symbols, best, 256 + len(merges))
            _count(symbols, n, i, pairs, where)
        pairs.pop(best, None)
        merges.append(best)
    return BytePairs(merges=tuple(merges))


def _count(
    symbols: list[int],
    n: int,
    place: int,
    pairs: Counter[tuple[int, int]],
    where: dict[tuple[int, int], set[int]],
) -> None:
    for pair in pairwise(symbols):
        pairs[pair] += n
        where.setdefault(pair, set()).add(place)


def _join(symbols: list[int], pair: tuple[int, int], joined: int) -> None:
    """Puts ``joined`` in place of every ``pair``, from the left."""
    i = 0
    while i < len(symbols) - 1:
        if (symbols[i], symbols[i + 1]) == pair:
            symbols[i : i + 2] = [joined]
        i += 1


def _utf8(text: str) -> bytes:
    """UTF-8, where half of a surrogate pair (no character, yet Python keeps it) is U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text).encode()


def _is_usable(token: str) -> bool:
    """Whether a token can be stored as UTF-8 JSON and is of bearable length."""
    return len(token) <= _MAX_WORD and not any("\ud800" <= c <= "\udfff" for c in token)
