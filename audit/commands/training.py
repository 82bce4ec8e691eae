"""evenhand train: a recipe in, a model folder out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, of, option, takes
from evenhand.audit.data.written.declared import READS, Reading, typed
from evenhand.audit.errors import OK, InputError, InterruptedRunError
from evenhand.audit.words.numbers import at_most, duration, number
from evenhand.audit.words.phrases import as_is, phrase
from evenhand.trainers.private.dials import Private
from evenhand.trainers.recipe.recipe import Recipe
from evenhand.trainers.recipe.running import Training

if TYPE_CHECKING:
    from evenhand.trainers import TrainResult


# What a recipe also takes in place of a mapping: a name, a number of epochs, a size in words; and
# --private, which says that there are dials of privacy.
_OF_THE_RECIPE = Derived(
    Recipe,
    kinds={"schedule": str, "early_stopping": int, "private": bool},
    reads=READS,
    leave_out=("kind",),
)
_OF_PRIVACY = Derived(Private, kinds={"memory_limit": str})


@takes(_OF_THE_RECIPE, _OF_PRIVACY, Derived(Training))
def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="tabular, image, text-classification, text-generation, or a recipe.yaml.",
        ),
    ],
    *,
    options: dict[str, Any],
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
) -> int:
    """Train a model, plainly or with differential privacy, into a model folder."""
    from evenhand.trainers import train as run_training

    how = Training(**of(Training, options))
    settings = {k: v for k, v in options.items() if k not in Training.model_fields}
    asked = _asked(recipe, _with_dials(settings), confined=how.confined, quiet=quiet)
    if how.plan:
        return _plan(asked, as_json=as_json, quiet=quiet)
    with sh.progress_bar("train", quiet=quiet) as progress:
        try:
            result = run_training(asked, out=how.out, progress=_epochs(progress), resume=how.resume)
        except KeyboardInterrupt as stopped:
            raise _interrupted(stopped, how.out) from stopped
    sh.say_reading(result.columns, result.notes, quiet=quiet)
    _show(result, as_json=as_json)
    return OK


def _asked(recipe: str, options: dict[str, Any], *, confined: bool, quiet: bool) -> Recipe:
    """What to train: of a kind, by options; or by a recipe file, which options may add little to.

    A word that is a kind is the kind; whatever else is named is a recipe where it is a file.
    """
    from evenhand.trainers.recipe.recipe import Kind, as_recipe, read_recipe

    is_file = recipe.endswith((".yaml", ".yml")) or Path(recipe).is_file()
    if recipe in get_args(Kind) or not is_file:
        if confined:
            raise InputError("--confined is of a recipe file", remedy="leave it out")
        return as_recipe({"kind": recipe, **options})
    others = sorted(set(options) - {"data", "seed", "vocabulary", *Reading.model_fields})
    if others:
        raise InputError(
            "{recipe} says how to train; {others} would contradict it",
            remedy="change the recipe, or pass options without one",
            recipe=recipe,
            others=", ".join(others),
        )
    return read_recipe(
        recipe,
        data=options.get("data"),
        seed=options.get("seed"),
        vocabulary=options.get("vocabulary"),
        reading=of(Reading, options),
        confined=confined,
        say=lambda message: sh.say(message, quiet=quiet),
    )


def _interrupted(stopped: KeyboardInterrupt, out: Path | None) -> InterruptedRunError:
    """What is left of the run, and how to go on with it."""
    from evenhand.trainers.fitting.checkpoint import unfinished_folder

    notes: list[str] = getattr(stopped, "__notes__", [])
    said = "; ".join(["interrupted", *notes])
    goes_on = any("--out" in n for n in notes) if out is None else unfinished_folder(out).is_dir()
    remedy = "go on with: the same command and --resume" if goes_on else "start it again"
    return InterruptedRunError(as_is(said), remedy=as_is(remedy))


def _with_dials(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as a recipe has them: the dials of privacy below ``private``."""
    settings = dict(given)
    is_private = settings.pop("private", False)
    dials = {k: settings.pop(k) for k in Private.model_fields if k in settings}
    if dials and not is_private:
        raise InputError(
            "{dials} given without --private",
            remedy="add --private, or leave them out",
            dials=", ".join(sorted(dials)),
        )
    return {**settings, "private": dials} if is_private else settings


def _plan(asked: Any, *, as_json: bool, quiet: bool) -> int:
    from evenhand.audit.commands.parts.tables import show
    from evenhand.trainers.plan import plan

    planned = plan(asked)
    for note in planned["notes"]:
        sh.say(phrase("note: {note}", note=note), quiet=quiet)
    if as_json:
        sh.print_json(planned)
        return OK
    show(
        phrase(
            "{model} on {n_train} rows, {n_test} held out",
            model=planned["model"],
            n_train=planned["n_train"],
            n_test=planned["n_test"],
        )
    )
    private, estimate = planned["private"], planned["estimate"]
    if private:
        _show_privacy(private)
    if estimate:
        joule = number(estimate["energy_j"])
        show(
            phrase(
                "about {wall_s} and {joule} joule (estimated)",
                wall_s=duration(estimate["wall_s"]),
                joule=joule,
            )
        )
    return OK


def _show_privacy(private: dict[str, Any]) -> None:
    from evenhand.audit.commands.parts.tables import show

    show(
        phrase(
            "privacy: epsilon {epsilon}, delta {delta}, noise multiplier "
            "{noise_multiplier} over {steps} steps",
            epsilon=at_most(private["epsilon"]),
            delta=at_most(private["delta"]),
            noise_multiplier=number(private["noise_multiplier"]),
            steps=private["steps"],
        )
    )
    together = private["composition"]
    show(phrase("protects: {adjacency}", adjacency=private["adjacency"]))
    memory = private["memory"]
    if memory:
        show(
            phrase(
                "memory: {bytes_per_row:,} bytes a row of a step, limit {limit_bytes:,} "
                "({limit_is}): {physical_batch_size} rows at once",
                bytes_per_row=round(memory["bytes_per_row"]),
                limit_bytes=memory["limit_bytes"],
                limit_is=memory["limit_is"],
                physical_batch_size=private["physical_batch_size"] or "all",
            )
        )
    show(
        phrase(
            "with {runs} runs on these rows: epsilon {epsilon}",
            runs=together["runs"],
            epsilon=at_most(together["epsilon"]),
        )
    )
    for item in (*private["outside_guarantee"], *private["not_certified"]):
        show(phrase("outside the guarantee: {item}", item=item))


def _epochs(progress: Any) -> Any:
    from evenhand.trainers.fitting.progress import words

    def report(epoch: int, epochs: int, *told: Any) -> None:
        progress(words(epoch, epochs, *told), epoch - 1, epochs)

    return report


def _show(result: TrainResult, *, as_json: bool) -> None:
    from evenhand.audit.commands.parts.tables import show

    if as_json:
        sh.print_json(result.to_json())
        return
    show(phrase("model: {model}", model=result.model))
    for line in result.headlines():
        show(line)
    if result.held_out is not None:
        show(phrase("Next: {result}", result=_next(result)))


def _next(result: TrainResult) -> str:
    """The audit of the model on the rows it has not seen, to copy."""
    words = ["evenhand", "audit", str(result.model)]
    for name, value in result.audit_options().items():
        words += [option(name), typed(value)]
    return shlex.join(words)


COMMANDS = (Command("train", train, order=20),)
