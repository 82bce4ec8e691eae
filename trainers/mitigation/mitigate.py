"""Mitigation by Fairlearn: a model and its training rows in, a new model folder out.

Fairlearn's own mitigators are fitted; what they learnt is written as numbers and as models that can
be opened safely (see ``mitigated_description``). ``mitigated_folder`` opens the result.

The model is opened in a worker, as for an audit. Thresholds ask it there for scores. The other
methods train it again: they need its encoder or its estimator, and open the same copy once more in
this process. Only formats of data alone are mitigated, since the result keeps parts of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.grouping import grouping_of
from evenhand.audit.data.table import (
    canonical_order,
    csv_text,
    match_label,
    numbers_of,
    renumbered,
    texts,
)
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError, UnsafeModelError, nearest, rows_of_file
from evenhand.audit.files.canonical import digest_bytes, relative_files
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.words.phrases import as_is, phrase
from evenhand.trainers.folder.writing import FolderWriter
from evenhand.trainers.mitigation.description import Method, MitigatedDescription
from evenhand.trainers.mitigation.methods import (
    METHODS,
    FittedMitigation,
    Task,
    known_warnings_silenced,
)
from evenhand.trainers.mitigation.options import mitigator
from evenhand.trainers.mitigation.parts import group_texts
from evenhand.trainers.versions import library_versions

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.audit.worker.isolation.levels import Rules
    from evenhand.audit.worker.opened import Opened

_NOT_COPIED = ("held_out.", "curves.json")


@dataclass(frozen=True)
class MitigationResult:
    """A mitigated model: its folder, what anyone who uses it must know, and notes on the way."""

    model: Path
    held_out: Path | None
    description: MitigatedDescription

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        says = self.description
        return {
            "model": str(self.model),
            "held_out": str(self.held_out) if self.held_out else None,
            "method": says.method,
            "constraint": says.constraint,
            "randomises": says.randomises,
            "needs_sensitive_features": says.needs_sensitive_features,
            "n_train": says.n_train,
            "notes": list(says.notes),
        }


def mitigate(
    model: str | Path | Opened,
    train: pd.DataFrame,
    *,
    target: str,
    positive_label: str,
    sensitive_features: Sequence[str],
    method: str,
    constraint: str = "demographic-parity",
    out: str | Path,
    held_out: pd.DataFrame | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    rules: Rules | None = None,
    declared: Declared = NOTHING,
    reading: Reading | None = None,
) -> MitigationResult:
    """Fits one of Fairlearn's mitigators on ``train`` and writes the folder ``out``.

    Parameters
    ----------
    model       : its path, or what ``evenhand.audit.worker.opening.open_model`` gave
    train       : rows with the model's inputs, the target and the sensitive features
    held_out    : rows to keep in the folder beside the model; they are not trained on
    seed        : of the mitigator's own random draws and of the draws of a randomised model
    options     : dials of the mitigator, see ``options.Mitigator``, e.g. {"eps": 0.02}
    reading     : names of groups that mean unknown, and bins; rows are read by it already
    rules       : limits of the worker that opens a path
    declared    : what the model does not say of itself; of an opened one, what it was opened with

    Raises InputError for a method that does not know the constraint or an option, a model that the
    method can't be applied to, and for what Fairlearn refuses (a group with one label, say);
    UnsafeModelError for a model that is refused or is not data alone.
    """
    asked = mitigator({"method": method, "constraint": constraint, "seed": seed, **(options or {})})
    chosen = asked.method
    opened = _opened(model, rules, declared)
    rows = _labelled(train, target)
    task = _task(opened.predictor, rows, target, positive_label, tuple(sensitive_features), reading)
    task = replace(
        task,
        parts=None if chosen == "threshold" else _parts(opened),
        constraint=asked.constraint,
        seed=asked.seed,
        options=asked.dials(),
    )
    with FolderWriter(out) as writer:
        try:
            with known_warnings_silenced(), rows_of_file(numbers_of(rows)):
                fitted = METHODS[chosen](task, writer)
        except ValueError as error:  # Fairlearn's and scikit-learn's word for data they refuse
            raise InputError(
                "{chosen}: {error}", remedy=as_is(_remedy(str(error))), chosen=chosen, error=error
            ) from error
        if chosen == "threshold":
            _copy_base(opened, writer)
        kept = None if held_out is None else csv_text(held_out).encode()
        if kept is not None:
            writer.write("held_out.csv", kept)
        described = _describe(task, fitted, opened, chosen, writer, notes)
        described = described.model_copy(update={"base_declared": _as_plain(declared)})
        writer.write_json("model.json", described.to_json())
        path = writer.commit()
    return MitigationResult(path, path / "held_out.csv" if kept is not None else None, described)


def _opened(model: str | Path | Opened, rules: Rules | None, declared: Declared) -> Opened:
    """The model in a worker. Raises for one that is not data alone, or that can't be mitigated."""
    from evenhand.audit.worker.opened import Opened
    from evenhand.audit.worker.opening import open_model

    opened = model if isinstance(model, Opened) else open_model(model, declared, rules=rules)
    name, predictor = opened.path, opened.predictor
    if opened.opening.get("trust") != "data":
        raise UnsafeModelError(
            "model {name} ({format}) is not data alone: a mitigated model keeps parts "
            "of it, and would be opened with less isolation than they need",
            remedy="mitigate a model folder of `evenhand train`, or a scikit-learn model that "
            "skops saved",
            name=name,
            format=predictor.format,
        )
    if predictor.task != "binary":
        raise InputError(
            "{name} is of task {task}; binary classifiers are mitigated",
            remedy="pass a binary classifier",
            name=name,
            task=predictor.task,
        )
    if "mitigation" in predictor.maker_says:
        raise InputError(
            "{name} is mitigated already", remedy="mitigate the model it came from", name=name
        )
    return opened


