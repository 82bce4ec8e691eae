"""Step time, private over plain: the same network, the same batch, one process, one thread.

Plain and private steps alternate, and the median of the paired ratios of processor time counts, so
that what else the machine does cancels out. Each network runs in the mode that its architecture
declares, through the same optimizer wrapping as training: clipping, noise (four draws a number, as
in Opacus' secure mode) and the update are part of a step. Both use SGD, the cheapest update.

What Opacus' hooks take, measured once: MLP 12.7, CNN 2.4, text 104, LSTM 17, Transformer 2.5.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pytest
import torch

from evenhand.trainers.architectures import architecture
from evenhand.trainers.examples import Examples
from evenhand.trainers.losses import per_example
from evenhand.trainers.private.dials import Private
from evenhand.trainers.private.plan import plan_private
from evenhand.trainers.private.wrapping import known_warnings_silenced, wrap

pytestmark = pytest.mark.bench
PAIRS, WARM_UP = 30, 5


@dataclass(frozen=True)
class Case:
    """``tokens`` is the length of a row of ids; None for images and tables of ``shape``."""

    name: str
    architecture: str
    must: float
    batch: int
    n_outputs: int
    shape: tuple[int, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    task: str = "multiclass"


CASES = (
    Case("MLP 30-128-128-2", "mlp", 4.5, 128, 2, (30,), {"hidden": (128, 128)}),
    Case("CNN 28x28", "cnn", 2.6, 128, 10, (28, 28)),
    Case("text 10k x 64, 64 tokens", "text_classifier", 8.5, 128, 2, (64,), {"vocabulary": 10_000}),
    Case(
        "LSTM 2 x 128, 24 tokens",
        "lstm_generator",
        20,
        64,
        65,
        (24,),
        {"vocabulary": 65},
        "generation",
    ),
    Case(
        "Transformer 2 x 64, 32 tokens",
        "causal_transformer",
        2.6,
        64,
        65,
        (32,),
        {"vocabulary": 65},
        "generation",
    ),
    Case("text Transformer 5k x 64", "text_transformer", 3.0, 64, 2, (32,), {"vocabulary": 5_000}),
)


def made_up(case: Case) -> Examples:
    rng = torch.Generator().manual_seed(0)
    size = (case.batch, *case.shape)
    if "vocabulary" in case.parameters:
        inputs = torch.randint(1, case.parameters["vocabulary"], size, generator=rng)
    else:
        inputs = torch.randn(size, generator=rng)
    wanted = size if case.task == "generation" else (case.batch,)
    targets = torch.randint(0, case.n_outputs, wanted, generator=rng)
    return Examples(inputs, targets, torch.ones(case.batch), case.task)  # type: ignore[arg-type]


def steps_of(case: Case) -> tuple[Callable[[], None], Callable[[], None], str]:
    """A plain step, a private step, and the mode of the latter."""
    examples, chosen = made_up(case), architecture(case.architecture)
    mode = getattr(chosen, "GRAD_SAMPLE_MODE", "hooks")
    torch.manual_seed(0)
    module = chosen.build(case.shape, case.n_outputs, case.parameters).train()
    twin = getattr(chosen, "to_private", lambda m: m)(copy.deepcopy(module))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    plan = plan_private(
        Private(noise_multiplier=1.0),
        n_train=100 * case.batch,
        batch_size=case.batch,
        epochs=1,
        grad_sample_mode=mode,
    )
    parts = wrap(
        twin,
        torch.optim.SGD(twin.parameters(), lr=0.01),
        plan,
        noise=torch.Generator(),
        sampling=torch.Generator(),
    )
    rows = torch.arange(case.batch)

    def losses_by(network: Any, at: torch.Tensor) -> torch.Tensor:
        return per_example(examples.task, network(examples.inputs[at]), examples.targets[at])

    def plain() -> None:
        optimizer.zero_grad()
        losses_by(module, rows).mean().backward()
        optimizer.step()

    def private() -> None:
        parts.take(lambda at: losses_by(parts.module, at), rows)

    return plain, private, mode


def seconds(step: Callable[[], None]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


def test_step_time(capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    table, missed = [], []
    try:
        with known_warnings_silenced():
            for case in CASES:
                plain, private, mode = steps_of(case)
                pairs = [(seconds(plain), seconds(private)) for _ in range(PAIRS + WARM_UP)]
                ratio = median(b / a for a, b in pairs[WARM_UP:])
                base = 1000 * median(a for a, _ in pairs[WARM_UP:])
                table.append(
                    f"{case.name:32} {mode:6} {base:8.2f} ms {ratio:6.2f}   <= {case.must:g}"
                )
                if ratio > case.must:
                    missed.append(f"{case.name}: {ratio:.2f} > {case.must:g}")
    finally:
        torch.set_num_threads(threads)
    with capsys.disabled():
        print("\nprivate / plain step time          mode      plain     ratio   must")
        print("\n".join(table))
    assert not missed, "; ".join(missed)
