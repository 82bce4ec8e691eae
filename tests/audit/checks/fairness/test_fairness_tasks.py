"""Groups in multiclass and regression tasks, a metric of one's own, and inputs that are hard."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import metrics as sk

from evenhand.audit.checks.fairness import gaps, group_rates
from evenhand.audit.data.reading import table_of
from evenhand.audit.errors import InputError
from evenhand.audit.measure.uncertainty.quantiles import quantile
from evenhand.audit.run.custom import group_metric
from evenhand.audit.subject.counts import count_groups
from evenhand.audit.subject.predictions import score
from tests.audit.subjects import confusion_rows, findings_of, one, stored_subject


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
    assert (rate.status, rate.reason) == ("undefined", "no such labels")
    gap = one(found, "balanced_accuracy_score_difference")
    assert gap.counts["groups_left_out"] == 1
    without = found_in_classes(frame, tmp_path, target=None)
    assert {f.measure for f in without} == {
        "count",
        "selection_rate",
        "demographic_parity_difference",
    }


def test_regression_gaps_equal_fairlearns_and_the_worst_group_is_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    n = 400
    frame = pd.DataFrame({"y": rng.normal(50, 9, n), "g": rng.choice(["a", "b", "c"], n)})
    frame["yhat"] = frame["y"] + rng.normal(0, 3, n) + 2.0 * (frame["g"] == "b")
    found = findings_of(
        "fairness.regression_gaps",
        frame,
        tmp_path,
        task="regression",
        positive_label=None,
        sensitive_features=["g"],
    )
    functions = {
        "mean_prediction_difference": fl.mean_prediction,
        "mean_absolute_error_difference": sk.mean_absolute_error,
        "mean_error_difference": lambda y, p: float((p - y).mean()),
    }
    for name, function in functions.items():
        theirs = fl.MetricFrame(
            metrics=function,
            y_true=frame["y"],
            y_pred=frame["yhat"],
            sensitive_features=frame["g"],
        )
        mine = one(found, name, between=("g",))
        assert mine.value == pytest.approx(theirs.difference(), abs=1e-9), name
        assert mine.interval is not None and mine.interval.low <= mine.value <= mine.interval.high
    for name in ("mean_absolute_error_group_max", "mean_squared_error_group_max"):
        worst = getattr(fl, name)(frame["y"], frame["yhat"], sensitive_features=frame["g"])
        mine = one(found, name)
        assert mine.value == pytest.approx(worst, abs=1e-9)
        assert mine.reason == "worst group: g=b"


def test_the_interval_of_a_regression_gap_covers(tmp_path: Path) -> None:
    from evenhand.audit.checks.fairness.regression_gaps import _spread

    rng = np.random.default_rng(9)
    hits = 0
    for _ in range(400):
        groups = {"a": rng.normal(0, 1, 30), "b": rng.normal(0.5, 3, 60)}
        interval = _spread(groups, (0.95,)).interval
        assert interval is not None
        hits += interval.low <= 0.5 <= interval.high
    assert hits / 400 >= 0.917  # three standard errors of 0.011 under 0.95


def test_a_metric_of_ones_own_runs_through_metricframe(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=20, fp=5, fn=5, tn=20),
            confusion_rows({"g": "b"}, tp=10, fp=9, fn=9, tn=12),
        ]
    )
    subject = stored_subject(frame, tmp_path, sensitive_features=["g"])
    found = list(group_metric(subject, sk.matthews_corrcoef, "matthews_corrcoef", draws=30))
    # (20 * 20 - 5 * 5) / 25^2 = 0.6
    a = one(found, "matthews_corrcoef", group={"g": "a"})
    assert (a.value, a.n) == (pytest.approx(0.6), 50)
    gap = one(found, "matthews_corrcoef_difference", between=("g",))
    assert gap.value is not None and gap.interval is not None
    assert gap.interval.low <= gap.value <= gap.interval.high
    assert "biased upwards" in gap.method
    with pytest.raises(InputError, match="only predicted labels"):
        list(group_metric(subject, sk.roc_auc_score, "auc", uses="score"))


def test_a_metric_of_ones_own_within_control_levels_and_with_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    n = 300
    frame = pd.DataFrame(
        {k: rng.choice(v, n) for k, v in {"g": ["a", "b"], "d": ["x", "y"]}.items()}
    )
    frame["y"], frame["yhat"] = rng.integers(0, 2, n), rng.integers(0, 2, n)
    frame["w"] = rng.integers(1, 9, n)
    subject = stored_subject(
        frame, tmp_path, sensitive_features=["g"], control_features=["d"], weight="w"
    )
    found = list(group_metric(subject, sk.f1_score, "f1_score", draws=2))
    for level, part in ({}, frame), *(({"d": d}, p) for d, p in frame.groupby("d")):
        by_group = {
            g: sk.f1_score(p["y"], p["yhat"], sample_weight=p["w"]) for g, p in part.groupby("g")
        }
        for group, value in by_group.items():
            mine = one(found, "f1_score", group={"g": group, **level})
            assert mine.value == pytest.approx(value)
            assert (mine.n, "weighted rows" in mine.method) == ((part["g"] == group).sum(), True)
        gap = one(found, "f1_score_difference", group=level, between=("g",))
        assert gap.value == pytest.approx(abs(by_group["a"] - by_group["b"]))
        assert gap.n == len(part)

    def unweighted(y_true: np.ndarray, y_pred: np.ndarray) -> float:
        return float((y_true == y_pred).mean())

    plain = one(list(group_metric(subject, unweighted, "hits", draws=2)), "hits",
                group={"g": "a"})  # fmt: skip
    assert "takes no sample_weight" in plain.method


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("category", ["x", "y"]),
        ("bool", ["false", "true"]),
        ("int64", ["0", "1"]),
        ("float64", ["0", "1"]),
        ("str", ["0", "1"]),
    ],
)
def test_groups_of_every_kind_of_column(kind: str, names: list[str], tmp_path: Path) -> None:
    frame = confusion_rows({}, tp=20, fp=10, fn=10, tn=20)
    values = pd.Series(np.arange(len(frame)) % 2, index=frame.index)
    frame["g"] = values.map({0: "x", 1: "y"}).astype(kind) if kind == "category" else values
    frame["g"] = frame["g"].astype(kind)
    found = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["g"])
    assert sorted({f.group["g"] for f in found}) == names


def test_labels_that_are_words_constant_predictions_and_groups_of_one(tmp_path: Path) -> None:
    frame = confusion_rows({"g": "a"}, tp=20, fp=20, fn=0, tn=0)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=15, fp=25, fn=0, tn=0)])
    frame = pd.concat([frame, confusion_rows({"g": "alone"}, tp=1, fp=0, fn=0, tn=0)])
    frame = frame.replace({"y": {1: "yes", 0: "no"}, "yhat": {1: "yes"}})
    options: dict[str, Any] = {"sensitive_features": ["g"], "positive_label": "yes"}
    rates = findings_of("fairness.group_rates", frame, tmp_path, **options, min_group_size=1)
    alone = {f.measure: f for f in rates if f.group == {"g": "alone"}}
    assert (alone["selection_rate"].value, alone["selection_rate"].n) == (1.0, 1)
    assert alone["false_positive_rate"].reason == "no negative labels"
    assert alone["negative_predictive_value"].reason == "no negative predictions"
    found = findings_of("fairness.gaps", frame, tmp_path, **options, min_group_size=1)
    by_name = {f.measure: f for f in found}
    assert {f.status for f in found} == {"measured", "undefined"}
    assert by_name["demographic_parity_difference"].value == 0.0
    assert by_name["demographic_parity_ratio"].value == 1.0
    assert by_name["negative_predictive_value_difference"].status == "undefined"


def test_scores_that_are_nan_stop_the_audit(tmp_path: Path) -> None:
    frame = confusion_rows({"g": "a"}, tp=5, fp=5, fn=5, tn=5)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=5, fp=5, fn=5, tn=5)])
    frame["s"] = [np.nan] + [0.5] * (len(frame) - 1)
    options: dict[str, Any] = {"predicted": None, "score": "s", "threshold": 0.5}
    subject = stored_subject(frame, tmp_path, sensitive_features=["g"], **options)
    with pytest.raises(InputError, match="1 values that are not finite"):
        list(group_rates.measure(subject, seed=0, levels=(0.95,)))


def test_ten_thousand_groups(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 200_000
    groups = pd.DataFrame({"g": [f"g{i}" for i in rng.integers(0, 10_000, n)]}, dtype=object)
    counts = count_groups(groups, ["g"], rng.integers(0, 2, n), rng.integers(0, 2, n))
    start = time.process_time()
    measures = ("demographic_parity_difference", "equalized_odds_ratio")
    found = list(gaps.from_counts(counts, seed=0, levels=(0.95,), measures=measures))
    rates = list(group_rates.from_counts(counts, seed=0, levels=(0.95,), measures=["count"]))
    assert time.process_time() - start < 10
    assert len(rates) == 10_000
    sizes = counts.table.sum(axis=(1, 2))
    selected = counts.table[:, :, 1].sum(axis=1)[sizes >= 10] / sizes[sizes >= 10]
    assert found[0].value == pytest.approx(float(np.ptp(selected)))
    assert found[0].counts["groups"] == 10_000
    assert found[0].counts["groups_left_out"] == int((sizes < 10).sum())


def test_arrow_tables_become_tables() -> None:
    columns: dict[str, list[Any]] = {"g": ["a", "b", None], "y": [1, 0, 1]}
    table = table_of(pa.table(columns))
    assert table.frame["y"].tolist() == [1, 0, 1]
    assert table.digest == table_of(pd.DataFrame(columns)).digest
    with pytest.raises(InputError, match="is no data frame"):
        table_of([1, 2, 3])


def test_polars_frames_become_tables() -> None:
    polars = pytest.importorskip("polars", reason="polars is no dependency of evenhand")
    frame = polars.DataFrame({"g": ["a", "b"], "y": [1, 0]})
    assert table_of(frame).frame["g"].tolist() == ["a", "b"]
    assert table_of(frame.lazy()).digest == table_of(frame).digest


def test_quantiles_of_errors_and_gaps_of_labels_by_group(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"y": rng.normal(size=200), "g": ["a", "b"] * 100})
    frame["yhat"] = frame["y"] + np.arange(200) / 10
    found = findings_of(
        "fairness.regression_gaps",
        frame,
        tmp_path,
        task="regression",
        positive_label=None,
        sensitive_features=["g"],
    )
    median = one(found, "error_quantile_50", group={"g": "a"})
    # a has the errors 0, 0.2, ... 19.8: the 40th and the 61st smallest are 7.8 and 12.0
    assert median.value == pytest.approx(9.9)
    assert median.interval is not None
    assert (median.interval.low, median.interval.high) == pytest.approx((7.8, 12.0))
    labels = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=10, fp=10, fn=10, tn=10),  # 20 of 40
            confusion_rows({"g": "b"}, tp=5, fp=10, fn=5, tn=20),  # 10 of 40
            confusion_rows({"g": "c"}, tp=1, fp=0, fn=0, tn=0),  # too small
        ]
    )
    gap = one(
        findings_of("data.groups", labels, tmp_path, sensitive_features=["g"]),
        "label_rate_difference",
    )
    assert gap.value == pytest.approx(0.25)
    assert gap.reason == "1 groups under 10 rows left out"


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_quantiles_cover_for_skewed_values(share: float) -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        interval = quantile(rng.exponential(size=200), share, (0.95,)).interval
        assert interval is not None
        held += interval.low <= -np.log(1 - share) <= interval.high
    assert held / 400 >= 0.917  # three standard errors of 0.011 under 0.95
    assert quantile(np.arange(20.0), 0.05, (0.95,)).intervals == ()


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
