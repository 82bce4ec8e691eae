"""A law of every check: which measures there are does not depend on what is found.

A measure that exists only where the news is bad reads as "not measured" where it is good, and an
item that asks for it can never pass.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import checks
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.subject import build_subject
from tests.audit.people import people, skops_model
from tests.audit.subjects import stored_spec

N = 240
QUICK = {
    "explanation.attribution": {"rows": 20, "permutations": 3},
    "explanation.by_group": {"rows": 20, "permutations": 9},
    "explanation.counterfactual": {"rows": 15},
    "explanation.group_quality": {"rows": 15},
    "explanation.quality": {"rows": 15},
    "explanation.reasons": {"rows": 20},
    "explanation.stability": {"rows": 10},
}


def answers(kind: str, task: str) -> pd.DataFrame:
    """Two groups, and a model that is right, unfair, or says one thing of everybody."""
    rng = np.random.default_rng(6)
    g = np.repeat(["a", "b"], N // 2)
    if task == "regression":
        y = rng.normal(5, 1, N)
        off = {"right": 0.0, "fair": rng.normal(size=N), "unfair": np.where(g == "b", 9.0, 0.1)}
        return pd.DataFrame({"g": g, "y": y, "yhat": y + off.get(kind, y.mean() - y)})
    k = 3 if task == "multiclass" else 2
    y = rng.integers(0, k, N)
    wrong = {"fair": 0.2, "unfair": np.where(g == "b", 0.8, 0.02), "right": 0.0}.get(kind, 0.0)
    yhat = np.where(rng.random(N) < wrong, (y + 1) % k, y)
    if kind in ("all", "none"):
        yhat = np.full(N, int(kind == "all"))
    frame = pd.DataFrame({"g": g, "y": y, "yhat": yhat})
    if task == "binary":
        frame["p"] = 0.5 if kind in ("all", "none") else 0.1 + 0.7 * yhat + 0.2 * rng.random(N)
    return frame


@cache
def told(kind: str, task: str, folder: Path) -> dict[str, frozenset[str]]:
    changes = {"sensitive_features": ["g"], "task": task, "positive_label": None}
    if task == "binary":
        changes |= {"positive_label": 1, "score": "p", "positive_is": "benefit"}
    if task == "regression":
        changes |= {"predicted": None, "score": "yhat"}
    return measures_of(stored_spec(answers(kind, task), folder, **changes), task)


def measures_of(spec, task: str) -> dict[str, frozenset[str]]:
    subject = build_subject(spec)
    found: dict[str, set[str]] = {}
    for each in checks():
        if task in each.module.TASKS:
            ran = run_check(each, subject, spec, (0.95,))
            found[each.id] = {f.measure for f in ran if isinstance(f, Finding)}
    return {name: frozenset(measures) for name, measures in found.items()}


CASES = [
    (task, kind)
    for task in ("binary", "multiclass", "regression")
    for kind in ("unfair", "right", "all", "none")
    if (task, kind) != ("regression", "none")  # one constant number is enough
]


@pytest.mark.parametrize(("task", "kind"), CASES)
def test_good_news_and_bad_news_are_the_same_measures(
    kind: str, task: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    fair, other = told("fair", task, folder), told(kind, task, folder)
    assert fair.keys() == other.keys()
    apart = {name: fair[name] ^ other[name] for name in fair if fair[name] != other[name]}
    assert not apart


def test_a_model_that_reads_nothing_has_the_same_measures(tmp_path: Path) -> None:
    """A fitted model, and one that gives everybody the same score, explained and asked alike."""
    from sklearn.dummy import DummyClassifier

    frame = people(160, seed=1)
    seen = []
    for name, estimator in (("fitted", None), ("constant", DummyClassifier(strategy="prior"))):
        place = tmp_path / name
        place.mkdir()
        skops_model(place, frame, estimator)
        spec = stored_spec(
            frame,
            place,
            predictions=None,
            predicted=None,
            model=str(place / "model.skops"),
            data=str(place / "rows-0.csv"),
            sensitive_features=["race"],
            positive_is="benefit",
            options=QUICK,
        )
        seen.append(measures_of(spec, "binary"))
    apart = {k: seen[0][k] ^ seen[1][k] for k in seen[0] if seen[0][k] != seen[1][k]}
    assert not apart
