"""evenhand train: a recipe in, a model folder out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands import shared as sh
from audit.errors import OK, InputError

if TYPE_CHECKING:
    from trainers import TrainResult


def train(
    recipe: Annotated[str, typer.Argument(metavar="KIND", help="tabular, or a recipe.yaml.")],
    data: Annotated[
        str | None, typer.Option(help="CSV, Parquet or JSONL, or a named data set (loanapp).")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict.")] = None,
    positive_label: Annotated[str | None, typer.Option(help="Label counted as positive.")] = None,
    sensitive: Annotated[
        list[str] | None, typer.Option(help="Sensitive features: kept out of the inputs.")
    ] = None,
    inputs: Annotated[list[str] | None, typer.Option(help="Input columns (default: the rest).")] = (
        None
    ),
    model: Annotated[
        str | None, typer.Option(help="mlp, logistic or gradient-boosting (default: mlp).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Model folder to write.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training rows.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows a step (expected, if private).")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Step size.")] = None,
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
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
) -> int:
    """Train a model, plainly or with differential privacy, into a model folder."""
    from trainers import train as run_training
    from trainers.recipe import as_recipe, read_recipe

    dials = {
        "epsilon": epsilon,
        "delta": delta,
        "max_grad_norm": max_grad_norm,
        "noise_multiplier": noise_multiplier,
    }
    given = {
        "data": data,
        "target": target,
        "positive_label": positive_label,
        "sensitive": sh.split(sensitive),
        "inputs": sh.split(inputs),
        "model": model,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "test_share": test_share,
        "seed": seed,
        "private": _private(dials, private=private),
    }
    given = {k: v for k, v in given.items() if v is not None}
    if recipe.endswith((".yaml", ".yml")):
        if given:
            raise InputError(
                f"{recipe} says how to train; {', '.join(sorted(given))} would contradict it",
                remedy="change the recipe, or pass options without one",
            )
        asked = read_recipe(recipe)
    else:
        asked = as_recipe({"kind": recipe, **given})
    if out is None:
        raise InputError("where should the model go?", remedy="pass --out FOLDER")
    with sh.progress_bar("train", quiet=quiet) as progress:
        result = run_training(asked, out=out, progress=_epochs(progress))
    _show(result, as_json=as_json)
    return OK


def _private(dials: dict[str, float | None], *, private: bool) -> dict[str, float] | None:
    set_dials = {k: v for k, v in dials.items() if v is not None}
    if set_dials and not private:
        raise InputError(
            f"{', '.join(sorted(set_dials))} given without --private",
            remedy="add --private, or leave them out",
        )
    return set_dials if private else None


def _epochs(progress: Any) -> Any:
    def report(epoch: int, epochs: int, loss: float | None, epsilon: float | None) -> None:
        parts = [f"loss {loss:.4f}" if loss is not None else ""]
        parts += [f"epsilon {epsilon:.2f}" if epsilon is not None else ""]
        progress(" ".join(p for p in parts if p) or "epoch", epoch - 1, epochs)

    return report


def _show(result: TrainResult, *, as_json: bool) -> None:
    from audit.commands.tables import show

    if as_json:
        sh.print_json(result.to_json())
        return
    told = result.to_json()
    show(f"model: {told['model']}")
    show(f"test accuracy: {told['test_accuracy']:.4f} on {told['n_test']} held-out rows")
    if told.get("epsilon") is not None:
        show(
            f"privacy: epsilon {told['epsilon']:.3f}, delta {told['delta']:g} "
            f"({told['accountant']} accountant)"
        )
    if told.get("held_out"):
        show(f"Next: evenhand audit {told['model']} --data {told['held_out']} --target ... ")
