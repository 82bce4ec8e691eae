"""Tests of two rates against published values and SciPy; one error budget over an audit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.testing import (
    adjust,
    equal_rates,
    fisher_exact,
    two_proportion_z,
)
from evenhand.audit.run.run import audit, within_budget
from tests.audit.subjects import confusion_rows, findings_of, one, stored_spec


def test_fishers_tea_tasting_lady() -> None:
    # Fisher 1935: 3 of 4 and 1 of 4 right. P(3 or 4 right) = 17/70, two-sided 34/70
    assert fisher_exact(3, 4, 1, 4) == pytest.approx(34 / 70)


def test_z_test_squared_is_pearsons_chi_square() -> None:
    theirs = stats.chi2_contingency([[30, 70], [20, 80]], correction=False).pvalue
    assert two_proportion_z(30, 100, 20, 100) == pytest.approx(theirs, abs=1e-12)
    assert two_proportion_z(0, 10, 0, 20) == 1.0


def test_small_counts_are_tested_exactly() -> None:
    assert equal_rates(1, 20, 5, 400)[1] == "Fisher's exact test"
    assert equal_rates(100, 400, 90, 500)[1] == "two-proportion z test"


def test_adjusted_p_values_equal_scipys_and_a_loop() -> None:
    rng = np.random.default_rng(1)
    for size in (1, 2, 7, 40):
        p = (rng.random(size) ** 3).tolist()
        theirs = stats.false_discovery_control(p, method="bh")
        assert adjust(p, "benjamini-hochberg") == pytest.approx(theirs.tolist(), abs=1e-12)
        # Holm by its definition: reject in order until one fails
        holm = adjust(p)
        for level in (0.01, 0.05, 0.2, 0.7):
            rejected = set()
            for rank, i in enumerate(np.argsort(p)):
                if p[i] > level / (size - rank):
                    break
                rejected.add(int(i))
            assert {i for i, q in enumerate(holm) if q <= level + 1e-15} == rejected


def finding(name: str, p_value: float | None) -> Finding:
    return Finding(
        id=name, check="c", measure=name, status="measured", value=0.1, p_value=p_value, method="t"
    )


def test_one_budget_over_all_findings_names_itself() -> None:
    found = within_budget([finding("a", 0.01), finding("b", None), finding("c", 0.04)], "holm")
    assert [f.p_value for f in found] == pytest.approx([0.02, None, 0.04])
    assert found[0].method == "t; p adjusted by Holm over 2 tests, unadjusted 0.01"
    assert found[1] == finding("b", None)
    assert within_budget(found, "none") == found


def test_each_group_is_tested_against_the_rest(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=30, fp=0, fn=0, tn=70),
            confusion_rows({"g": "b"}, tp=12, fp=0, fn=0, tn=48),
            confusion_rows({"g": "c"}, tp=8, fp=0, fn=0, tn=32),
            confusion_rows({"g": "tiny"}, tp=1, fp=0, fn=0, tn=0),
        ]
    )
    found = findings_of("fairness.group_tests", frame, tmp_path, sensitive_features=["g"])
    a = one(found, "selection_rate_difference_to_rest", group={"g": "a"})
    # a selects 30 of 100, the rest 12 + 8 + 1 of 101
    assert a.value == pytest.approx(0.3 - 21 / 101)
    assert a.p_value == pytest.approx(two_proportion_z(30, 100, 21, 101))
    assert a.counts == {"k": 30, "n": 100, "k_rest": 21, "n_rest": 101}
    assert a.interval is not None
    assert not [f for f in found if f.group["g"] == "tiny"]


def test_an_audit_adjusts_over_all_its_checks(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=30, fp=5, fn=5, tn=70),
            confusion_rows({"g": "b"}, tp=12, fp=9, fn=9, tn=48),
        ]
    )
    options = {"sensitive_features": ["g"], "checks": ["fairness.group_tests"]}
    case = audit(stored_spec(frame, tmp_path, **options), tmp_path / "case")
    raw = audit(stored_spec(frame, tmp_path, **options, error_budget="none"), tmp_path / "raw")
    tested = [f.p_value for f in raw.findings if f.p_value is not None]
    assert [f.p_value for f in case.findings] == pytest.approx(adjust(tested))
    assert case.plan["error_budget"] == "holm"
    assert "p adjusted by Holm over 8 tests" in case.findings[0].method
