"""What the ledger store is told when a private run begins and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evenhand.trainers.ledger import record as ledger
from evenhand.trainers.versions import library_versions

if TYPE_CHECKING:
    from evenhand.trainers.private.plan import NoisePlan


def opening_entry(
    plan: NoisePlan,
    dataset_digest: str,
    outside: tuple[str, ...],
    *,
    preprocessing: Mapping[str, str] | None = None,
    start_step: int = 0,
) -> ledger.OpenedLedger:
    """The ledger's opening line for a plan, or for what is left of it after ``start_step``."""
    from evenhand.trainers.private.plan import SAMPLER

    left = plan.steps - start_step
    spending = plan.spending_after(left)
    return ledger.OpenedLedger(
        dataset_digest=dataset_digest,
        n_train=plan.stated_rows,
        unit=plan.unit.name,
        adjacency=plan.unit.adjacency,
        sampler=SAMPLER,
        accountant=spending.accountant,
        noise=plan.noise,
        noise_multiplier=plan.noise_multiplier,
        max_grad_norm=plan.max_grad_norm,
        sample_rate=plan.sample_rate,
        delta=plan.delta,
        planned_steps=left,
        epsilon=spending.epsilon,
        epsilon_rdp=spending.epsilon_rdp,
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
    plan: NoisePlan, executed_steps: int, weights_digest: str, n_not_finite: int
) -> ledger.Closed:
    """The closing line of a segment in which ``executed_steps`` were taken."""
    spending = plan.spending_after(executed_steps)
    return ledger.Closed(
        executed_steps=executed_steps,
        epsilon=spending.epsilon,
        epsilon_rdp=spending.epsilon_rdp,
        weights_digest=weights_digest,
        n_not_finite=n_not_finite,
    )
