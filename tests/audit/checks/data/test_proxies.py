"""Proxies: a stand-in for a group is found, and noise is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.audit.subjects import findings_of, one


def test_proxies_find_the_stand_in_and_not_the_noise(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    g = rng.choice(["a", "b"], 600, p=[0.7, 0.3])
    place = np.where(rng.random(600) < 0.9, g, "x")
    frame = pd.DataFrame({"g": g, "place": place, "noise": rng.normal(size=600), "y": 1, "yhat": 1})
    frame.loc[:100, "y"] = 0
    found = findings_of("data.proxies", frame, tmp_path, sensitive_features=["g"])
    strong = one(found, "proxy_strength", column="place")
    weak = one(found, "proxy_strength", column="noise")
    assert strong.value is not None
    assert weak.interval is not None
    assert strong.value > 0.8
    assert weak.interval.low == 0
    assert "permutation p = 0.005 (199 shuffles)" in strong.method
    area = one(found, "proxy_auc", column="noise", group={"g": "a"}).interval
    assert area is not None
    assert area.low < 0.5 < area.high
    sure = one(found, "proxy_auc", column="place", group={"g": "a"}).value
    assert sure is not None
    assert sure > 0.9
    assert {f.column for f in found} == {"place", "noise"}
