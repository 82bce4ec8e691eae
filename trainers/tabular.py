"""Trains a classifier on a table: data, split, encoder, model, test, folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audit.canonical import digest_bytes
from audit.data import match_label, texts
from audit.errors import InputError, nearest
from trainers.datasets import Dataset, Split, load_dataset, split
from trainers.folder_writer import FolderWriter, library_versions, write_record
from trainers.model_description import ModelDescription, TestMetrics
from trainers.recipe import ESTIMATORS, Recipe

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from trainers.fit import Point, Progress


@dataclass(frozen=True)
class Task:
    """A recipe met with its data: the rows, and every name resolved."""

    recipe: Recipe
    dataset: Dataset
    target: str
    positive_label: str
    classes: tuple[str, ...]
    sensitive: tuple[str, ...]
    inputs: tuple[str, ...]
    rows: Split
    notes: tuple[str, ...]

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """The target as positions in ``classes``, int64 of shape (rows,)."""
        import pandas as pd

        labels, _ = texts(frame[self.target])
        return pd.Index(self.classes).get_indexer(pd.Index(labels)).astype("int64")


@dataclass(frozen=True)
class Fitted:
    """What training gave: test scores (rows, classes), the learning curve, the privacy record."""

    scores: np.ndarray
    curve: tuple[Point, ...] = ()
    curve_notes: Mapping[str, Any] | None = None
    privacy: Mapping[str, Any] | None = None
    architecture: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def prepare(recipe: Recipe) -> Task:
    """Loads the data, resolves columns and labels, and splits the rows. Raises InputError."""
    dataset = load_dataset(recipe.data)
    target = recipe.target or dataset.target
    if target is None:
        raise InputError(
            "recipe lacks 'target'", remedy=nearest("target", dataset.table.frame.columns)
        )
    sensitive = dataset.sensitive if recipe.sensitive is None else recipe.sensitive
    table = dataset.table
    table.require([target], "target")
    table.require(sensitive, "sensitive feature")
    table.require(recipe.inputs or (), "input")
    table.require((*recipe.drop, *recipe.categorical), "column")
    labels, is_missing = texts(table.frame[target])
    notes = [*table.notes]
    frame = table.frame
    if is_missing.any():
        notes.append(f"{int(is_missing.sum())} rows without a {target!r} were left out")
        frame = frame[~is_missing]
    classes = tuple(sorted(set(labels[~is_missing])))
    positive = _positive_label(recipe.positive_label or dataset.positive_label, classes, target)
    rows = split(frame, share=recipe.test_share, seed=recipe.seed, stratify=target)
    if rows.n_twins:
        notes.append(f"{rows.n_twins} held-out rows equal a training row in every cell")
    inputs = _inputs(recipe, list(frame.columns), target, sensitive)
    return Task(recipe, dataset, target, positive, classes, sensitive, inputs, rows, tuple(notes))


def train_tabular(task: Task, writer: FolderWriter, progress: Progress | None) -> ModelDescription:
    """Trains, tests on the held-out rows and fills the folder; the caller commits it."""
    held_out = task.rows.test.to_csv(index=False).encode()
    training_digest = digest_bytes(task.rows.train.to_csv(index=False).encode())
    if task.recipe.model in ESTIMATORS:
        from trainers.sklearn_models import fit_estimator

        fitted = fit_estimator(task, writer, progress)
    else:
        from trainers.networks import fit_network

        fitted = fit_network(task, writer, progress, training_digest)
    description = _describe(task, fitted, training_digest, digest_bytes(held_out))
    writer.write_json("split.json", _split_record(task, description))
    if task.recipe.keep_held_out:
        writer.write("held_out.csv", held_out)
    write_record(writer, description, task.recipe, fitted.curve, fitted.curve_notes or {})
    return description


def class_weights(task: Task) -> np.ndarray:
    """A weight for each class, scaled so that their mean over the training rows is 1.

    Raises InputError for a class weight whose label is not a class.
    """
    import numpy as np

    counts = np.bincount(task.codes(task.rows.train), minlength=len(task.classes))
    given = task.recipe.class_weight
    if given is None:
        return np.ones(len(task.classes))
    if given == "balanced":
        weights = 1.0 / counts
    else:
        weights = np.ones(len(task.classes))
        for label, weight in given.items():
            known = match_label(label, task.classes)
            if known is None:
                raise InputError(
                    f"class_weight names {label!r}, which is not a class",
                    remedy=nearest(label, task.classes),
                )
            weights[task.classes.index(known)] = weight
    scaled: np.ndarray = weights * counts.sum() / (weights * counts).sum()
    return scaled


def _positive_label(given: str | None, classes: tuple[str, ...], target: str) -> str:
    if len(classes) != 2:
        shown = ", ".join(repr(c) for c in classes[:10])
        raise InputError(
            f"target {target!r} has {len(classes)} classes ({shown}); two are needed",
            remedy="choose a target with two values",
        )
    if given is None:
        raise InputError(
            "recipe lacks 'positive_label'",
            remedy=f"say which of {classes[0]!r} and {classes[1]!r} counts as positive",
        )
    known = match_label(given, classes)
    if known is None:
        raise InputError(
            f"positive_label={given!r} is not a value of {target!r}",
            remedy=nearest(given, classes),
        )
    return known


def _inputs(
    recipe: Recipe, columns: list[str], target: str, sensitive: tuple[str, ...]
) -> tuple[str, ...]:
    if recipe.inputs is not None:
        if target in recipe.inputs:
            raise InputError(f"inputs name the target {target!r}", remedy="leave it out")
        return recipe.inputs
    left_out = {target, *recipe.drop, *(() if recipe.use_sensitive else sensitive)}
    inputs = tuple(c for c in columns if c not in left_out)
    if not inputs:
        raise InputError("no input columns are left", remedy="name some with inputs")
    return inputs


def _describe(
    task: Task, fitted: Fitted, training_digest: str, held_out_digest: str
) -> ModelDescription:
    packages = ["numpy", "pandas", "scikit-learn", "skops"]
    if fitted.architecture:
        packages = ["numpy", "pandas", "torch", "safetensors"]
    if fitted.privacy:
        packages.append("opacus")
    return ModelDescription(
        format="evenhand-folder" if fitted.architecture else "skops",
        name=f"{task.dataset.name or task.target}-{task.recipe.model}",
        model=task.recipe.model,
        architecture=fitted.architecture,
        parameters=fitted.parameters,
        classes=task.classes,
        positive_label=task.positive_label,
        target=task.target,
        sensitive_features=task.sensitive,
        input_columns=task.inputs,
        dataset=task.dataset.name or task.recipe.data.replace("\\", "/").rsplit("/", 1)[-1],
        n_train=len(task.rows.train),
        n_test=len(task.rows.test),
        training_data_digest=training_digest,
        held_out_digest=held_out_digest,
        test=measure(fitted.scores, task.codes(task.rows.test)),
        versions=library_versions(*packages),
        privacy=fitted.privacy,
        recipe=task.recipe.to_json(),
    )


def measure(scores: np.ndarray, codes: np.ndarray) -> TestMetrics:
    """Test metrics of scores (rows, classes) against class positions (rows,); both have rows."""
    import numpy as np

    predicted = scores.argmax(axis=1)
    present = np.unique(codes)
    recalls = [float((predicted[codes == c] == c).mean()) for c in present]
    likelihood = np.clip(scores[np.arange(len(codes)), codes], 1e-15, 1.0)
    return TestMetrics(
        n=len(codes),
        accuracy=float((predicted == codes).mean()),
        balanced_accuracy=float(np.mean(recalls)),
        majority_share=float(np.bincount(codes).max() / len(codes)),
        log_loss=float(-np.log(likelihood).mean()),
    )


def _split_record(task: Task, description: ModelDescription) -> dict[str, Any]:
    return {
        "schema": "evenhand-split/1",
        "seed": task.recipe.seed,
        "test_share": task.recipe.test_share,
        "stratified_by": task.target,
        "n_train": description.n_train,
        "n_test": description.n_test,
        "training_data_digest": description.training_data_digest,
        "held_out_digest": description.held_out_digest,
        "held_out_rows_equal_to_a_training_row": task.rows.n_twins,
        "notes": list(task.notes),
    }
