"""Each group against the rest, by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.measure.uncertainty.testing import fisher_exact
from tests.audit.subjects import confusion_rows, findings_of, one


def test_each_group_is_tested_against_the_rest(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=30, fp=0, fn=0, tn=70),
            confusion_rows({"g": "b"}, tp=12, fp=0, fn=0, tn=48),
            confusion_rows({"g": "c"}, tp=8, fp=0, fn=0, tn=32),
            confusion_rows({"g": "tiny"}, tp=1, fp=0, fn=0, tn=0),
        ]
    )
    found = findings_of("fairness.group_tests", frame, tmp_path, sensitive_features=["g"])
    a = one(found, "selection_rate_difference_to_rest", group={"g": "a"})
    # a selects 30 of 100, the rest 12 + 8 + 1 of 101
    assert a.value == pytest.approx(0.3 - 21 / 101)
    assert a.p_value == pytest.approx(fisher_exact(30, 100, 21, 101))
    assert a.counts == {"k": 30, "n": 100, "k_rest": 21, "n_rest": 101}
    assert a.interval is not None
    assert not [f for f in found if f.group["g"] == "tiny"]
