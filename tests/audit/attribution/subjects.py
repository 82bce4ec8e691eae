"""Subjects around small models that are written out in the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.words.reasons import render
from evenhand.audit.worker.opened import Opened

Score = Callable[[pd.DataFrame], Any]


class FunctionPredictor:
    """A model without gradients: a function of raw rows to the chance of label 1."""

    format = "test"
    task = "binary"
    classes = ("0", "1")
    maker_says: dict[str, Any] = {}
    gradients = None

    def __init__(self, columns: tuple[str, ...], score: Score) -> None:
        self.input_columns, self._score = columns, score

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = np.asarray(self._score(frame), dtype=float)
        return np.stack([1 - p, p], axis=1)


class RegressionPredictor(FunctionPredictor):
    """The same for a number."""

    task = "regression"
    classes = ()

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(self._score(frame), dtype=float)


def subject_of(
    folder: Path, frame: pd.DataFrame, predictor: Any, *, target: str | None = "y", **changes: Any
) -> tuple[Subject, Any]:
    """The subject of ``frame`` and ``predictor``, with its spec; target y, positive label 1."""
    path = folder / f"rows-{len(list(folder.glob('rows-*')))}.csv"
    stored = frame.assign(stored=frame[target] if target else np.arange(len(frame)) % 2)
    stored.to_csv(path, index=False)
    given = {"predictions": str(path), "predicted": "stored", **changes}
    if target:
        given["target"] = target
    if predictor.task == "binary":
        given["positive_label"] = 1
    else:
        given["task"] = predictor.task
    spec = make_spec(given)
    subject = build_subject(spec)
    object.__setattr__(subject, "model", Opened(predictor, folder, "sha256:0"))
    object.__setattr__(subject, "stored", None)
    return subject, spec


def findings(name: str, subject: Subject, spec: Any, **options: Any) -> list[Finding]:
    """What the check ``explanation.<name>`` finds."""
    known = check(f"explanation.{name}")
    changed = spec.model_copy(update={"options": {known.id: options}})
    return list(run_check(known, subject, changed, (0.95,)))


def value(found: list[Finding], measure: str, **match: Any) -> Any:
    """The value of the only finding with this measure and these fields."""
    hits = [
        f
        for f in found
        if f.measure == measure and all(getattr(f, k) == v for k, v in match.items())
    ]
    assert len(hits) == 1, [(f.id, render(f.reason)) for f in found]
    assert hits[0].value is not None, render(hits[0].reason)
    return hits[0].value
