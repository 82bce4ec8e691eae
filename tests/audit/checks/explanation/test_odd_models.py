"""Models and rows with which explanations are not defined: four checks alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.run.catalogue import check
from evenhand.audit.words.reasons import render
from tests.audit.attribution.subjects import (
    FunctionPredictor,
    findings,
    subject_of,
    value,
)
from tests.audit.checks.explanation.additive import additive_model, rows

CHECKS = ("quality", "stability", "by_group", "group_quality")


@pytest.mark.parametrize("name", CHECKS)
def test_a_model_that_ignores_its_input_has_no_quality(tmp_path: Path, name: str) -> None:
    model = FunctionPredictor(("a", "b"), lambda frame: np.full(len(frame), 0.3))
    subject, spec = subject_of(tmp_path, rows(), model, sensitive_features=["g"])
    found = findings(name, subject, spec)
    assert {f.measure for f in found} == set(check(f"explanation.{name}").measures)
    assert {f.status for f in found} <= {"undefined", "not_applicable"}
    assert all(
        "every attribution is zero" in render(f.reason) for f in found if f.status == "undefined"
    )
    assert all(f.value is None for f in found)
    # about the same groups and features as of any model, so that packs find them
    other = findings(
        name, *subject_of(tmp_path, rows(), additive_model(), sensitive_features=["g"])
    )
    apart = {f.id for f in found if f.between} ^ {f.id for f in other if f.between}
    assert apart == set()


@pytest.mark.parametrize("name", CHECKS)
def test_odd_columns_and_groups_are_no_error(tmp_path: Path, name: str) -> None:
    def odd(frame: pd.DataFrame) -> Any:
        return 0.5 + 0.1 * np.tanh(frame["a"].fillna(1.0)) * frame["b"].isna()

    frame = rows()
    frame["c"] = 7.0  # constant
    frame.loc[::3, "b"] = None
    frame.loc[::5, "a"] = None
    frame.loc[0, "g"] = "alone"  # a group of one row
    model = FunctionPredictor(("a", "b", "c"), odd)
    subject, spec = subject_of(tmp_path, frame, model, sensitive_features=["g"])
    found = findings(name, subject, spec)
    assert not [f for f in found if f.status == "error"], render(found[0].reason)
    alone = [f for f in found if f.group == {"g": "alone"}]
    if name in ("by_group", "group_quality"):
        assert alone
        assert all("too small to compare: 1 rows" in render(f.reason) for f in alone)
        gaps = [f for f in found if f.between == ("g",) and not f.group and "weighted" not in f.id]
        assert all("alone" in render(f.reason) for f in gaps)


@pytest.mark.parametrize("name", CHECKS)
def test_a_single_column_has_no_order(tmp_path: Path, name: str) -> None:
    model = FunctionPredictor(("a",), lambda frame: 0.5 + 0.1 * np.tanh(frame["a"]))
    subject, spec = subject_of(tmp_path, rows(), model, sensitive_features=["g"])
    found = findings(name, subject, spec)
    assert not [f for f in found if f.status == "error"], render(found[0].reason)
    for f in found:
        if "rank" in f.measure or "overlap" in f.measure or "gain" in f.measure:
            assert f.status in ("undefined", "not_applicable"), f.id
    if name == "quality":
        assert value(found, "relative_infidelity") == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", CHECKS)
def test_models_of_several_classes_are_explained_by_the_predicted_one(
    tmp_path: Path, name: str
) -> None:
    class Three(FunctionPredictor):
        task = "multiclass"
        classes = ("0", "1", "2")

        def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
            inside = np.stack([frame["a"], frame["b"], np.zeros(len(frame))], axis=1)
            powers = np.exp(inside.astype(float))
            return powers / powers.sum(axis=1, keepdims=True)

    frame = rows(90)
    frame["y"] = np.arange(90) % 3
    model = Three(("a", "b"), lambda frame: 0)
    subject, spec = subject_of(tmp_path, frame, model, sensitive_features=["g"])
    found = findings(name, subject, spec)
    assert not [f for f in found if f.status == "error"], render(found[0].reason)
    measured = [f for f in found if f.status == "measured"]
    assert measured
    assert all("class predicted for each row" in f.method for f in measured)


@pytest.mark.parametrize("name", CHECKS)
def test_without_a_model_there_is_nothing_to_ask(tmp_path: Path, name: str) -> None:
    subject, spec = subject_of(tmp_path, rows(), additive_model(), sensitive_features=["g"])
    object.__setattr__(subject, "model", None)
    found = findings(name, subject, spec)
    assert {f.status for f in found} == {"not_applicable"}
