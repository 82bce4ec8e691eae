"""Classes, diversity and closeness: worked out by hand, and against the definitions."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.measure.exposure.classes import classes_of, diversity, joint

# Two classes: (30, a) with 4 rows, (40, b) with 2.
TABLE = pd.DataFrame(
    {
        "age": [30, 30, 30, 30, 40, 40],
        "zip": ["a", "a", "a", "a", "b", "b"],
        "illness": ["flu", "flu", "cold", "ulcer", "flu", "flu"],
        "pay": [1.0, 2.0, 3.0, 4.0, 1.0, 1.0],
    }
)


def test_by_hand() -> None:
    classes = classes_of(TABLE, ["age", "zip"], None)
    assert (classes.k, classes.sizes.tolist()) == (2, [4, 2])
    assert classes.n_in_classes_under(2) == 0
    assert classes.n_in_classes_under(3) == 2
    ill = diversity(classes.codes, TABLE["illness"])
    # the second class is flu alone; in the whole 4 of 6 are, 1/6 cold, 1/6 ulcer. First class:
    # flu 1/2, cold 1/4, ulcer 1/4, (1/6 + 1/12 + 1/12) / 2 = 1/6; second: (1/3 + 1/6 + 1/6) / 2
    assert (ill.distinct, ill.entropy) == (1, 1.0)
    assert ill.distance == pytest.approx(1 / 3)
    # pay, ordered, whole cumulated 3/6, 4/6, 5/6, 1: second class 1, 1, 1 -> (3 + 2 + 1)/6 / 3
    assert diversity(classes.codes, TABLE["pay"]).distance == pytest.approx(1 / 3)


def test_a_missing_cell_is_a_value_and_people_are_counted_once() -> None:
    frame = pd.DataFrame({"age": [30, 30, None, None, 40.0]})
    assert sorted(classes_of(frame, ["age"], None).sizes) == [1, 2, 2]
    # rows 0 and 1 are of one person: a class of one
    classes = classes_of(frame, ["age"], np.array([7, 7, 8, 9, 7]))
    assert classes.sizes[classes.codes].tolist() == [1, 1, 2, 2, 1]
    assert (classes.n_people(), classes.n_in_classes_under(2)) == (3, 1)


def test_against_the_definitions_on_random_tables() -> None:
    drawn, compared = np.random.default_rng(0), 0
    for _ in range(120):
        n = int(drawn.integers(1, 40))
        codes = joint([drawn.integers(0, 5, n)], n)
        numbers = pd.Series(drawn.integers(0, 8, n) * 1.5)
        values = sorted(set(numbers))
        whole = np.array([(numbers == v).mean() for v in values])
        carried, varied, entropies, fewest = 0.0, 0.0, [], len(values)
        for one in range(codes.max() + 1):
            share = np.array([(numbers[codes == one] == v).mean() for v in values])
            carried = max(carried, np.abs(np.cumsum(share - whole)).sum() / max(len(values) - 1, 1))
            varied = max(varied, np.abs(share - whole).sum() / 2)
            entropies.append(-sum(p * math.log(p) for p in share if p))
            fewest = min(fewest, int((share > 0).sum()))
        ordered = diversity(codes, numbers)
        named = diversity(codes, numbers.astype(str))
        assert ordered.distance == pytest.approx(carried, abs=1e-12)
        assert named.distance == pytest.approx(varied, abs=1e-12)
        assert ordered.entropy == pytest.approx(math.exp(min(entropies)))
        assert named.entropy == pytest.approx(math.exp(min(entropies)))
        assert ordered.distinct == named.distinct == fewest
        compared += 1
    assert compared == 120
