"""What whoever waits for a run is told."""

from __future__ import annotations

import pytest
import torch

from evenhand.audit.cli import run as evenhand
from evenhand.trainers.examples import Examples
from evenhand.trainers.fitting import loop as fit
from evenhand.trainers.fitting.loop import Loop, LoopState


def test_time_left_is_at_the_pace_of_the_steps_taken_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that moves 3 s a step: after 2 of 4 epochs of 5 steps, 10 steps are left, 30 s."""
    steps = [0]
    monkeypatch.setattr(fit.time, "monotonic", lambda: 3.0 * steps[0])

    def take(losses_of: object, rows: torch.Tensor) -> torch.Tensor:
        steps[0] += 1
        return torch.zeros(len(rows))

    module = torch.nn.Linear(2, 2)
    examples = Examples(torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64), torch.ones(4))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    left: dict[int, float] = {}

    def heard(epoch: int, epochs: int, loss: float, epsilon: float | None, seconds: float) -> None:
        left[epoch] = seconds

    for first in (0, 10):  # from the start, and resumed in the middle
        steps[0] = 0
        batches = iter([[0]] * 20)
        loop = Loop(batches, 20, 4, torch.mean, take=take, standing=LoopState(step=first))
        fit.run(module, optimizer, examples, loop, heard)
        assert left[4] == 0.0 and left[3] == pytest.approx(15.0)
        assert first or left[2] == pytest.approx(30.0)


def test_the_command_says_loss_epsilon_and_time_left(
    recipe: dict, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "tabular", "--data", recipe["data"], "--target", "answer", "--epochs", "3"]
    command += ["--positive-label", "yes", "--private", "--noise-multiplier", "4", "--json"]
    assert evenhand([*command, "--out", f"{tmp_path}/m"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("train: ")]
    assert len(lines) == 3
    # the loss of private rows is computed without noise: nobody is told, unless it is kept
    assert all("loss" not in line and "epsilon" in line for line in lines)
    assert ["left" in line for line in lines] == [True, True, False]
