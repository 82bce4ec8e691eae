"""The checks on quality, stability and fairness of explanations, on models written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.run.catalogue import check
from tests.audit.attribution.subjects import (
    FunctionPredictor,
    RegressionPredictor,
    findings,
    subject_of,
    value,
)

CHECKS = ("quality", "stability", "by_group", "group_quality")


def rows(n: int = 120, seed: int = 0) -> pd.DataFrame:
    """Four columns of noise, a group of two sizes, and labels that follow the first column."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({c: rng.normal(size=n).round(3) for c in "abcd"})
    frame["g"] = rng.choice(["u", "v"], n, p=[0.7, 0.3])
    return frame.assign(y=(frame["a"] + rng.normal(size=n, scale=0.5) > 0).astype(int))


def additive(frame: pd.DataFrame) -> Any:
    return 0.5 + 0.1 * np.tanh(frame["a"]) + 0.05 * np.tanh(frame["b"]) - 0.02 * frame["c"] / 4


def additive_model() -> FunctionPredictor:
    return FunctionPredictor(("a", "b", "c", "d"), additive)


def by_id(found: list[Any]) -> dict[str, Any]:
    return {f.id: f for f in found}


def test_an_additive_model_is_explained_without_error(tmp_path: Path) -> None:
    subject, spec = subject_of(tmp_path, rows(), additive_model())
    found = findings("quality", subject, spec)
    assert value(found, "infidelity") == pytest.approx(0.0, abs=1e-18)
    assert value(found, "relative_infidelity") == pytest.approx(0.0, abs=1e-12)
    # Shapley values and feature ablation of a sum are the same
    for measure in ("method_rank_correlation", "method_kendall_tau", "method_top_k_overlap"):
        assert value(found, measure) == pytest.approx(1.0)
    assert value(found, "deletion_gain") > 0
    assert value(found, "insertion_gain") > 0
    assert value(found, "randomisation_rank_correlation") < 0.5
    closed = next(f for f in found if f.measure == "closed_form_gap")
    assert (closed.status, closed.value) == ("not_applicable", None)


def test_infidelity_of_an_interaction_by_hand(tmp_path: Path) -> None:
    def both(frame: pd.DataFrame) -> Any:
        return 0.2 + 0.6 * ((frame["a"] > 0) & (frame["b"] > 0))

    # half of the rows have both: the typical row (lower median) has neither
    frame = pd.DataFrame({"a": [1, 1, 0, 0] * 6, "b": [1, 1, 0, 0] * 6, "y": [1, 1, 0, 0] * 6})
    subject, spec = subject_of(tmp_path, frame, FunctionPredictor(("a", "b"), both))
    found = findings("quality", subject, spec)
    # a row with both: Shapley values 0.3 and 0.3. Taking a, b or both away lowers the score by
    # 0.6 each; promised are 0.3, 0.3 and 0.6: (0.09 + 0.09 + 0) / 3 = 0.06. The others have 0.
    assert value(found, "infidelity") == pytest.approx(0.03)
    assert value(found, "relative_infidelity") == pytest.approx(0.06 / 0.36)
    # curves of those rows: 0.6 at once gone (area 0.6 / 4), and back with the second alone
    assert value(found, "deletion_area") == pytest.approx(0.5 * 0.6 / 4)
    assert value(found, "insertion_area") == pytest.approx(0.5 * 0.6 / 4)
    assert value(found, "deletion_gain") == pytest.approx(0.0, abs=1e-12)


def test_the_important_columns_are_those_of_permutation_importance(tmp_path: Path) -> None:
    def logistic(frame: pd.DataFrame) -> Any:
        inside = 2 * frame["a"] + frame["b"] + 0.3 * frame["c"]
        return 1 / (1 + np.exp(-inside.to_numpy(dtype=float)))

    frame = rows(600, seed=3)
    labels = (np.random.default_rng(3).random(600) < logistic(frame)).astype(int)
    model = FunctionPredictor(("a", "b", "c", "d"), logistic)
    subject, spec = subject_of(tmp_path, frame.assign(y=labels), model)
    assert value(findings("quality", subject, spec), "importance_rank_correlation") >= 0.8
    without, spec = subject_of(tmp_path, frame.drop(columns="y"), model, target=None)
    found = findings("quality", without, spec)
    importance = next(f for f in found if f.measure == "importance_rank_correlation")
    assert importance.status == "not_applicable"


