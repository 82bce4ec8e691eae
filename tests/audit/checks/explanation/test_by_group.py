"""Attributions by group, by hand and on planted shifts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.audit.attribution.subjects import (
    FunctionPredictor,
    findings,
    subject_of,
    value,
)
from tests.audit.checks.explanation.additive import additive_model, rows


def test_the_share_on_a_sensitive_feature_by_hand(tmp_path: Path) -> None:
    def score(frame: pd.DataFrame) -> Any:
        return 0.4 + 0.1 * frame["a"] + 0.3 * (frame["g"] == "v") + 0.0 * frame["copy"]

    # the typical row is a = 0, g = u: a row with a = 1 has 0.1 on a, one of v 0.3 on g
    frame = pd.DataFrame(
        {"a": [0, 1, 0, 1, 0] * 20, "g": ["u", "u", "u", "v", "v"] * 20, "y": [0, 1] * 50}
    )
    frame["copy"] = (frame["g"] == "v") * 1
    model = FunctionPredictor(("a", "g", "copy"), score)
    subject, spec = subject_of(tmp_path, frame, model, sensitive_features=["g"])
    found = findings("by_group", subject, spec, rows=100)
    # of five rows: 0.1 twice on a, 0.3 twice on g
    assert value(found, "sensitive_attribution_share", group={}) == pytest.approx(0.6 / 0.8)
    assert value(found, "sensitive_attribution_share", group={"g": "u"}) == pytest.approx(0.0)
    assert value(found, "sensitive_attribution_share", group={"g": "v"}) == pytest.approx(0.6 / 0.7)
    # the copy is found, but the model does not use it
    share = next(f for f in found if f.measure == "proxy_attribution_share" and not f.group)
    assert share.value == pytest.approx(0.0, abs=1e-12)
    assert "copy (tells g" in share.method
    assert value(found, "proxy_weighted_attribution", group={"g": "v"}) >= 0.6 / 0.7


def test_declared_proxies_count(tmp_path: Path) -> None:
    model = FunctionPredictor(("a", "b"), lambda f: 0.5 + 0.03 * f["a"] + 0.01 * f["b"])
    given = {"sensitive_features": ["g"], "proxies": ["b"]}
    subject, spec = subject_of(tmp_path, rows(), model, **given)
    share = next(
        f
        for f in findings("by_group", subject, spec)
        if f.measure == "proxy_attribution_share" and not f.group
    )
    assert share.value is not None
    assert 0 < share.value < 0.5
    assert "b (declared)" in share.method


def test_groups_that_are_moved_by_other_columns_shift(tmp_path: Path) -> None:
    def torn(frame: pd.DataFrame) -> Any:
        one = 0.2 * np.tanh(frame["a"]) + 0.1 * np.tanh(frame["b"]) + 0.01 * frame["c"]
        other = 0.01 * frame["a"] + 0.1 * np.tanh(frame["b"]) + 0.2 * np.tanh(frame["c"])
        return 0.5 + np.where(frame["d"] > 0, one, other)

    frame = rows(400)
    split = np.where(np.arange(400) % 2 == 0, "left", "right")
    frame["g"] = split
    frame["d"] = np.where(split == "left", 1.0, -1.0)
    model = FunctionPredictor(("a", "b", "c", "d"), torn)
    subject, spec = subject_of(tmp_path, frame, model, sensitive_features=["g"])
    found = findings("by_group", subject, spec, permutations=99)
    shift = next(f for f in found if f.measure == "attribution_rank_shift")
    assert shift.value is not None
    assert shift.value > 0.2
    assert "permutation p = 0.01 " in shift.method  # the least that 99 shuffles can say
    alike, spec = subject_of(tmp_path, frame, additive_model(), sensitive_features=["g"])
    shift = next(
        f for f in findings("by_group", alike, spec) if f.measure == "attribution_rank_shift"
    )
    assert shift.value == 0.0
