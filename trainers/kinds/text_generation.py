"""Plain text, to predict the next token: one row is one passage, the unit that privacy protects.

A passage's loss is the mean over its tokens, so that no passage counts more for being longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenhand.audit.data.reading.plain_text import is_plain_text
from evenhand.audit.data.table import Table
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import digest_bytes
from evenhand.trainers.data.prepared import Frames, HeldOut, Prepared
from evenhand.trainers.data.splitting import split_record
from evenhand.trainers.data.text_data import (
    encoding_notes,
    find_tokeniser,
    json_lines,
    pretrained_encoder,
    read_text_table,
    require_own_keys,
    split_texts,
    text_column,
)
from evenhand.trainers.encoders.text import MAX_LENGTH, TextEncoder
from evenhand.trainers.examples import Examples
from evenhand.trainers.folder.pretrained import open_pretrained
from evenhand.trainers.losses import IGNORED
from evenhand.trainers.recipe.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

_PASSAGE, _BYTE_PAIRS = 64, 1024


def prepare(recipe: Recipe) -> Prepared:
    """Reads texts, splits them into passages and encodes these. Raises InputError."""
    require_own_keys(recipe, "lstm_generator or causal_transformer")
    passage = recipe.passage or _PASSAGE
    table = _read(recipe, passage)
    if is_plain_text(recipe.data):
        # An audit of other texts has to cut them into passages of the same length.
        recipe = recipe.model_copy(update={"passage": passage})
    column = text_column(recipe, table)
    sensitive = recipe.sensitive_features or ()
    table.require(sensitive, "sensitive feature")
    rows, more = split_texts(recipe, table.frame, passage=passage)
    notes = [*table.said, *more]
    if recipe.unit is None:
        notes.append("one row is one passage: privacy, where asked for, is of passages")
    pretrained = open_pretrained(recipe.init_from) if recipe.init_from else None
    if pretrained is not None:
        encoder = pretrained_encoder(recipe, pretrained, column, starts=True)
    else:
        encoder = _encoder(recipe, column, rows.train, passage)
    held_out = json_lines(rows.test)
    name = recipe.data.replace("\\", "/").rsplit("/", 1)[-1]
    return Prepared(
        recipe=recipe,
        task="generation",
        name=name.rsplit(".", 1)[0] or "text",
        dataset=name,
        target="",
        positive_label=None,
        classes=(),
        sensitive_features=sensitive,
        input_columns=(column,),
        encoder=encoder,
        train=_examples(encoder, rows.train),
        test=_examples(encoder, rows.test),
        n_outputs=encoder.n_outputs,
        training_digest=digest_bytes(json_lines(rows.train)),
        held_out_digest=digest_bytes(held_out),
        held_out=HeldOut("held_out.jsonl", held_out) if recipe.keep_held_out else None,
        architecture_defaults={"vocabulary": encoder.tokeniser.size},
        # A pretrained encoder knows nothing of these rows.
        outside_guarantee=() if pretrained else encoder.outside_guarantee,
        notes=(*notes, *encoding_notes(encoder, rows.train, rows.test)),
        split={"unit": "passage", **split_record(recipe, rows)},
        frames=Frames(rows.train, rows.test, rows.validation),
        validation=None if rows.validation is None else _examples(encoder, rows.validation),
        n_test_characters=_characters(encoder, rows.test),
        pretrained=pretrained,
        source_digest=table.digest,
    )


def _read(recipe: Recipe, passage: int) -> Table:
    if recipe.target is not None:
        raise InputError(
            "target={target!r}: text generation has none, each token is predicted from "
            "those before it",
            remedy="leave target out",
            target=recipe.target,
        )
    table = read_text_table(recipe.data, recipe, passage=passage)
    if recipe.passage is not None and not is_plain_text(recipe.data):
        raise InputError(
            "passage={passage} is for plain text files; each row of {source} is one",
            remedy="leave passage out",
            passage=recipe.passage,
            source=table.source,
        )
    return table


def _encoder(recipe: Recipe, column: str, train: pd.DataFrame, passage: int) -> TextEncoder:
    kind = recipe.tokens or "characters"
    size = recipe.vocabulary_size or _BYTE_PAIRS
    tokeniser, source = find_tokeniser(recipe, kind, size, column, train)
    if tokeniser.size <= 3:
        raise InputError("the vocabulary is empty", remedy="check the text")
    # Half as many byte pairs as characters are plenty for nearly every passage of a vocabulary
    # that was learnt; what is cut off is counted and said.
    usual = -(-passage // 2) if kind == "byte-pair" and tokeniser.size > 512 else passage
    length = recipe.max_length or min(usual, MAX_LENGTH)
    return TextEncoder(column, tokeniser, length, starts=True, vocabulary_from=source)


def _examples(encoder: TextEncoder, frame: pd.DataFrame) -> Examples:
    import torch

    return Examples(
        inputs=torch.from_numpy(encoder.transform(frame)),
        targets=torch.from_numpy(encoder.targets(frame, ignored=IGNORED)),
        weights=torch.ones(len(frame)),
        task="generation",
    )


def _characters(encoder: TextEncoder, frame: pd.DataFrame) -> int:
    """The characters of what is left of the texts after cutting off."""
    return sum(len(encoder.tokeniser.decode(encoder.ids(text))) for text in encoder.texts(frame))
