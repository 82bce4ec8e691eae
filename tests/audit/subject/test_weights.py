"""Columns that are no weights are refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from tests.audit.checks.fairness.published import (
    GROUP,
    Y_PRED,
    Y_TRUE,
)
from tests.audit.subjects import stored_subject


@pytest.mark.parametrize("bad", [-1.0, None, "heavy"])
def test_weights_that_are_none_are_refused(bad: object, tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": Y_TRUE, "yhat": Y_PRED, "g": GROUP, "w": [1, bad] * 9})
    with pytest.raises(InputError, match="weight column 'w'"):
        stored_subject(frame, tmp_path, sensitive_features=["g"], weight="w")