def _parts(opened: Opened) -> Any:
    from evenhand.audit.worker.opening import parts_of

    return parts_of(opened)


def _labelled(train: pd.DataFrame, target: str) -> pd.DataFrame:
    if target not in train.columns:
        raise InputError(
            "no target {target!r}", remedy=nearest(target, train.columns), target=target
        )
    rows = train[train[target].notna()]
    if rows.empty:
        raise InputError(
            "target {target!r} has no labels at all", remedy="name another target", target=target
        )
    return renumbered(rows.iloc[canonical_order(rows)])


_NAME_CLASSES = "if the model only numbers its classes, name them in its order: --classes no,yes"


def _task(
    predictor: Any,
    rows: pd.DataFrame,
    target: str,
    positive_label: str,
    features: tuple[str, ...],
    reading: Reading | None,
) -> Task:
    if not features:
        raise InputError(
            "whose groups are compared?", remedy="name sensitive features: --sensitive-features sex"
        )
    label = match_label(positive_label, predictor.classes)
    if label is None:
        raise InputError(
            "positive label {positive_label!r} is not a class of the model",
            remedy="{positive_label_2}; {name_classes}",
            positive_label=positive_label,
            positive_label_2=nearest(positive_label, predictor.classes),
            name_classes=_NAME_CLASSES,
        )
    for column in predictor.input_columns:
        if column not in rows.columns:
            raise InputError(
                "input {column!r} of the model is not in the data",
                remedy=nearest(column, rows.columns),
                column=column,
            )
    labels = [match_label(t, predictor.classes) for t in texts(rows[target])[0]]
    strange = next((t for t, m in zip(texts(rows[target])[0], labels, strict=True) if not m), None)
    if strange is not None:
        raise InputError(
            "label {strange!r} of target {target!r} is not a class of the model",
            remedy="{strange_2}; {name_classes}",
            strange=strange,
            target=target,
            strange_2=nearest(strange, predictor.classes),
            name_classes=_NAME_CLASSES,
        )
    import numpy as np

    is_positive = np.array([m == label for m in labels], dtype="int64")
    if is_positive.min() == is_positive.max():
        raise InputError(
            "target {target!r} has one class only", remedy="give rows of both", target=target
        )
    grouping = grouping_of(rows, features, reading or Reading())
    groups = group_texts(rows, features, grouping)
    return Task(
        predictor=predictor,
        rows=rows,
        is_positive=is_positive,
        groups=groups,
        target=target,
        positive_label=label,
        sensitive_features=features,
        grouping=grouping,
    )


def _remedy(message: str) -> str:
    if "degenerate" in message.lower():
        return phrase(
            "each group needs rows of both labels: name a coarser feature, or leave it out"
        )
    if "NaN" in message:
        return phrase("fill the missing cells before, or use a model that encodes them")
    return phrase("try another method, or other rows")


def _as_plain(declared: Declared) -> dict[str, Any]:
    return declared.model_dump(mode="json", exclude_defaults=True)


def _copy_base(opened: Opened, writer: FolderWriter) -> None:
    """The base model as the worker read it, without held-out rows and curves."""
    assert opened.copy is not None
    place = opened.copy.model
    if place.is_file():
        writer.write("base/model.skops", place.read_bytes())
        return
    for name in relative_files(place):
        file = place / name
        if file.is_file() and not file.is_symlink() and not name.startswith(_NOT_COPIED):
            writer.write(f"base/{name}", file.read_bytes())


def _describe(
    task: Task,
    fitted: FittedMitigation,
    opened: Opened,
    method: Method,
    writer: FolderWriter,
    notes: Sequence[str],
) -> MitigatedDescription:
    from evenhand.audit.files.canonical import digest_file

    predictor = task.predictor
    said = list(notes)
    if predictor.maker_says.get("privacy"):
        said.append(
            "the model was trained with differential privacy; mitigation read its rows without "
            "noise, so that the guarantee does not cover the mitigated model"
        )
    inputs = list(predictor.input_columns)
    if fitted.needs_sensitive:
        inputs += [f for f in task.sensitive_features if f not in inputs]
    files = {n: digest_file(writer.path / n) for n in relative_files(writer.path)}
    return MitigatedDescription(
        name=f"{predictor.maker_says.get('name') or Path(opened.path).stem}-{method}",
        method=method,
        constraint=task.constraint,
        classes=(predictor.classes[0], predictor.classes[1]),
        positive_label=task.positive_label,
        target=task.target,
        sensitive_features=task.sensitive_features,
        input_columns=tuple(inputs),
        grouping=task.grouping,
        randomises=fitted.randomises,
        needs_sensitive_features=fitted.needs_sensitive,
        draw_seed=task.seed,
        rules=fitted.rules,
        parts=fitted.parts,
        network=fitted.network,
        removal=fitted.removal,
        options={**fitted.options, "seed": task.seed},
        n_train=len(task.rows),
        training_data_digest=digest_bytes(csv_text(task.rows).encode()),
        base={"name": str(predictor.maker_says.get("name") or ""), "digest": opened.digest},
        notes=(*said, *fitted.notes),
        versions=library_versions("fairlearn", "scikit-learn", "skops", "torch", "safetensors"),
        files=files,
    )
