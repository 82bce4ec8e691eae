"""Training from start to finish: a recipe in, a model folder and a result out."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.trainers.fitting.checkpoint import unfinished_folder
from evenhand.trainers.fitting.energy import Meter, metered
from evenhand.trainers.fitting.measuring import chance_notes
from evenhand.trainers.folder.writing import FolderWriter, write_record
from evenhand.trainers.ledger.store import home
from evenhand.trainers.model_description import ModelDescription
from evenhand.trainers.recipe.recipe import ESTIMATORS, Recipe, as_recipe
from evenhand.trainers.result import TrainResult
from evenhand.trainers.versions import library_versions

if TYPE_CHECKING:
    from evenhand.trainers.data.prepared import Fitted, Prepared
    from evenhand.trainers.fitting.loop import Progress
    from evenhand.trainers.fitting.session import TrainingSession


def train(
    recipe: Recipe | Mapping[str, Any] | str | Path,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    resume: bool = False,
    checkpoint_every: int | None = None,
) -> TrainResult:
    """Trains what ``recipe`` (a Recipe, a mapping, or a path to YAML) says into the folder ``out``,
    by default a new one below EVENHAND_HOME/models.

    ``progress(epoch, epochs, loss, epsilon or None, seconds left)`` is called after each epoch; in
    private training the loss is None unless the recipe keeps it: it is computed without noise.

    Checkpoints are written to ``<out>.unfinished`` once a minute (or each ``checkpoint_every``
    steps) and on Ctrl-C; ``resume`` goes on from the last one.

    Raises InputError (among others where ``out`` exists already, and for settings that changed
    before resuming), KeyboardInterrupt after Ctrl-C, AlteredEvidenceError for a checkpoint or
    ledger store that was rolled back; the folder appears whole or not at all.

    >>> import evenhand
    >>> trained = evenhand.train({"data": "loanapp", "model": "logistic"})
    >>> trained.n_train + trained.n_test
    1989
    """
    started = time.perf_counter()
    prepared = prepare(as_recipe(recipe))
    if out is None and resume:
        raise InputError("which run goes on?", remedy="name its folder: out, or --out FOLDER")
    place = Path(out) if out is not None else _new_place(prepared)
    session = _session(prepared, place, resume=resume, every=checkpoint_every)
    with FolderWriter(place) as writer, metered() as meter:
        with _place_is_told(place, out is None):
            description, notes = train_prepared(prepared, writer, progress, session)
        cost = _cost(prepared, session, meter, writer)
        writer.write_json("cost.json", cost)
        path = writer.commit()
    if session is not None:
        session.finish()
    seconds = time.perf_counter() - started
    return _result(
        path, description, prepared.column_types, (*prepared.notes, *notes), seconds, cost
    )


@contextmanager
def _place_is_told(place: Path, is_chosen_here: bool) -> Iterator[None]:
    """Whoever interrupts learns where the run lies, where that was not said before."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        if is_chosen_here and unfinished_folder(place).is_dir():
            stopped.add_note(f"the run is kept: add --out {place}")
        raise


def _new_place(prepared: Prepared) -> Path:
    """A folder below EVENHAND_HOME/models that is not there yet."""
    name = f"{prepared.name}-{prepared.recipe.model}"
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-") or "model"
    stem = f"{plain[:60]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder, number = home() / "models", 1
    while True:
        place = folder / (stem if number == 1 else f"{stem}-{number}")
        if not place.exists() and not unfinished_folder(place).exists():
            return place
        number += 1


def _cost(
    prepared: Prepared, session: TrainingSession | None, meter: Meter, writer: FolderWriter
) -> dict[str, Any]:
    """What training cost; where the run was resumed, its last part alone."""
    import json

    from evenhand.trainers.fitting.cost import run_flops

    points = json.loads((writer.path / "curves.json").read_text("utf-8"))["points"]
    epochs = len(points) or 1
    flops = run_flops(prepared, float(epochs * prepared.stated_rows))
    is_whole = session is None or session.started_at == 0
    return {**meter.stop(flops).to_json(), "is_of_the_whole_run": is_whole}


def prepare(recipe: Recipe) -> Prepared:
    """Meets a recipe with its data, by the recipe's kind. Raises InputError."""
    kind = importlib.import_module(f"evenhand.trainers.kinds.{recipe.kind.replace('-', '_')}")
    prepared: Prepared = kind.prepare(recipe)
    return prepared


def take_part(
    recipe: Recipe | Mapping[str, Any] | str | Path, *, out: str | Path, resume: bool = False
) -> None:
    """Trains along with the first of several processes; writes nothing (trainers/command.py)."""
    from evenhand.trainers.fitting.networks import new_session, train_prepared_network

    prepared = prepare(as_recipe(recipe))
    folder = unfinished_folder(Path(out))
    with new_session(prepared, folder=folder, resume=resume, is_first=False) as session:
        train_prepared_network(prepared, None, session)


