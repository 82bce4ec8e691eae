"""Leakage of groups: equal ones at unlike losses, and one that leaks more."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from tests.audit.checks.privacy.attacked_model import found_of, rows
from tests.audit.subjects import one

CHECK = "privacy.leakage_by_group"


def test_equal_leakage_is_equal_at_own_thresholds_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both groups' members are 0.5 above their others; men's losses are smaller all along."""
    data = pd.concat([rows(1500, 0.0, 10), rows(1500, 0.8, 11, sex="M")])
    training = pd.concat([rows(1500, 0.5, 12), rows(1500, 1.3, 13, sex="M")])
    found = found_of(monkeypatch, tmp_path, CHECK, data, training)
    truth = float(stats.norm.sf(stats.norm.isf(0.1) - 0.5))
    pooled = {}
    for sex in ("F", "M"):
        own = one(found, "leakage_tpr_at_10_percent", group={"sex": sex})
        assert own.interval is not None
        assert own.interval.low <= truth <= own.interval.high
        area = one(found, "leakage_auc", group={"sex": sex}).interval
        assert area is not None
        assert area.low <= stats.norm.cdf(0.5 / math.sqrt(2)) <= area.high
        pooled[sex] = [
            one(found, f"pooled_leakage_{rate}", group={"sex": sex}).value
            for rate in ("tpr", "fpr")
        ]
    # one threshold for all accuses men more, members and others alike
    assert pooled["M"][0] > pooled["F"][0] + 0.1
    assert pooled["M"][1] > pooled["F"][1] + 0.05


def test_a_group_that_leaks_more_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = pd.concat([rows(600, 0.0, 0), rows(600, 0.0, 1, sex="M")])
    training = pd.concat([rows(600, 0.0, 2), rows(600, 1.5, 3, sex="M")])
    found = found_of(monkeypatch, tmp_path, CHECK, data, training)
    gap = one(found, "leakage_auc_difference", between=("sex",))
    assert gap.interval is not None
    assert gap.interval.low > 0.25  # truly Phi(1.5 / sqrt 2) - 0.5 = 0.356
    assert gap.interval.high > 0.356
