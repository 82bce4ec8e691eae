"""Tables: data, split, encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import csv_text, numbers_of, texts
from evenhand.audit.errors import InputError, RowError, nearest, rows_of_file
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.words.phrases import phrase
from evenhand.trainers.data.identifying import once, told_identifiers
from evenhand.trainers.data.labels import class_codes, class_weights, find_positive_label
from evenhand.trainers.data.prepared import Frames, HeldOut, Prepared
from evenhand.trainers.data.split import Split
from evenhand.trainers.data.splitting import (
    require_known,
    split_record,
    split_rows,
    table_of_its_own,
    with_target,
)
from evenhand.trainers.datasets import Dataset, load_dataset
from evenhand.trainers.encoders.tabular import CategoricalColumn, TabularEncoder
from evenhand.trainers.examples import Examples
from evenhand.trainers.folder.pretrained import Pretrained, open_pretrained
from evenhand.trainers.model_description import TargetScale, Task, scale_of
from evenhand.trainers.recipe.public import PRIVATE, declared_columns
from evenhand.trainers.recipe.recipe import ESTIMATORS, Recipe

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class _Target:
    """What is asked: the column, and what its cells mean to the task.

    ``numbers`` turns a column into training targets, shape (rows,): positions of classes, or
    (standardised by ``scale``) values.
    """

    column: str
    task: Task
    classes: tuple[str, ...]
    positive_label: str | None
    scale: TargetScale | None
    numbers: Callable[[pd.Series[Any]], np.ndarray]


def prepare(recipe: Recipe) -> Prepared:
    """Loads the data, resolves columns and labels, splits and encodes the rows.

    Raises InputError.
    """
    dataset = load_dataset(recipe.data, recipe.reading, target=recipe.target)
    column = _target_column(recipe, dataset)
    named = recipe.sensitive_features
    sensitive = dataset.sensitive_features if named is None else named
    _require_columns(recipe, dataset, column, sensitive)
    pretrained = open_pretrained(recipe.init_from) if recipe.init_from else None
    rows, notes = _rows(recipe, dataset, column)
    if pretrained and pretrained.network.description.source_digest == dataset.table.digest:
        notes.append("init_from was trained on rows of this file: held-out ones may be among them")
    inputs = _inputs(recipe, list(rows.train.columns), column, sensitive, pretrained)
    if pretrained is None:
        notes.extend(told_identifiers(recipe, rows.train, inputs))
    target = _target(recipe, dataset, column, rows, pretrained)
    encoder = None if recipe.model in ESTIMATORS else _encoder(recipe, rows, inputs, pretrained)
    weights = _weights(recipe, target, rows.train)
    held_out = csv_text(rows.test).encode()
    validation = rows.validation
    return Prepared(
        recipe=recipe,
        task=target.task,
        name=dataset.name or column,
        dataset=dataset.name or recipe.data.replace("\\", "/").rsplit("/", 1)[-1],
        target=column,
        positive_label=target.positive_label,
        classes=target.classes,
        sensitive_features=sensitive,
        input_columns=inputs,
        encoder=encoder,
        train=_examples(rows.train, encoder, target, weights),
        test=_test_examples(rows.test, encoder, target),
        n_outputs=len(target.classes) or 1,
        training_digest=digest_bytes(csv_text(rows.train).encode()),
        held_out_digest=digest_bytes(held_out),
        held_out=HeldOut("held_out.csv", held_out) if recipe.keep_held_out else None,
        outside_guarantee=_outside_guarantee(target, encoder, pretrained, rows.train),
        notes=(*dataset.table.said, *notes),
        split=split_record(recipe, rows),
        frames=Frames(rows.train, rows.test, validation),
        validation=(
            None if validation is None else _examples(validation, encoder, target, weights)
        ),
        target_scale=target.scale,
        pretrained=pretrained,
        source_digest=dataset.table.digest,
        column_types=dataset.table.types,
    )


def _target_column(recipe: Recipe, dataset: Dataset) -> str:
    target = recipe.target or dataset.target
    if target is None:
        raise InputError(
            "recipe lacks 'target'", remedy=nearest("target", dataset.table.frame.columns)
        )
    return target


def _require_columns(
    recipe: Recipe, dataset: Dataset, target: str, sensitive: tuple[str, ...]
) -> None:
    table = dataset.table
    table.require([target], "target")
    table.require(sensitive, "sensitive feature")
    table.require(recipe.inputs or (), "input")
    table.require((*recipe.drop, *recipe.categorical), "column")
    if target in sensitive:
        raise InputError(
            "{column!r} is named as target and as sensitive feature: it is the same column",
            remedy="name the column whose groups are compared",
            column=target,
        )
    task = recipe.task or "binary"
    if task != "regression":  # before a split, which rare classes may not survive
        classes = sorted(set(texts(table.frame[target].dropna())[0]))
        _require_classes(tuple(classes), target, task)


def _rows(recipe: Recipe, dataset: Dataset, target: str) -> tuple[Split, list[str]]:
    """The rows with a target, split; test and validation rows may come from tables of their own."""
    frame, notes = with_target(dataset.table.frame, target)

    def own(path: str | None, what: str) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
        return table_of_its_own(
            path,
            what,
            lambda p: load_dataset(p, recipe.reading, target=target).table,
            frame,
            target,
        )

    test, said = own(recipe.test_data, "test_data")
    validation, also = own(recipe.validation_data, "validation_data")
    classes_of = None if recipe.task == "regression" else target
    rows, more = split_rows(recipe, frame, classes_of=classes_of, test=test, validation=validation)
    return rows, [*notes, *said, *also, *more]


def _target(
    recipe: Recipe, dataset: Dataset, column: str, rows: Split, pretrained: Pretrained | None
) -> _Target:
    task = recipe.task or "binary"
    if task == "regression":
        return _values(column, rows, pretrained)
    classes = tuple(sorted(set(texts(rows.train[column])[0])))
    _require_classes(classes, column, task)
    positive = None
    if task == "binary":
        given = recipe.meant(recipe.positive_label, column) or dataset.positive_label
        positive = find_positive_label(given, classes, column)
    require_known(rows, column, classes)
    return _Target(column, task, classes, positive, None, lambda c: class_codes(c, classes))


def _require_classes(classes: tuple[str, ...], target: str, task: str) -> None:
    if len(classes) == 2 or (task == "multiclass" and len(classes) > 2):
        return
    shown = ", ".join(repr(c) for c in classes[:10]) + (", ..." if len(classes) > 10 else "")
    raise InputError(
        "target {target!r} has {n_classes} classes ({shown}); two are needed",
        remedy=phrase("declare task: multiclass, or task: regression where they are amounts")
        if len(classes) > 2
        else phrase("choose a target with two values"),
        target=target,
        n_classes=len(classes),
        shown=shown,
    )


def _values(column: str, rows: Split, pretrained: Pretrained | None) -> _Target:
    """A target of amounts. Its scale is the pretrained model's where that answers the same."""
    scale = None
    if pretrained is not None and pretrained.network.description.target == column:
        scale = pretrained.network.description.target_scale
    with rows_of_file(numbers_of(rows.train)):
        values = _amounts(rows.train[column])
    if scale is None:
        scale = scale_of(values)
    mean, unit = scale.mean, scale.scale
    return _Target(column, "regression", (), None, scale, lambda c: (_amounts(c) - mean) / unit)


