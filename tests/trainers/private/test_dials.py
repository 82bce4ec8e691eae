"""Penalties, schedules, validation and early stopping, as recipes ask for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from evenhand.audit.errors import InputError
from evenhand.trainers import train
from evenhand.trainers.examples import CurvePoint, Examples
from evenhand.trainers.fitting.loop import Loop, make_optimizer, run, set_rate
from evenhand.trainers.fitting.stopping import evaluate_rows, watch_rows
from evenhand.trainers.recipe.recipe import as_recipe
from evenhand.trainers.recipe.schedules import Schedule, factor_of


def one_step(name: str = "sgd", **dials: object) -> tuple[torch.nn.Linear, torch.nn.Linear]:
    """A linear model before and after one step on one row: x = (1, 2), y = 3, squared error."""
    before = torch.nn.Linear(2, 1)
    before.load_state_dict({"weight": torch.tensor([[0.5, -1.0]]), "bias": torch.tensor([0.25])})
    after = torch.nn.Linear(2, 1)
    after.load_state_dict(before.state_dict())
    optimizer = make_optimizer(after, name, **{"learning_rate": 0.1, "weight_decay": 0.0, **dials})
    rows = Examples(
        torch.tensor([[1.0, 2.0]]), torch.tensor([3.0]), torch.ones(1), task="regression"
    )
    run(after, optimizer, rows, Loop(iter([[0]]), 1, 1, torch.mean))
    return before, after


def test_one_plain_step_by_hand() -> None:
    # output 0.5 - 2 + 0.25 = -1.25, error -4.25, gradient 2 * -4.25 * (1, 2, 1) = (-8.5, -17, -8.5)
    _, after = one_step()
    assert after.weight.detach().numpy() == pytest.approx(np.array([[1.35, 0.7]]))
    assert after.bias.item() == pytest.approx(1.1)


def test_l2_by_hand() -> None:
    # the gradient gains 0.2 times each parameter, the bias too: 0.1, -0.2, 0.05
    _, after = one_step(weight_decay=0.2)
    assert after.weight.detach().numpy() == pytest.approx(np.array([[1.34, 0.72]]))
    assert after.bias.item() == pytest.approx(1.1 - 0.1 * 0.05)


def test_l1_by_hand() -> None:
    # the gradient gains 0.2 times the sign of each weight, and the bias nothing
    _, after = one_step(l1=0.2)
    assert after.weight.detach().numpy() == pytest.approx(np.array([[1.33, 0.72]]))
    assert after.bias.item() == pytest.approx(1.1)


def test_nesterov_by_hand() -> None:
    # a first step with momentum 0.9 and nesterov goes 1 + 0.9 times the gradient
    _, after = one_step(momentum=0.9, nesterov=True)
    assert after.weight.detach().numpy() == pytest.approx(np.array([[2.115, 2.23]]))


def test_l1_is_added_to_the_gradient_with_noise() -> None:
    """A private step with an l1 of 1 and next to nothing else: weights go down by the rate."""
    from evenhand.trainers.private.beginning import make_private
    from evenhand.trainers.private.dials import Private
    from evenhand.trainers.private.plan import plan_private
    from evenhand.trainers.private.wrapping import known_warnings_silenced

    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    before = module.weight.detach().clone()
    optimizer = make_optimizer(module, "sgd", learning_rate=0.01, weight_decay=0.0, l1=1.0)
    rows = Examples(torch.zeros(8, 3), torch.zeros(8, dtype=torch.int64), torch.ones(8))
    dials = Private(noise_multiplier=1e-6, sample_rate=1.0, max_grad_norm=1e-6, delta=1e-2)
    plan = plan_private(dials, n_train=8, batch_size=8, epochs=1)
    parts = make_private(module, optimizer, plan, like=rows, authorise=lambda _: None)
    loop = Loop(parts.batches, 1, 1, torch.sum, take=parts.take)
    with known_warnings_silenced():
        run(parts.module, parts.optimizer, rows, loop)
    moved = module.weight.detach() - before
    torch.testing.assert_close(moved, -0.01 * before.sign(), atol=1e-6, rtol=0)


def test_a_large_l1_makes_weights_small(recipe: dict, tmp_path: Path) -> None:
    given = {**recipe, "epochs": 10, "weight_decay": 0.0}
    free = load_file(train(given, out=tmp_path / "free").model / "weights.safetensors")
    held = train({**given, "l1": 0.1}, out=tmp_path / "held")
    tied = load_file(held.model / "weights.safetensors")
    assert np.abs(tied["0.weight"]).mean() < 0.3 * np.abs(free["0.weight"]).mean()


def test_the_schedule_sets_the_rate_of_each_step(
    recipe: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    real = torch.optim.SGD.step

    def step(self: torch.optim.SGD, *args: object) -> object:
        rates.append(self.param_groups[0]["lr"])
        return real(self, *args)

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    given = {**recipe, "optimizer": "sgd", "learning_rate": 0.2, "schedule": "cosine"}
    train(given, out=tmp_path / "plain")
    # 280 rows in batches of 64: 5 steps an epoch, 4 epochs
    factor = factor_of(Schedule(name="cosine"), steps=20, epochs=4)
    assert rates == pytest.approx([0.2 * factor(t) for t in range(20)])
    rates.clear()
    private = {**given, "batch_size": 70, "private": {"noise_multiplier": 2, "public_rows": 280}}
    train(private, out=tmp_path / "private")
    factor = factor_of(Schedule(name="cosine"), steps=16, epochs=4)
    # the step before them is the preflight's, on made-up rows
    assert rates[-16:] == pytest.approx([0.2 * factor(t) for t in range(16)])


def test_the_first_rate_outlives_a_saved_state() -> None:
    module = torch.nn.Linear(1, 1)
    optimizer = make_optimizer(module, "sgd", learning_rate=0.5, weight_decay=0.0)
    set_rate(optimizer, 0.1)
    resumed = make_optimizer(module, "sgd", learning_rate=0.5, weight_decay=0.0)
    resumed.load_state_dict(optimizer.state_dict())
    set_rate(resumed, 0.2)  # of 0.5, not of the 0.05 that was reached
    assert resumed.param_groups[0]["lr"] == pytest.approx(0.1)


def curves(path: Path) -> dict:
    return json.loads((path / "curves.json").read_text())


def test_curves_hold_training_and_validation(recipe: dict, tmp_path: Path) -> None:
    result = train({**recipe, "validation_share": 0.2}, out=tmp_path / "model")
    kept = curves(result.model)
    n = kept["n_validation"]
    assert kept["measure"] == "accuracy" and result.n_train + result.n_test + n == 400
    assert abs(n - 80) < 4 * 8  # a coin a row: sd of sqrt(400 * 0.2 * 0.8)
    assert [p["epoch"] for p in kept["points"]] == [1, 2, 3, 4]
    for point in kept["points"]:
        assert point["validation_loss"] > 0 and 0 <= point["measure"] <= 1
        assert (n * point["validation_measure"]) % 1 == pytest.approx(0, abs=1e-9)
    split = json.loads((result.model / "split.json").read_text())
    assert split["n_validation"] == n and split["validation_share"] == 0.2


def test_validation_rows_change_no_other_part(recipe: dict, plain, tmp_path: Path) -> None:
    result = train({**recipe, "validation_share": 0.2}, out=tmp_path / "model")
    assert result.held_out.read_bytes() == plain.held_out.read_bytes()


def test_early_stopping_ends_before_the_last_epoch(recipe: dict, tmp_path: Path) -> None:
    given = {**recipe, "validation_share": 0.2, "epochs": 200, "learning_rate": 0.05}
    result = train({**given, "early_stopping": 3}, out=tmp_path / "model")
    kept = curves(result.model)
    losses = [p["validation_loss"] for p in kept["points"]]
    assert kept["stopped_after"] == len(losses) < 200
    assert kept["best_epoch"] == len(losses) - 3 == int(np.argmin(losses)) + 1
    # the weights are those of the best epoch: the same run, ended there, gives them
    again = {**given, "epochs": kept["best_epoch"]}
    shorter = train(again, out=tmp_path / "shorter")
    weights = [r.model / "weights.safetensors" for r in (result, shorter)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_an_interrupted_run_stops_where_the_whole_one_does(recipe: dict, tmp_path: Path) -> None:
    given = {**recipe, "validation_share": 0.2, "epochs": 60, "learning_rate": 0.05}
    given["early_stopping"] = 3
    whole = train(given, out=tmp_path / "whole")
    stop_at = curves(whole.model)["best_epoch"] + 1

    class StopError(Exception):
        pass

    def progress(epoch: int, *_: object) -> None:
        if epoch == stop_at:
            raise StopError

    with pytest.raises(StopError):
        train(given, out=tmp_path / "parts", progress=progress, checkpoint_every=1)
    parts = train(given, out=tmp_path / "parts", resume=True)
    assert curves(parts.model) == curves(whole.model)
    weights = [r.model / "weights.safetensors" for r in (whole, parts)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_private_early_stopping_is_refused_unless_public(recipe: dict) -> None:
    private = {**recipe, "private": {"epsilon": 3}, "early_stopping": 2}
    for more in (
        {"validation_share": 0.2},
        {"validation_data": "v.csv"},
        {"validation_share": 0.2, "early_stopping": {"public_validation": True}},
    ):
        with pytest.raises(InputError, match="no noise covers them"):
            as_recipe({**private, **more})


def test_public_rows_may_stop_a_private_run_and_save_nothing(
    recipe: dict, table, tmp_path: Path
) -> None:
    table.sample(100, random_state=1).to_csv(tmp_path / "public.csv", index=False)
    given = {**recipe, "epochs": 30, "batch_size": 140, "learning_rate": 8.0, "optimizer": "sgd"}
    given |= {
        "private": {"noise_multiplier": 1.0, "public_rows": 280},
        "validation_data": str(tmp_path / "public.csv"),
        "early_stopping": {"patience": 1, "public_validation": True},
    }
    result = train(given, out=tmp_path / "model")
    kept = curves(result.model)
    assert kept["stopped_after"] < 30 and "every planned step" in kept["budget"]
    # sample rate 1/2 for 30 epochs: 60 steps are counted however few were taken
    assert result.privacy.steps == 60
    assert all(p["loss"] is None and p["measure"] is None for p in kept["points"])
    assert all(p["validation_loss"] > 0 for p in kept["points"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"early_stopping": 3}, "needs validation_share"),
        ({"validation_share": 0.2, "validation_data": "v.csv"}, "two ways"),
        ({"nesterov": True}, "nesterov needs"),
        ({"nesterov": True, "optimizer": "sgd"}, "nesterov needs"),
        ({"schedule": "cosinus"}, "cosine"),
        ({"schedule": {"name": "cosine", "evry": 2}}, "did you mean: every"),
        ({"l1": -1}, "l1"),
        ({"model": "logistic", "schedule": "cosine"}, "schedule does not apply"),
        ({"model": "gradient-boosting", "early_stopping": 3, "validation_share": 0.1}, "not apply"),
        ({"kind": "image", "task": "regression"}, "task is of tabular data"),
    ],
)
def test_wrong_dials_are_named(given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        as_recipe({"data": "x.csv", **given})


def test_class_weights_weigh_the_loss(recipe: dict, tmp_path: Path) -> None:
    even = train(recipe, out=tmp_path / "even")
    given = {**recipe, "class_weight": {"no": 20.0}}
    tilted = train(given, out=tmp_path / "tilted")

    def share_of_no(path: Path) -> float:
        from evenhand.audit.data.reading.read import read_table
        from evenhand.trainers.folder import reading as model_folder

        rows = read_table(even.held_out).frame
        return float((model_folder.load(path).predict_proba(rows).argmax(axis=1) == 0).mean())

    assert share_of_no(tilted.model) > 0.9 > share_of_no(even.model)


def test_dropout_is_off_when_rows_are_looked_at() -> None:
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 64), torch.nn.Dropout(0.9), torch.nn.Linear(64, 2)
    )
    rows = Examples(torch.randn(9, 3), torch.zeros(9, dtype=torch.int64), torch.ones(9))
    watch = watch_rows(rows, rows, None)
    module.train()
    first, second = (watch.after_epoch(module, CurvePoint(1, 0.0)) for _ in range(2))
    assert first == second and module.training
    # the mean cross-entropy that torch's own mean gives
    module.eval()
    expected = torch.nn.functional.cross_entropy(module(rows.inputs), rows.targets).item()
    assert first.validation_loss == pytest.approx(expected, rel=1e-6)


def test_regression_is_measured_in_its_unit() -> None:
    # standardised errors 0.3 and 0.4: their mean square is 0.125, and a unit stands for 20
    rows = Examples(torch.zeros(2, 1), torch.tensor([0.3, -0.4]), torch.ones(2), "regression")
    module = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(module.bias)
    loss, measure = evaluate_rows(module, rows, unit=20.0)
    assert loss == pytest.approx(0.125) and measure == pytest.approx(20 * 0.125**0.5)
