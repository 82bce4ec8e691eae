"""When to stop early: decided on losses that are written down here."""

from __future__ import annotations

import pytest
import torch

from evenhand.audit.errors import InputError
from evenhand.trainers.examples import CurvePoint
from evenhand.trainers.fitting.stopping import Seen, Watch
from evenhand.trainers.recipe.early_stopping import EarlyStopping
from evenhand.trainers.validate import checked


def follow(losses: list[float], stopping: EarlyStopping | None) -> tuple[Watch, torch.nn.Module]:
    """A watch that sees ``losses``, and a module whose only weight is the epoch's number."""
    module = torch.nn.Linear(1, 1, bias=False)
    told = iter(losses)
    watch = Watch(lambda _: Seen(next(told), 0.5), stopping)
    for epoch in range(1, len(losses) + 1):
        module.load_state_dict({"weight": torch.tensor([[float(epoch)]])})
        watch.after_epoch(module, CurvePoint(epoch, 0.0))
        if watch.stopped_after:
            break
    return watch, module


def test_it_stops_after_patience_and_goes_back_to_the_best_epoch() -> None:
    # the best is epoch 3; epochs 4 and 5 are no better: two epochs of patience end at 5
    losses = [0.9, 0.8, 0.5, 0.6, 0.5, 0.1]
    watch, module = follow(losses, EarlyStopping(patience=2))
    assert (watch.best_epoch, watch.best_loss, watch.stopped_after) == (3, 0.5, 5)
    assert module.weight.item() == 5.0
    watch.restore(module)
    assert module.weight.item() == 3.0


def test_small_improvements_do_not_count_where_asked() -> None:
    # steps of 0.05 are below 0.1: epoch 1 stays the best, three epochs later it is over
    losses = [0.9, 0.85, 0.81, 0.8005, 0.7]
    watch, _ = follow(losses, EarlyStopping(patience=3, min_improvement=0.1))
    assert (watch.best_epoch, watch.stopped_after) == (1, 4)


def test_without_stopping_nothing_is_stopped_or_restored() -> None:
    watch, module = follow([0.1, 0.2, 0.3, 0.4], None)
    watch.restore(module)
    assert watch.stopped_after is None and module.weight.item() == 4.0


def test_a_run_that_ends_while_it_improves_keeps_its_last_epoch() -> None:
    watch, module = follow([0.4, 0.3, 0.2], EarlyStopping(patience=1))
    watch.restore(module)
    assert watch.stopped_after is None and module.weight.item() == 3.0


def test_rows_are_seen_in_evaluation_mode_and_without_gradients() -> None:
    module = torch.nn.Dropout(0.9)
    seen = []

    def evaluate(given: torch.nn.Module) -> Seen:
        seen.append((given.training, torch.is_grad_enabled()))
        return Seen(0.1, 0.1)

    module.train()
    Watch(evaluate).after_epoch(module, CurvePoint(1, 0.0))
    assert seen == [(False, False)] and module.training


def test_a_loss_that_is_not_a_number_is_an_input_error() -> None:
    with pytest.raises(InputError, match="diverged"):
        follow([float("nan")], None)


def test_a_number_is_patience() -> None:
    assert checked(EarlyStopping, 3, "early_stopping") == EarlyStopping(patience=3)
    with pytest.raises(InputError, match="patience"):
        checked(EarlyStopping, 0, "early_stopping")
    with pytest.raises(InputError, match="early_stopping"):
        checked(EarlyStopping, True, "early_stopping")
