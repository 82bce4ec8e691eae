"""privacy.ledger: what the model folder's ledger claims beside epsilon and delta."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from audit.checks.privacy import ledger
from audit.errors import MissingNeed
from audit.finding import Finding

CLAIM: dict[str, Any] = {
    "epsilon": 2.5,
    "epsilon_rdp": 3.0,
    "delta": 1e-4,
    "unit": "row",
    "not_certified": ["--noise-seed was given"],
    "outside_guarantee": ["the vocabulary", "class names"],
    "preprocessing": {"a": "outside the guarantee", "b": "declared public", "c": "declared public"},
    "composition": {"state": "known", "epsilon": 4.0, "runs": 3, "accountant": "PRV"},
}


def found(says: dict[str, Any]) -> dict[str, Finding]:
    predictor = SimpleNamespace(maker_says=says)
    subject: Any = SimpleNamespace(model=SimpleNamespace(predictor=predictor))
    return {f.measure: f for f in ledger.measure(subject, seed=0, levels=(0.95,))}


def test_every_number_by_hand() -> None:
    findings = found({"privacy": CLAIM, "n_train": 2000})
    assert set(findings) == set(ledger.MEASURES)
    values = {name: f.value for name, f in findings.items()}
    assert values == {
        "composed_epsilon": 4.0,
        "composed_run_count": 3.0,
        "expected_catastrophe_count": pytest.approx(0.2),  # 0.0001 times 2,000 rows
        "accountant_ratio": pytest.approx(1.2),  # 3.0 / 2.5
        "uncertified_reason_count": 1.0,
        "outside_guarantee_count": 2.0,
        "unprotected_column_rate": pytest.approx(1 / 3),
    }
    assert findings["uncertified_reason_count"].reason == "--noise-seed was given"
    assert all(f.n == 2000 for f in findings.values())


@pytest.mark.parametrize("composition", [None, {"state": "unknown"}])
def test_an_unknown_composition_is_undefined(composition: Any) -> None:
    findings = found({"privacy": {**CLAIM, "composition": composition}, "n_train": 9})
    for name in ("composed_epsilon", "composed_run_count"):
        assert findings[name].status == "undefined"
        assert "composition unknown" in findings[name].reason


def test_what_the_ledger_does_not_say_is_undefined() -> None:
    claim = {k: v for k, v in CLAIM.items() if k not in ("epsilon_rdp", "preprocessing")}
    findings = found({"privacy": claim, "n_train": 9})
    assert findings["accountant_ratio"].status == "undefined"
    assert findings["unprotected_column_rate"].status == "undefined"


@pytest.mark.parametrize("says", [{}, {"privacy": None}])
def test_no_ledger_is_no_question(says: dict[str, Any]) -> None:
    with pytest.raises(MissingNeed, match="no ledger"):
        found(says)
