"""A law of every check: people whose group is unknown move no number about known groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.checks.compared import ComparedGroups, OneGroup
from evenhand.audit.finding import UNKNOWN, Finding, is_known
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.run.catalogue import checks
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.subject import build_subject
from evenhand.audit.words.reasons import render
from tests.audit.people import people, skops_model
from tests.audit.subjects import one, stored_spec

UNKNOWN_ROWS = 60
# What is about everybody's places or rows: the unknown take part, only gaps are of known groups.
OF_EVERYBODY = (
    "scoring_rate_impact_ratio",  # the median is that of the whole sample, by the rule
    "large_group_scoring_rate_impact_ratio",
    *("relative_exposure", "top_k_selection_rate", "group_share", "unknown_count"),
    *("swept_threshold_count", "generalized_entropy_index", "theil_index"),
)
# Ratios and differences that hold one group against others, though they name no features.
AGAINST_OTHERS = (
    "impact_ratio",
    "flip_one_ratio",
    "_to_rest",
    "bpsn_auc",
    "bnsp_auc",
    "four_fifths",
)
FAST = {
    "explanation.by_group": {"rows": 30, "permutations": 9},
    "explanation.group_quality": {"rows": 30},
    "explanation.counterfactual": {"rows": 30},
}


def scored(task: str) -> pd.DataFrame:
    """Two known groups, and (last) people of unknown group whose rates are extreme."""
    rng = np.random.default_rng(8)
    n = 300
    g = np.repeat(["a", "b", None], [n, n, UNKNOWN_ROWS])
    known = np.arange(g.size) < 2 * n
    if task == "regression":
        y = rng.normal(10, 2, g.size)
        return pd.DataFrame(
            {"g": g, "y": y, "yhat": y + np.where(known, rng.normal(size=g.size), 90)}
        )
    y = rng.integers(0, 3 if task == "multiclass" else 2, g.size)
    hit = rng.random(g.size) < 0.8
    frame = pd.DataFrame({"g": g, "y": y})
    frame["yhat"] = np.where(known, np.where(hit, y, 0), (y + 1) % (y.max() + 1))
    if task == "binary":
        score = np.clip(0.3 * frame["yhat"] + 0.6 * rng.random(g.size), 0.01, 0.99)
        frame["p"] = np.where(known, score, 1 - 0.98 * y)  # ranked the wrong way round
    return frame


def measured(frame: pd.DataFrame, task: str, folder: Path) -> list[Finding]:
    changes: dict[str, Any] = {"sensitive_features": ["g"], "task": task, "positive_label": None}
    if task == "binary":
        changes |= {"positive_label": 1, "score": "p", "positive_is": "benefit"}
    if task == "regression":
        changes |= {"predicted": None, "score": "yhat"}
    spec = stored_spec(frame, folder, **changes)
    subject = build_subject(spec)
    found: list[Finding] = []
    for each in checks():
        if each.family in ("fairness", "data") and task in each.module.TASKS:
            ran = run_check(each, subject, spec, (0.95,))
            found += [f for f in ran if isinstance(f, Finding)]
    return found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_unknown_move_no_number_about_known_groups(task: str, tmp_path: Path) -> None:
    frame = scored(task)
    with_unknown = measured(frame, task, tmp_path)
    without = {f.id: f for f in measured(frame[frame["g"].notna()], task, tmp_path)}
    compared = 0
    for f in with_unknown:
        compares = f.between or any(part in f.measure for part in AGAINST_OTHERS)
        bound = f.measure.endswith(("_lowest", "_highest"))
        if f.status != "measured" or not compares or bound or f.measure in OF_EVERYBODY:
            continue
        assert is_known(f.group), f.id
        told = f.counts.get("unknown") == UNKNOWN_ROWS or str(UNKNOWN_ROWS) in render(f.reason)
        assert told or "impact_ratio" in f.measure, f.id  # LL144's tables count them beside
        if f.measure.startswith(tuple(OF_EVERYBODY)):
            of = [
                o.value for o in with_unknown if o.measure == f.measure.removesuffix("_difference")
            ]
            own = [v for v, o in zip(of, ("a", "b"), strict=False) if o]
            assert f.value == pytest.approx(abs(own[0] - own[1])), f.id
        elif f.seed is None:
            assert f.value == pytest.approx(without[f.id].value, abs=1e-12), f.id
            assert f.interval == without[f.id].interval, f.id
        compared += 1
    assert compared >= {"binary": 40, "multiclass": 10, "regression": 5}[task]


def test_no_worst_group_is_that_of_the_unknown(tmp_path: Path) -> None:
    found = [f for f in measured(scored("binary"), "binary", tmp_path) if "worst_groups" in f.check]
    assert one(found, "groups_searched").value == 2  # a and b; wrong about every unknown person
    assert not [f for f in found if UNKNOWN in f.group.values()]


def test_explanations_compare_known_groups(tmp_path: Path) -> None:
    frame = people(200, seed=4)
    skops_model(tmp_path, frame)
    frame.loc[:29, "sex"] = None
    spec = stored_spec(
        frame,
        tmp_path,
        predictions=None,
        predicted=None,
        model=str(tmp_path / "model.skops"),
        data=str(tmp_path / "rows-0.csv"),
        sensitive_features=["sex"],
        positive_is="benefit",
        options=FAST,
    )
    subject = build_subject(spec)
    seen = 0
    for each in checks():
        if each.id in (*FAST, "data.proxies"):
            for f in run_check(each, subject, spec, (0.95,)):
                if isinstance(f, Finding) and f.between == ("sex",) and f.status == "measured":
                    compares = f.measure.endswith(("difference", "shift")) or "proxy" in f.measure
                    words = render(f.reason)
                    told = "whose group is unknown" in words
                    assert told or not compares or f.measure == "proxy_weighted_attribution", f.id
                    seen += compares
    assert seen >= 5


def test_small_and_unknown_groups_are_told_apart() -> None:
    groups = [({"g": "a"}, 40), ({"g": "b"}, 9), ({"g": UNKNOWN}, 7), ({"g": "c"}, 10)]
    compared = ComparedGroups((OneGroup(g, n, n) for g, n in groups), 10)
    assert list(compared.by_name) == ["g=a", "g=c"]
    noted = compared.noted(Estimate(0.1, 50))
    assert noted.counts == {"groups": 3, "groups_left_out": 1, "unknown": 7}
    assert "g=b (9 rows)" in render(noted.reason)
    assert "7 rows whose group is unknown" in render(noted.reason)
