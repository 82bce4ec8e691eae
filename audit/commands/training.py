"""evenhand train: a recipe in, a model folder out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.errors import OK, InputError, InterruptedRunError

if TYPE_CHECKING:
    from evenhand.trainers import TrainResult
    from evenhand.trainers.recipe.recipe import Recipe


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="tabular, image, text-classification, text-generation, or a recipe.yaml.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="CSV, Parquet or JSONL, or a named data set (loanapp, adult:FOLDER)."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="binary (default), multiclass or regression; tabular.")
    ] = None,
    test_data: Annotated[
        str | None, typer.Option(help="Table or text to test on, instead of a share of --data.")
    ] = None,
    validation_data: Annotated[
        str | None, typer.Option(help="The same for validation after each epoch.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    positive_label: Annotated[str | None, typer.Option(help="Label counted as positive.")] = None,
    sensitive: Annotated[
        list[str] | None, typer.Option(help="Sensitive features: kept out of the inputs.")
    ] = None,
    inputs: Annotated[list[str] | None, typer.Option(help="Input columns (default: the rest).")] = (
        None
    ),
    unit_column: Annotated[
        str | None,
        typer.Option(help="Column that tells persons apart: held out whole, protected whole."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Of tables mlp (default), linear, logistic, gradient-boosting or random-forest; "
            "of images cnn, mlp or scattering_linear; of texts text_classifier or "
            "text_transformer, to generate causal_transformer or lstm_generator."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column of texts (default: text).")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a plain text file (utf-8).")] = None,
    tokens: Annotated[str | None, typer.Option(help="words, characters or byte-pair.")] = None,
    vocabulary: Annotated[
        str | None, typer.Option(help="Public: ascii, a file of tokens, or an encoder.json.")
    ] = None,
    vocabulary_size: Annotated[int | None, typer.Option(help="Tokens learnt, at most.")] = None,
    public_data: Annotated[
        str | None, typer.Option(help="Public texts to learn the vocabulary from.")
    ] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens kept of a text.")] = None,
    passage: Annotated[int | None, typer.Option(help="Characters a row of plain text.")] = None,
    out: Annotated[Path | None, typer.Option(help="Model folder to write.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training rows.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows a step (expected, if private).")
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd, adam or rmsprop.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Step size.")] = None,
    momentum: Annotated[float | None, typer.Option(help="Of SGD and RMSprop.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="constant, cosine, step, one-cycle or warmup.")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="L2 penalty.")] = None,
    l1: Annotated[float | None, typer.Option(help="L1 penalty.")] = None,
    class_weight: Annotated[
        str | None, typer.Option(help="balanced: rare classes count as much as common ones.")
    ] = None,
    validation_share: Annotated[
        float | None, typer.Option(help="Share of rows to look at after each epoch.")
    ] = None,
    early_stopping: Annotated[
        int | None, typer.Option(help="Epochs without improvement on validation rows.")
    ] = None,
    init_from: Annotated[str | None, typer.Option(help="Model folder to start from.")] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(help="Layers of it that stay as they are.")
    ] = None,
    test_share: Annotated[float | None, typer.Option(help="Share of rows held out (0.3).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of split, start and batches.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Differential privacy (DP-SGD).")] = (
        False
    ),
    epsilon: Annotated[float | None, typer.Option(help="Privacy budget; needs --private.")] = None,
    delta: Annotated[float | None, typer.Option(help="Must be below 1/n; needs --private.")] = None,
    max_grad_norm: Annotated[float | None, typer.Option(help="Clipping norm.")] = None,
    noise_multiplier: Annotated[
        float | None, typer.Option(help="Noise, instead of epsilon.")
    ] = None,
    max_rows_per_unit: Annotated[
        int | None, typer.Option(help="Training rows a person may have (1); see --unit-column.")
    ] = None,
    memory_limit: Annotated[
        str | None, typer.Option(help="Of a step, such as 2GiB (half of what is free).")
    ] = None,
    physical_batch_size: Annotated[
        int | None, typer.Option(help="Rows in memory at once, instead of --memory-limit.")
    ] = None,
    noise_seed: Annotated[
        int | None, typer.Option(help="Repeatable noise: the run is not certified.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run of this --out.")
    ] = False,
    confined: Annotated[
        bool, typer.Option("--confined", help="A recipe may name files in its own folder alone.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would do and cost; train nothing.")
    ] = False,
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
) -> int:
    """Train a model, plainly or with differential privacy, into a model folder."""
    given = _given(locals())
    from evenhand.trainers import train as run_training

    asked = _asked(recipe, given, confined=confined, quiet=quiet)
    if plan:
        return _plan(asked, as_json=as_json)
    if out is None:
        raise InputError("where should the model go?", remedy="pass --out FOLDER")
    with sh.progress_bar("train", quiet=quiet) as progress:
        try:
            result = run_training(asked, out=out, progress=_epochs(progress), resume=resume)
        except KeyboardInterrupt as stopped:
            raise _interrupted(stopped, out) from stopped
    _show(result, as_json=as_json)
    return OK


def _asked(recipe: str, given: dict[str, Any], *, confined: bool, quiet: bool) -> Recipe:
    """What to train: of a kind, by options; or by a recipe file, which options may add little to.

    A word that is a kind is the kind; whatever else is named is a recipe where it is a file.
    """
    from evenhand.trainers.recipe.recipe import Kind, as_recipe, read_recipe

    is_file = recipe.endswith((".yaml", ".yml")) or Path(recipe).is_file()
    if recipe in get_args(Kind) or not is_file:
        if confined:
            raise InputError("--confined is of a recipe file", remedy="leave it out")
        return as_recipe({"kind": recipe, **given})
    others = sorted(set(given) - {"data", "seed", "vocabulary"})
    if others:
        raise InputError(
            f"{recipe} says how to train; {', '.join(others)} would contradict it",
            remedy="change the recipe, or pass options without one",
        )
    return read_recipe(
        recipe,
        data=given.get("data"),
        seed=given.get("seed"),
        vocabulary=given.get("vocabulary"),
        confined=confined,
        say=lambda message: sh.say(message, quiet=quiet),
    )


def _interrupted(stopped: KeyboardInterrupt, out: Path) -> InterruptedRunError:
    """What is left of the run, and how to go on with it."""
    from evenhand.trainers.fitting.checkpoint import unfinished_folder

    said = "; ".join(["interrupted", *getattr(stopped, "__notes__", ())])
    goes_on = unfinished_folder(out).is_dir()
    remedy = "go on with: the same command and --resume" if goes_on else "start it again"
    return InterruptedRunError(said, remedy=remedy)


# What is asked of the run, and not of the recipe.
_OF_THE_RUN = ("recipe", "out", "resume", "confined", "plan", "as_json", "quiet")
_LISTS = ("sensitive", "inputs", "freeze")
_PRIVATE = (
    "epsilon",
    "delta",
    "max_grad_norm",
    "noise_multiplier",
    "memory_limit",
    "physical_batch_size",
    "max_rows_per_unit",
    "noise_seed",
)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as a recipe has them: their names are its own."""
    found = {k: v for k, v in options.items() if v is not None and k not in _OF_THE_RUN}
    for name in set(_LISTS) & set(found):
        found[name] = sh.split(found[name])
    is_private = found.pop("private")
    dials = {k: found.pop(k) for k in _PRIVATE if k in found}
    if dials and not is_private:
        raise InputError(
            f"{', '.join(sorted(dials))} given without --private",
            remedy="add --private, or leave them out",
        )
    return {**found, "private": dials} if is_private else found


