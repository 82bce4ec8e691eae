"""Members told from others by their loss, whose true rates are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.audit.checks.privacy.attacked_model import found_of, rows
from tests.audit.subjects import one

CHECK = "privacy.membership_inference"


def both(n: int, shift: float, seed: int) -> pd.DataFrame:
    return pd.concat([rows(n // 2, shift, seed), rows(n // 2, shift, seed + 1, sex="M")])


def test_the_normal_law_of_the_losses_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = found_of(monkeypatch, tmp_path, CHECK, both(1200, 0.0, 0), both(1200, 1.0, 2))
    truth = {
        # the log of the losses is normal with one standard deviation between members and others
        "membership_auc": stats.norm.cdf(1 / np.sqrt(2)),
        "membership_advantage": 2 * stats.norm.cdf(0.5) - 1,
        "membership_tpr_at_10_percent": stats.norm.sf(stats.norm.isf(0.1) - 1),
        "membership_tpr_at_1_percent": stats.norm.sf(stats.norm.isf(0.01) - 1),
    }
    for name, value in truth.items():
        interval = one(found, name).interval
        assert interval is not None
        assert interval.low <= value <= interval.high, name
        assert interval.high - interval.low < 0.25
    # 1,200 others can't show a rate of one in a thousand
    assert one(found, "membership_tpr_at_01_percent").status == "undefined"
    assert "Yeom" in one(found, "membership_auc").method


def test_members_among_the_audited_rows_are_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training = both(300, 0.0, 5)
    audited = pd.concat([training.head(100), both(300, 0.0, 7)])
    found = found_of(monkeypatch, tmp_path, CHECK, audited, training)
    assert one(found, "membership_auc").counts == {"positives": 300, "negatives": 300}
