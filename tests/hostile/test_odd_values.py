"""Odd values in every key of what people write: refused by the model of it, never a bug of ours.

What looks at raw values before they are checked (validators that run first) meets every type.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from evenhand.audit.errors import EvenhandError
from evenhand.audit.models.declared import Declared
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.trainers.mitigation.options import MitigationRequest
from evenhand.trainers.recipe.recipe import Recipe

ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, float("nan"), 2**70, "", "x", "\0", "a" * 5000, b"x"),
    *([], [[]], [{}], [None], [[1]], ["a", 1, None], [float("inf")], ["a", ["b"]]),
    *({}, {"a": None}, {"a": []}, {"a": [[]]}, {"a": {"b": {}}}, {1: 2}, {"race": [[]]}),
)
MODELS: tuple[type[BaseModel], ...] = (SubjectSpec, Recipe, MitigationRequest, Declared)


@pytest.mark.parametrize("model", MODELS)
def test_each_key_refuses_or_takes_each_odd_value(model: type[BaseModel]) -> None:
    taken = 0
    for key, value in itertools.product(model.model_fields, ODD):
        taken += tried(model, {key: value})
    assert taken < len(model.model_fields) * len(ODD)  # some were refused


def test_keys_that_are_looked_at_together() -> None:
    """Roles are put among the sensitive features before either is checked."""
    for one, other in itertools.product(ODD, ODD):
        tried(SubjectSpec, {"roles": one, "sensitive_features": other})
        tried(SubjectSpec, {"roles": {"race": one}, "sensitive_features": other})


def tried(model: type[BaseModel], values: dict[str, Any]) -> bool:
    """Whether the model takes these values; whatever else it raises passes."""
    try:
        model.model_validate(values)
    except (ValidationError, EvenhandError):
        return False
    return True
