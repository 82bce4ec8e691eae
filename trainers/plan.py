"""What a training run would do and cost, before it starts: nothing is trained, nothing is spent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.trainers.examples import seeded
from evenhand.trainers.fitting import energy
from evenhand.trainers.job import prepare
from evenhand.trainers.private.bracket import Segment
from evenhand.trainers.private.memory import fit_to_memory
from evenhand.trainers.recipe.recipe import ESTIMATORS, Recipe, as_recipe

if TYPE_CHECKING:
    from evenhand.trainers.data.prepared import Prepared
    from evenhand.trainers.examples import Examples
    from evenhand.trainers.private.plan import NoisePlan

_MOST_ROWS = 256  # of a step that is timed


def plan(recipe: Recipe | Mapping[str, Any] | str | Path) -> dict[str, Any]:
    """The plan of a recipe as plain JSON types.

    ``private`` is None in plain training; else noise, steps, epsilon and delta, what lies outside
    the guarantee, and the composition with earlier runs on the same rows as it would be afterwards.
    ``estimate`` times one step on made-up rows; None for scikit-learn's estimators.

    Raises InputError as ``train`` does before its first step.
    """
    prepared = prepare(as_recipe(recipe))
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

    private = plan_of(settings, len(prepared.train)) if settings.private else None
    batch = min(settings.descent.batch_size, len(prepared.train))
    steps = private.steps if private else settings.descent.epochs * -(-len(prepared.train) // batch)
    with seeded(settings.seed):
        module, made_up, n_weights = _network(prepared, is_private=private is not None)
        if private and settings.private:
            private = fit_to_memory(private, module, made_up, settings.private.memory_limit)
        rows_a_step = private.expected_batch_size if private else float(batch)
        estimate = _estimate(prepared, module, made_up, private, steps, rows_a_step)
    return planned | {
        "architecture": network_parameters(settings, prepared.architecture_defaults),
        "n_weights": n_weights,
        "epochs": settings.descent.epochs,
        "steps": steps,
        "private": _private(prepared, private) if private else None,
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


def _network(prepared: Prepared, *, is_private: bool) -> tuple[Any, Callable[[int], Examples], int]:
    """What would be trained, as it is trained; what makes up so many rows for it; and how many
    weights the whole network has."""
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
    n_weights = sum(p.numel() for p in module.parameters())
    return head, lambda n: made_up_examples(one, n_outputs, parameters, n), n_weights


def _estimate(
    prepared: Prepared,
    module: Any,
    made_up: Callable[[int], Examples],
    planned: NoisePlan | None,
    steps: int,
    rows_a_step: float,
) -> dict[str, Any]:
    import torch

    from evenhand.trainers.fitting.cost import run_flops

    n = max(1, min(_MOST_ROWS, round(rows_a_step)))
    seconds = _seconds_a_step(module, made_up(n), planned) * rows_a_step / n * steps
    flops, method = run_flops(prepared, steps * rows_a_step) or (None, "")
    return {
        "wall_s": seconds,
        **energy.estimate(seconds),
        "flops": flops,
        "flops_method": method,
        "threads": torch.get_num_threads(),
    }


def _seconds_a_step(module: Any, like: Any, planned: NoisePlan | None) -> float:
    """Seconds of one step over ``like``: the least of five, since other work on the machine and a
    first step's preparations only add to it."""
    import torch

    from evenhand.trainers.examples import example_losses
    from evenhand.trainers.fitting.loop import plain_step
    from evenhand.trainers.private.noise import entropy_generator
    from evenhand.trainers.private.wrapping import known_warnings_silenced, wrap

    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=0.0)
    take, network = plain_step(optimizer, torch.mean), module.train()
    if planned is not None:
        parts = wrap(
            module, optimizer, planned, noise=entropy_generator(), sampling=entropy_generator()
        )
        take, network = parts.take, parts.module
    rows, times = torch.arange(len(like)), []
    with known_warnings_silenced():
        for _ in range(5):
            started = time.perf_counter()
            take(lambda at: example_losses(network, like, at), rows)
            times.append(time.perf_counter() - started)
    return min(times)