def _amounts(column: pd.Series[Any]) -> np.ndarray:
    """A target column as float64; raises InputError for what is no finite number."""
    import numpy as np

    values = np.array([])
    if is_number(column):
        values = column.to_numpy(dtype=float)
    if len(values) != len(column):
        raise InputError(
            "target {column!r} holds values that are not finite numbers",
            remedy="a regression task needs numbers; declare task: multiclass for labels",
            column=column.name,
        )
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise RowError(
            "target {column!r} holds {values} in {row}, which is not a finite number",
            int(wrong.argmax()),
            remedy="correct the cell, or leave the row out",
            column=column.name,
            values=values[wrong][0],
        )
    return values


def _inputs(
    recipe: Recipe,
    columns: list[str],
    target: str,
    sensitive: tuple[str, ...],
    pretrained: Pretrained | None,
) -> tuple[str, ...]:
    if pretrained is not None:
        return _pretrained_inputs(recipe, columns, target, pretrained)
    if recipe.inputs is not None:
        for name, what in ((target, "target"), (recipe.unit, "unit")):
            if name in recipe.inputs:
                raise InputError(
                    "inputs name the {what} {name!r}", remedy="leave it out", what=what, name=name
                )
        return recipe.inputs
    left_out = {
        target,
        recipe.unit,
        *recipe.drop,
        *(() if recipe.use_sensitive else sensitive),
    }
    inputs = tuple(c for c in columns if c not in left_out)
    if not inputs:
        raise InputError("no input columns are left", remedy="name some with inputs")
    return inputs


