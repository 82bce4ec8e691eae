"""Tables of texts with labels: one row is one text, the unit that privacy protects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.data.table import texts
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.canonical import digest_bytes
from evenhand.trainers.data.labels import class_codes, class_weights, find_positive_label
from evenhand.trainers.data.prepared import Frames, HeldOut, Prepared
from evenhand.trainers.data.split import Split
from evenhand.trainers.data.splitting import require_known, split_record, with_target
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
from evenhand.trainers.encoders.text import TextEncoder
from evenhand.trainers.examples import Examples
from evenhand.trainers.folder.pretrained import Pretrained, open_pretrained
from evenhand.trainers.recipe.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

_MAX_CLASSES = 1000
_MAX_LENGTH, _VOCABULARY = 64, 10_000
_PRIVATE_VOCABULARY = 2000  # each word more is a row of weights that gets noise at every step


@dataclass(frozen=True)
class _Labels:
    target: str
    classes: tuple[str, ...]
    positive: str | None


def prepare(recipe: Recipe) -> Prepared:
    """Reads, splits and encodes texts and their labels. Raises InputError."""
    require_own_keys(recipe, "text_classifier or text_transformer")
    table = read_text_table(recipe.data, recipe)
    column = text_column(recipe, table)
    sensitive = recipe.sensitive_features or ()
    table.require(sensitive, "sensitive feature")
    frame, labels, notes = _labelled(recipe, table.frame, table.source)
    rows, more = split_texts(recipe, frame, classes_of=labels.target)
    require_known(rows, labels.target, labels.classes)
    pretrained = open_pretrained(recipe.init_from) if recipe.init_from else None
    encoder = _encoder(recipe, column, rows.train, pretrained)
    train, test, validation = _examples(recipe, rows, encoder, labels)
    held_out = json_lines(rows.test)
    name = recipe.data.replace("\\", "/").rsplit("/", 1)[-1]
    return Prepared(
        recipe=recipe,
        task="binary" if labels.positive is not None else "multiclass",
        name=labels.target,
        dataset=name,
        target=labels.target,
        positive_label=labels.positive,
        classes=labels.classes,
        sensitive_features=sensitive,
        input_columns=(column,),
        encoder=encoder,
        train=train,
        test=test,
        n_outputs=len(labels.classes),
        training_digest=digest_bytes(json_lines(rows.train)),
        held_out_digest=digest_bytes(held_out),
        held_out=HeldOut("held_out.jsonl", held_out) if recipe.keep_held_out else None,
        architecture_defaults={"vocabulary": encoder.tokeniser.size},
        # A pretrained encoder knows nothing of these rows.
        outside_guarantee=() if pretrained else encoder.outside_guarantee,
        notes=(*table.said, *notes, *more, *encoding_notes(encoder, rows.train, rows.test)),
        split=split_record(recipe, rows),
        frames=Frames(rows.train, rows.test, rows.validation),
        validation=validation,
        pretrained=pretrained,
        source_digest=table.digest,
    )


def _labelled(
    recipe: Recipe, frame: pd.DataFrame, source: str
) -> tuple[pd.DataFrame, _Labels, tuple[str, ...]]:
    if recipe.target is None or recipe.target not in frame.columns:
        what = "recipe lacks 'target'" if recipe.target is None else f"no column {recipe.target!r}"
        raise InputError(
            "{what} in {source}",
            remedy=nearest(recipe.target or "label", frame.columns),
            what=what,
            source=source,
        )
    if recipe.target == recipe.text:
        raise InputError(
            "{target!r} is both text and target", remedy="name two columns", target=recipe.target
        )
    frame, notes = with_target(frame, recipe.target)
    classes = tuple(sorted(set(texts(frame[recipe.target])[0])))
    if not 2 <= len(classes) <= _MAX_CLASSES:
        raise InputError(
            "target {target!r} has {n_classes} classes; 2 to {max_classes} are needed",
            remedy="choose another target",
            target=recipe.target,
            n_classes=len(classes),
            max_classes=_MAX_CLASSES,
        )
    positive = None
    if len(classes) == 2:
        positive = find_positive_label(
            recipe.meant(recipe.positive_label, recipe.target), classes, recipe.target
        )
    elif recipe.positive_label is not None:
        raise InputError(
            "positive_label={positive_label!r} is for two classes, and {target!r} has {n_classes}",
            remedy="leave it out",
            positive_label=recipe.positive_label,
            target=recipe.target,
            n_classes=len(classes),
        )
    return frame, _Labels(recipe.target, classes, positive), notes


def _encoder(
    recipe: Recipe, column: str, train: pd.DataFrame, pretrained: Pretrained | None
) -> TextEncoder:
    if pretrained is not None:
        return pretrained_encoder(recipe, pretrained, column, starts=False)
    usual = _VOCABULARY if recipe.private is None else _PRIVATE_VOCABULARY
    size = recipe.vocabulary_size or usual
    tokeniser, source = find_tokeniser(recipe, recipe.tokens or "words", size, column, train)
    return TextEncoder(column, tokeniser, recipe.max_length or _MAX_LENGTH, vocabulary_from=source)


def _examples(
    recipe: Recipe, rows: Split, encoder: TextEncoder, labels: _Labels
) -> tuple[Examples, Examples, Examples | None]:
    """Training, held-out and validation examples; all but the held-out ones are weighted by their
    class."""
    import torch

    train = class_codes(rows.train[labels.target], labels.classes)
    by_class = class_weights(recipe, labels.classes, train)

    def examples(frame: pd.DataFrame, *, weighted: bool) -> Examples:
        codes = class_codes(frame[labels.target], labels.classes)
        weights = torch.ones(len(codes))
        if weighted:
            weights = torch.from_numpy(by_class[codes]).float()
        return Examples(
            inputs=torch.from_numpy(encoder.transform(frame)),
            targets=torch.from_numpy(codes),
            weights=weights,
            task="binary" if labels.positive is not None else "multiclass",
        )

    seen = None if rows.validation is None else examples(rows.validation, weighted=True)
    return examples(rows.train, weighted=True), examples(rows.test, weighted=False), seen
