"""Tokenisers and the encoder of texts: by hand, and that what is written is read back."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers.encoders.encoder import encoder_from_json
from evenhand.trainers.encoders.text import TextEncoder
from evenhand.trainers.encoders.tokenisers import (
    ASCII,
    BytePairs,
    Characters,
    WordTokeniser,
    learn,
    learn_pairs,
)

HOSTILE = [
    "",
    "   ",
    "\ud800 half a pair \udfff",
    "nul \0 inside",
    "<padding> <unknown> <start>",
    "漢字 и ещё 🙂‍↔️ e\u0301",
    "x" * 200_000,
    "\u202egnp.exe",
    "' OR 1=1; --",
]


def frame(*texts: object) -> pd.DataFrame:
    return pd.DataFrame({"text": pd.Series(list(texts), dtype=object)})


def test_words_by_hand() -> None:
    # good 3 times, bad 2, "," once and "film" once: ids 3, 4, then ties by their text
    words = learn("words", ["Good, good", "GOOD bad film", "bad"], 7)
    assert words.vocabulary == ("good", "bad", ",", "film")
    assert list(words.encode("Bad movie, good")) == [4, 1, 5, 3]
    assert words.size == 7 and words.name(4) == "bad" and words.name(1) == "<unknown>"
    # one id fewer: the last of the list is not known any more
    assert list(learn("words", ["Good, good", "GOOD bad film", "bad"], 6).encode("film")) == [1]


def test_characters_by_hand() -> None:
    characters = learn("characters", ["aab", "ab\n"], 100)
    assert characters.vocabulary == ("a", "b", "\n")
    assert list(characters.encode("ba?")) == [4, 3, 1]
    assert characters.decode([4, 3, 1, 0, 2]) == "ba\ufffd"


def test_byte_pairs_by_hand() -> None:
    # "abab": a+b is seen 4 times -> symbol 256; then 256+256 twice -> 257
    pairs = learn_pairs(["abab abab"], 3 + 256 + 2)
    assert pairs.merges == ((97, 98), (256, 256))
    assert list(pairs.encode("abab")) == [257 + 3]
    assert list(pairs.encode("aba")) == [256 + 3, 97 + 3]
    assert pairs.name(260) == "abab"
    # ties go to the lower symbols: ab and cd are seen twice each
    assert learn_pairs(["ab cd", "ab cd"], 260).merges == ((32, 99),)


def test_learning_does_not_depend_on_the_order_of_texts() -> None:
    texts = ["the cat sat", "the mat", "a cat, a hat", "that cat"]
    for kind in ("words", "characters", "byte-pair"):
        assert learn(kind, texts, 280) == learn(kind, texts[::-1], 280)


def test_a_pair_seen_once_is_not_joined() -> None:
    assert learn_pairs(["abc"], 1000).merges == ()


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["words", "characters", "byte-pair"])
def test_hostile_texts_are_encoded_and_what_is_learnt_from_them_is_stored(
    kind: str, text: str
) -> None:
    tokeniser = learn(kind, [text, "some words, some words"], 300)  # type: ignore[arg-type]
    encoder = TextEncoder("text", tokeniser, 16)
    ids = encoder.transform(frame(text, "some"))
    assert ids.shape == (2, 16) and ids.dtype == np.int64
    assert ids.min() >= 0 and ids.max() < tokeniser.size
    stored = json.loads(json.dumps(encoder.to_json(), ensure_ascii=False).encode())
    assert encoder_from_json(stored) == encoder
    np.testing.assert_array_equal(encoder_from_json(stored).transform(frame(text, "some")), ids)
    # special tokens are never made from what a text says
    assert 2 not in ids


@pytest.mark.parametrize("text", [t for t in HOSTILE if "\ud800" not in t])
def test_byte_pairs_give_every_text_back(text: str) -> None:
    for merges in (0, 20):
        pairs = learn_pairs([text[:500], text[:500]], 259 + merges)
        assert pairs.decode(pairs.encode(text)) == text


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    assert BytePairs().decode(BytePairs().encode("a\ud800b")) == "a\ufffdb"


def test_padding_cutting_off_and_missing_cells_by_hand() -> None:
    encoder = TextEncoder("text", WordTokeniser(vocabulary=("a", "b")), 3)
    table = frame("a b", "a b a b c", None, 7)
    assert encoder.transform(table).tolist() == [[3, 4, 0], [3, 4, 3], [0, 0, 0], [1, 0, 0]]
    counts = encoder.count(table)
    assert (counts.n_truncated, counts.n_empty, counts.n_tokens, counts.n_unknown) == (1, 1, 6, 1)
    assert encoder.encoded_columns == ("text",) * 3 and encoder.input_shape == (3,)
    assert encoder.baseline.tolist() == [0, 0, 0] and encoder.baseline_name == "empty text"
    with pytest.raises(InputError, match="'text' is not in the data"):
        encoder.transform(pd.DataFrame({"tekst": ["a"]}))
    assert encoder.transform(table.iloc[:0]).shape == (0, 3)


def test_targets_are_one_place_further_on() -> None:
    encoder = TextEncoder("text", Characters(vocabulary=("a", "b", "c")), 4, starts=True)
    table = frame("abc", "abcab", "")
    # start a b c / a b c -, and of a text of 5 the first 4 are predicted
    assert encoder.transform(table).tolist() == [[2, 3, 4, 5], [2, 3, 4, 5], [2, 0, 0, 0]]
    assert encoder.targets(table, ignored=-1).tolist() == [
        [3, 4, 5, -1],
        [3, 4, 5, 3],
        [-1, -1, -1, -1],
    ]
    # a window is what a training row is; the fifth character begins the second window
    inputs, targets = encoder.windows("abcab", ignored=-1)
    assert inputs == [[2, 3, 4, 5], [2, 4, 0, 0]]
    assert targets == [[3, 4, 5, 3], [4, -1, -1, -1]]


def test_what_is_outside_the_guarantee() -> None:
    words = WordTokeniser(vocabulary=("a", "b"))
    assert TextEncoder("t", words, 3).outside_guarantee == (
        "vocabulary of 2 tokens from the training rows",
    )
    assert TextEncoder("t", words, 3, vocabulary_from="declared").outside_guarantee == ()
    assert TextEncoder("t", words, 3, vocabulary_from="public data").outside_guarantee == ()
    # bytes alone are learnt from nobody
    assert TextEncoder("t", BytePairs(), 3).outside_guarantee == ()
    assert ASCII.size == 3 + 97


GOOD = TextEncoder("text", WordTokeniser(vocabulary=("a", "b")), 3).to_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"max_length": 0},
        {"max_length": 10**9},
        {"vocabulary_from": "hearsay"},
        {"extra": 1},
        {"column": ""},
        {"tokeniser": {"kind": "words", "vocabulary": ["a", "a"]}},
        {"tokeniser": {"kind": "words", "vocabulary": [""]}},
        {"tokeniser": {"kind": "words", "vocabulary": ["a" * 101]}},
        {"tokeniser": {"kind": "pickles", "vocabulary": ["a"]}},
        {"tokeniser": {"kind": "byte-pair", "merges": [[256, 97]]}},
        {"tokeniser": {"kind": "byte-pair", "merges": [[-1, 97]]}},
        {
            "tokeniser": {
                "kind": "byte-pair",
                "merges": [[97, 97]] + [[256 + i] * 2 for i in range(9)],
            }
        },
        {"tokeniser": None},
    ],
)
def test_a_strangers_encoder_is_checked(changes: dict) -> None:
    assert encoder_from_json(GOOD).input_columns == ("text",)
    with pytest.raises(InputError):
        encoder_from_json({**GOOD, **changes})
