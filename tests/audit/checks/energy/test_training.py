"""energy.training: what the model folder says that training cost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from evenhand.audit.checks.energy import training
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.words.reasons import render

COST = {
    "wall_s": 12.5,
    "energy_j": 600.0,
    "energy_is": "estimated",
    "energy_method": "a table of power",
    "carbon_g": 0.08,
    "carbon_method": "energy times 480 g CO2e/kWh",
    "flops": 2e8,
    "flops_method": "counted",
    "is_of_the_whole_run": True,
}


def found(**says: Any) -> dict[str, Finding]:
    predictor = SimpleNamespace(maker_says=says)
    subject: Any = SimpleNamespace(model=SimpleNamespace(predictor=predictor))
    return {f.measure: f for f in training.measure(subject, seed=0, levels=(0.95,))}


def test_every_number_with_its_unit_and_how_it_is_known() -> None:
    findings = found(cost=COST, n_train=100)
    assert {name: (f.value, f.unit) for name, f in findings.items()} == {
        "training_energy": (600.0, "joule"),
        "training_energy_measured": (0.0, "indicator"),
        "training_carbon": (0.08, "g CO2e"),
        "training_time": (12.5, "second"),
        "training_flops": (2e8, "operation"),
    }
    assert set(findings) == set(training.MEASURES)
    assert "estimated: a table of power" in findings["training_energy"].method
    assert not any(f.reproducible for f in findings.values())
    assert found(cost={**COST, "energy_is": "measured"})["training_energy_measured"].value == 1


def test_what_is_missing_is_undefined_and_part_of_a_run_is_said() -> None:
    findings = found(cost={"wall_s": 3.0, "is_of_the_whole_run": False})
    assert findings["training_energy"].status == "undefined"
    assert findings["training_energy_measured"].status == "undefined"
    assert render(findings["training_time"].reason) == "of the last part of the run only"


def test_no_record_is_no_question() -> None:
    with pytest.raises(MissingNeed, match=r"cost\.json"):
        found(cost=None)
