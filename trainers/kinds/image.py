"""Images: data, split, encoder."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from evenhand.audit.data.reading.images import IMAGE, LABEL, read_parts
from evenhand.audit.data.table import Table, csv_text, numbered, numbers_of, texts
from evenhand.audit.errors import InputError, rows_of_file
from evenhand.audit.files.canonical import digest_bytes
from evenhand.trainers.data.labels import class_codes, class_weights, find_positive_label
from evenhand.trainers.data.prepared import Frames, HeldOut, Prepared
from evenhand.trainers.data.split import Split
from evenhand.trainers.data.splitting import split_record, split_rows
from evenhand.trainers.encoders.image import ImageEncoder
from evenhand.trainers.examples import Examples
from evenhand.trainers.folder.pretrained import Pretrained, open_pretrained
from evenhand.trainers.recipe.recipe import ESTIMATORS, Recipe

if TYPE_CHECKING:
    import pandas as pd
    import torch


@dataclass(frozen=True)
class _Rows:
    """The split rows, in which each image is known by a digest, and the images by their digests."""

    rows: Split
    pixels: Mapping[str, bytes]
    notes: tuple[str, ...]

    def with_images(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{IMAGE: [self.pixels[digest] for digest in frame[IMAGE]]})


@dataclass(frozen=True)
class _Encoding:
    """How rows become tensors; ``by_class`` are the classes' weights, float32 (classes,)."""

    rows: _Rows
    encoder: ImageEncoder
    target: str
    classes: tuple[str, ...]
    by_class: torch.Tensor

    @property
    def task(self) -> Literal["binary", "multiclass"]:
        return "binary" if len(self.classes) == 2 else "multiclass"

    def plain(self, frame: pd.DataFrame) -> Examples:
        """Each row with weight 1."""
        import torch

        codes = torch.from_numpy(class_codes(frame[self.target], self.classes))
        with rows_of_file(numbers_of(frame)):
            inputs = self.encoder.transform(self.rows.with_images(frame))
        return Examples(
            inputs=torch.from_numpy(inputs),
            targets=codes,
            weights=torch.ones(len(codes)),
            task=self.task,
        )

    def weighted(self, frame: pd.DataFrame) -> Examples:
        """Each row with the weight of its class."""
        examples = self.plain(frame)
        return replace(examples, weights=self.by_class[examples.targets])


def prepare(recipe: Recipe) -> Prepared:
    """Reads the images, splits them where they come without a test split, and encodes them.

    In the frames an image is known by a digest of its pixels.

    Raises InputError.
    """
    import torch

    _refuse_columns(recipe)
    target, sensitive = recipe.target or LABEL, recipe.sensitive_features or ()
    table, given_test = _read(recipe.data, target, sensitive)
    parts = _split(recipe, table, given_test, target)
    train, test = parts.rows.train, parts.rows.test
    classes = _classes(train, test, target)
    pretrained = open_pretrained(recipe.init_from) if recipe.init_from else None
    encoder = _encoder(recipe, tuple(table.shapes[IMAGE]), pretrained)
    held_out = csv_text(test).encode()
    name = recipe.data.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    by_class = class_weights(recipe, classes, class_codes(train[target], classes))
    encoding = _Encoding(
        parts, encoder, target, classes, by_class=torch.from_numpy(by_class).float()
    )
    validation = parts.rows.validation
    return Prepared(
        recipe=recipe,
        task=encoding.task,
        name=name.removesuffix(".npz"),
        dataset=name,
        target=target,
        positive_label=_positive(recipe, classes, target),
        classes=classes,
        sensitive_features=sensitive,
        input_columns=encoder.input_columns,
        encoder=encoder,
        train=encoding.weighted(train),
        test=encoding.plain(test),
        n_outputs=len(classes),
        training_digest=digest_bytes(csv_text(train).encode()),
        held_out_digest=digest_bytes(held_out),
        held_out=_held_out(recipe, parts, encoder) if given_test is None else None,
        outside_guarantee=("the size of the images (encoder)",),
        notes=parts.notes,
        split={
            **split_record(recipe, parts.rows),
            "held_out_rows_are": "a share of the data" if given_test is None else "given",
        },
        frames=Frames(train, test, validation),
        validation=None if validation is None else encoding.weighted(validation),
        pretrained=pretrained,
        source_digest=table.digest,
    )


def _read(path: str, target: str, sensitive: Sequence[str]) -> tuple[Table, Table | None]:
    """The images, and those of the test split where the data bring one, all with those columns."""
    table, given_test = read_parts(path)
    for part in (table, *((given_test,) if given_test else ())):
        part.require([target], "target")
        part.require(sensitive, "sensitive feature")
    return table, given_test


