"""DP-SGD: each expectation is computed here by hand, by autograd row by row, or by simulation."""

from __future__ import annotations

import math

import pytest
import torch

from evenhand.audit.errors import InputError
from evenhand.trainers.examples import Examples
from evenhand.trainers.fitting.loop import Loop, run
from evenhand.trainers.private import wrapping as private
from evenhand.trainers.private.beginning import make_private
from evenhand.trainers.private.dials import Private
from evenhand.trainers.private.noise import entropy_generator
from evenhand.trainers.private.plan import NoisePlan, plan_private
from evenhand.trainers.private.wrapping import wrap
from tests.trainers.private.small import flat, naive_gradients, network, plan, rows, sgd


def parts_for(module: torch.nn.Module, wanted: NoisePlan) -> private.PrivateParts:
    return wrap(
        module, sgd(module), wanted, noise=entropy_generator(), sampling=entropy_generator()
    )


def test_per_example_gradients_equal_a_loop_over_rows() -> None:
    module, examples = network(), rows(8)
    expected = torch.stack(naive_gradients(module, examples))
    parts = parts_for(module, plan())
    with private.known_warnings_silenced():
        logits = parts.module(examples.inputs)
        torch.nn.functional.cross_entropy(logits, examples.targets, reduction="sum").backward()
    found = torch.cat([p.grad_sample.flatten(1) for p in module.parameters()], dim=1)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("norm", [0.05, 100.0])
def test_a_step_without_noise_is_the_clipped_sum_over_the_expected_batch_size(norm: float) -> None:
    module, examples = network(), rows(8)
    before, clipped = flat(module), torch.zeros_like(flat(module))
    for gradient in naive_gradients(module, examples):
        clipped += gradient * min(1.0, norm / float(gradient.norm()))
    # 8 rows are drawn where 0.25 * 32 = 8 ... and 6 where 8 are expected: the divisor stays 8
    for drawn in (list(range(8)), list(range(6))):
        module = network()
        parts = parts_for(module, plan(noise_multiplier=0.0, max_grad_norm=norm))
        loop = Loop(iter([drawn]), 1, 1, torch.sum)
        with private.known_warnings_silenced():
            run(parts.module, parts.optimizer, examples, loop)
        if len(drawn) < 8:
            clipped = torch.zeros_like(before)
            for gradient in naive_gradients(network(), examples)[:6]:
                clipped += gradient * min(1.0, norm / float(gradient.norm()))
        torch.testing.assert_close(flat(module), before - clipped / 8, rtol=1e-4, atol=1e-6)


def noise_steps(batches: list[list[int]], wanted: NoisePlan) -> torch.Tensor:
    """The changes that steps make to weights whose gradients are all zero."""
    module = torch.nn.Sequential(torch.nn.Linear(5, 200), torch.nn.Linear(200, 2))
    examples = rows(wanted.n_train)
    examples = Examples(examples.inputs, examples.targets, torch.zeros(wanted.n_train))
    parts = parts_for(module, wanted)
    changes = []
    with private.known_warnings_silenced():
        for batch in batches:
            before = flat(module)
            run(parts.module, parts.optimizer, examples, Loop(iter([batch]), 1, 1, torch.sum))
            changes.append(flat(module) - before)
    assert parts.executed() == len(batches)
    return torch.stack(changes)


def test_noise_has_the_deviation_that_the_accountant_assumes() -> None:
    # deviation by definition: noise multiplier * norm / expected batch = 1.5 * 0.4 / 8 = 0.075
    wanted = plan(noise_multiplier=1.5, max_grad_norm=0.4)
    noise = noise_steps([[0, 1, 2]] * 20, wanted)
    n = noise.numel()
    assert float(noise.std()) == pytest.approx(0.075, rel=6 / math.sqrt(2 * n))
    assert abs(float(noise.mean())) < 6 * 0.075 / math.sqrt(n)
    # fresh noise each step
    assert float(torch.corrcoef(noise[:2])[0, 1]) == pytest.approx(0, abs=6 / math.sqrt(n / 20))


def test_an_empty_batch_takes_its_noise_step() -> None:
    noise = noise_steps([[], [0, 1], []], plan(noise_multiplier=1.0, max_grad_norm=0.8))
    for step in noise:
        assert float(step.std()) == pytest.approx(0.1, rel=6 / math.sqrt(2 * step.numel()))


def test_a_tiny_sample_rate_still_runs_every_planned_step() -> None:
    wanted = plan(sample_rate=2**-20, steps=5)
    module = network()
    before = flat(module)
    parts = parts_for(module, wanted)
    with private.known_warnings_silenced():
        run(parts.module, parts.optimizer, rows(32), Loop(parts.batches, 5, 1, torch.sum))
    assert parts.executed() == 5 and not torch.equal(before, flat(module))


def test_batches_are_poisson() -> None:
    # each of 200 rows is in a batch with probability 1/8, alone: sizes are binomial
    n, rate, draws = 200, 0.125, 3000
    parts = parts_for(network(), plan(n_train=n, sample_rate=rate, steps=draws))
    batches = list(parts.batches)
    assert len(batches) == draws
    sizes = torch.tensor([float(len(b)) for b in batches])
    variance = n * rate * (1 - rate)
    assert float(sizes.mean()) == pytest.approx(n * rate, abs=6 * math.sqrt(variance / draws))
    assert float(sizes.var()) == pytest.approx(variance, rel=6 * math.sqrt(2 / draws))
    seen = torch.zeros(n)
    for batch in batches:
        assert len(set(batch)) == len(batch)
        seen[batch] += 1
    spread = math.sqrt(draws * rate * (1 - rate))
    assert float((seen - draws * rate).abs().max()) < 6 * spread