def _pretrained_inputs(
    recipe: Recipe, columns: list[str], target: str, pretrained: Pretrained
) -> tuple[str, ...]:
    """The inputs of the model to start from: the positions of its first layer mean those."""
    wanted = pretrained.network.encoder.input_columns
    lacking = [c for c in wanted if c not in columns]
    if lacking or target in wanted:
        what = f"lacks {lacking[0]!r}" if lacking else f"has its input {target!r} as the target"
        raise InputError(
            "the data {what}: init_from={pretrained_path!r} reads {wanted}",
            remedy="fine-tune on a table with these columns",
            what=what,
            pretrained_path=str(pretrained.path),
            wanted=", ".join(wanted),
        )
    if recipe.inputs is not None and set(recipe.inputs) != set(wanted):
        raise InputError(
            "inputs differ from those of init_from: {wanted}",
            remedy="leave inputs out",
            wanted=", ".join(wanted),
        )
    return wanted


def _encoder(
    recipe: Recipe, rows: Split, inputs: tuple[str, ...], pretrained: Pretrained | None
) -> TabularEncoder:
    if pretrained is not None:
        found = pretrained.network.encoder
        if not isinstance(found, TabularEncoder):
            raise InputError(
                "init_from={pretrained_path!r} reads no table",
                remedy="start from a model that was trained on a table",
                pretrained_path=str(pretrained.path),
            )
        return found
    categorical = tuple(c for c in recipe.categorical if c in inputs)
    declared = declared_columns(
        recipe.public, rows.train, inputs, categorical=categorical, reading=recipe.reading
    )
    with rows_of_file(numbers_of(rows.train)):
        return TabularEncoder.fit(rows.train, inputs, categorical=categorical, declared=declared)


def _weights(recipe: Recipe, target: _Target, train: pd.DataFrame) -> np.ndarray | None:
    """The weight of each class, None where there are no classes."""
    if not target.classes:
        return None
    return class_weights(recipe, target.classes, target.numbers(train[target.column]))


def _examples(
    frame: pd.DataFrame,
    encoder: TabularEncoder | None,
    target: _Target,
    weights: np.ndarray | None,
) -> Examples:
    """Rows as tensors, each weighted by its class."""
    import torch

    with rows_of_file(numbers_of(frame)):
        numbers = torch.from_numpy(target.numbers(frame[target.column]))
    each = torch.ones(len(frame))
    if weights is not None:
        each = torch.from_numpy(weights[numbers.numpy()]).float()
    return Examples(
        inputs=_encoded(frame, encoder),
        targets=numbers if target.classes else numbers.float(),
        weights=each,
        task=target.task,
    )


def _test_examples(
    frame: pd.DataFrame, encoder: TabularEncoder | None, target: _Target
) -> Examples:
    """Held-out rows: unweighted, and amounts as they are, float64."""
    import torch

    column = frame[target.column]
    with rows_of_file(numbers_of(frame)):
        numbers = target.numbers(column) if target.classes else _amounts(column).copy()
    return Examples(
        inputs=_encoded(frame, encoder),
        targets=torch.from_numpy(numbers),
        weights=torch.ones(len(frame)),
        task=target.task,
    )


def _encoded(frame: pd.DataFrame, encoder: TabularEncoder | None) -> Any:
    import torch

    if encoder is None:
        return torch.zeros(len(frame), 0)
    with rows_of_file(numbers_of(frame)):
        return torch.from_numpy(encoder.transform(frame))


def _outside_guarantee(
    target: _Target,
    encoder: TabularEncoder | None,
    pretrained: Pretrained | None,
    train: pd.DataFrame,
) -> tuple[str, ...]:
    """What was learnt from the training rows without noise, in words."""
    said = []
    is_own_scale = pretrained is None or (
        target.scale != pretrained.network.description.target_scale
    )
    if target.scale is not None and is_own_scale:
        said.append("mean and standard deviation of the target")
    if encoder is None or pretrained is not None:
        return tuple(said)  # a pretrained encoder knows nothing of these rows
    learnt = [c for c in encoder.columns if c.source == PRIVATE]
    n_categorical = sum(isinstance(c, CategoricalColumn) for c in learnt)
    n_numeric = len(learnt) - n_categorical
    if n_numeric:
        said.append(f"means and standard deviations of {n_numeric} numeric columns (encoder)")
    if n_categorical:
        said.append(f"category lists of {n_categorical} columns (encoder)")
    for c in learnt:
        if isinstance(c, CategoricalColumn) and (n_once := once(train[c.name], c.categories)):
            said.append(f"{n_once} values of {c.name!r} that a single training row has (encoder)")
    if learnt:
        said.append("training means of the encoded inputs (encoder baseline)")
    return tuple(said)
