"""Levels of columns: cells written out, and what doesn't nest."""

from __future__ import annotations

import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.masking.plan import BinLevel, GroupLevel, KeepLevel, make_plan
from evenhand.audit.masking.recoding import codes_of, ladder, recoded


def test_cells_at_each_kind_of_level() -> None:
    ages = pd.Series([17, 18, 40, None], name="age")
    assert recoded(ages, BinLevel(bins=("18", "40"))).tolist() == ["< 18", "[18, 40)", "≥ 40", None]
    zips = pd.Series(["02139", "10115", None], name="zip")
    assert recoded(zips, KeepLevel(keep=3)).tolist() == ["021**", "101**", None]
    group = GroupLevel(groups={"north": ("a", "b")})
    assert recoded(pd.Series(["a", "c"], name="area"), group).tolist() == ["north", "other"]
    born = pd.Series(["1985-04-30", "1990-12-01"], name="born")
    assert recoded(born, "month").tolist() == ["1985-04", "1990-12"]
    assert recoded(born, "decade").tolist() == ["198*", "199*"]
    assert recoded(ages, "hide").tolist() == ["*"] * 4


def test_every_made_ladder_nests_and_ends_hidden() -> None:
    columns = {
        "number": range(200),
        "few": [1, 2] * 100,
        "zip": [f"{i:05d}" for i in range(200)],
        "born": [f"{1950 + i % 50}-{1 + i % 12:02d}-11" for i in range(200)],
        "job": [f"job {i % 15} {'x' * (i % 15)}" for i in range(200)],
        "sex": ["F", "M"] * 100,
        "all alike": ["a"] * 200,
    }
    for name, cells in columns.items():
        column = pd.Series(list(cells), name=name)
        levels = ladder(column)
        assert levels[-1] == "hide"
        codes = codes_of(column, levels)  # raises where a level doesn't nest
        values = [len(set(each)) for each in codes]
        assert values == sorted(values, reverse=True), name
        assert values[-1] == 1
    assert [type(level).__name__ for level in ladder(pd.Series(range(200), name="n"))] == [
        "BinLevel",
        "BinLevel",
        "BinLevel",
        "str",
    ]


def test_a_level_that_tells_apart_again_is_refused() -> None:
    ages = pd.Series(range(60), name="age")
    with pytest.raises(InputError, match="level 2 tells apart what level 1 joins"):
        codes_of(ages, [BinLevel(bins=("20", "40")), BinLevel(bins=("30",))])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"quasi_identifiers": ["a"], "k": 1}, "k"),
        ({"quasi_identifiers": []}, "quasi_identifiers"),
        ({"quasi_identifiers": ["a"], "l": 2}, "confidential"),
        ({"quasi_identifiers": ["a"], "columns": {"a": "drop"}}, "is generalised"),
        ({"quasi_identifiers": ["a"], "columns": {"b": {"levels": "auto"}}}, "levels are for"),
        (
            {
                "quasi_identifiers": ["a"],
                "columns": {"a": {"levels": [{"groups": {"x": ["1"], "y": ["1"]}}]}},
            },
            "several groups",
        ),
        ({"quasi_identifiers": ["a"], "kk": 3}, "kk"),
    ],
)
def test_a_plan_that_is_none_names_what_is_wrong(given: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_plan(given, "mask.yaml")
