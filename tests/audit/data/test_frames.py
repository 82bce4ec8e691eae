"""Frames of other libraries become tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from evenhand.audit.data.reading.read import table_of
from evenhand.audit.errors import InputError


def test_arrow_tables_become_tables() -> None:
    columns: dict[str, list[Any]] = {"g": ["a", "b", None], "y": [1, 0, 1]}
    table = table_of(pa.table(columns))
    assert table.frame["y"].tolist() == [1, 0, 1]
    assert table.digest == table_of(pd.DataFrame(columns)).digest
    with pytest.raises(InputError, match="is no data frame"):
        table_of([1, 2, 3])


def test_polars_frames_become_tables() -> None:
    polars = pytest.importorskip("polars", reason="polars is no dependency of evenhand")
    frame = polars.DataFrame({"g": ["a", "b"], "y": [1, 0]})
    assert table_of(frame).frame["g"].tolist() == ["a", "b"]
    assert table_of(frame.lazy()).digest == table_of(frame).digest
