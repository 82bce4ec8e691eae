"""A planted crossing is named by the check."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.case.case import read_case
from evenhand.audit.run.run import audit
from tests.audit.subjects import one, stored_spec


def test_worst_groups_check_names_the_planted_crossing(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    n = 1500
    frame = pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], n),
            "h": rng.choice(["u", "v", "w"], n),
            "y": rng.integers(0, 2, n),
        }
    )
    bad = (frame["g"] == "a") & (frame["h"] == "v")
    flip = rng.random(n) < np.where(bad, 0.5, 0.05)
    frame["yhat"] = np.where(flip, 1 - frame["y"], frame["y"])
    spec = stored_spec(
        frame, tmp_path, sensitive_features=["g", "h"], checks=["fairness.worst_groups"]
    )
    case = read_case(audit(spec, tmp_path / "case").path)
    found = list(case.findings)
    lift = one(found, "worst_group_error_lift", group={"g": "a", "h": "v"})
    assert lift.value == pytest.approx(0.45, abs=0.12)
    assert lift.interval is not None
    assert lift.interval.low > 0.2
    assert "by Holm over" in lift.method
    assert "candidates together" in lift.method
    shown = case.artifact("fairness.worst_groups.json")
    assert shown["tree"][0]["rows"] == n
    assert shown["errors"] == int(flip.sum())
    split = shown["tree"][1]
    assert (split["column"], split["level"]) in {("g", "a"), ("g", "b"), ("h", "v")}
