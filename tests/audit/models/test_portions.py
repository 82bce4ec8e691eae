"""A network gets rows in portions that its memory allows, and its answers are those of one go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from evenhand.audit.errors import InputError, LimitError
from evenhand.audit.models.declared import Declared
from evenhand.audit.models.inputs import declared_inputs
from evenhand.audit.models.networks import DeclaredNetwork

FRAME = pd.DataFrame({"a": np.arange(10.0), "b": np.arange(10.0)[::-1]})


class Hungry(torch.nn.Module):
    """A product that finds no memory for more than ``most`` rows."""

    def __init__(self, most: int, said: str = "DefaultCPUAllocator: can't allocate memory") -> None:
        super().__init__()
        self.asked: list[int] = []
        self._most, self._said = most, said

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(rows))
        if len(rows) > self._most:
            raise RuntimeError(self._said)
        return rows[:, 0] * 2 - rows[:, 1]


def network(module: torch.nn.Module) -> DeclaredNetwork:
    declared: Any = Declared(task="regression", inputs=("a", "b"), outputs="values")
    return DeclaredNetwork(
        "x", module, declared_inputs(declared.inputs, (2,), "model m"), declared, "model m"
    )


def test_where_memory_runs_out_a_portion_is_halved() -> None:
    module = Hungry(3)
    values = network(module).predict_values(FRAME)
    assert values.tolist() == (FRAME["a"] * 2 - FRAME["b"]).tolist()
    assert module.asked == [10, 5, 2, 2, 2, 2, 2]


def test_a_row_that_needs_too_much_is_a_limit_and_other_errors_are_said() -> None:
    with pytest.raises(LimitError, match="for a single row"):
        network(Hungry(0)).predict_values(FRAME)
    with pytest.raises(InputError, match="cannot score rows of shape"):
        network(Hungry(0, "shapes differ")).predict_values(FRAME)
