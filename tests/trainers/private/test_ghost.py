"""Ghost clipping and split batches against a loop over rows; empty batches; rows of NaN."""

from __future__ import annotations

import math

import pytest
import torch

from evenhand.audit.errors import InputError
from evenhand.trainers.examples import Examples
from evenhand.trainers.fitting.loop import Loop, run
from evenhand.trainers.private.beginning import make_private
from evenhand.trainers.private.dials import Private
from evenhand.trainers.private.noise import entropy_generator
from evenhand.trainers.private.plan import NoisePlan, plan_private
from evenhand.trainers.private.preflight import preflight
from evenhand.trainers.private.wrapping import PrivateParts, known_warnings_silenced, wrap
from tests.trainers.private.small import flat, naive_gradients, network, plan, rows, sgd

MODES = ["hooks", "ghost"]


def parts_of(module: torch.nn.Module, wanted: NoisePlan) -> PrivateParts:
    return wrap(
        module, sgd(module), wanted, noise=entropy_generator(), sampling=entropy_generator()
    )


def step(parts: PrivateParts, examples: Examples, drawn: list[int]) -> None:
    with known_warnings_silenced():
        loop = Loop(iter([drawn]), 1, 1, torch.sum, take=parts.take)
        run(parts.module, parts.optimizer, examples, loop)


