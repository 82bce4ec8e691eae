"""A guarantee is never shown as less than it is."""

from __future__ import annotations

import math
import random

import pytest

from evenhand.audit.words.numbers import GUARANTEES, at_most, number, of_measure


def _read(text: str) -> float:
    return float(text.replace(",", ""))


def test_an_upper_bound_is_rounded_up_by_less_than_one_of_its_last_digit() -> None:
    rng = random.Random(5)
    values = [10 ** rng.uniform(-9, 9) for _ in range(20_000)]
    below = 0
    for value in values:
        shown = _read(at_most(value))
        # three digits: one of the last is at most 1 % of the value
        assert value <= shown <= value * 1.01, value
        below += _read(number(value)) < value
    assert 0.4 < below / len(values) < 0.6  # what the nearest digit would have understated


@pytest.mark.parametrize("value", [0.0, 1.0, 3.0, 2.98, 1e-5, 1e-12, 0.5, 1234.0])
def test_what_needs_no_rounding_stays(value: float) -> None:
    assert at_most(value) == number(value) and _read(at_most(value)) == value


def test_an_infinite_bound_is_said() -> None:
    assert at_most(math.inf) == "inf"


def test_rounding_up_crosses_no_threshold() -> None:
    # 2.982 holds epsilon <= 2.985, and is shown as what holds it
    assert at_most(2.982) == "2.99" and at_most(2.982, [2.985]) == "2.982"
    assert at_most(2.9961, [3.0]) == "2.997"  # not "3"


def test_guarantees_alone_are_rounded_up() -> None:
    from evenhand.audit.run.catalogue import checks

    assert {m for c in checks() for m in c.measures} >= GUARANTEES
    assert {of_measure(m, 2.982) for m in GUARANTEES} == {"2.99"}
    assert of_measure("accuracy_score", 0.9824) == "0.982"
