"""Rates and gaps of classes against Fairlearn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from evenhand.audit.errors import InputError
from evenhand.audit.subject.predictions import score
from evenhand.audit.words.reasons import render
from tests.audit.subjects import findings_of, one, stored_subject


def classes(n: int = 600, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    truth = rng.choice(["cat", "dog", "fox"], n)
    wrong = rng.random(n) < 0.3
    guess = np.where(wrong, rng.choice(["cat", "dog", "fox"], n), truth)
    return pd.DataFrame({"y": truth, "yhat": guess, "g": rng.choice(["a", "b", "c"], n)})


def found_in_classes(frame: pd.DataFrame, folder: Path, **changes: Any) -> list[Any]:
    options: dict[str, Any] = {"task": "multiclass", "positive_label": None}
    return findings_of(
        "fairness.class_rates", frame, folder, sensitive_features=["g"], **options, **changes
    )


def test_classes_one_against_the_rest_equal_fairlearns(tmp_path: Path) -> None:
    frame = classes()
    found = found_in_classes(frame, tmp_path)
    functions = {
        "selection_rate": (fl.selection_rate, "demographic_parity_difference"),
        "true_positive_rate": (fl.true_positive_rate, "equal_opportunity_difference"),
        "false_positive_rate": (fl.false_positive_rate, "false_positive_rate_difference"),
        "precision_score": (sk.precision_score, "precision_score_difference"),
    }
    for label in ("cat", "dog", "fox"):
        for name, (function, gap) in functions.items():
            theirs = fl.MetricFrame(
                metrics=function,
                y_true=(frame["y"] == label).astype(int),
                y_pred=(frame["yhat"] == label).astype(int),
                sensitive_features=frame["g"],
            )
            for group, value in theirs.by_group.items():
                mine = one(found, name, group={"g": group, "class": label})
                assert mine.value == pytest.approx(value, abs=1e-12)
            mine = one(found, gap, group={"class": label}, between=("g",))
            assert mine.value == pytest.approx(theirs.difference(), abs=1e-12)
            assert mine.interval is not None


def test_macro_recall_and_accuracy_by_group_equal_fairlearns(tmp_path: Path) -> None:
    frame = classes()
    found = found_in_classes(frame, tmp_path)
    for name, function in (
        ("accuracy_score", sk.accuracy_score),
        ("balanced_accuracy_score", sk.balanced_accuracy_score),
    ):
        theirs = fl.MetricFrame(
            metrics=function,
            y_true=frame["y"],
            y_pred=frame["yhat"],
            sensitive_features=frame["g"],
        )
        for group, value in theirs.by_group.items():
            assert one(found, name, group={"g": group}).value == pytest.approx(value, abs=1e-12)
        gap = one(found, f"{name}_difference", between=("g",))
        assert gap.value == pytest.approx(theirs.difference(), abs=1e-12)


def test_a_class_that_is_only_predicted_is_declared(tmp_path: Path) -> None:
    frame = classes()
    frame = frame[frame["y"] != "fox"]
    assert (frame["yhat"] == "fox").any()
    with pytest.raises(InputError, match="not a label") as caught:
        score(stored_subject(frame, tmp_path, task="multiclass", positive_label=None))
    assert "--classes" in caught.value.remedy
    found = found_in_classes(frame, tmp_path, classes=["cat", "dog", "fox"])
    part = frame[frame["g"] == "a"]
    rate = one(found, "selection_rate", group={"g": "a", "class": "fox"})
    assert rate.value == pytest.approx((part["yhat"] == "fox").mean())
    assert one(found, "true_positive_rate", group={"g": "a", "class": "fox"}).value is None
    right = one(found, "accuracy_score", group={"g": "a"})
    assert right.value == pytest.approx((part["yhat"] == part["y"]).mean())
    few = ["cat", "fox"]
    with pytest.raises(InputError, match="not among the --classes"):
        stored_subject(frame, tmp_path, task="multiclass", positive_label=None, classes=few)


def test_a_class_that_a_group_has_no_rows_of_is_said(tmp_path: Path) -> None:
    frame = classes()
    frame = frame[~((frame["g"] == "c") & (frame["y"] == "fox"))]
    found = found_in_classes(frame, tmp_path)
    rate = one(found, "true_positive_rate", group={"g": "c", "class": "fox"})
    assert (rate.status, render(rate.reason)) == ("undefined", "no such labels")
    gap = one(found, "balanced_accuracy_score_difference")
    assert gap.counts["groups_left_out"] == 1
    without = found_in_classes(frame, tmp_path, target=None)
    assert {f.measure for f in without} == {
        "count",
        "selection_rate",
        "demographic_parity_difference",
    }


def test_classes_and_numbers_within_control_levels_equal_fairlearns(tmp_path: Path) -> None:
    frame = classes(600, seed=5).assign(zone=["n", "s", "s"] * 200)
    theirs = fl.MetricFrame(
        metrics=sk.accuracy_score,
        y_true=frame["y"],
        y_pred=frame["yhat"],
        sensitive_features=frame["g"],
        control_features=frame["zone"],
    )
    found = found_in_classes(frame, tmp_path, control_features=["zone"])
    for (zone, group), value in theirs.by_group.items():
        mine = one(found, "accuracy_score", group={"g": group, "zone": zone})
        assert mine.value == pytest.approx(value, abs=1e-12)
    for zone, value in theirs.difference().items():
        mine = one(found, "accuracy_score_difference", group={"zone": zone}, between=("g",))
        assert mine.value == pytest.approx(value, abs=1e-12)
    rng = np.random.default_rng(1)
    numbers = frame.assign(y=rng.normal(size=600), yhat=rng.normal(size=600))
    options = {"task": "regression", "positive_label": None, "control_features": ["zone"]}
    values = findings_of(
        "fairness.regression_gaps", numbers, tmp_path, sensitive_features=["g"], **options
    )
    means = fl.MetricFrame(
        metrics=fl.mean_prediction,
        y_true=numbers["y"],
        y_pred=numbers["yhat"],
        sensitive_features=numbers["g"],
        control_features=numbers["zone"],
    )
    for zone, value in means.difference().items():
        mine = one(values, "mean_prediction_difference", group={"zone": zone})
        assert mine.value == pytest.approx(value, abs=1e-12)
