"""What a training run would do and cost, before it starts: nothing is trained, nothing is spent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.trainers.examples import seeded
from evenhand.trainers.fitting import energy, forecast
from evenhand.trainers.fitting.forecast import Clock, Rehearsed
from evenhand.trainers.job import prepare
from evenhand.trainers.private.bracket import Segment
from evenhand.trainers.private.memory import fit_to_memory
from evenhand.trainers.recipe.recipe import ESTIMATORS, Recipe, as_recipe

if TYPE_CHECKING:
    from evenhand.trainers.data.prepared import Prepared
    from evenhand.trainers.private.plan import NoisePlan


def plan(recipe: Recipe | Mapping[str, Any] | str | Path) -> dict[str, Any]:
    """The plan of a recipe as plain JSON types.

    ``private`` is None in plain training; else noise, steps, epsilon and delta, what lies outside
    the guarantee, and the composition with earlier runs on the same rows as it would be afterwards.
    ``estimate`` adds up the parts of a run (``parts_s``), timed on made-up rows; None for
    scikit-learn's estimators.

    Raises InputError as ``train`` does before its first step.
    """
    clock = Clock()
    prepared = clock.time("prepare", lambda: prepare(as_recipe(recipe)))
    settings = prepared.recipe
    planned: dict[str, Any] = {
        "name": prepared.name,
        "kind": settings.kind,
        "task": prepared.task,
        "model": settings.model,
        "n_train": len(prepared.train),
        "n_test": len(prepared.test),
        "notes": list(prepared.notes),
        "private": None,
        "estimate": None,
    }
    if settings.model in ESTIMATORS:
        return planned
    from evenhand.trainers.fitting.networks import network_parameters, plan_of

    private = None
    if settings.private:
        private = clock.time("noise", lambda: plan_of(settings, len(prepared.train)))
    batch = min(settings.descent.batch_size, len(prepared.train))
    steps = private.steps if private else settings.descent.epochs * -(-len(prepared.train) // batch)
    with seeded(settings.seed):
        network, n_weights = clock.time(
            "build", lambda: _network(prepared, is_private=private is not None)
        )
        if private and settings.private:
            most = settings.private.memory_limit
            fitted = (private, network.head, network.made_up, most)
            private = clock.time("memory", lambda: fit_to_memory(*fitted))
        rows_a_step = private.expected_batch_size if private else float(batch)
        composed = clock.time("composing", lambda: _private(prepared, private)) if private else None
        estimate = _estimate(prepared, network, private, clock, steps, rows_a_step)
    return planned | {
        "architecture": network_parameters(settings, prepared.architecture_defaults),
        "n_weights": n_weights,
        "epochs": settings.descent.epochs,
        "steps": steps,
        "private": composed,
        "estimate": estimate,
    }


def _private(prepared: Prepared, planned: NoisePlan) -> dict[str, Any]:
    from evenhand.trainers.fitting.statements import outside_guarantee, preprocessing_of
    from evenhand.trainers.private.plan import SAMPLER

    return {
        "epsilon": planned.spending.epsilon,
        "epsilon_rdp": planned.spending.epsilon_rdp,
        "accountant": planned.spending.accountant,
        "delta": planned.delta,
        "unit": planned.unit.name,
        "adjacency": planned.unit.adjacency,
        "max_rows_per_unit": planned.unit.rows if planned.unit.column else None,
        "sampler": SAMPLER,
        "noise": planned.noise,
        "noise_multiplier": planned.noise_multiplier,
        "max_grad_norm": planned.max_grad_norm,
        "sample_rate": planned.sample_rate,
        "expected_batch_size": planned.expected_batch_size,
        "physical_batch_size": planned.physical_batch_size,
        "memory": planned.memory.to_json() if planned.memory else None,
        "steps": planned.steps,
        "grad_sample_mode": planned.grad_sample_mode,
        "is_certified": not planned.not_certified,
        "not_certified": list(planned.not_certified),
        "outside_guarantee": list(outside_guarantee(prepared)),
        "preprocessing": preprocessing_of(prepared),
        "warnings": list(planned.warnings),
        "composition": _composition(prepared, planned),
    }


def _composition(prepared: Prepared, planned: NoisePlan) -> dict[str, Any]:
    """What all runs on these rows would cost together; without a store this is the first one."""
    from evenhand.trainers.data.rows import rows_of
    from evenhand.trainers.ledger.store import LedgerStore

    store = LedgerStore()
    if not store.exists:
        alone = {"state": "known", "epsilon": planned.spending.epsilon, "runs": 1, "overlap": 0.0}
        return {**alone, "unit": planned.unit.name}
    segment = Segment(planned.noise_multiplier, planned.sample_rate, planned.steps)
    rows = store.row_set(rows_of(prepared))
    return store.composition(
        rows, delta=planned.delta, planned=(segment,), unit=planned.unit
    ).to_json()


def _network(prepared: Prepared, *, is_private: bool) -> tuple[Rehearsed, int]:
    """What would be trained, as it is trained, and how many weights the whole network has."""
    from evenhand.trainers.architectures import architecture
    from evenhand.trainers.examples import made_up_examples
    from evenhand.trainers.fitting.networks import network_parameters, split_frozen, through

    asked, n_outputs = prepared.recipe, prepared.n_outputs
    parameters = network_parameters(asked, prepared.architecture_defaults)
    chosen = architecture(asked.model)
    module = chosen.build(prepared.input_shape, n_outputs, parameters)
    body, head = split_frozen(chosen, module)
    one = through(body, made_up_examples(prepared.train, n_outputs, parameters, 1))
    to_private = getattr(chosen, "to_private", None)
    if is_private and to_private:
        head = to_private(head)
    rehearsed = Rehearsed(
        head,
        body,
        raw=lambda n: made_up_examples(prepared.train, n_outputs, parameters, n),
        made_up=lambda n: made_up_examples(one, n_outputs, parameters, n),
    )
    return rehearsed, sum(p.numel() for p in module.parameters())


def _estimate(
    prepared: Prepared,
    network: Rehearsed,
    planned: NoisePlan | None,
    clock: Clock,
    steps: int,
    rows_a_step: float,
) -> dict[str, Any]:
    import torch

    from evenhand.trainers.fitting.cost import run_flops

    one = network.made_up(1)
    flops, method = run_flops(prepared, steps * rows_a_step, (network.head, one)) or (None, "")
    seconds = {
        **clock.seconds,
        **forecast.parts(prepared, network, planned, steps=steps, rows_a_step=rows_a_step),
    }
    wall_s = forecast.total(seconds)
    return {
        "wall_s": wall_s,
        "parts_s": seconds,
        **energy.estimate(wall_s),
        "flops": flops,
        "flops_method": method,
        "threads": torch.get_num_threads(),
    }
