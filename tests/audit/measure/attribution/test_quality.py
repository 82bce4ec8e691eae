"""Infidelity, sensitivity and removal curves: held against Captum and against closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max

from evenhand.audit.measure.attribution import quality as q
from evenhand.audit.words.reasons import render

LEVELS = (0.95, 0.9)


def network(seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
        ).double()


def test_infidelity_equals_captums_on_a_network() -> None:
    model = network(1)
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.normal(size=(6, 4)))
    values = rng.normal(size=(6, 4))
    masks = q.draw_masks(4, 15, (1,))
    assert len(masks) == 15  # every set but the empty one

    def hide(inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # Captum repeats each row 15 times in a block; a binary perturbation of x - baseline 0
        mask = torch.from_numpy(np.tile(masks, (6, 1)))
        return mask.double(), torch.where(mask, 0.0, inputs)

    theirs = captum_infidelity(model, hide, x, torch.from_numpy(values), n_perturb_samples=15)
    with torch.no_grad():
        hidden = torch.where(torch.from_numpy(masks)[None], 0.0, x[:, None, :])
        changes = (model(x)[:, None, 0] - model(hidden)[..., 0]).numpy()
    ours = q.infidelity(values, masks, changes, np.ones((6, 4), dtype=bool))
    assert ours == pytest.approx(theirs.numpy(), abs=1e-12)


def test_sensitivity_equals_captums_on_a_network() -> None:
    model = network(2)
    rng = np.random.default_rng(2)
    x = torch.from_numpy(rng.normal(size=(5, 4)))
    noise = rng.uniform(-0.02, 0.02, size=(8, 5, 4))

    def explain(inputs: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        one = (inputs[0] if isinstance(inputs, tuple) else inputs).detach().requires_grad_()
        with torch.enable_grad():
            (grad,) = torch.autograd.grad(model(one).sum(), one)
        return (grad * one.detach(),)

    def perturb(inputs: torch.Tensor) -> torch.Tensor:
        # Captum repeats each row eight times in a block
        return inputs + torch.from_numpy(noise.transpose(1, 0, 2).reshape(40, 4))

    theirs = sensitivity_max(explain, x, perturb_func=perturb, n_perturb_samples=8)
    values = explain(x)[0].numpy()
    perturbed = np.stack([explain(x + torch.from_numpy(n))[0].numpy() for n in noise])
    assert q.sensitivity(values, perturbed) == pytest.approx(theirs.numpy(), abs=1e-12)


def test_sensitivity_of_a_row_without_attributions_is_undefined() -> None:
    values = np.array([[0.0, 0.0], [3.0, 4.0]])
    perturbed = np.array([[[1.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [3.0, 5.0]]])
    found = q.sensitivity(values, perturbed)
    assert math.isnan(found[0])
    assert found[1] == pytest.approx(1 / 5)  # |(0, 1)| over |(3, 4)|


def test_additive_attributions_have_no_infidelity() -> None:
    values = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
    masks = q.draw_masks(3, 100, (0,))
    assert len(masks) == 7
    there = np.ones((2, 3), dtype=bool)
    assert q.infidelity(values, masks, values @ masks.T, there) == pytest.approx([0.0, 0.0])


def test_infidelity_by_hand() -> None:
    masks = np.array([[True, False], [True, True]])
    # promised 1 and 3, true 0 and 5: (1 + 4) / 2
    changes, there = np.array([[0.0, 5.0]]), np.array([[True, True]])
    assert q.infidelity(np.array([[1.0, 2.0]]), masks, changes, there) == [2.5]


def test_infidelity_of_a_row_without_the_part_leaves_its_mask_out() -> None:
    # the row has the first part alone: the second mask hides nothing of it. (1 - 3)^2 is left
    masks = np.array([[True, False], [False, True]])
    values, changes = np.array([[1.0, 0.0]]), np.array([[3.0, 0.0]])
    assert q.infidelity(values, masks, changes, np.array([[True, False]])) == [4.0]
    assert q.mean_change(changes, masks, np.array([[True, False]])) == [9.0]
    assert q.mean_change(changes, masks, np.array([[False, False]])) == [0.0]


def test_masks_are_never_empty_and_half_full() -> None:
    masks = q.draw_masks(40, 500, (3,))
    assert masks.shape == (500, 40)
    assert masks.any(axis=1).all()
    assert masks.mean() == pytest.approx(0.5, abs=0.02)
    assert q.draw_masks(1, 20, (3,)).tolist() == [[True]]


def test_a_ratio_of_sums_and_its_interval() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        bottom = rng.gamma(2.0, 1.0, 80)
        top = bottom * rng.uniform(0, 1, 80)  # the true ratio is 1/2
        found = q.ratio(top, bottom, LEVELS, empty="")
        assert found.interval is not None
        covered += found.interval.low <= 0.5 <= found.interval.high
    assert covered / 400 == pytest.approx(0.95, abs=0.035)
    nothing = q.ratio(np.zeros(3), np.zeros(3), LEVELS, empty="nothing there")
    assert (nothing.value, render(nothing.reason)) == (None, "nothing there")
    assert (
        render(q.ratio(np.ones(1), np.ones(1), LEVELS, empty="").reason) == "one row: no interval"
    )


def test_curves_of_a_sum_have_the_area_worked_out_by_hand() -> None:
    # output = baseline 1 + the columns present; attributions 3, 1, -1: the sum is 3
    values = np.array([[1.0, 3.0, -1.0]])
    there = np.ones((1, 3), dtype=bool)
    counts = q.removal_counts(there, 20)
    assert counts.tolist() == [[0, 1, 2, 3]]
    order = q.supporting_order(values, np.array([3.0]), there)
    assert order.tolist() == [[1, 0, 2]]
    for insertion, expected in ((False, [3.0, 0.0, -1.0, 0.0]), (True, [0.0, 3.0, 4.0, 3.0])):
        away = q.removal_masks(order, counts, insertion=insertion)
        outputs = 1.0 + (values[:, None, :] * ~away).sum(axis=2)
        found = q.curves(outputs, np.array([4.0]), np.array([1.0]), counts)
        assert found.values[0] == pytest.approx(expected)
        by_hand = sum((a + b) / 2 for a, b in pairwise(expected)) / 3
        assert found.areas == pytest.approx([by_hand])


def test_curves_are_counted_from_the_baseline_towards_the_row() -> None:
    # the row's output lies below the baseline's: what holds it there comes first
    values = np.array([[-3.0, 1.0]])
    there = np.ones((1, 2), dtype=bool)
    assert q.supporting_order(values, np.array([-2.0]), there).tolist() == [[0, 1]]
    found = q.curves(
        np.array([[2.0, 5.0, 4.0]]), np.array([2.0]), np.array([4.0]), np.array([[0, 1, 2]])
    )
    assert found.values.tolist() == [[2.0, -1.0, 0.0]]


def test_points_of_curves_are_bounded() -> None:
    counts = q.removal_counts(np.ones((1, 100), dtype=bool), 20)[0]
    assert (len(counts), counts[0], counts[-1]) == (21, 0, 100)
    assert q.removal_counts(np.ones((1, 1), dtype=bool), 20).tolist() == [[0, 1]]


def test_a_short_text_is_taken_away_as_wholly_as_a_long_one() -> None:
    there = np.array([[True, True, True, True], [True, True, False, False]])
    counts = q.removal_counts(there, 4)
    assert counts.tolist() == [[0, 1, 2, 3, 4], [0, 0, 1, 2, 2]]  # 0.5 and 1.5 go to the even one
    order = q.supporting_order(np.array([[0.0, 3, -1, 1], [-1, 2, 0, 0]]), np.ones(2), there)
    assert order.tolist() == [[1, 3, 0, 2], [1, 0, 2, 3]]  # the parts that are not there are last
    away = q.removal_masks(order, counts)
    assert (
        away[1].tolist()
        == [[False] * 4] * 2 + [[False, True, False, False]] + [[True, True, False, False]] * 2
    )
    # the second falls from 2 to 1 when half of it is gone, then to 0: (2 + 1 + 1 + 0) / 4
    found = q.curves(
        np.array([[4.0, 3, 2, 1, 0], [2, 2, 1, 0, 0]]), np.array([4.0, 2]), np.zeros(2), counts
    )
    assert found.areas == pytest.approx([2.0, 1.0])
    chance = q.random_order(there, np.random.default_rng(1))
    assert set(chance[1, :2]) == {0, 1}


def test_rows_whose_attributions_are_rounding_have_no_sensitivity() -> None:
    values = np.array([[0.5, 0.0], [1e-17, 0.0]])
    moved = values + np.array([[0.05, 0.0], [0.2, 0.0]])
    # 0.05 of 0.5; the second row moves by 2e16 times nothing
    found = q.sensitivity(values, moved[None])
    assert found[0] == pytest.approx(0.1)
    assert math.isnan(found[1])
