"""Numbers and names in sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.audit.words.numbers import number
from evenhand.policies.deciding.sentence import asked, source, stands
from evenhand.policies.words import place
from tests.samples import HOSTILE, finding


@pytest.mark.parametrize(
    ("value", "thresholds", "expected"),
    [
        (0.17, (0.1,), "0.17"),
        (0.1, (0.1,), "0.10"),
        (0.10004, (0.1,), "0.10004"),
        (0.0999, (0.1,), "0.0999"),
        (0.79999, (0.8,), "0.79999"),
        (0.8154, (0.8,), "0.815"),
        (1.0, (), "1"),
        (0.0, (0.1,), "0"),
        (-0.02, (), "-0.02"),
        (600.0, (100.0,), "600"),
        (1234567.0, (), "1,234,567"),
        (2.9871, (10.0,), "2.99"),
        (1e-7, (), "1.00e-07"),
        (0.9999, (), "0.9999"),
        (0.9999, (1.0,), "0.9999"),
    ],
)
def test_numbers(value: float, thresholds: tuple[float, ...], expected: str) -> None:
    assert number(value, thresholds) == expected


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_rounding_never_crosses_the_threshold(value: float, threshold: float) -> None:
    shown = float(number(value, (threshold,)).replace(",", ""))
    assert (shown > threshold) == (value > threshold)
    assert (shown < threshold) == (value < threshold)


def test_places() -> None:
    crossed = finding("a.b", "c", 1.0, between=["race", "sex"])
    assert place(crossed)["en"] == " across race × sex"
    grouped = finding("a.b", "c", 1.0, group={"sex": "F", "race": HOSTILE})
    # markup is the views' to escape; the judge says what the name is
    assert place(grouped)["en"] == f" in the group race={HOSTILE}, sex=F"
    assert place(finding("a.b", "c", 1.0, column="age"))["zh"] == "（列 age）"
    assert place(finding("a.b", "c", 1.0)) == {"en": "", "zh": ""}


def test_how_a_number_stands_to_its_limit() -> None:
    assert stands("<=", [0.1], keeps=False)["en"] == "above 0.10"
    assert stands("between", [0.8, 1.25], keeps=True) == {
        "en": "between 0.80 and 1.25",
        "zh": "在 0.80 与 1.25 之间",
    }
    assert asked(">", [0.5])["en"] == "above 0.50"
    assert source("law", is_default=False)["zh"] == "（法律）"
    assert "nothing declared" in source("declared", is_default=True)["en"]
