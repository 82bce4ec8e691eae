"""What the ledger says of a private run: its opening line, its closing line, and what lies outside
the guarantee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.trainers.fitting.starting import overlap_statement

if TYPE_CHECKING:
    from evenhand.trainers.data.prepared import Prepared
    from evenhand.trainers.private.plan import NoisePlan


def outside_guarantee(prepared: Prepared) -> tuple[str, ...]:
    """What the folder holds that was computed from the private rows without noise, in words."""
    recipe = prepared.recipe
    is_told = recipe.private is None or recipe.private.public_rows is None
    said = ["the digests of the training rows and of their file, and the list of classes"]
    if is_told:
        said.append(
            "the number of training rows, which sample rate, steps and the divisor of gradients "
            "follow (public_rows states another)"
        )
    said += prepared.outside_guarantee
    if recipe.class_weight == "balanced":
        said.append("class weights, from the class counts")
    if recipe.private is not None and recipe.private.keep_loss_curve:
        said.append("training losses by epoch (curves.json)")
    if prepared.validation is not None:
        said.append("validation rows and what was measured on them: they were not trained on")
    started = overlap_statement(prepared)
    if started is not None:
        said.append(started)
    said.append("hyper-parameters: how they were chosen is not known")
    said.append("held-out rows and what was measured on them: they were not trained on")
    return tuple(said)


def preprocessing_of(prepared: Prepared) -> dict[str, str]:
    """Where each input column's encoding comes from; {} for encoders without columns."""
    columns = [c for c in getattr(prepared.encoder, "columns", ()) if hasattr(c, "source")]
    if getattr(prepared, "pretrained", None) is not None:
        return {c.name: "from the pretrained model" for c in columns}
    return {c.name: c.source for c in columns}


def settings_of(
    recipe: dict[str, Any],
    parameters: Any,
    dataset_digest: str,
    plan: NoisePlan | None,
    world_size: int,
) -> dict[str, Any]:
    """What must not change between a run and its resuming: flat, so that an error can name it."""
    private = dict(recipe.get("private") or {})
    for how_alone in ("physical_batch_size", "memory_limit"):
        private.pop(how_alone, None)
    # Where the data lie may change, what they hold may not: their digest is compared.
    kept = {k: v for k, v in recipe.items() if k not in ("data", "keep_held_out", "private")}
    settings = {
        **kept,
        **{f"private.{k}": v for k, v in private.items()},
        "architecture": dict(parameters),
        "training_data_digest": dataset_digest,
        "processes": world_size,
    }
    if plan is not None:
        settings |= {
            "noise_multiplier": plan.noise_multiplier,
            "max_grad_norm": plan.max_grad_norm,
            "sample_rate": plan.sample_rate,
            "delta": plan.delta,
            "n_train": plan.stated_rows,
            "steps": plan.steps,
        }
    return settings
