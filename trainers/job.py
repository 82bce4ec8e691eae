"""Training from start to finish: a recipe in, a model folder and a result out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.folder_writer import FolderWriter
from trainers.model_description import ModelDescription
from trainers.recipe import Recipe, as_recipe
from trainers.tabular import prepare, train_tabular

if TYPE_CHECKING:
    from trainers.fit import Progress


@dataclass(frozen=True)
class TrainResult:
    """A trained model and what it came to; ``epsilon`` and the like are None in plain training.

    Test measures are on the held-out rows; ``majority_share`` is what always guessing the
    commonest class gets there. ``curves`` are points of epoch, training loss (nat; kept back in
    private training unless the recipe says otherwise) and epsilon so far. ``notes`` say what was
    done to the rows, and warnings about the budget.
    """

    model: Path
    held_out: Path | None
    epsilon: float | None
    delta: float | None
    accountant: str | None
    test_accuracy: float
    test_balanced_accuracy: float
    majority_share: float
    n_train: int
    n_test: int
    seconds: float
    curves: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    privacy: Mapping[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            **{k: v for k, v in vars(self).items() if k not in ("model", "held_out")},
            "model": str(self.model),
            "held_out": str(self.held_out) if self.held_out else None,
            "curves": [dict(point) for point in self.curves],
            "notes": list(self.notes),
            "privacy": dict(self.privacy) if self.privacy else None,
        }


def train(
    recipe: Recipe | Mapping[str, Any] | str | Path,
    *,
    out: str | Path,
    progress: Progress | None = None,
) -> TrainResult:
    """Trains what ``recipe`` (a Recipe, a mapping, or a path to YAML) says into the folder ``out``.

    ``progress(epoch, epochs, loss, epsilon or None)`` is called after each epoch; in private
    training the loss is for the operator alone, since it is computed without noise.

    Raises InputError (among others where ``out`` exists already); the folder appears whole or not
    at all.
    """
    started = time.perf_counter()
    task = prepare(as_recipe(recipe))
    with FolderWriter(out) as writer:
        description = train_tabular(task, writer, progress)
        path = writer.commit()
    return _result(path, description, task.notes, time.perf_counter() - started)


def _result(
    path: Path, description: ModelDescription, notes: tuple[str, ...], seconds: float
) -> TrainResult:
    import json

    privacy = description.privacy or {}
    points = json.loads((path / "curves.json").read_text("utf-8"))["points"]
    held_out = path / "held_out.csv"
    return TrainResult(
        model=path,
        held_out=held_out if held_out.exists() else None,
        epsilon=privacy.get("epsilon"),
        delta=privacy.get("delta"),
        accountant=privacy.get("accountant"),
        test_accuracy=description.test.accuracy,
        test_balanced_accuracy=description.test.balanced_accuracy,
        majority_share=description.test.majority_share,
        n_train=description.n_train,
        n_test=description.n_test,
        seconds=seconds,
        curves=tuple(points),
        notes=(*notes, *privacy.get("warnings", ())),
        privacy=description.privacy,
    )