def _encoder(recipe: Recipe, shape: tuple[int, ...], pretrained: Pretrained | None) -> ImageEncoder:
    """By the recipe; as a pretrained model has it, since its first layer means those pixels."""
    if pretrained is None or recipe.normalise is not None:
        return ImageEncoder(shape, recipe.normalise)
    encoder = pretrained.network.encoder
    if not isinstance(encoder, ImageEncoder) or encoder.shape != shape:
        raise InputError(
            "init_from={init_from!r} takes {input_shape}, the images are {shape}",
            remedy="scale the images to the size that it was trained on",
            init_from=recipe.init_from,
            input_shape=encoder.input_shape,
            shape=shape,
        )
    return encoder


def _refuse_columns(recipe: Recipe) -> None:
    for name in ("inputs", "drop", "categorical", "test_data", "validation_data"):
        if getattr(recipe, name, None):
            raise InputError(
                "recipe: {name} does not apply to kind 'image', whose one input is the image",
                remedy="leave it out",
                name=name,
            )
    if recipe.model in ESTIMATORS:
        raise InputError(
            "model {model!r} takes tables, not images", remedy="use model: cnn", model=recipe.model
        )


def _split(recipe: Recipe, table: Table, test_split: Table | None, target: str) -> _Rows:
    pixels: dict[str, bytes] = {}
    notes = [*table.said]

    def known_by_digest(part: Table) -> pd.DataFrame:
        digests = [hashlib.blake2b(cell, digest_size=16).hexdigest() for cell in part.frame[IMAGE]]
        pixels.update(zip(digests, part.frame[IMAGE], strict=True))
        frame = numbered(part.frame.assign(**{IMAGE: digests}))
        missing = texts(frame[target])[1]
        if missing.any():
            notes.append(f"{int(missing.sum())} images without a {target!r} were left out")
        return frame[~missing]

    test = None
    if test_split is not None:
        notes += [note for note in test_split.said if note not in notes]
        notes.append(f"the held-out images are the test split of {test_split.source}")
        if table.shapes[IMAGE] != test_split.shapes[IMAGE]:
            raise InputError(
                "training images are {shapes}, test images {shapes_2}",
                remedy="scale them to one size",
                shapes=table.shapes[IMAGE],
                shapes_2=test_split.shapes[IMAGE],
            )
        test = known_by_digest(test_split)
    rows, more = split_rows(recipe, known_by_digest(table), classes_of=target, test=test)
    return _Rows(rows, pixels, (*notes, *more))


def _classes(train: pd.DataFrame, test: pd.DataFrame, target: str) -> tuple[str, ...]:
    """The training rows' labels, numbers in their order. Raises InputError for fewer than two."""
    known = set(texts(train[target])[0])
    unknown = sorted(set(texts(test[target])[0]) - known)
    if unknown:
        raise InputError(
            "label {unknown!r} is in the test split alone",
            remedy="add training images of it",
            unknown=unknown[0],
        )
    if len(known) < 2:
        raise InputError(
            "target {target!r} has one value, {known!r}",
            remedy="add images of another",
            target=target,
            known=known.pop(),
        )
    is_number = all(label.isdecimal() for label in known)
    return tuple(sorted(known, key=lambda label: (int(label) if is_number else 0, label)))


def _positive(recipe: Recipe, classes: tuple[str, ...], target: str) -> str | None:
    if len(classes) == 2:
        return find_positive_label(recipe.positive_label, classes, target)
    if recipe.positive_label is not None:
        raise InputError(
            "positive_label={positive_label!r}, but {target!r} has {n_classes} classes",
            remedy="leave it out",
            positive_label=recipe.positive_label,
            target=target,
            n_classes=len(classes),
        )
    return None


def _held_out(recipe: Recipe, found: _Rows, encoder: ImageEncoder) -> HeldOut | None:
    """The held-out images as ``data.reading.images`` reads arrays: no objects, missing cells
    empty."""
    import numpy as np

    if not recipe.keep_held_out:
        return None
    frame = found.with_images(found.rows.test)
    raw = np.frombuffer(b"".join(frame[IMAGE]), dtype=np.uint8)
    arrays = {"images": raw.reshape(len(frame), *encoder.shape)}
    for column in frame.columns.drop(IMAGE):
        values = frame[column].to_numpy()
        if values.dtype == object:
            values = texts(frame[column])[0].astype(str)
        arrays["labels" if column == LABEL else column] = values
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return HeldOut("held_out.npz", buffer.getvalue())
