"""The four-fifths rule, by hand and by SciPy's test."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy.stats import fisher_exact

from tests.audit.subjects import findings_of, one, rows


def test_four_fifths_with_test_and_flip_of_one(tmp_path: Path) -> None:
    # 10 of 20 against 3 of 10: the ratio is 0.6; with one more it is 0.8
    frame = rows(
        ({"g": "a", "yhat": 1}, 10),
        ({"g": "a", "yhat": 0}, 10),
        ({"g": "b", "yhat": 1}, 3),
        ({"g": "b", "yhat": 0}, 7),
    )
    found = findings_of(
        "fairness.four_fifths", frame, tmp_path, target=None, sensitive_features=["g"]
    )
    ratio = one(found, "adverse_impact_ratio", group={"g": "b"})
    assert ratio.value == pytest.approx(0.6)
    # of two groups the permutation of the margins is Fisher's exact test but for its draws: where
    # the larger |z| counts as much as less likely tables do, as it does here
    exact = float(fisher_exact([[3, 7], [10, 10]])[1])
    assert ratio.p_value == pytest.approx(exact, abs=3 * (exact * (1 - exact) / 2000) ** 0.5)
    assert "permutation" in ratio.method
    assert one(found, "flip_one_ratio").value == pytest.approx(0.8)
    assert one(found, "selections_to_four_fifths").value == 1
    assert {f.group["g"] for f in found} == {"b"}
