"""What makers state: records with types; what strangers state in another shape is said."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.audit.claims import (
    Composed,
    Mitigation,
    Privacy,
    cost_stated,
    mitigation_stated,
    privacy_stated,
)
from evenhand.audit.errors import InputError


def test_what_is_not_stated_is_none() -> None:
    assert privacy_stated({}) is None and privacy_stated({"privacy": None}) is None
    assert cost_stated({}) is None
    assert mitigation_stated({}) == Mitigation()


def test_older_records_lack_fields_and_may_hold_null() -> None:
    old = {"epsilon": 3, "delta": 1e-5, "warnings": None, "preprocessing": None, "made_by": "me"}
    found = privacy_stated({"privacy": old})
    assert found is not None
    assert (found.epsilon, found.unit, found.warnings, found.preprocessing) == (
        3,
        "unknown",
        (),
        {},
    )
    assert found.to_json()["made_by"] == "me"  # kept, and not read


def test_a_record_is_written_as_it_was_given_in_the_order_of_its_fields() -> None:
    given = {
        "epsilon": 2.5,
        "delta": 1e-4,
        "max_rows_per_unit": None,
        "not_certified": ["a seed"],
        "composition": {"state": "unknown", "reason": "no store"},
    }
    found = privacy_stated({"privacy": given})
    assert found is not None and found.composition == Composed(state="unknown", reason="no store")
    assert list(found.to_json().items()) == list(given.items())


@pytest.mark.parametrize(
    ("says", "named"),
    [
        ({"privacy": "epsilon 3"}, "no JSON object"),
        ({"privacy": {"delta": 1e-5}}, "epsilon"),
        ({"privacy": {"epsilon": "3", "delta": 1e-5}}, "epsilon"),
        ({"privacy": {"epsilon": 3, "delta": 1e-5, "outside_guarantee": [7]}}, "outside_guarantee"),
        ({"privacy": {"epsilon": 3, "delta": 1e-5, "composition": [1]}}, "composition"),
        ({"mitigation": {"randomises": "yes"}}, "randomises"),
        ({"cost": {"energy_j": "much"}}, "energy_j"),
    ],
)
def test_what_a_stranger_states_in_another_shape_is_said(says: dict[str, Any], named: str) -> None:
    read = {"privacy": privacy_stated, "mitigation": mitigation_stated, "cost": cost_stated}
    with pytest.raises(InputError, match=named):
        read[next(iter(says))](says)


def test_records_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Privacy(epsilon=1.0, delta=1e-5).epsilon = 2.0  # type: ignore[misc]
