"""Benefits of a benefit and of a burden, counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.audit.subjects import confusion_rows, findings_of, one


def test_a_burden_turns_the_benefit_round(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=10, fp=20, fn=0, tn=10),
            confusion_rows({"g": "b"}, tp=10, fp=5, fn=0, tn=25),
        ]
    )
    base: dict[str, Any] = {"sensitive_features": ["g"]}
    good = findings_of("fairness.inequality", frame, tmp_path, positive_is="benefit", **base)
    bad = findings_of("fairness.inequality", frame, tmp_path, positive_is="burden", **base)
    assert one(good, "theil_index").counts == {"benefit_0": 0, "benefit_1": 55, "benefit_2": 25}
    assert one(bad, "theil_index").counts == {"benefit_0": 25, "benefit_1": 55, "benefit_2": 0}
    # group means 1.5 and 1.125, overall 1.3125: half the squared coefficient of variation
    value = one(good, "between_group_generalized_entropy_index").value
    assert value == pytest.approx((0.1875 / 1.3125) ** 2 / 2)
