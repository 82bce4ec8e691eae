"""Shares of groups against declared shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import binomtest

from evenhand.audit.words.reasons import render
from tests.audit.subjects import findings_of, one


def test_representation_against_declared_shares(tmp_path: Path) -> None:
    frame = pd.DataFrame({"g": list("a" * 60 + "b" * 40), "yhat": [0, 1] * 50})
    declared = {"reference.g.a": 0.5, "reference.g.b": 0.4, "reference.g.c": 0.1}
    base: dict[str, Any] = {"target": None, "sensitive_features": ["g"]}
    found = findings_of("data.representation", frame, tmp_path, declared=declared, **base)
    more = one(found, "representation_difference", group={"g": "a"})
    assert more.value == pytest.approx(0.1)
    assert more.p_value == pytest.approx(binomtest(60, 100, 0.5).pvalue)
    absent = one(found, "representation_difference", group={"g": "c"})
    assert absent.value == pytest.approx(-0.1)
    # |.6 - .5| + |.4 - .4| + |0 - .1| = .2, halved
    assert one(found, "representation_distance").value == pytest.approx(0.1)
    nothing = findings_of("data.representation", frame, tmp_path, **base)
    assert {f.status for f in nothing} == {"not_applicable"}
    wrong = {"reference.g.a": 60}
    found = findings_of("data.representation", frame, tmp_path, declared=wrong, **base)
    assert "is no share" in render(found[0].reason)


def test_unknown_people_are_no_evidence_against_a_group(tmp_path: Path) -> None:
    # 48 of a, 32 of b, 20 unknown; of the 80 that are known .6 and .4 are just what is declared
    frame = pd.DataFrame({"g": ["a"] * 48 + ["b"] * 32 + [None] * 20, "yhat": [0, 1] * 50})
    base: dict[str, Any] = {"target": None, "sensitive_features": ["g"]}
    declared = {"reference.g.a": 0.6, "reference.g.b": 0.4}
    found = findings_of("data.representation", frame, tmp_path, declared=declared, **base)
    distance = one(found, "representation_distance")
    assert (distance.value, distance.n, distance.counts["unknown"]) == (0, 80, 20)
    assert distance.interval is not None and distance.interval.low == 0
    assert one(found, "representation_difference", group={"g": "a"}).p_value == 1
    # a share that is declared for the unknown is held against them: |.48-.6| + 0 + |.2-.08|, halved
    declared = {"reference.g.a": 0.6, "reference.g.b": 0.32, "reference.g.unknown": 0.08}
    found = findings_of("data.representation", frame, tmp_path, declared=declared, **base)
    assert one(found, "representation_distance").value == pytest.approx(0.12)
