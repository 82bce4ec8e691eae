"""A planted crossing is named by the check."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.case.case import read_case
from evenhand.audit.run.run import audit
from tests.audit.subjects import findings_of, one, stored_spec


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


def test_the_worst_of_forty_five_terms_are_looked_at(tmp_path: Path) -> None:
    """The worst, the second and the third worst are the rarest of 45 levels, far beyond the first
    twelve."""
    rng = np.random.default_rng(4)
    n = 6000
    chances = np.linspace(2, 1, 45)
    term = rng.choice([f"t{i:02}" for i in range(45)], n, p=chances / chances.sum())
    risk = np.full(n, 0.05)
    for worst, share in (("t44", 0.7), ("t43", 0.6), ("t42", 0.5)):
        risk[term == worst] = share
    frame = pd.DataFrame({"term": term, "y": rng.integers(0, 2, n)})
    frame["yhat"] = np.where(rng.random(n) < risk, 1 - frame["y"], frame["y"])
    found = findings_of("fairness.worst_groups", frame, tmp_path, sensitive_features=["term"])
    named = [f.group["term"] for f in found if f.measure == "worst_group_error_lift"]
    assert set(named[:3]) == {"t44", "t43", "t42"}
    assert one(found, "groups_searched").value == 45
    assert one(found, "worst_groups_confirmed").value == 3


def test_a_persons_rows_are_in_one_half(tmp_path: Path) -> None:
    """Forty persons of thirty rows, each wrong always or never, whatever their group: over rows
    any group seems worse; over persons none is."""
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(40), 30)
    y = rng.integers(0, 2, person.size)
    wrong = (rng.random(40) < 0.3)[person]
    frame = pd.DataFrame(
        {
            "who": [f"p{i}" for i in person],
            "g": rng.choice(["a", "b", "c"], 40)[person],
            "h": rng.choice(["u", "v"], 40)[person],
            "y": y,
            "yhat": np.where(wrong, 1 - y, y),
        }
    )
    found = findings_of(
        "fairness.worst_groups", frame, tmp_path, sensitive_features=["g", "h"], unit="who"
    )
    assert one(found, "worst_groups_confirmed").value == 0
    for f in found:
        if f.measure == "worst_group_error_lift" and f.value is not None:
            assert f.counts["units"] <= 20, "half of the persons"
