"""privacy.declared_budget: the ledger's claim as it stands, no claim, and no privacy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from evenhand.audit.checks.privacy import declared_budget
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.words.reasons import render

CLAIM = {
    "epsilon": 2.5,
    "delta": 1e-5,
    "accountant": "PRV",
    "sampler": "Poisson",
    "unit": "row",
    "adjacency": "add or remove one",
    "outside_guarantee": ["vocabulary"],
}


def found(says: dict[str, Any]) -> dict[str, Finding]:
    predictor = SimpleNamespace(maker_says=says)
    subject: Any = SimpleNamespace(model=SimpleNamespace(predictor=predictor))
    return {f.measure: f for f in declared_budget.measure(subject, seed=0, levels=(0.95,))}


def test_epsilon_and_delta_say_of_whom_and_by_which_accountant() -> None:
    told = found({"privacy": CLAIM, "n_train": 700})
    assert {name: (f.value, f.unit, f.n) for name, f in told.items()} == {
        "declared_epsilon": (2.5, "epsilon", 700),
        "declared_delta": (1e-5, "delta", 700),
    }
    for f in told.values():
        for word in ("PRV", "Poisson", "unit: row", "add or remove one"):
            assert word in f.method
        assert render(f.reason) == "outside the guarantee: vocabulary"


def test_a_model_without_a_record_is_not_called_private_or_not() -> None:
    told = found({})
    assert {f.status for f in told.values()} == {"undefined"}
    assert {f.value for f in told.values()} == {None}
    assert len(told) == 2


def test_a_model_that_was_trained_plainly_has_no_budget() -> None:
    told = found({"privacy": None})
    assert {f.status for f in told.values()} == {"not_applicable"}
    assert len(told) == 2


def test_stored_predictions_declare_nothing() -> None:
    subject: Any = SimpleNamespace(model=None)
    with pytest.raises(MissingNeed, match="no model, only stored"):
        list(declared_budget.measure(subject, seed=0, levels=(0.95,)))
