"""The keys of a recipe that are for texts alone."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evenhand.audit.words.phrases import phrase
from evenhand.trainers.encoders.text import MAX_LENGTH
from evenhand.trainers.encoders.tokenisers import MAX_VOCABULARY
from evenhand.trainers.validate import Strict

ASCII = "ascii"  # the name of a public vocabulary, and not a path
TEXT_KINDS = ("text-classification", "text-generation")


class TextDials(Strict):
    """How texts are read and cut into tokens.

    ``text`` is the column of texts (classification; a plain text file has but one). ``tokens``
    are words, characters or byte-pair; a row keeps at most ``max_length`` of them; generation
    cuts a plain text file into passages of ``passage`` characters, the rows that differential
    privacy protects.

    The vocabulary has at most ``vocabulary_size`` ids. It comes from the training rows, outside the
    guarantee of private training, unless ``vocabulary`` declares one that is public (``ascii``, a
    file with a token a line, or the encoder.json of another model) or ``public_data`` is a table or
    text file, with the same text column, to learn it from.
    """

    text: str | None = Field(
        default=None, min_length=1, description="column of texts (default: text)"
    )
    tokens: Literal["words", "characters", "byte-pair"] | None = Field(
        default=None, description="words, characters or byte-pair"
    )
    max_length: int | None = Field(
        default=None, ge=1, le=MAX_LENGTH, description="tokens kept of a text"
    )
    passage: int | None = Field(
        default=None, ge=2, le=1_000_000, description="characters a row of plain text"
    )
    vocabulary: str | None = Field(
        default=None,
        min_length=1,
        description="public: ascii, a file of tokens, or an encoder.json",
    )
    vocabulary_size: int | None = Field(
        default=None, ge=4, le=MAX_VOCABULARY, description="tokens learnt, at most"
    )
    public_data: str | None = Field(
        default=None, min_length=1, description="public texts to learn the vocabulary from"
    )

    def require_fit(self, kind: str) -> None:
        """Raises ValueError for a key of texts in a recipe of another kind, and for two sources of
        one vocabulary."""
        given = [name for name in TextDials.model_fields if getattr(self, name) is not None]
        if kind not in TEXT_KINDS and given:
            raise ValueError(
                phrase("{given} does not apply to kind {kind!r}", given=given[0], kind=kind)
            )
        if kind == "text-classification" and self.passage is not None:
            raise ValueError(phrase("passage does not apply to kind 'text-classification'"))
        if kind == "text-generation" and self.tokens == "words":
            raise ValueError(
                phrase("tokens 'words' do not give texts back; use characters or byte-pair")
            )
        if self.vocabulary is not None and self.public_data is not None:
            raise ValueError(phrase("vocabulary and public_data are two sources of one vocabulary"))
