"""What is audited is the model's own decision: its labels, unless a threshold is declared."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from evenhand.audit.data.table import as_text
from evenhand.audit.errors import InputError
from evenhand.audit.models.estimators import predictor_of
from evenhand.audit.subject.answers import notes_on_answers
from evenhand.audit.subject.deciding import select, threshold_of
from evenhand.audit.subject.predictions import predictions_of
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject, facts_of
from evenhand.audit.words.reasons import render
from evenhand.audit.worker.opened import Opened
from tests.audit.attribution.subjects import subject_of

COLUMNS = ["a", "b"]


def rows(labels: tuple[Any, Any] = (0, 1), n: int = 80) -> pd.DataFrame:
    """Few different rows, so that neighbours and leaves are tied."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 4, n), "b": rng.integers(0, 4, n)}).astype(float)
    is_one = frame["a"] - frame["b"] + rng.normal(size=n) > 0
    return frame.assign(y=np.where(is_one, labels[1], labels[0]))


def opened(model: Any) -> Opened:
    return Opened(predictor_of("skops", model, "m.skops", {}), "m.skops", "sha256:0")


def test_tied_rows_are_decided_as_the_model_decides(tmp_path: Path) -> None:
    frame = rows()
    model = KNeighborsClassifier(4).fit(frame[COLUMNS], frame["y"])
    own, chance = model.predict(frame[COLUMNS]), model.predict_proba(frame[COLUMNS])[:, 1]
    ties = int((chance == 0.5).sum())
    assert ties > 5
    score, selected = select(opened(model), frame, "1", None)
    assert score is not None and np.array_equal(score, chance)
    assert np.array_equal(selected, own == 1) and not np.array_equal(selected, score >= 0.5)
    # A threshold that is declared is obeyed, also where it is 0.5.
    assert np.array_equal(select(opened(model), frame, "1", 0.5)[1], chance >= 0.5)
    subject, _ = subject_of(tmp_path, frame, predictor_of("skops", model, "m", {}))
    own = model.predict(subject.frame[COLUMNS])
    assert np.array_equal(predictions_of(subject).is_selected, own == 1)
    assert render(notes_on_answers(subject)).startswith(f"{ties} rows have a score of exactly 0.5")


def _fitted() -> list[Any]:
    """Every classifier of scikit-learn that can be fitted as it is, and what wraps them."""
    frame, found = rows(), []
    wrapping = [
        VotingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier())]),
        FixedThresholdClassifier(LogisticRegression(), threshold=0.2),
        TunedThresholdClassifierCV(LogisticRegression()),
        RandomForestClassifier(4, max_depth=2, random_state=0),
        KNeighborsClassifier(4),
    ]
    plain = []
    for name, kind in all_estimators(type_filter="classifier"):
        if name not in ("GaussianProcessClassifier", "MLPClassifier", "SVC", "NuSVC"):
            try:
                plain.append(kind())
            except TypeError:  # it wraps another
                continue
    for model in (*plain, *wrapping):
        try:
            found.append(model.fit(frame[COLUMNS], frame["y"]))
        except ValueError:  # it reads other data
            continue
    return found


@pytest.mark.filterwarnings("ignore")
def test_every_classifier_is_audited_by_its_own_labels() -> None:
    frame, compared, alone = rows(), 0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = _fitted()
    for model in models:
        own = model.predict(frame[COLUMNS])
        for positive in ("0", "1"):
            score, selected = select(opened(model), frame, positive, None)
            assert np.array_equal(selected, own == int(positive)), model
            compared += 1
            alone += score is None
    assert compared >= 60 and alone >= 12  # perceptrons, linear SVMs, votes ... have no scores


def test_a_model_of_labels_alone_has_no_scores(tmp_path: Path) -> None:
    frame = rows(("bad", "good"))
    model = RidgeClassifier().fit(frame[COLUMNS], frame["y"])
    predictor = predictor_of("skops", model, "m.skops", {})
    # One for the label, zero for the other: 1 - 0 by hand.
    own = model.predict(frame[COLUMNS])
    assert predictor.predict_proba(frame).tolist() == [
        [1.0, 0.0] if label == "bad" else [0.0, 1.0] for label in own
    ]
    spec = make_spec({"model": "m.skops", "data": "d.csv", "positive_label": "good"})
    assert facts_of(spec, "binary", opened(model))["subject.has_scores"] is False
    with pytest.raises(InputError, match="gives labels alone"):
        select(opened(model), frame, "good", 0.3)
    coded = frame.assign(y=(frame["y"] == "good").astype(int))
    ridge = RidgeClassifier().fit(coded[COLUMNS], coded["y"])
    subject, _ = subject_of(tmp_path, coded, predictor_of("skops", ridge, "m", {}))
    found = predictions_of(subject)
    assert found.score is None and threshold_of(subject) is None
    assert found.answer.tolist() == found.is_selected.astype(float).tolist()


def test_a_threshold_of_the_models_own_is_said(tmp_path: Path) -> None:
    frame = rows()
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.2)
    model.fit(frame[COLUMNS], frame["y"])
    subject, _ = subject_of(tmp_path, frame, predictor_of("skops", model, "m", {}))
    assert threshold_of(subject) is None  # not 0.5, which selects others
    chance = model.predict_proba(subject.frame[COLUMNS])[:, 1]
    n = int(((chance >= 0.2) != (chance >= 0.5)).sum())
    assert n > 5 and f"in {n} of 80 rows" in render(notes_on_answers(subject))
    usual, _ = subject_of(
        tmp_path, frame, predictor_of("skops", model.estimator_, "m", {}), target="y"
    )
    assert threshold_of(usual) == 0.5 and notes_on_answers(usual) == ()


@pytest.mark.parametrize("model", [LinearSVC(), SVC()])
def test_labels_of_any_spelling(model: Any) -> None:
    frame = rows((False, True))
    model.fit(frame[COLUMNS], frame["y"])
    own = [as_text(v) for v in model.predict(frame[COLUMNS])]
    chosen = select(opened(model), frame, "true", None)[1]
    assert chosen.tolist() == [label == "true" for label in own]


def _stored(folder: Path, **changes: Any) -> Any:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 40)
    score = np.where(y == 1, 0.7, 0.3)
    frame = pd.DataFrame({"y": y, "score": score, "right": y, "inverted": 1 - y})
    path = folder / "stored.csv"
    frame.to_csv(path, index=False)
    given = {"predictions": str(path), "target": "y", "score": "score", "positive_label": 1}
    return build_subject(make_spec({**given, **changes}))


def test_labels_that_contradict_scores_are_said(tmp_path: Path) -> None:
    both = _stored(tmp_path, predicted="inverted", threshold=0.5)
    said = render(notes_on_answers(both))
    assert "differ from score >= 0.5" in said.replace("0.50", "0.5") and "40 of 40 rows" in said
    assert threshold_of(both) is None
    without = _stored(tmp_path, predicted="inverted")
    assert "are the labels or the scores inverted?" in render(notes_on_answers(without))
    for changes in ({"threshold": 0.5}, {}):
        assert notes_on_answers(_stored(tmp_path, predicted="right", **changes)) == ()
    assert threshold_of(_stored(tmp_path, threshold=0.4)) == 0.4