def _session(
    prepared: Prepared, out: Path, *, resume: bool, every: int | None
) -> TrainingSession | None:
    """The session of a network; an estimator is fitted in one go and has none."""
    if prepared.recipe.model in ESTIMATORS:
        if resume:
            raise InputError(
                "model {model!r} is fitted in one go: nothing can be resumed",
                remedy="leave --resume out",
                model=prepared.recipe.model,
            )
        return None
    from evenhand.trainers.fitting.networks import new_session

    return new_session(prepared, folder=unfinished_folder(out), resume=resume, every=every)


def train_prepared(
    prepared: Prepared,
    writer: FolderWriter,
    progress: Progress | None = None,
    session: TrainingSession | None = None,
) -> tuple[ModelDescription, tuple[str, ...]]:
    """Trains, tests on the held-out rows and fills the folder, which the caller commits; returns
    notes for whoever trains beside the description."""
    if prepared.recipe.model in ESTIMATORS:
        from evenhand.trainers.fitting.sklearn_models import fit_estimator

        fitted = fit_estimator(prepared, writer, progress)
    else:
        from evenhand.trainers.fitting.networks import fit_network

        fitted = fit_network(prepared, writer, progress, session)
    description = _describe(prepared, fitted)
    writer.write_json("split.json", _split_record(prepared))
    if prepared.held_out is not None:
        writer.write(prepared.held_out.file, prepared.held_out.content)
    notes = fitted.curve_notes or {}
    write_record(writer, description, prepared.recipe.to_json(), fitted.curve, notes)
    return description, (*fitted.notes, *chance_notes(fitted.test, len(prepared.classes)))


def _describe(prepared: Prepared, fitted: Fitted) -> ModelDescription:
    packages = ["numpy", "pandas", "scikit-learn", "skops"]
    if fitted.architecture:
        packages = ["numpy", "pandas", "torch", "safetensors"]
    if fitted.privacy:
        packages.append("opacus")
    return ModelDescription(
        format="evenhand-folder" if fitted.architecture else "skops",
        name=f"{prepared.name}-{prepared.recipe.model}",
        task=prepared.task,
        model=prepared.recipe.model,
        architecture=fitted.architecture,
        parameters=fitted.parameters,
        classes=prepared.classes,
        positive_label=prepared.positive_label,
        target=prepared.target,
        sensitive_features=prepared.sensitive_features,
        input_columns=prepared.input_columns,
        dataset=prepared.dataset,
        n_train=prepared.stated_rows,
        n_test=len(prepared.test),
        training_data_digest=prepared.training_digest,
        held_out_digest=prepared.held_out_digest,
        test=fitted.test,
        versions=library_versions(*packages),
        privacy=fitted.privacy,
        recipe=prepared.recipe.to_json(),
        source_digest=prepared.source_digest,
        target_scale=prepared.target_scale if fitted.architecture else None,
        pretrained=fitted.pretrained,
    )


def _split_record(prepared: Prepared) -> dict[str, Any]:
    """What split.json says. Of private rows it counts nothing: notes are for whoever trains,
    who sees them in the result."""
    notes = {"notes": list(prepared.notes)} if prepared.recipe.private is None else {}
    return {
        "schema": "evenhand-split/1",
        "seed": prepared.recipe.seed,
        "test_share": prepared.recipe.test_share,
        "validation_share": prepared.recipe.validation_share,
        **prepared.split,
        "n_train": prepared.stated_rows,
        "n_test": len(prepared.test),
        "training_data_digest": prepared.training_digest,
        "held_out_digest": prepared.held_out_digest,
        **notes,
    }


def _result(
    path: Path,
    description: ModelDescription,
    columns: Mapping[str, str],
    notes: tuple[str, ...],
    seconds: float,
    cost: Mapping[str, Any],
) -> TrainResult:
    import json

    privacy = description.privacy
    points = json.loads((path / "curves.json").read_text("utf-8"))["points"]
    held_out = next(iter(sorted(path.glob("held_out.*"))), None)
    test = description.test.model_dump(mode="json")
    return TrainResult(
        model=path,
        held_out=held_out,
        description=description,
        epsilon=privacy.epsilon if privacy else None,
        delta=privacy.delta if privacy else None,
        accountant=privacy.accountant if privacy else None,
        test=test,
        test_accuracy=test.get("accuracy"),
        test_balanced_accuracy=test.get("balanced_accuracy"),
        majority_share=test.get("majority_share"),
        n_train=description.n_train,
        n_test=description.n_test,
        seconds=seconds,
        curves=tuple(points),
        notes=(*notes, *(privacy.warnings if privacy else ())),
        columns=columns,
        privacy=privacy,
        cost=cost,
    )
