"""Rows, rows left out and missing cells, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.words.reasons import render
from tests.audit.subjects import confusion_rows, findings_of, one


def test_rows_rows_left_out_and_missing_cells_by_hand(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=6, fp=4, fn=3, tn=7),  # 20
            confusion_rows({"g": "b"}, tp=5, fp=5, fn=5, tn=3),  # 18
            confusion_rows({"g": None}, tp=1, fp=0, fn=0, tn=1),  # 2
        ]
    )
    unlabelled = pd.DataFrame({"g": ["a"] * 3, "y": [None] * 3, "yhat": [1] * 3})
    frame = pd.concat([frame.astype({"y": object}), unlabelled])
    found = findings_of("data.quality", frame, tmp_path, sensitive_features=["g"])
    assert one(found, "row_count").value == 20 + 18 + 2
    dropped = one(found, "dropped_row_count")
    assert (dropped.value, dropped.n) == (3, 43)
    assert render(dropped.reason).startswith("3 rows: ")
    missing = one(found, "missing_rate", column="g")
    assert missing.value == pytest.approx(2 / 40)
    assert missing.interval is not None
    assert missing.interval.low < 0.05 < missing.interval.high
    assert one(found, "missing_rate", column="yhat").value == 0.0


def test_nothing_left_out_is_said(tmp_path: Path) -> None:
    frame = confusion_rows({"g": "a"}, tp=5, fp=5, fn=5, tn=5)
    found = findings_of("data.quality", frame, tmp_path)
    dropped = one(found, "dropped_row_count")
    assert (dropped.value, dropped.n, render(dropped.reason)) == (0, 20, "none dropped")
