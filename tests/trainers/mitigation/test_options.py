"""Settings of the mitigations: each method takes its own, within their ranges."""

from __future__ import annotations

import re
from typing import Any

import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers.mitigation.options import mitigator


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("threshold", {"eps": 0.1}, "threshold has no option 'eps'; it has grid_size, objective"),
        ("exponentiated-gradient", {"eps": 0}, "eps=0: .* greater than 0"),
        ("exponentiated-gradient", {"eps": True}, "eps=True: neither a number"),
        ("grid-search", {"grid_size": 1.5}, "grid_size=1.5: .* integer"),
        ("correlation-remover", {"alpha": 1.1}, "must be at most 1"),
        ("threshold", {"objective": "accuracy"}, "no objective 'accuracy'"),
        ("threshhold", {}, "no method 'threshhold'"),
        ("threshold", {"sedd": 1}, "unknown key 'sedd'"),
    ],
)
def test_options_that_a_method_does_not_take(
    method: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        mitigator({"method": method, **options})
    assert re.search(message, str(refused.value))
    assert refused.value.remedy


def test_a_whole_number_of_floating_point_is_one() -> None:
    assert mitigator({"method": "threshold", "grid_size": 10.0}).dials() == {"grid_size": 10}
    assert mitigator({"method": "adversarial", "alpha": 2}).dials() == {"alpha": 2.0}
