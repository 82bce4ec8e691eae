"""A guarantee is never shown as less than it is."""

from __future__ import annotations

import ast
import math
import random
import re
from collections.abc import Iterator

import pytest

from evenhand.audit.words.numbers import GUARANTEES, at_most, number, of_measure
from tests.source import ROOT, modules

HOME = "evenhand.audit.words.numbers"
COORDINATES = {"evenhand.audit.reports.drawing.charts"}  # places in a picture, that nobody reads
FIELD = re.compile(r"\{\w+:([^{}\s]+)\}")  # of a template, in an error or a phrase
# Digits chosen where the number is said, as in {x:.3f}, {x:.1%} or format(x, ".2g"); {x:g} is a
# number as somebody declared it.
DIGITS = re.compile(r"\.(\d+|\{.*\})[eEfFgG%]$|^[^a-zA-Z]*[eEfF%]$")


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


def rounded_by_hand(tree: ast.AST) -> Iterator[int]:
    """Lines where a float is put into words with digits of its own. ``float(f"{x:.6g}")`` is a
    number, not words."""
    numbers = {
        id(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "float" and node.args
    }
    for node in ast.walk(tree):
        specs: list[str] = []
        if isinstance(node, ast.JoinedStr) and id(node) not in numbers:
            specs = [
                ast.unparse(part.format_spec)[2:-1]
                for part in node.values
                if isinstance(part, ast.FormattedValue) and part.format_spec is not None
            ]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "format":
            specs = [a.value for a in node.args[1:] if isinstance(a, ast.Constant)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            specs = FIELD.findall(node.value)
        elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
            specs = re.findall(r"%([-+ 0-9.]*[eEfFgG])", str(node.left.value))
        yield from (node.lineno for spec in specs if DIGITS.search(spec))


def test_numbers_are_put_into_words_in_one_place() -> None:
    planted = """
f"{x:.3f}", f"{x:,.1f}%", f"{x:.{digits}e}", f"{x:.0%}"
format(x, ".2g"), "{x:.4f}".format(x=x), "%.3f" % x
f"{x:g}", f"{n:,}", f"{when:%H:%M}", float(f"{x:.4g}"), f"{name:>10}", "{x:g}", "a {b}: {c}"
"""
    assert sorted(rounded_by_hand(ast.parse(planted))) == [2, 2, 2, 2, 3, 3, 3]
    read = 0
    for module, path in modules():
        if module != HOME and module not in COORDINATES:
            text = path.read_text("utf-8")
            read += 1
            lines = list(rounded_by_hand(ast.parse(text)))
            assert not lines, f"{path.relative_to(ROOT)}:{lines}: say it with a function of {HOME}"
    assert read > 500