def _plan(asked: Any, *, as_json: bool) -> int:
    from evenhand.audit.commands.parts.tables import show
    from evenhand.trainers.plan import plan

    told = plan(asked)
    if as_json:
        sh.print_json(told)
        return OK
    show(f"{told['model']} on {told['n_train']} rows, {told['n_test']} held out")
    private, estimate = told["private"], told["estimate"]
    if private:
        show(
            f"privacy: epsilon {private['epsilon']:.3f}, delta {private['delta']:g}, noise "
            f"multiplier {private['noise_multiplier']:.3f} over {private['steps']} steps"
        )
        together = private["composition"]
        show(f"protects: {private['adjacency']}")
        memory = private["memory"]
        if memory:
            show(
                f"memory: {memory['bytes_per_row']:,.0f} bytes a row of a step, limit "
                f"{memory['limit_bytes']:,} ({memory['limit_is']}): "
                f"{private['physical_batch_size'] or 'all'} rows at once"
            )
        show(f"with {together['runs']} runs on these rows: epsilon {together['epsilon']:.3f}")
        for item in (*private["outside_guarantee"], *private["not_certified"]):
            show(f"outside the guarantee: {item}")
    if estimate:
        show(f"about {estimate['wall_s']:.0f} s and {estimate['energy_j']:.0f} joule (estimated)")
    return OK


def _epochs(progress: Any) -> Any:
    from evenhand.trainers.fitting.progress import words

    def report(epoch: int, epochs: int, *told: Any) -> None:
        progress(words(epoch, epochs, *told), epoch - 1, epochs)

    return report


_HEADLINES = {
    "accuracy": "accuracy",
    "rmse": "root mean squared error",
    "bits_per_character": "bits per character",
    "perplexity": "perplexity",
}


def _show(result: TrainResult, *, as_json: bool) -> None:
    from evenhand.audit.commands.parts.tables import show

    if as_json:
        sh.print_json(result.to_json())
        return
    told = result.to_json()
    show(f"model: {told['model']}")
    for name, words in _HEADLINES.items():
        if told["test"].get(name) is not None:
            show(f"test {words}: {told['test'][name]:.4f} on {told['n_test']} held-out rows")
    if told.get("epsilon") is not None:
        show(
            f"privacy: epsilon {told['epsilon']:.3f}, delta {told['delta']:g} "
            f"({told['accountant']} accountant)"
        )
    if told.get("held_out"):
        show(f"Next: {_next(Path(told['model']), told['held_out'])}")


def _next(model: Path, held_out: str) -> str:
    """The audit of the model on the rows it has not seen, to copy."""
    says = json.loads((model / "model.json").read_text("utf-8"))
    options = {
        "--target": says.get("target"),
        "--positive-label": says.get("positive_label"),
        "--sensitive": ",".join(says.get("sensitive_features") or ()),
    }
    given = [f"{name} {shlex.quote(str(value))}" for name, value in options.items() if value]
    return shlex.join(["evenhand", "audit", str(model), "--data", held_out]) + "".join(
        f" {option}" for option in given
    )


COMMANDS = (Command("train", train, order=20),)
