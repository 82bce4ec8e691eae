"""Who is in the data: counts, shares and label rates of groups, by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.words.reasons import render
from tests.audit.subjects import confusion_rows, findings_of, one


def test_counts_shares_and_label_rates_by_hand(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a", "h": "x"}, tp=9, fp=3, fn=6, tn=12),  # 30, 15 positive
            confusion_rows({"g": "b", "h": "x"}, tp=2, fp=4, fn=2, tn=2),  # 10, 4 positive
            confusion_rows({"g": "b", "h": "y"}, tp=3, fp=2, fn=0, tn=5),  # 10, 3 positive
        ]
    )
    found = findings_of("data.groups", frame, tmp_path, sensitive_features=["g", "h"])
    assert one(found, "group_count", group={"g": "b"}).value == 20
    assert one(found, "group_share", group={"h": "x"}).value == pytest.approx(40 / 50)
    assert one(found, "label_rate", group={"g": "b"}).value == pytest.approx(7 / 20)
    assert one(found, "label_rate_difference", between=("g",)).value == pytest.approx(0.5 - 0.35)
    nobody = one(found, "group_count", group={"g": "a", "h": "y"})
    assert (nobody.value, nobody.n, render(nobody.reason)) == (0, 50, "nobody is in it")


def test_small_groups_are_left_out_of_the_gap_of_label_rates(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=10, fp=10, fn=10, tn=10),  # 20 of 40
            confusion_rows({"g": "b"}, tp=5, fp=10, fn=5, tn=20),  # 10 of 40
            confusion_rows({"g": "c"}, tp=1, fp=0, fn=0, tn=0),  # too small
        ]
    )
    found = findings_of("data.groups", frame, tmp_path, sensitive_features=["g"])
    gap = one(found, "label_rate_difference")
    assert gap.value == pytest.approx(0.25)
    assert render(gap.reason) == "too small, left out (minimum 10 rows): g=c (1 rows)"
