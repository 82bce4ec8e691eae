"""Settings of the mitigations: each method takes its own, within their ranges."""

from __future__ import annotations

import re
from typing import Any

import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers.mitigation.options import checked_options


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("threshold", {"eps": 0.1}, "threshold has no option 'eps'"),
        ("exponentiated-gradient", {"eps": 0}, "eps = 0 .* is out of range"),
        ("exponentiated-gradient", {"eps": True}, "eps = True"),
        ("grid-search", {"grid_size": 1.5}, "grid_size = 1.5"),
        ("correlation-remover", {"alpha": 1.1}, "at least 0 and at most 1"),
        ("threshold", {"objective": "money"}, "one of accuracy_score"),
    ],
)
def test_options_that_a_method_does_not_take(
    method: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        checked_options(method, options)
    assert re.search(message, str(refused.value))
    assert checked_options("threshold", {"grid_size": 10.0}) == {"grid_size": 10}