def test_a_linear_model_is_held_against_its_closed_form(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    frame = rows()
    fitted = LinearRegression().fit(frame[list("abcd")], frame["a"] * 3 - frame["d"])
    model: Any = RegressionPredictor(tuple("abcd"), lambda f: fitted.predict(f[list("abcd")]))
    model.estimator = fitted
    subject, spec = subject_of(tmp_path, frame.assign(y=frame["a"] * 3), model)
    found = findings("quality", subject, spec)
    assert value(found, "closed_form_gap") == pytest.approx(0.0, abs=1e-12)
    assert {f.unit for f in found if f.measure == "deletion_area"} == {"target unit"}


@pytest.mark.parametrize("name", CHECKS)
def test_a_model_that_ignores_its_input_has_no_quality(tmp_path: Path, name: str) -> None:
    model = FunctionPredictor(("a", "b"), lambda frame: np.full(len(frame), 0.3))
    subject, spec = subject_of(tmp_path, rows(), model, sensitive_features=["g"])
    found = findings(name, subject, spec)
    assert {f.measure for f in found} == set(check(f"explanation.{name}").measures)
    assert {f.status for f in found} <= {"undefined", "not_applicable"}
    assert all("every attribution is zero" in f.reason for f in found if f.status == "undefined")
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
    assert not [f for f in found if f.status == "error"], found[0].reason
    alone = [f for f in found if f.group == {"g": "alone"}]
    if name in ("by_group", "group_quality"):
        assert alone
        assert all("too small to compare: 1 rows" in f.reason for f in alone)
        gaps = [f for f in found if f.between == ("g",) and not f.group and "weighted" not in f.id]
        assert all("left out: alone" in f.reason for f in gaps)


@pytest.mark.parametrize("name", CHECKS)
def test_a_single_column_has_no_order(tmp_path: Path, name: str) -> None:
    model = FunctionPredictor(("a",), lambda frame: 0.5 + 0.1 * np.tanh(frame["a"]))
    subject, spec = subject_of(tmp_path, rows(), model, sensitive_features=["g"])
    found = findings(name, subject, spec)
    assert not [f for f in found if f.status == "error"], found[0].reason
    for f in found:
        if "rank" in f.measure or "overlap" in f.measure or "gain" in f.measure:
            assert f.status in ("undefined", "not_applicable"), f.id
    if name == "quality":
        assert value(found, "relative_infidelity") == pytest.approx(0.0, abs=1e-12)


def test_sensitivity_of_a_linear_model_stays_within_its_bound(tmp_path: Path) -> None:
    frame = rows(300).assign(y=lambda f: f["a"])
    model = RegressionPredictor(("a",), lambda f: 3 * f["a"])
    subject, spec = subject_of(tmp_path, frame, model)
    found = findings("stability", subject, spec, rows=300, radius=0.01)
    # one column: |3 noise| / |3 (a - baseline)|, the largest of four uniform draws: 0.8 of the
    # radius on average; held against the rows that are drawn (all of them)
    quartiles = np.quantile(frame["a"], [0.25, 0.75])
    radius = 0.01 * np.diff(quartiles)[0] / 1.3489795
    baseline = np.sort(frame["a"])[(300 - 1) // 2]
    away = np.abs(frame["a"] - baseline)
    expected = (radius * 0.8 / away[away > 0]).mean()
    assert value(found, "sensitivity") == pytest.approx(expected, rel=0.5)
    assert next(f for f in found if f.measure == "sensitivity").reason.startswith("1 rows without")


def test_methods_that_draw_are_asked_with_other_seeds(tmp_path: Path) -> None:
    def joint(frame: pd.DataFrame) -> Any:
        inside = frame["a"] * frame["b"] + frame["c"] * frame["d"]
        return 1 / (1 + np.exp(-inside.to_numpy(dtype=float)))

    model = FunctionPredictor(("a", "b", "c", "d"), joint)
    subject, spec = subject_of(tmp_path, rows().head(12), model)
    found = findings("stability", subject, spec, rows=5, draws=1, seeds=2, method="lime")
    assert 0 < value(found, "seed_rank_correlation") <= 1
    exact = findings("stability", subject, spec, rows=10)
    drawn = next(f for f in exact if f.measure == "seed_top_k_overlap")
    assert drawn.reason == "shapley exact draws nothing: every seed gives the same"


def test_the_share_on_a_sensitive_feature_by_hand(tmp_path: Path) -> None:
    def score(frame: pd.DataFrame) -> Any:
        return 0.4 + 0.1 * frame["a"] + 0.3 * (frame["g"] == "v") + 0.0 * frame["copy"]

    # the typical row is a = 0, g = u: a row with a = 1 has 0.1 on a, one of v 0.3 on g
    frame = pd.DataFrame(
        {"a": [0, 1, 0, 1, 0] * 20, "g": ["u", "u", "u", "v", "v"] * 20, "y": [0, 1] * 50}
    )
    frame["copy"] = (frame["g"] == "v") * 1
    model = FunctionPredictor(("a", "g", "copy"), score)
    subject, spec = subject_of(tmp_path, frame, model, sensitive_features=["g"])
    found = findings("by_group", subject, spec, rows=100)
    # of five rows: 0.1 twice on a, 0.3 twice on g
    assert value(found, "sensitive_attribution_share", group={}) == pytest.approx(0.6 / 0.8)
    assert value(found, "sensitive_attribution_share", group={"g": "u"}) == pytest.approx(0.0)
    assert value(found, "sensitive_attribution_share", group={"g": "v"}) == pytest.approx(0.6 / 0.7)
    # the copy is found, but the model does not use it
    share = next(f for f in found if f.measure == "proxy_attribution_share" and not f.group)
    assert share.value == pytest.approx(0.0, abs=1e-12)
    assert "copy (tells g" in share.method
    assert value(found, "proxy_weighted_attribution", group={"g": "v"}) >= 0.6 / 0.7


def test_declared_proxies_count(tmp_path: Path) -> None:
    model = FunctionPredictor(("a", "b"), lambda f: 0.5 + 0.03 * f["a"] + 0.01 * f["b"])
    given = {"sensitive_features": ["g"], "proxies": ["b"]}
    subject, spec = subject_of(tmp_path, rows(), model, **given)
    share = next(
        f
        for f in findings("by_group", subject, spec)
        if f.measure == "proxy_attribution_share" and not f.group
    )
    assert share.value is not None
    assert 0 < share.value < 0.5
    assert "b (declared)" in share.method


def test_groups_that_are_moved_by_other_columns_shift(tmp_path: Path) -> None:
    def torn(frame: pd.DataFrame) -> Any:
        one = 0.2 * np.tanh(frame["a"]) + 0.1 * np.tanh(frame["b"]) + 0.01 * frame["c"]
        other = 0.01 * frame["a"] + 0.1 * np.tanh(frame["b"]) + 0.2 * np.tanh(frame["c"])
        return 0.5 + np.where(frame["d"] > 0, one, other)

    frame = rows(400)
    split = np.where(np.arange(400) % 2 == 0, "left", "right")
    frame["g"] = split
    frame["d"] = np.where(split == "left", 1.0, -1.0)
    model = FunctionPredictor(("a", "b", "c", "d"), torn)
    subject, spec = subject_of(tmp_path, frame, model, sensitive_features=["g"])
    found = findings("by_group", subject, spec, permutations=99)
    shift = next(f for f in found if f.measure == "attribution_rank_shift")
    assert shift.value is not None
    assert shift.value > 0.2
    assert "permutation p = 0.01 " in shift.method  # the least that 99 shuffles can say
    alike, spec = subject_of(tmp_path, frame, additive_model(), sensitive_features=["g"])
    shift = next(
        f for f in findings("by_group", alike, spec) if f.measure == "attribution_rank_shift"
    )
    assert shift.value == 0.0


def noise_for_one_group(frame: pd.DataFrame) -> Any:
    """A sum for those with d <= 0; for the others a function in which nothing adds up."""
    cells = sum(frame[c].to_numpy(dtype=float) * (7.3 + i) for i, c in enumerate("abc"))
    torn = 0.25 * np.sin(40 * cells)
    return 0.5 + np.where(frame["d"] > 0, torn, 0.05 * np.tanh(frame["a"] + 0 * frame["b"]))


def test_explanations_that_are_worse_for_one_group_are_found(tmp_path: Path) -> None:
    frame = rows(300, seed=5)
    frame["g"] = np.where(np.arange(300) % 2 == 0, "well", "badly")
    frame["d"] = np.where(frame["g"] == "badly", 1.0, 0.0)
    model = FunctionPredictor(("a", "b", "c", "d"), noise_for_one_group)
    subject, spec = subject_of(tmp_path, frame, model, sensitive_features=["g"])
    found = findings("group_quality", subject, spec)
    for measure in ("group_infidelity", "group_relative_infidelity"):
        badly = value(found, measure, group={"g": "badly"})
        assert badly > 10 * value(found, measure, group={"g": "well"})
    for measure in ("infidelity_difference", "relative_infidelity_difference"):
        gap = next(f for f in found if f.measure == measure)
        assert gap.interval is not None
        assert gap.interval.low > 0
    # Shapley values always add up: their completeness tells the two groups apart in nothing
    assert value(found, "completeness_gap_difference") == pytest.approx(0.0, abs=1e-12)


def test_explanations_that_are_as_good_for_all_show_no_gap(tmp_path: Path) -> None:
    def interacting(frame: pd.DataFrame) -> Any:
        return 0.5 + 0.2 * np.tanh(frame["a"] * frame["b"]) + 0.05 * np.tanh(frame["c"])

    spanned = 0
    for seed in range(6):
        model = FunctionPredictor(("a", "b", "c"), interacting)
        subject, spec = subject_of(tmp_path, rows(150, seed), model, sensitive_features=["g"])
        found = findings("group_quality", subject, spec, rows=40, orders=2)
        gap = next(f for f in found if f.measure == "infidelity_difference")
        assert gap.interval is not None
        spanned += gap.interval.low == 0
    assert spanned >= 4  # 95 % intervals: with six of them 5.7 hold 0 on average


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
    assert not [f for f in found if f.status == "error"], found[0].reason
    measured = [f for f in found if f.status == "measured"]
    assert measured
    assert all("class predicted for each row" in f.method for f in measured)


@pytest.mark.parametrize("name", CHECKS)
def test_without_a_model_there_is_nothing_to_ask(tmp_path: Path, name: str) -> None:
    subject, spec = subject_of(tmp_path, rows(), additive_model(), sensitive_features=["g"])
    object.__setattr__(subject, "model", None)
    found = findings(name, subject, spec)
    assert {f.status for f in found} == {"not_applicable"}