def test_generators_hold_the_whole_entropy_and_differ() -> None:
    first, second = entropy_generator(), entropy_generator()
    a, b = torch.randn(20_000, generator=first), torch.randn(20_000, generator=second)
    assert not torch.equal(a, b)
    for sample in (a, b):
        assert abs(float(sample.mean())) < 6 / math.sqrt(20_000)
        assert float(sample.std()) == pytest.approx(1, abs=6 / math.sqrt(40_000))
    # a state made by a 32-bit seed has its word 0 equal to that seed; ours are words of entropy
    words = first.get_state()[24 : 24 + 624 * 8].view(torch.int64)
    assert int(words.min()) >= 0 and int(words.max()) < 2**32 and len(set(words.tolist())) > 600
    assert first.initial_seed() == second.initial_seed() == 0


class CentresBatch(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x - x.mean(dim=0))


class Unclipped(torch.nn.Module):
    """Uses one weight through a broadcast that no layer's gradient sampler sees."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(5, 2)
        self.idle = torch.nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.BatchNorm1d(4)), "BatchNorm"),
        (CentresBatch(), "depends on another row"),
        (Unclipped(), "per-example gradients of shape None"),
    ],
)
def test_networks_that_cannot_be_private_are_refused(module: torch.nn.Module, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_private(module, sgd(module), plan(), like=rows(4))


def test_preflight_leaves_the_module_and_torchs_generator_as_they_were() -> None:
    module = network()
    before, state = flat(module), torch.get_rng_state()
    parts = make_private(module, sgd(module), plan(), like=rows(4))
    assert torch.equal(before, flat(module)) and torch.equal(state, torch.get_rng_state())
    assert parts.executed() == 0
    assert all(p.grad is None and p.grad_sample is None for p in module.parameters())


def one_step(wanted: NoisePlan) -> torch.Tensor:
    torch.manual_seed(0)
    module = network()
    parts = make_private(module, sgd(module), wanted, like=rows(4))
    with private.known_warnings_silenced():
        run(parts.module, parts.optimizer, rows(32), Loop(parts.batches, 1, 1, torch.sum))
    return flat(module)


@pytest.mark.parametrize("chance", ["noise", "sampling"])
def test_noise_and_sampling_are_each_fresh_every_time(chance: str) -> None:
    # every row drawn leaves the noise as the only chance; hardly any noise leaves the sampling
    wanted = plan(sample_rate=1.0) if chance == "noise" else plan(noise_multiplier=1e-12)
    assert not torch.equal(one_step(wanted), one_step(wanted))


def test_a_wrong_divisor_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from opacus.optimizers import DPOptimizer

    def by_drawn_batch(self: DPOptimizer) -> None:
        for p in self.params:
            p.grad /= len(p.grad_sample)

    monkeypatch.setattr(DPOptimizer, "scale_grad", by_drawn_batch)
    module = network()
    with pytest.raises(RuntimeError, match="expected batch size"):
        make_private(module, sgd(module), plan(), like=rows(4))


def test_the_plan_by_hand() -> None:
    # 64 of 512 rows is a rate of 1/8, 10 epochs are 80 steps, the divisor is 64
    wanted = plan_private(Private(noise_multiplier=4.0), n_train=512, batch_size=64, epochs=10)
    assert (wanted.sample_rate, wanted.steps, wanted.expected_batch_size) == (0.125, 80, 64)
    assert wanted.delta == 1e-4 and wanted.warnings == ()
    assert wanted.spending.epsilon <= wanted.spending.epsilon_rdp


def test_an_awkward_rate_is_rounded_down_to_what_is_drawn_exactly() -> None:
    wanted = plan_private(Private(noise_multiplier=4.0), n_train=1392, batch_size=256, epochs=15)
    assert wanted.sample_rate <= 256 / 1392 < wanted.sample_rate + 2**-23
    assert float(torch.tensor(wanted.sample_rate)) == wanted.sample_rate
    assert wanted.steps == 82  # 15 * 1392 / 256 = 81.6


def test_batches_larger_than_the_table_are_the_whole_table() -> None:
    wanted = plan_private(Private(epsilon=3), n_train=100, batch_size=256, epochs=5)
    assert (wanted.sample_rate, wanted.steps) == (1.0, 5)


@pytest.mark.parametrize("delta", [0.01, 0.5])
def test_a_delta_of_one_over_n_or_more_is_refused(delta: float) -> None:
    with pytest.raises(InputError) as caught:
        plan_private(Private(delta=delta), n_train=100, batch_size=10, epochs=1)
    assert f"delta={delta}" in str(caught.value) and "0.001" in caught.value.remedy


def test_a_generous_delta_is_warned_of() -> None:
    wanted = plan_private(Private(delta=5e-3), n_train=100, batch_size=10, epochs=1)
    assert len(wanted.warnings) == 1 and "0.001 is customary" in wanted.warnings[0]


def test_epsilon_is_a_ceiling_where_the_noise_is_given() -> None:
    with pytest.raises(InputError, match="above epsilon=1"):
        plan_private(
            Private(epsilon=1, noise_multiplier=1.0), n_train=1000, batch_size=200, epochs=10
        )
    kept = plan_private(
        Private(epsilon=9, noise_multiplier=2.0), n_train=1000, batch_size=200, epochs=10
    )
    assert kept.noise_multiplier == 2.0 and kept.spending.epsilon < 9
