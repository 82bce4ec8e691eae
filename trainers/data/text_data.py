"""What both kinds of text training share: reading texts, and where a vocabulary comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.reading.plain_text import COLUMN, is_plain_text, read_texts
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.table import Table, numbered
from evenhand.audit.errors import InputError
from evenhand.audit.words.numbers import in_percent
from evenhand.audit.words.phrases import phrase
from evenhand.trainers.data.split import Split
from evenhand.trainers.data.splitting import split_rows, table_of_its_own
from evenhand.trainers.encoders import tokenisers
from evenhand.trainers.encoders.text import SCHEMA, Source, TextEncoder
from evenhand.trainers.encoders.tokenisers import Tokeniser
from evenhand.trainers.recipe.recipe import ESTIMATORS, Recipe
from evenhand.trainers.recipe.text_dials import ASCII

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.trainers.folder.pretrained import Pretrained

_MAX_FILE = 16 << 20


def read_text_table(path: str | Path, recipe: Recipe, *, passage: int | None = None) -> Table:
    """A table of texts, or a plain text file as lines or passages. Raises InputError."""
    if is_plain_text(path):
        table = read_texts(path, encoding=recipe.encoding or "utf-8", passage=passage)
        return replace(table, frame=numbered(table.frame))
    table = read_table(path, recipe.reading, answers=(recipe.target,) if recipe.target else ())
    return replace(table, frame=numbered(table.frame))


def split_texts(
    recipe: Recipe,
    frame: pd.DataFrame,
    *,
    classes_of: str | None = None,
    passage: int | None = None,
) -> tuple[Split, tuple[str, ...]]:
    """The split of a table of texts, tables of its own for test and validation read as the data
    are, and notes. Raises InputError."""

    def own(path: str | None, what: str) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
        def read(given: str) -> Table:
            return read_text_table(given, recipe, passage=passage)

        return table_of_its_own(path, what, read, frame, classes_of)

    test, said = own(recipe.test_data, "test_data")
    validation, also = own(recipe.validation_data, "validation_data")
    rows, notes = split_rows(recipe, frame, classes_of=classes_of, test=test, validation=validation)
    return rows, (*said, *also, *notes)


def text_column(recipe: Recipe, table: Table) -> str:
    """The column of texts: the one that is named, or ``text``. Raises InputError."""
    named = recipe.text or COLUMN
    if recipe.text is None and named not in table.frame.columns:
        shown = ", ".join(str(c) for c in table.frame.columns[:20])
        raise InputError(
            "which column of {source} holds the text?",
            remedy="name it with text (--text): one of {shown}",
            source=table.source,
            shown=shown,
        )
    table.require([named], "text")
    return named


def find_tokeniser(
    recipe: Recipe, kind: tokenisers.Kind, size: int, column: str, train: pd.DataFrame
) -> tuple[Tokeniser, Source]:
    """The tokeniser, and where its vocabulary comes from. Raises InputError."""
    if recipe.vocabulary is not None:
        return _declared(recipe.vocabulary, kind), "declared"
    learnt_from: Source = "training rows"
    if recipe.public_data is not None:
        table = read_text_table(recipe.public_data, recipe)
        name = COLUMN if is_plain_text(recipe.public_data) else column
        table.require([name], "text")
        train, column, learnt_from = table.frame, name, "public data"
    if kind == "byte-pair" and size < tokenisers.N_SPECIAL + 256:
        raise InputError(
            "vocabulary_size={size} is below the 259 ids that byte pairs start with",
            remedy="use 259 (bytes alone, learnt from nobody) or more",
            size=size,
        )
    reader = TextEncoder(column, tokenisers.ASCII, 1)
    return tokenisers.learn(kind, reader.texts(train), size), learnt_from


def pretrained_encoder(
    recipe: Recipe, pretrained: Pretrained, column: str, *, starts: bool
) -> TextEncoder:
    """The encoder of the model to start from: its embedding means those ids. Raises InputError."""
    encoder = pretrained.network.encoder
    if not isinstance(encoder, TextEncoder) or encoder.starts != starts:
        raise InputError(
            "init_from={init_from!r} is not of kind {recipe_kind!r}",
            remedy="start from a model of the same kind",
            init_from=recipe.init_from,
            recipe_kind=recipe.kind,
        )
    if encoder.column != column:
        raise InputError(
            "init_from={init_from!r} reads the column {column!r}, not {column_2!r}",
            remedy="rename the column of texts",
            init_from=recipe.init_from,
            column=encoder.column,
            column_2=column,
        )
    for name in ("tokens", "max_length", "vocabulary", "vocabulary_size", "public_data"):
        if getattr(recipe, name) is not None:
            raise InputError(
                "{name} is given by init_from={init_from!r}",
                remedy="leave {name} out",
                name=name,
                init_from=recipe.init_from,
            )
    return encoder


def require_own_keys(recipe: Recipe, models: str) -> None:
    """Raises InputError for keys that are not for texts, and models that do not read them."""
    for name in ("inputs", "drop", "categorical"):
        if getattr(recipe, name, None):
            raise InputError(
                "recipe: {name} does not apply to kind {recipe_kind!r}, whose one input is the "
                "text",
                remedy="leave it out",
                name=name,
                recipe_kind=recipe.kind,
            )
    if recipe.model in ESTIMATORS:
        raise InputError(
            "model {model!r} does not read texts",
            remedy="use {models}",
            model=recipe.model,
            models=models,
        )
    if "vocabulary" in recipe.architecture and recipe.init_from is None:
        raise InputError(
            "architecture names a vocabulary, whose size the texts say",
            remedy="use the recipe's vocabulary_size instead",
        )


def encoding_notes(encoder: TextEncoder, train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """What encoding cut off or did not know, in words."""
    notes = []
    for name, frame in (("training", train), ("held-out", test)):
        counts = encoder.count(frame)
        if counts.n_truncated:
            notes.append(
                f"{counts.n_truncated} of {len(frame)} {name} texts were cut off at "
                f"{encoder.max_length} tokens"
            )
        if counts.n_empty:
            notes.append(f"{counts.n_empty} {name} texts hold no token")
        if counts.n_unknown:
            share = in_percent(counts.n_unknown / counts.n_tokens)
            notes.append(f"{share} of the tokens of {name} texts are not in the vocabulary")
    return notes


def json_lines(frame: pd.DataFrame) -> bytes:
    """Rows as JSON lines: unlike CSV they give every text back as it was."""
    text = frame.to_json(orient="records", lines=True, force_ascii=True, date_format="iso")
    return str(text).encode()


def _declared(name: str, kind: tokenisers.Kind) -> Tokeniser:
    if name == ASCII:
        if kind != "characters":
            raise InputError(
                "vocabulary 'ascii' is of characters, not of {kind}",
                remedy="use tokens: characters, or name a file",
                kind=kind,
            )
        return tokenisers.ASCII
    raw = _read(Path(name))
    if raw.lstrip().startswith("{"):
        return _of_encoder(name, raw, kind)
    if kind == "byte-pair":
        raise InputError(
            "vocabulary {name} lists tokens, which byte pairs are not made from",
            remedy="name the encoder.json of a model that was trained with byte-pair tokens",
            name=name,
        )
    lines = raw.split("\n") if kind == "characters" else [w.strip() for w in raw.split("\n")]
    listed = dict.fromkeys(line.lower() if kind == "words" else line for line in lines if line)
    wrong = [t for t in listed if len(t) > 1] if kind == "characters" else []
    if wrong or not listed or len(listed) > tokenisers.MAX_VOCABULARY:
        raise InputError(
            phrase("vocabulary {name}: {wrong!r} is not one character", name=name, wrong=wrong[0])
            if wrong
            else phrase("vocabulary {name} has {n_listed} tokens", name=name, n_listed=len(listed)),
            remedy="write one token a line, 1 to {max_vocabulary} of them",
            max_vocabulary=tokenisers.MAX_VOCABULARY,
        )
    maker = tokenisers.WordTokeniser if kind == "words" else tokenisers.Characters
    too_long = [t for t in listed if len(t) > 100]
    if too_long:
        raise InputError(
            "vocabulary {name} has a token of {n_too_long} characters",
            remedy="write one token a line",
            name=name,
            n_too_long=len(too_long[0]),
        )
    return maker(vocabulary=tuple(listed))


def _of_encoder(name: str, raw: str, kind: tokenisers.Kind) -> Tokeniser:
    try:
        given: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "vocabulary {name} is not JSON: {error}", remedy="check it", name=name, error=error
        ) from None
    if not isinstance(given, dict) or given.get("schema") != SCHEMA:
        raise InputError(
            "vocabulary {name} is not the encoder.json of a text model",
            remedy="name such a file, or one with a token a line",
            name=name,
        )
    tokeniser = TextEncoder.from_json(given).tokeniser
    if tokeniser.kind != kind:
        raise InputError(
            "vocabulary {name} is of {tokeniser_kind}, the recipe asks for {kind}",
            remedy="use tokens: {tokeniser_kind}",
            name=name,
            tokeniser_kind=tokeniser.kind,
            kind=kind,
        )
    return tokeniser


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > _MAX_FILE:
            raise InputError(
                "vocabulary {file} is over 16 MiB", remedy="is it a vocabulary?", file=file
            )
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(
            "cannot read the vocabulary {file}: {strerror}",
            remedy="check the path",
            file=file,
            strerror=error.strerror,
        ) from None
    except UnicodeDecodeError:
        raise InputError("vocabulary {file} is not UTF-8", remedy="convert it", file=file) from None
