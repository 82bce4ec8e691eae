"""Conditions: comparisons of facts, three-valued, never false because unknown."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evenhand.policies.deciding.conditions import FactError, applies, facts_for
from evenhand.policies.schema import Condition
from tests.policies.build import make_pack

FACTS: dict[str, Any] = {
    "task": "binary",
    "n": 3,
    "private": True,
    "features": ["race", "sex"],
    "none": [],
    "since": "2026-01-02",
    "places": "US-NY-NYC, US-CA",
}


def holds(condition: dict[str, Any]) -> bool:
    return applies(Condition.model_validate(condition), FACTS)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"fact": "task", "eq": "binary"}, True),
        ({"fact": "task", "ne": "binary"}, False),
        ({"fact": "task", "in": ["binary", "multiclass"]}, True),
        ({"fact": "task", "contains": "bin"}, False),  # text is a list of one, never searched
        ({"fact": "task", "contains": "binary"}, True),
        ({"fact": "places", "contains": "US-CA"}, True),  # several in one text, by commas
        ({"fact": "features", "contains": "sex"}, True),
        ({"fact": "features", "contains": "age"}, False),
        ({"fact": "features", "ne": []}, True),
        ({"fact": "none", "ne": []}, False),
        ({"fact": "n", "lt": 3}, False),
        ({"fact": "n", "lte": 3}, True),
        ({"fact": "n", "gt": 2}, True),
        ({"fact": "n", "gte": 4}, False),
        ({"fact": "private", "eq": True}, True),
        ({"fact": "private", "eq": 1}, False),
        ({"fact": "since", "eq": "2026-01-02"}, True),
        ({"all": [{"fact": "n", "eq": 3}, {"fact": "private", "eq": True}]}, True),
        ({"any": [{"fact": "n", "eq": 4}, {"fact": "private", "eq": True}]}, True),
        ({"not": {"fact": "n", "eq": 3}}, False),
    ],
)
def test_operators(condition: dict[str, Any], expected: bool) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize(
    "condition",
    [
        {"fact": "gone", "eq": 1},
        {"not": {"fact": "gone", "eq": 1}},
        {"all": [{"fact": "n", "eq": 3}, {"fact": "gone", "eq": 1}]},
        {"any": [{"fact": "gone", "eq": 1}, {"fact": "n", "eq": 4}]},
    ],
)
def test_an_unknown_fact_is_said_never_false(condition: dict[str, Any]) -> None:
    with pytest.raises(FactError, match="the fact gone is unknown"):
        holds(condition)


def test_an_unknown_fact_that_cannot_matter_does_not_stop() -> None:
    unknown = {"fact": "gone", "eq": 1}
    assert holds({"all": [unknown, {"fact": "n", "eq": 4}]}) is False
    assert holds({"any": [unknown, {"fact": "n", "eq": 3}]}) is True


def test_values_that_cannot_be_compared() -> None:
    with pytest.raises(FactError, match="not a number"):
        holds({"fact": "task", "gt": 1})
    with pytest.raises(FactError, match="not a number"):
        holds({"fact": "private", "gte": 1})
    with pytest.raises(FactError, match="neither a list nor text"):
        holds({"fact": "n", "contains": 3})


@pytest.mark.parametrize(
    "condition",
    [
        {"fact": "n"},
        {"fact": "n", "eq": 1, "ne": 2},
        {"eq": 1},
        {"fact": "n", "eq": 1, "all": [{"fact": "n", "eq": 1}]},
        {"all": [{"fact": "n", "eq": 1}], "any": [{"fact": "n", "eq": 1}]},
        {"all": []},
        {},
        {"fact": "n", "equals": 1},
    ],
)
def test_malformed_conditions_are_refused(condition: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Condition.model_validate(condition)


def test_facts_of_a_condition() -> None:
    condition = {"all": [{"fact": "a", "eq": 1}, {"not": {"any": [{"fact": "b", "gt": 1}]}}]}
    assert Condition.model_validate(condition).facts() == {"a", "b"}


leaves = st.sampled_from(
    [{"fact": "n", "eq": 3}, {"fact": "n", "eq": 4}, {"fact": "gone", "eq": 1}]
)
trees = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, below),
    ),
    max_leaves=8,
)


@given(trees)
def test_a_decided_condition_holds_whatever_the_unknown_fact_is(tree: dict[str, Any]) -> None:
    condition = Condition.model_validate(tree)
    both = {applies(condition, {**FACTS, "gone": value}) for value in (1, 2)}
    with contextlib.suppress(FactError):  # undecided: nothing was claimed
        assert both == {applies(condition, FACTS)}


def test_parameters_give_defaults_and_refuse_other_values() -> None:
    pack = make_pack(parameters={"role": {"enum": ["provider", "deployer"], "default": "provider"}})
    assert facts_for(pack, {})["role"] == "provider"
    assert facts_for(pack, {"role": "deployer"})["role"] == "deployer"
    with pytest.raises(FactError, match="the pack knows: provider, deployer"):
        facts_for(pack, {"role": "nobody"})
    with pytest.raises(FactError, match="the fact role is unknown"):
        facts_for(make_pack(parameters={"role": {"required": True}}), {})
