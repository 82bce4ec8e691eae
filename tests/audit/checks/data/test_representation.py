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
