"""What a private step really takes: run by test_memory.py, each step in a process of its own.

Prints, a line a step, the growth of the process's peak resident memory over it, in bytes, and what
the plan said; a limit of 0 stands for none. One parent loads the libraries, its children step.
"""

from __future__ import annotations

import json
import os
import sys

import torch

from evenhand.trainers.architectures import architecture
from evenhand.trainers.examples import Examples, example_losses, made_up_examples
from evenhand.trainers.fitting.energy import peak_memory_bytes
from evenhand.trainers.private.dials import Private
from evenhand.trainers.private.memory import fit_to_memory
from evenhand.trainers.private.noise import entropy_generator
from evenhand.trainers.private.plan import plan_private
from evenhand.trainers.private.wrapping import known_warnings_silenced, wrap

ROWS, TOKENS, VOCABULARY = 320, 32, 65


def measure(mode: str, limit: int) -> None:
    torch.set_num_threads(1)
    chosen = architecture("causal_transformer")
    module = chosen.to_private(chosen.build((TOKENS,), VOCABULARY, {"vocabulary": VOCABULARY}))
    one = torch.zeros(1, TOKENS, dtype=torch.int64)
    example = Examples(one, one, torch.ones(1), "generation")

    def made_up(n: int) -> Examples:
        return made_up_examples(example, VOCABULARY, {"vocabulary": VOCABULARY}, n)

    plan = plan_private(
        Private(noise_multiplier=1.0),
        n_train=100 * ROWS,
        batch_size=ROWS,
        epochs=1,
        grad_sample_mode=mode,
    )
    if limit:
        plan = fit_to_memory(plan, module, made_up, limit)
    like = made_up(ROWS)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    parts = wrap(module, optimizer, plan, noise=entropy_generator(), sampling=torch.Generator())

    def step(n: int) -> None:
        rows = torch.arange(n)
        parts.take(lambda at: example_losses(parts.module, like, at), rows)

    with known_warnings_silenced():
        step(1)  # what is loaded and set up once is not the batch's
        before = peak_memory_bytes()
        step(ROWS)
    grown = peak_memory_bytes() - before
    use = plan.memory.to_json() if plan.memory else {}
    told = {"mode": mode, "limit": limit, "grown": grown, "at_once": plan.physical_batch_size}
    print(json.dumps({**told, **use}), flush=True)


def main(limit: int) -> None:
    import opacus.grad_sample  # noqa: F401 - loaded before the first fork

    import evenhand.trainers.private.dp_optimizers  # noqa: F401

    for mode in ("hooks", "ghost"):
        for each in (0, limit):
            child = os.fork()
            if child == 0:
                measure(mode, each)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0, (mode, each)


if __name__ == "__main__":
    main(int(sys.argv[1]))