def clipped_sum(module: torch.nn.Module, examples: Examples, norm: float) -> torch.Tensor:
    gradients = naive_gradients(module, examples)
    return sum((g * min(1.0, norm / float(g.norm())) for g in gradients), torch.zeros(()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("norm", [0.05, 0.6, 100.0])
@pytest.mark.parametrize("physical", [None, 1, 3, 8])
def test_a_step_is_the_clipped_sum_over_the_expected_batch_size(
    mode: str, norm: float, physical: int | None
) -> None:
    module, examples = network(), rows(8)
    expected = flat(module) - clipped_sum(module, examples, norm) / 8  # 0.25 * 32 rows expected
    wanted = plan(
        noise_multiplier=0.0,
        max_grad_norm=norm,
        grad_sample_mode=mode,
        physical_batch_size=physical,
    )
    parts = parts_of(module, wanted)
    step(parts, examples, list(range(8)))
    torch.testing.assert_close(flat(module), expected, rtol=1e-5, atol=1e-6)
    assert parts.executed() == 1


@pytest.mark.parametrize("mode", MODES)
def test_noise_is_added_once_to_a_split_batch(mode: str) -> None:
    # deviation by definition: 1.5 * 0.4 / 8 = 0.075, however many parts the batch has
    wanted = plan(
        noise_multiplier=1.5, max_grad_norm=0.4, grad_sample_mode=mode, physical_batch_size=2
    )
    module = torch.nn.Sequential(torch.nn.Linear(5, 400), torch.nn.Linear(400, 20))
    examples = rows(32)
    examples = Examples(examples.inputs, examples.targets, torch.zeros(32))
    before = flat(module)
    parts = parts_of(module, wanted)
    step(parts, examples, list(range(7)))
    change = flat(module) - before
    assert parts.executed() == 1
    assert float(change.std()) == pytest.approx(0.075, rel=6 / math.sqrt(2 * change.numel()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("physical", [None, 2])
def test_an_empty_batch_takes_its_noise_step(mode: str, physical: int | None) -> None:
    wanted = plan(
        noise_multiplier=1.0, max_grad_norm=0.8, grad_sample_mode=mode, physical_batch_size=physical
    )
    module = torch.nn.Sequential(torch.nn.Linear(5, 400), torch.nn.Linear(400, 2))
    parts = parts_of(module, wanted)
    for drawn in ([], [0, 1], []):
        before = flat(module)
        step(parts, Examples(rows(4).inputs, rows(4).targets, torch.zeros(4)), drawn)
        change = flat(module) - before
        # 1.0 * 0.8 / 8 = 0.1
        assert float(change.std()) == pytest.approx(0.1, rel=6 / math.sqrt(2 * change.numel()))
    assert parts.executed() == 3


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("physical", [None, 3])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rows_without_a_finite_gradient_count_as_zero(
    mode: str, physical: int | None, bad: float
) -> None:
    module, examples = network(), rows(8)
    examples.inputs[2, 0] = bad
    examples.inputs[6] = bad
    kept = [0, 1, 3, 4, 5, 7]
    clean = Examples(examples.inputs[kept], examples.targets[kept], examples.weights[kept])
    expected = flat(module) - clipped_sum(module, clean, 0.5) / 8
    wanted = plan(
        noise_multiplier=0.0,
        max_grad_norm=0.5,
        grad_sample_mode=mode,
        physical_batch_size=physical,
    )
    parts = parts_of(module, wanted)
    step(parts, examples, list(range(8)))
    torch.testing.assert_close(flat(module), expected, rtol=1e-5, atol=1e-6)
    assert parts.n_not_finite == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_of_such_rows_alone_is_an_empty_one(mode: str) -> None:
    module, examples = network(), rows(4)
    examples.inputs[:] = float("nan")
    before = flat(module)
    parts = parts_of(module, plan(noise_multiplier=0.0, grad_sample_mode=mode))
    step(parts, examples, [0, 1, 2, 3])
    assert torch.equal(flat(module), before) and parts.n_not_finite == 4
    step(parts, rows(4), [0, 1, 2, 3])
    assert not torch.equal(flat(module), before)


def test_opacus_alone_loses_the_whole_batch_to_one_such_row() -> None:
    """The control: the same step with Opacus' own optimizer."""
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer

    module, examples = network(), rows(8)
    examples.inputs[2, 0] = float("nan")
    wrapped = GradSampleModule(module, loss_reduction="sum")
    optimizer = DPOptimizer(
        sgd(module), noise_multiplier=0.0, max_grad_norm=0.5, expected_batch_size=8
    )
    with known_warnings_silenced():
        losses = torch.nn.functional.cross_entropy(wrapped(examples.inputs), examples.targets)
        losses.backward()
    optimizer.step()
    assert flat(module).isnan().all()


@pytest.mark.parametrize("mode", MODES)
def test_splitting_leaves_the_accounting_as_it_was(mode: str) -> None:
    asked: list[int] = []
    for physical in (None, 2):
        module, wanted = network(), plan(grad_sample_mode=mode, physical_batch_size=physical)
        parts = wrap(
            module,
            sgd(module),
            wanted,
            noise=entropy_generator(),
            sampling=entropy_generator(),
            authorise=asked.append,
        )
        for drawn in ([0, 1, 2, 3, 4], [], [7]):
            step(parts, rows(8), drawn)
        assert parts.executed() == 3
    assert asked == [1, 2, 3, 1, 2, 3]
    same = plan_private(Private(epsilon=3), n_train=500, batch_size=50, epochs=2)
    split = plan_private(
        Private(epsilon=3, physical_batch_size=5), n_train=500, batch_size=50, epochs=2
    )
    assert (split.spending, split.steps, split.sample_rate) == (
        same.spending,
        same.steps,
        same.sample_rate,
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_step_that_is_not_authorised_changes_nothing(mode: str) -> None:
    def refuse(step: int) -> None:
        raise InputError("no ledger")

    module = network()
    before = flat(module)
    parts = wrap(
        module,
        sgd(module),
        plan(grad_sample_mode=mode),
        noise=entropy_generator(),
        sampling=entropy_generator(),
        authorise=refuse,
    )
    with pytest.raises(InputError, match="no ledger"):
        step(parts, rows(8), [0, 1])
    assert torch.equal(flat(module), before) and parts.executed() == 0


class Repeated(torch.nn.Module):
    """One weight used twice in a forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(5, 5)
        self.last = torch.nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.first(torch.tanh(self.first(x)))))


def test_a_weight_that_is_used_twice_is_summed_before_its_norm() -> None:
    torch.manual_seed(1)
    module, examples = Repeated(), rows(8)
    expected = flat(module) - clipped_sum(module, examples, 0.3) / 8
    parts = parts_of(module, plan(noise_multiplier=0.0, max_grad_norm=0.3))
    step(parts, examples, list(range(8)))
    torch.testing.assert_close(flat(module), expected, rtol=1e-5, atol=1e-6)
    module = Repeated()
    with pytest.raises(InputError, match="hooks"):
        make_private(module, sgd(module), plan(grad_sample_mode="ghost"), like=rows(4))


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(InputError, match="'gost'"):
        plan_private(
            Private(epsilon=3), n_train=500, batch_size=50, epochs=2, grad_sample_mode="gost"
        )


@pytest.mark.parametrize("mode", MODES)
def test_the_preflight_sees_dropout_networks_through(mode: str) -> None:
    module = torch.nn.Sequential(
        torch.nn.Linear(5, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
    )
    preflight(module, plan(grad_sample_mode=mode), rows(4))
    assert module[1].p == 0.5
