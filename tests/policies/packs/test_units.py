"""Limits are in the units of what is measured: the same model in cents and in euros is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import check as find_check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack, shipped_packs
from tests.policies.build import DAY, make_case
from tests.policies.packs.every_item import facts

CHECKS = ("performance.generalisation", "explanation.quality", "data.quality")


def findings(folder: Path, scale: float, rows: int) -> list[Finding]:
    """A least squares model of ``rows`` training rows; the target is counted in ``scale``."""
    import skops.io
    from sklearn.linear_model import LinearRegression

    def houses(n: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(rng.normal(size=(n, 12)), columns=[f"x{i}" for i in range(12)])
        frame["price"] = (frame["x0"] + rng.normal(size=n)) * scale
        return frame

    folder.mkdir()
    train, test = houses(rows, 1), houses(400, 2)
    inputs = [c for c in train if c != "price"]
    skops.io.dump(LinearRegression().fit(train[inputs], train["price"]), folder / "m.skops")
    train.to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "test.csv", index=False)
    spec = make_spec(
        {
            "model": str(folder / "m.skops"),
            "data": str(folder / "test.csv"),
            "training_data": str(folder / "train.csv"),
            "target": "price",
            "task": "regression",
        }
    )
    subject = build_subject(spec)
    return [f for c in CHECKS for f in run_check(find_check(c), subject, spec, (0.95,))]


def answers(found: list[Finding]) -> dict[str, tuple[str, str]]:
    """What every item of every pack says of a regression model with these findings."""
    told: dict[str, tuple[str, str]] = {}
    for pack in map(load_pack, shipped_packs()):
        known: dict[str, Any] = {}
        for item in pack.items:
            known |= {k: v for k, v in facts(pack, item).items() if not k.startswith("subject.")}
        case = make_case(*found, task="regression", sensitive_features=[], facts=known)
        for v in judge(case, pack, (), as_of=DAY):
            if v.kind == "automated":
                told[f"{v.pack}:{v.item}"] = (v.underlying, v.reason_code)
    return told


@pytest.mark.parametrize(("rows", "expected"), [(16, "fail"), (4000, "pass")])
def test_a_rescaled_target_changes_no_verdict(tmp_path: Path, rows: int, expected: str) -> None:
    """12 weights from 16 rows overfit, from 4,000 they do not: in any currency."""
    first = answers(findings(tmp_path / "1", 1.0, rows))
    for scale in (0.1, 100_000.0):
        assert answers(findings(tmp_path / f"{scale}", scale, rows)) == first
    relative = ("15-9r", "A.6.2.6r", "MEASURE-2.5r", "SG-ROB-2r", "MRM-04r")
    judged = {item: status for item, (status, _) in first.items() if item.endswith(relative)}
    assert len(judged) == 5 and set(judged.values()) == {expected}
    assert "unit-differs" not in {code for _, code in first.values()}
