"""Floating-point operations of a recipe's run, for its plan and for cost.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.trainers.fitting.energy import flops_of
from evenhand.trainers.recipe.recipe import ESTIMATORS

if TYPE_CHECKING:
    from evenhand.trainers.data.prepared import Prepared
    from evenhand.trainers.examples import Examples


def run_flops(
    prepared: Prepared, examples_seen: float, built: tuple[Any, Examples] | None = None
) -> tuple[float, str] | None:
    """The estimate for a run that went through ``examples_seen`` examples, and how it was made;
    None for scikit-learn's estimators, whose operations nobody counts.

    The part of a network that is never trained is gone through once and left out. ``built`` is the
    rest of it with an example, where it was built already.
    """
    from evenhand.trainers.architectures import architecture
    from evenhand.trainers.examples import made_up_examples, seeded
    from evenhand.trainers.fitting.networks import network_parameters, split_frozen, through
    from evenhand.trainers.private.plan import GRAD_SAMPLE_MODE

    asked = prepared.recipe
    if asked.model in ESTIMATORS:
        return None
    chosen = architecture(asked.model)
    if built is not None:
        head, one = built
    else:
        parameters = network_parameters(asked, prepared.architecture_defaults)
        with seeded(asked.seed):
            module = chosen.build(prepared.input_shape, prepared.n_outputs, parameters)
            body, head = split_frozen(chosen, module)
            one = through(body, made_up_examples(prepared.train, prepared.n_outputs, parameters, 1))
    mode = getattr(chosen, "GRAD_SAMPLE_MODE", GRAD_SAMPLE_MODE) if asked.private else "plain"
    return flops_of(head, one.inputs, examples_seen=examples_seen, mode=mode)
