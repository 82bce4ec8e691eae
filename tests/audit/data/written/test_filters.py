"""Conditions as people write them: what they mean, and where they stop being one."""

from __future__ import annotations

import pytest

from evenhand.audit.data.written.filters import ColumnCompared, Joined, columns_in, parse_filter
from evenhand.audit.errors import InputError


def test_and_binds_before_or_and_not_before_both() -> None:
    a, b, c = (ColumnCompared(name, "==", (1.0,)) for name in "abc")
    assert parse_filter("a == 1 or b == 1 and c == 1") == Joined("or", (a, Joined("and", (b, c))))
    assert parse_filter("(a == 1 or b == 1) and c == 1") == Joined("and", (Joined("or", (a, b)), c))
    assert parse_filter("not a == 1 and b == 1") == Joined("and", (Joined("not", (a,)), b))


def test_values_and_names_of_all_kinds() -> None:
    text = """`a, b` in ("x \\"y\\"", 'z', -1.5e3) and 年龄 >= .5 and c is not missing"""
    found = parse_filter(text)
    assert columns_in(found) == ("a, b", "年龄", "c")
    assert isinstance(found, Joined)
    assert found.parts[0] == ColumnCompared("a, b", "in", ('x "y"', "z", -1500.0))
    assert found.parts[1] == ColumnCompared("年龄", ">=", (0.5,))
    assert found.parts[2] == Joined("not", (ColumnCompared("c", "missing"),))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", "its end"),
        ("sex = 'F'", "= 'F'"),
        ("sex == F", "F"),
        ("sex == 'F' age > 3", "age > 3"),
        ("(sex == 'F'", "its end"),
        ("sex in 'F'", "'F'"),
        ("sex == 'F", "'F"),
        ("__import__('os').system('x')", r"\('os'\)"),
        ("sex == 'F' and", "its end"),
        ("3 == sex", "3 == sex"),
        ("not " * 60 + "a == 1", "not"),
        ("a == 12monkeys", "12monkeys"),
    ],
)
def test_what_is_none_says_where_it_stops(text: str, rest: str) -> None:
    with pytest.raises(InputError, match=rest):
        parse_filter(text)
