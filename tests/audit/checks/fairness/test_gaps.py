"""Gaps between groups: published tables, Fairlearn's results, law 1, and unknown groups."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest

from evenhand.audit.checks.fairness import gaps, group_rates
from evenhand.audit.subject.tallying.counts import count_groups
from evenhand.audit.words.reasons import render
from tests.audit.checks.fairness.published import (
    GROUP,
    PROPUBLICA,
    Y_PRED,
    Y_TRUE,
    cells,
)
from tests.audit.subjects import confusion_rows, findings_of, one, stored_subject


def test_the_check_reports_the_bounds(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=20, fp=0, fn=0, tn=20),
            confusion_rows({"g": "b"}, tp=16, fp=0, fn=0, tn=24),
            confusion_rows({"g": None}, tp=5, fp=0, fn=0, tn=5),
        ]
    )
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    stem = "demographic_parity_"
    # all selected unknown to a, all rejected to b: 25/45 - 16/45
    assert one(found, f"{stem}difference_highest").value == pytest.approx(25 / 45 - 16 / 45)
    assert one(found, f"{stem}ratio_lowest").value == pytest.approx(16 / 25)
    # selected to b: 21/45; rejected to a: 20/45; so the two levels meet, and no gap is possible
    lowest = one(found, f"{stem}difference_lowest")
    assert lowest.value == pytest.approx(0.0, abs=1e-12)
    assert one(found, f"{stem}ratio_highest").value == pytest.approx(1.0)
    assert lowest.counts["unknown"] == 10
    assert lowest.interval is not None
    assert "10 unknown rows" in lowest.method


def test_bounds_of_every_gap_hold_for_every_assignment(tmp_path: Path) -> None:
    """All ways to give 5 unknown rows to two groups, each counted by hand."""
    known = {"a": (9, 4, 3, 6), "b": (5, 6, 7, 4)}  # tp, fp, fn, tn
    frame = pd.concat(
        [
            *(
                confusion_rows({"g": g}, tp=c[0], fp=c[1], fn=c[2], tn=c[3])
                for g, c in known.items()
            ),
            confusion_rows({"g": None}, tp=2, fp=1, fn=1, tn=1),
        ]
    )
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    rates = {
        "equal_opportunity": lambda tp, fp, fn, tn: tp / (tp + fn),
        "false_positive_rate": lambda tp, fp, fn, tn: fp / (fp + tn),
        "precision_score": lambda tp, fp, fn, tn: tp / (tp + fp),
        "accuracy_score": lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
    }
    tried: dict[str, list[float]] = {}
    for given in product(range(3), range(2), range(2), range(2)):
        a = [k + u for k, u in zip(known["a"], given, strict=True)]
        b = [k + t - u for k, t, u in zip(known["b"], (2, 1, 1, 1), given, strict=True)]
        for name, rate in rates.items():
            ends = sorted([rate(*a), rate(*b)])
            tried.setdefault(f"{name}_difference", []).append(ends[1] - ends[0])
            tried.setdefault(f"{name}_ratio", []).append(ends[0] / ends[1])
        tpr = tried["equal_opportunity_difference"][-1]
        fpr = tried["false_positive_rate_difference"][-1]
        tried.setdefault("equalized_odds_difference", []).append(max(tpr, fpr))
        tried.setdefault("equalized_odds_difference_mean", []).append((tpr + fpr) / 2)
    for name, values in tried.items():
        low, high = one(found, f"{name}_lowest"), one(found, f"{name}_highest")
        assert low.value <= min(values) + 1e-12 and high.value >= max(values) - 1e-12, name
        # the wide end is reached by an assignment of whole rows
        wide = (low, min(values)) if name.endswith("ratio") else (high, max(values))
        assert wide[0].value == pytest.approx(wide[1]), name
        assert low.interval is not None and high.interval is not None
        assert "5 unknown rows assigned" in low.method


def test_bounds_hold_in_crossings_and_where_a_group_lacks_the_rate(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a", "h": "x"}, tp=8, fp=2, fn=2, tn=8),
            confusion_rows({"g": "b", "h": "x"}, tp=5, fp=2, fn=5, tn=8),
            confusion_rows({"g": "b", "h": "y"}, tp=0, fp=4, fn=0, tn=9),
            confusion_rows({"g": None, "h": "y"}, tp=1, fp=0, fn=1, tn=0),
        ]
    )
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g", "h"])
    crossing = {"between": ("g", "h")}
    # 8 of 10 and 5 of 10; one more of each: 9/11 against 5/11. The third has no positives
    highest = one(found, "equal_opportunity_difference_highest", **crossing)
    assert highest.value == pytest.approx(9 / 11 - 5 / 11)
    assert "g=b, h=y (no positive labels)" in render(highest.reason)
    # the unknown positive raises b, the other unknown lowers a: 8/11 - 6/11
    lowest = one(found, "equal_opportunity_difference_lowest", **crossing)
    assert lowest.value == pytest.approx(8 / 11 - 6 / 11)
    assert not [f for f in found if f.measure.endswith("_lowest") and f.between == ("h",)]


def test_propublicas_rate_ratios(tmp_path: Path) -> None:
    # printed there, from the rounded rates: 1.9125799573560769 (44.85 / 23.45, black / white) and
    # 1.7048946052161487 (47.72 / 27.99, white / black)
    groups = PROPUBLICA["two-year recidivism"]
    frame = pd.concat(cells({"race": race}, counts) for race, (counts, _) in groups.items())
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["race"])
    ratios = {f.measure: f.value for f in found}
    assert ratios["false_positive_rate_ratio"] == pytest.approx(1 / 1.9125799573560769, rel=5e-4)
    assert ratios["false_negative_rate_ratio"] == pytest.approx(1 / 1.7048946052161487, rel=5e-4)
    # 532 / 805 against 461 / 349 false negatives for each false positive
    assert ratios["treatment_equality_difference"] == pytest.approx(461 / 349 - 532 / 805)


def test_fairlearns_worked_example(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": Y_TRUE, "yhat": Y_PRED, "g": GROUP})
    found = findings_of(
        "fairness.gaps", frame, tmp_path, sensitive_features=["g"], min_group_size=1
    )
    gaps = {f.measure: f.value for f in found}
    assert gaps["demographic_parity_difference"] == pytest.approx(0.25)
    assert gaps["demographic_parity_ratio"] == pytest.approx(2 / 3)
    assert gaps["equalized_odds_difference"] == pytest.approx(1.0)
    assert gaps["equalized_odds_ratio"] == pytest.approx(0.0)


def test_equal_weights_change_no_value_and_no_interval(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": Y_TRUE, "yhat": Y_PRED, "g": GROUP, "w": 2.5})
    options: dict[str, Any] = {"sensitive_features": ["g"], "min_group_size": 1}
    for check in ("fairness.group_rates", "fairness.gaps"):
        plain = findings_of(check, frame, tmp_path, **options)
        weighted = {f.id: f for f in findings_of(check, frame, tmp_path, **options, weight="w")}
        for f in plain:
            other = weighted[f.id]
            assert other.value == (None if f.value is None else pytest.approx(f.value)), f.id
            if f.interval is not None and other.interval is not None:
                assert other.interval.low == pytest.approx(f.interval.low)
                assert other.interval.high == pytest.approx(f.interval.high)


def test_every_gap_and_rate_equals_fairlearns_on_random_data(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    n = 900
    frame = pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "yhat": rng.integers(0, 2, n),
            "race": rng.choice(["a", "b", "c"], n),
            "sex": rng.choice(["f", "m"], n),
        }
    )
    gaps = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["race", "sex"])
    between = ("race", "sex")  # single features: test_fairlearn_oracle.py
    of_fairlearn = [g for g in gaps if g.between == between and hasattr(fl, g.measure)]
    assert len(of_fairlearn) == 16  # of eight rates, difference and ratio
    for f in of_fairlearn:
        theirs = getattr(fl, f.measure)(
            frame["y"], frame["yhat"], sensitive_features=frame[list(between)]
        )
        assert f.value == pytest.approx(float(theirs), abs=1e-12), f.id
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["race", "sex"])
    assert len(rates) == 12 * (3 + 2 + 6)
    tpr = fl.MetricFrame(
        metrics=fl.true_positive_rate,
        y_true=frame["y"],
        y_pred=frame["yhat"],
        sensitive_features=frame[["race", "sex"]],
    ).by_group
    cell = one(rates, "true_positive_rate", group={"race": "b", "sex": "f"})
    assert cell.value == pytest.approx(tpr["b", "f"], abs=1e-12)


def test_undefined_is_said_where_fairlearn_says_zero(tmp_path: Path) -> None:
    """The pinned difference: a perfect classifier, and a group in which nobody is positive."""
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=20, fp=0, fn=0, tn=20),
            confusion_rows({"g": "b"}, tp=0, fp=0, fn=0, tn=30),
        ]
    )
    theirs = fl.equalized_odds_difference(frame["y"], frame["yhat"], sensitive_features=frame["g"])
    assert theirs == 1.0  # Fairlearn takes b's true positive rate, 0/0, for 0
    gaps = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    ours = one(gaps, "equalized_odds_difference", between=("g",))
    assert (ours.status, ours.value) == ("undefined", None)
    assert "g=b (no positive labels)" in render(ours.reason)
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["g"])
    rate = one(rates, "true_positive_rate", group={"g": "b"})
    assert (rate.status, render(rate.reason)) == ("undefined", "no positive labels")


def test_small_groups_are_shown_named_and_left_out_of_gaps(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=10, fp=5, fn=5, tn=10),
            confusion_rows({"g": "b"}, tp=5, fp=5, fn=10, tn=10),
            confusion_rows({"g": "tiny"}, tp=0, fp=0, fn=1, tn=2),
        ]
    )
    rates = findings_of("fairness.group_rates", frame, tmp_path, sensitive_features=["g"])
    tiny = one(rates, "selection_rate", group={"g": "tiny"})
    assert (tiny.value, tiny.n) == (0.0, 3)
    assert render(tiny.reason) == "too small to compare: 3 rows, the minimum is 10"
    gaps = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    parity = one(gaps, "demographic_parity_difference", between=("g",))
    # a selects 15 of 30, b 10 of 30; with the tiny group it would be 0.5
    assert parity.value == pytest.approx(0.5 - 1 / 3)
    assert parity.counts == {"groups": 3, "groups_left_out": 1}
    assert "g=tiny (3 rows)" in render(parity.reason)


def test_groups_within_the_levels_of_a_control_feature(tmp_path: Path) -> None:
    # within each department the groups are treated alike; overall they are not (Simpson)
    frame = pd.concat(
        [
            confusion_rows({"g": "a", "dept": "x"}, tp=40, fp=0, fn=0, tn=10),
            confusion_rows({"g": "b", "dept": "x"}, tp=8, fp=0, fn=0, tn=2),
            confusion_rows({"g": "a", "dept": "y"}, tp=2, fp=0, fn=0, tn=8),
            confusion_rows({"g": "b", "dept": "y"}, tp=10, fp=0, fn=0, tn=40),
        ]
    )
    gaps = findings_of(
        "fairness.gaps", frame, tmp_path, sensitive_features=["g"], control_features=["dept"]
    )
    name = "demographic_parity_difference"
    assert one(gaps, name, group={}).value == pytest.approx(42 / 60 - 18 / 60)
    assert one(gaps, name, group={"dept": "x"}).value == pytest.approx(0.0)
    assert one(gaps, name, group={"dept": "y"}).value == pytest.approx(0.0)
    rates = findings_of(
        "fairness.group_rates", frame, tmp_path, sensitive_features=["g"], control_features=["dept"]
    )
    assert one(rates, "selection_rate", group={"g": "a", "dept": "y"}).value == pytest.approx(0.2)


def test_without_labels_only_selection_is_measured(tmp_path: Path) -> None:
    frame = confusion_rows({"g": "a"}, tp=10, fp=5, fn=5, tn=10)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=5, fp=5, fn=10, tn=10)])
    subject = stored_subject(frame, tmp_path, sensitive_features=["g"], target=None)
    assert subject.truth.labels is None
    gaps = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"], target=None)
    assert {f.measure for f in gaps} == {
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "demographic_parity_difference_to_overall",
    }


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


def test_the_headline_is_of_known_groups_and_lies_within_its_bounds(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=24, fp=0, fn=0, tn=16),  # 24 of 40
            confusion_rows({"g": "b"}, tp=20, fp=0, fn=0, tn=20),  # 20 of 40
            confusion_rows({"g": None}, tp=18, fp=0, fn=0, tn=2),  # 18 of 20
        ]
    )
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    for stem, value in (("difference", 0.1), ("ratio", 20 / 24)):
        name = f"demographic_parity_{stem}"
        headline = one(found, name)
        assert (headline.value, headline.n) == (pytest.approx(value), 80)
        assert one(found, f"{name}_lowest").value <= headline.value
        assert headline.value <= one(found, f"{name}_highest").value


def test_the_bound_minds_known_groups_under_the_minimum(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=50, fp=0, fn=0, tn=50),
            confusion_rows({"g": "b"}, tp=50, fp=0, fn=0, tn=50),
            confusion_rows({"g": "c"}, tp=4, fp=0, fn=0, tn=5),
            confusion_rows({"g": None}, tp=6, fp=0, fn=0, tn=0),
        ]
    )
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    # c may have 10 of 15 selected, the lowest is then 50 of 100
    most = one(found, "demographic_parity_difference_highest")
    assert most.value == pytest.approx(10 / 15 - 0.5)
