"""Make: a recipe in, a model folder out.

    from evenhand.trainers import train
    result = train({"data": "loanapp", "private": {"epsilon": 3}}, out="models/loan")

Nothing heavy is imported until something is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenhand.trainers.fitting.estimators import MLPTabularClassifier as MLPTabularClassifier
    from evenhand.trainers.fitting.estimators import MLPTabularRegressor as MLPTabularRegressor
    from evenhand.trainers.job import train as train
    from evenhand.trainers.ledger.record import read_ledger as read_ledger
    from evenhand.trainers.recipe.recipe import Recipe as Recipe
    from evenhand.trainers.recipe.recipe import read_recipe as read_recipe
    from evenhand.trainers.result import TrainResult as TrainResult

_HOME = {
    "MLPTabularClassifier": "evenhand.trainers.fitting.estimators",
    "MLPTabularRegressor": "evenhand.trainers.fitting.estimators",
    "Recipe": "evenhand.trainers.recipe.recipe",
    "TrainResult": "evenhand.trainers.result",
    "read_ledger": "evenhand.trainers.ledger.record",
    "read_recipe": "evenhand.trainers.recipe.recipe",
    "train": "evenhand.trainers.job",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
