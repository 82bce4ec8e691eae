"""Make: a recipe in, a model folder out.

    from trainers import train
    result = train({"data": "loanapp", "private": {"epsilon": 3}}, out="models/loan")

Nothing heavy is imported until something is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.estimators import MLPTabularClassifier as MLPTabularClassifier
    from trainers.estimators import MLPTabularRegressor as MLPTabularRegressor
    from trainers.job import TrainResult as TrainResult
    from trainers.job import train as train
    from trainers.ledger import read_ledger as read_ledger
    from trainers.recipe import Recipe as Recipe
    from trainers.recipe import read_recipe as read_recipe

_HOME = {
    "MLPTabularClassifier": "trainers.estimators",
    "MLPTabularRegressor": "trainers.estimators",
    "Recipe": "trainers.recipe",
    "TrainResult": "trainers.job",
    "read_ledger": "trainers.ledger",
    "read_recipe": "trainers.recipe",
    "train": "trainers.job",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'trainers' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
