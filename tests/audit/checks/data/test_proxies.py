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
    assert "199 shuffles; permutation p = 0.005" in strong.method
    area = one(found, "proxy_auc", column="noise", group={"g": "a"}).interval
    assert area is not None
    assert area.low < 0.5 < area.high
    sure = one(found, "proxy_auc", column="place", group={"g": "a"}).value
    assert sure is not None
    assert sure > 0.9
    assert {f.column for f in found} == {"", "place", "noise"}


def test_identifiers_are_left_out_and_rare_levels_are_no_stand_ins(tmp_path: Path) -> None:
    """Both are drawn without regard to the group: the true strength is 0."""
    rng = np.random.default_rng(0)
    n = 120
    frame = pd.DataFrame(
        {
            "customer": [f"C{i:04d}" for i in range(n)],
            "city": rng.choice([f"town{i}" for i in range(40)], n),
            "g": rng.choice(["a", "b"], n),
            "y": rng.integers(0, 2, n),
            "yhat": rng.integers(0, 2, n),
        }
    )
    found = findings_of("data.proxies", frame, tmp_path, sensitive_features=["g"])
    left_out = one(found, "proxy_left_out_count")
    assert left_out.value == 1
    assert "customer: 120 values, 120 of them once" in left_out.reason_text()
    assert {f.column for f in found} == {"", "city"}
    city = one(found, "proxy_strength", column="city")
    assert city.interval is not None
    assert city.interval.low == 0
    assert city.value is not None
    assert city.value < 0.15
