"""Rows that meet a condition, against pandas' own comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.data.filtering import rows_where
from evenhand.audit.data.written.filters import parse_filter
from evenhand.audit.errors import InputError

FRAME = pd.DataFrame(
    {
        "age": [20.0, 40.0, np.nan, 60.0],
        "sex": ["F", None, "M", "F"],
        "code": ["01", "1", "01", "2"],
        "born": pd.to_datetime(["1980-05-01", "1990-01-31", None, "2000-12-31"]),
        "works": [True, False, True, False],
        "n": [1, 2, 3, 4],
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age >= 40", [0, 1, 0, 1]),
        ("not age >= 40", [1, 0, 1, 0]),  # as everywhere: not is all that is left
        ("age != 40", [1, 0, 0, 1]),  # a missing cell meets no comparison
        ("age is missing or sex is missing", [0, 1, 1, 0]),
        ("sex == 'F' and age < 50", [1, 0, 0, 0]),
        ("sex not in ('F')", [0, 0, 1, 0]),
        ("code == '01'", [1, 0, 1, 0]),
        ("code in (1, '2')", [0, 1, 0, 1]),  # a number is the text that a cell would be
        ("born >= '1990-01-31'", [0, 1, 0, 1]),
        ("works == 'true' or works == 'True'", [1, 0, 1, 0]),
        ("n in (1, 4)", [1, 0, 0, 1]),
    ],
)
def test_rows(text: str, expected: list[int]) -> None:
    assert rows_where(FRAME, parse_filter(text)).astype(int).tolist() == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("aeg > 3", "did you mean.*age"),
        ("sex > 'A'", "holds texts"),
        ("age == 'old'", "holds numbers"),
        ("born > 'May'", "holds dates"),
    ],
)
def test_what_cells_cant_be_held_against(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        rows_where(FRAME, parse_filter(text))
    import re

    assert re.search(said, f"{error.value.message} {error.value.remedy}")
