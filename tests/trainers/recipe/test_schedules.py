"""Schedules against torch.optim.lr_scheduler, which is written by others and kept as the oracle."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler as oracle

from evenhand.audit.errors import InputError
from evenhand.trainers.recipe.schedules import Schedule, factor_of
from evenhand.trainers.validate import checked


def rates(make, steps: int) -> list[float]:
    """Learning rates that torch's scheduler gives at each step, from a learning rate of 1."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scheduler = make(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SequentialLR passes an argument torch has deprecated
            scheduler.step()
    return seen


def ours(steps: int, epochs: int = 1, **dials: object) -> list[float]:
    factor = factor_of(Schedule(**dials), steps=steps, epochs=epochs)
    return [factor(step) for step in range(steps)]


@given(steps=st.integers(1, 60), floor=st.floats(0, 0.9))
@settings(max_examples=25, deadline=None)
def test_cosine(steps: int, floor: float) -> None:
    expected = rates(lambda o: oracle.CosineAnnealingLR(o, T_max=steps, eta_min=floor), steps)
    assert ours(steps, name="cosine", floor=floor) == pytest.approx(expected, abs=1e-9)


@given(every=st.integers(1, 5), factor=st.floats(0.05, 1), epochs=st.integers(1, 10))
@settings(max_examples=25, deadline=None)
def test_step(every: int, factor: float, epochs: int) -> None:
    steps = 4 * epochs  # four batches an epoch
    expected = rates(lambda o: oracle.StepLR(o, step_size=4 * every, gamma=factor), steps)
    got = ours(steps, epochs, name="step", every=every, factor=factor)
    assert got == pytest.approx(expected, rel=1e-9)


@given(steps=st.integers(10, 80), peak=st.sampled_from([0.2, 0.3, 0.5]))
@settings(max_examples=25, deadline=None)
def test_one_cycle(steps: int, peak: float) -> None:
    def make(optimizer):
        return oracle.OneCycleLR(
            optimizer, max_lr=1.0, total_steps=steps, pct_start=peak, cycle_momentum=False
        )

    # torch's last scheduler step would be one too many: it is not asked for
    expected = rates(make, steps - 1)
    got = ours(steps, name="one-cycle", peak=peak)
    assert got[:-1] == pytest.approx(expected, abs=1e-9)
    assert got[-1] == pytest.approx(1 / 25e4, abs=1e-9)


@given(steps=st.integers(10, 60), share=st.sampled_from([0.1, 0.25, 0.5]))
@settings(max_examples=25, deadline=None)
def test_warmup_alone_and_before_another(steps: int, share: float) -> None:
    warm = round(share * steps)

    def linear(optimizer):
        return oracle.LinearLR(optimizer, start_factor=0.1, total_iters=warm)

    def both(optimizer):
        rest = oracle.CosineAnnealingLR(optimizer, T_max=steps - warm)
        return oracle.SequentialLR(optimizer, [linear(optimizer), rest], milestones=[warm])

    alone = ours(steps, name="warmup", warmup=share)
    assert alone == pytest.approx(rates(linear, steps), abs=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = rates(both, steps)
    assert ours(steps, name="cosine", warmup=share) == pytest.approx(expected, abs=1e-9)


def test_constant_is_one_and_a_name_is_enough() -> None:
    assert ours(5) == [1.0] * 5
    assert checked(Schedule, "one-cycle", "schedule") == Schedule(name="one-cycle")
    # the first tenth of the steps, from 0.1, unless told otherwise
    assert ours(20, name="warmup")[:3] == pytest.approx([0.1, 0.55, 1.0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("cosin", "cosine"),
        ({"name": "cosine", "every": 3}, "every does not apply to schedule 'cosine'"),
        ({"name": "step", "factor": 2.0}, "factor"),
        ({"name": "cosine", "flor": 0.1}, "did you mean: floor"),
        ({"name": "warmup", "warmup": 1.0}, "warmup"),
    ],
)
def test_wrong_schedules_are_named(given: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        checked(Schedule, given, "schedule")


def test_a_run_without_steps_has_no_schedule() -> None:
    with pytest.raises(InputError, match="0 steps"):
        factor_of(Schedule(), steps=0, epochs=1)


def test_a_schedule_reads_back_from_its_own_json() -> None:
    for name in ("constant", "cosine", "step", "one-cycle", "warmup"):
        schedule = Schedule(name=name)
        assert Schedule(**schedule.model_dump()) == schedule
