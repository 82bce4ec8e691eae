"""What the ledger says of a private run: its opening line, its closing line, and what lies outside
the guarantee."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evenhand.trainers import ledger
from evenhand.trainers.folder_writer import library_versions
from evenhand.trainers.pretrained import overlap_statement

if TYPE_CHECKING:
    from evenhand.trainers.prepared import Prepared
    from evenhand.trainers.private import Plan


def opening_entry(
    plan: Plan,
    dataset_digest: str,
    outside: tuple[str, ...],
    *,
    preprocessing: Mapping[str, str] | None = None,
    start_step: int = 0,
) -> ledger.Opened:
    """The ledger's opening line for a plan, or for what is left of it after ``start_step``."""
    from evenhand.trainers.private import SAMPLER

    left = plan.steps - start_step
    cost = plan.cost_after(left)
    return ledger.Opened(
        dataset_digest=dataset_digest,
        n_train=plan.n_train,
        unit=plan.unit.name,
        adjacency=plan.unit.adjacency,
        sampler=SAMPLER,
        accountant=cost.accountant,
        noise=plan.noise,
        noise_multiplier=plan.noise_multiplier,
        max_grad_norm=plan.max_grad_norm,
        sample_rate=plan.sample_rate,
        delta=plan.delta,
        planned_steps=left,
        epsilon=cost.epsilon,
        epsilon_rdp=cost.epsilon_rdp,
        outside_guarantee=outside,
        warnings=plan.warnings,
        versions=library_versions("torch", "opacus", "numpy", "scipy"),
        start_step=start_step,
        not_certified=plan.not_certified,
        grad_sample_mode=plan.grad_sample_mode,
        world_size=plan.world_size,
        preprocessing=dict(preprocessing or {}),
        unit_column=plan.unit.column,
        rows_per_unit=plan.unit.rows,
        physical_batch_size=plan.physical_batch_size,
        memory=plan.memory.to_json() if plan.memory else None,
    )


def closing_entry(
    plan: Plan, executed_steps: int, weights_digest: str, n_not_finite: int
) -> ledger.Closed:
    """The closing line of a segment in which ``executed_steps`` were taken."""
    cost = plan.cost_after(executed_steps)
    return ledger.Closed(
        executed_steps=executed_steps,
        epsilon=cost.epsilon,
        epsilon_rdp=cost.epsilon_rdp,
        weights_digest=weights_digest,
        n_not_finite=n_not_finite,
    )


def outside_guarantee(prepared: Prepared) -> tuple[str, ...]:
    """What the folder holds that was computed from the private rows without noise, in words."""
    recipe = prepared.recipe
    said = ["the number of training rows, their digest and the list of classes"]
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
    recipe: dict[str, Any], parameters: Any, dataset_digest: str, plan: Plan | None, world_size: int
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
            "n_train": plan.n_train,
            "steps": plan.steps,
        }
    return settings
