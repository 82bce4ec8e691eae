"""Fairlearn is the definition: every count-based result of its MetricFrame, on made data."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from evenhand.audit.checks.fairness import gaps
from evenhand.audit.measure.groups.disaggregated import disaggregate
from evenhand.audit.subject.tallying.counts import count_groups

METRICS: dict[str, Callable[..., float]] = {
    "selection_rate": fl.selection_rate,
    "true_positive_rate": fl.true_positive_rate,
    "true_negative_rate": fl.true_negative_rate,
    "false_positive_rate": fl.false_positive_rate,
    "false_negative_rate": fl.false_negative_rate,
    "accuracy_score": sk.accuracy_score,
    "zero_one_loss": sk.zero_one_loss,
    "precision_score": sk.precision_score,
    "recall_score": sk.recall_score,
    "balanced_accuracy_score": sk.balanced_accuracy_score,
    "f1_score": sk.f1_score,
}
LABELS_ROW = [(r, s, y, p) for r in "abc" for s in "fm" for y in (0, 1) for p in (0, 1)]


# What Fairlearn has a function for, by its own name; ``_mean`` is its ``agg="mean"``.
OF_FAIRLEARN = {
    f"{name}_{scale}"
    for name in (
        "demographic_parity",
        "equal_opportunity",
        "true_negative_rate",
        "false_positive_rate",
        "false_negative_rate",
        "accuracy_score",
        "zero_one_loss",
        "equalized_odds",
    )
    for scale in ("difference", "ratio")
} | {"equalized_odds_difference_mean", "equalized_odds_ratio_mean"}
# Made of scikit-learn's functions by Fairlearn's ``make_derived_metric``.
DERIVED = {
    "balanced_accuracy_score_difference": (METRICS["balanced_accuracy_score"], "difference"),
    "f1_score_difference": (METRICS["f1_score"], "difference"),
    "precision_score_difference": (METRICS["precision_score"], "difference"),
    "precision_score_ratio": (METRICS["precision_score"], "ratio"),
}


def share(y_true: Any, y_pred: Any, weight: Any, *, wrong: int, among: int) -> float:
    """Weighted share of rows predicted ``among`` whose label is ``wrong``."""
    weight = np.ones(len(y_true)) if weight is None else np.asarray(weight)
    inside = np.asarray(y_pred) == among
    return float(weight[inside & (np.asarray(y_true) == wrong)].sum() / weight[inside].sum())


# Rates that neither library names: label and prediction, counted here.
COUNTED = {
    "false_discovery_rate": {"wrong": 0, "among": 1},
    "false_omission_rate": {"wrong": 1, "among": 0},
    "negative_predictive_value": {"wrong": 0, "among": 0},
}


def made(data: list[tuple[str, str, int, int, int]]) -> pd.DataFrame:
    """Drawn rows, after one row of every kind: then every rate of every group is defined."""
    rows = [(*row, 1) for row in LABELS_ROW] + data
    return pd.DataFrame(rows, columns=["race", "sex", "y", "p", "w"])


DATA = st.lists(
    st.tuples(
        st.sampled_from("aabbbc"),
        st.sampled_from("fm"),
        st.integers(0, 1),
        st.integers(0, 1),
        st.integers(1, 7),
    ),
    max_size=60,
).map(made)


def theirs(frame: pd.DataFrame, *, weighted: bool, control: bool) -> Any:
    weights = {name: {"sample_weight": frame["w"]} for name in METRICS} if weighted else None
    return fl.MetricFrame(
        metrics=METRICS,
        y_true=frame["y"],
        y_pred=frame["p"],
        sensitive_features=frame[["race"]] if control else frame[["race", "sex"]],
        control_features=frame[["sex"]] if control else None,
        sample_params=weights,
    )


def check(ours: Any, frame: Any, name: str, level: str | None) -> None:
    def at(result: Any) -> float:
        return float(result[name] if level is None else result[name][level])

    near: dict[str, Any] = {"abs": 1e-12, "rel": 1e-12}
    assert ours.overall == pytest.approx(at(frame.overall), **near), name
    by_group = frame.by_group[name]
    by_group = by_group if level is None else by_group.loc[level]
    assert ours.by_group.tolist() == pytest.approx(list(by_group), **near), name
    assert ours.group_min == pytest.approx(at(frame.group_min()), **near)
    assert ours.group_max == pytest.approx(at(frame.group_max()), **near)
    for method in ("between_groups", "to_overall"):
        assert ours.difference(method) == pytest.approx(at(frame.difference(method)), **near), name
        assert ours.ratio(method) == pytest.approx(at(frame.ratio(method)), **near), name


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("control", [False, True])
@settings(max_examples=5, deadline=None)
@given(frame=DATA)
def test_every_result_of_metricframe(frame: pd.DataFrame, weighted: bool, control: bool) -> None:
    counts = count_groups(
        frame,
        ["race", "sex"],
        frame["y"].to_numpy(),
        frame["p"].to_numpy(),
        weights=frame["w"].to_numpy(float) if weighted else None,
    )
    expected = theirs(frame, weighted=weighted, control=control)
    parts = list(counts.levels(["sex"]))[1:] if control else [({}, counts)]
    for level, part in parts:
        grouped = part.by(["race"]) if control else part
        for name in METRICS:
            check(disaggregate(grouped.four(), name), expected, name, level.get("sex"))
        sizes = grouped.table.sum(axis=(1, 2)).tolist()
        rows = frame if not control else frame[frame["sex"] == level["sex"]]
        keys = ["race"] if control else ["race", "sex"]
        assert sizes == rows.groupby(keys).size().tolist()


@settings(max_examples=4, deadline=None)
@given(frame=DATA, weighted=st.booleans())
def test_every_gap_function(frame: pd.DataFrame, weighted: bool) -> None:
    weights = frame["w"].to_numpy(float) if weighted else None
    truth, predicted = frame["y"].to_numpy(), frame["p"].to_numpy()
    counts = count_groups(frame, ["race"], truth, predicted, weights=weights)
    found = {
        f.measure: f for f in gaps.from_counts(counts, seed=0, levels=(0.95,), min_group_size=1)
    }
    options = {"sensitive_features": frame["race"], "sample_weight": weights}
    compared = set()

    def compare(measure: str, value: float) -> None:
        assert found[measure].value == pytest.approx(float(value), abs=1e-12), measure
        compared.add(measure)

    for measure in OF_FAIRLEARN:
        is_mean = measure.endswith("_mean")
        agg = {"agg": "mean"} if is_mean else {}
        function = getattr(fl, measure.removesuffix("_mean"))
        compare(measure, function(truth, predicted, **options, **agg))
    for measure, (metric, transform) in DERIVED.items():
        names = ["sample_weight"]
        derived = fl.make_derived_metric(
            metric=metric, transform=transform, sample_param_names=names
        )
        compare(measure, derived(truth, predicted, **options))
    to_overall = "demographic_parity_difference_to_overall"
    compare(
        to_overall,
        fl.demographic_parity_difference(truth, predicted, **options, method="to_overall"),
    )
    parts = [frame["race"] == race for race in "abc"]
    for name, which in COUNTED.items():
        by_group = [
            share(truth[p], predicted[p], None if weights is None else weights[p], **which)
            for p in parts
        ]
        compare(f"{name}_difference", max(by_group) - min(by_group))
        compare(f"{name}_ratio", min(by_group) / max(by_group))
    # errors of one kind for each of the other, in every group
    each = np.ones(len(frame)) if weights is None else weights
    treatment = [
        each[p & (truth == 1) & (predicted == 0)].sum()
        / each[p & (truth == 0) & (predicted == 1)].sum()
        for p in parts
    ]
    compare("treatment_equality_difference", max(treatment) - min(treatment))
    assert compared == set(found)
    assert (len(OF_FAIRLEARN), len(DERIVED), len(compared)) == (18, 4, 30)
    for measure in ("balanced_accuracy_score_difference", "f1_score_difference"):
        assert found[measure].interval is not None


def test_where_fairlearn_says_zero_we_say_undefined() -> None:
    # group b has no positive labels: Fairlearn's true positive rate is 0 there, its gap 1
    truth, predicted = np.array([1, 0, 0, 0]), np.array([1, 0, 0, 0])
    groups = pd.DataFrame({"g": ["a", "a", "b", "b"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = fl.MetricFrame(
            metrics=fl.true_positive_rate, y_true=truth, y_pred=predicted, sensitive_features=groups
        )
    assert (frame.by_group["b"], frame.difference()) == (0.0, 1.0)
    counts = count_groups(groups, ["g"], truth, predicted)
    ours = disaggregate(counts.four(), "true_positive_rate")
    assert np.isnan(ours.by_group[1])
    assert ours.difference() == 0.0
    found = next(
        gaps.from_counts(
            counts,
            seed=0,
            levels=(0.95,),
            min_group_size=1,
            measures=["equal_opportunity_difference"],
        )
    )
    assert found.status == "undefined"
