"""Swaps of a feature and of terms, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.words.reasons import render
from evenhand.audit.worker.opened import Opened
from tests.audit.checks.fairness.asked import found_by
from tests.audit.people import people, skops_model
from tests.audit.subjects import one


def test_swapping_what_the_model_does_not_read_is_not_applicable(tmp_path: Path) -> None:
    found = found_by("fairness.counterfactual", tmp_path)
    assert {f.status for f in found} == {"not_applicable"}
    assert "does not read 'race'" in render(found[0].reason)


class Reader:
    """A model with known answers: men get 0.2 more; each "bad" word costs 0.3."""

    format, task, classes = "test", "binary", ("0", "1")
    input_columns: tuple[str, ...] = ("sex", "text", "x")
    maker_says: dict[str, Any] = {}
    gradients = None

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = frame["x"].to_numpy() + 0.2 * (frame["sex"] == "m").to_numpy()
        p = p - 0.3 * frame["text"].str.contains("nun").to_numpy()
        return np.column_stack([1 - p, p])


def reader_subject(tmp_path: Path) -> tuple[Subject, Any]:
    frame = pd.DataFrame(
        {
            "sex": list("mfmfmf"),
            "x": [0.35, 0.35, 0.62, 0.62, 0.75, 0.75],
            "text": ["a nun", "a monk", "no one", "the nun", "a monk", "nobody"],
            "y": [0, 1, 0, 1, 0, 1],
        }
    )
    frame.to_csv(tmp_path / "d.csv", index=False)
    model = tmp_path / "model.skops"
    skops_model(tmp_path, people())
    spec = make_spec(
        {
            "model": str(model),
            "data": str(tmp_path / "d.csv"),
            "target": "y",
            "positive_label": 1,
            "sensitive_features": ["sex"],
            "options": {"fairness.counterfactual": {"text_column": "text", "terms": "nun, monk"}},
        }
    )
    frame[["income", "job", "self"]] = [1.0, "nurse", 1]  # what the stand-in model reads
    frame.to_csv(tmp_path / "d.csv", index=False)
    subject = build_subject(spec)
    object.__setattr__(subject, "model", Opened(Reader(), model, "sha256:0"))
    return subject, spec


def test_swaps_of_a_feature_and_of_terms_by_hand(tmp_path: Path) -> None:
    subject, spec = reader_subject(tmp_path)
    found = list(run_check(check("fairness.counterfactual"), subject, spec, (0.95,)))
    # scores as women / men: .05/.25 (nun), .35/.55 (monk: flips), .62/.82, .32/.52 (nun: flips),
    # .75/.95, .75/.95; each moves by .2
    flips = one(found, "counterfactual_flip_rate", column="sex")
    assert (flips.value, flips.n) == (pytest.approx(2 / 6), 6)
    assert one(found, "counterfactual_score_shift", column="sex").value == pytest.approx(0.2)
    # two templates, "a □" (three texts, one template) and "the □"; nun costs .3
    shift = one(found, "counterfactual_score_shift", column="text")
    assert (shift.value, shift.n) == (pytest.approx(0.3), 2)


class ReadsCopies:
    """Never reads sex itself: a code of it adds 0.2, a bonus that women of race b have 0.3."""

    format, task, classes = "test", "binary", ("0", "1")
    input_columns: tuple[str, ...] = ("x", "GenderCode", "bonus")
    maker_says: dict[str, Any] = {}
    gradients = None

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = frame["x"] + 0.2 * (frame["GenderCode"] == 1) + 0.3 * frame["bonus"]
        return np.column_stack([1 - p, p])


def test_a_copy_is_swapped_with_the_feature(tmp_path: Path) -> None:
    """Sex and race are read by a code of sex, and by what only women of race b have."""
    rng = np.random.default_rng(0)
    n = 200
    sex, race = rng.choice(["f", "m"], n), rng.choice(["a", "b"], n)
    frame = pd.DataFrame(
        {
            "sex": sex,
            "race": race,
            "GenderCode": (sex == "m").astype(int),
            "bonus": ((sex == "f") & (race == "b")).astype(int),
            "x": rng.uniform(0, 0.5, n),
            "y": rng.integers(0, 2, n),
        }
    )
    frame.to_csv(tmp_path / "d.csv", index=False)
    asked = {"model": "m", "data": str(tmp_path / "d.csv"), "target": "y", "positive_label": 1}
    spec = make_spec({**asked, "sensitive_features": ["sex", "race"]})
    opened = Opened(ReadsCopies(), tmp_path / "m", "sha256:0")
    found_model = pytest.MonkeyPatch()
    with found_model.context() as patch:
        patch.setattr("evenhand.audit.subject.subject.begin_model", lambda *_: lambda: opened)
        subject = build_subject(spec)
    found = list(run_check(check("fairness.counterfactual"), subject, spec, (0.95,)))
    # of race a a swap of sex moves the score by .2; of race b by |.2 - .3| = .1
    moved = np.where(race == "a", 0.2, 0.1)
    of_sex = one(found, "counterfactual_score_shift", column="sex")
    assert of_sex.value == pytest.approx(moved.mean())
    assert "GenderCode, bonus" in of_sex.method
    # flips: the decision at .5 as either sex
    as_man = frame["x"] + 0.2 >= 0.5
    as_woman = frame["x"] + 0.3 * (race == "b") >= 0.5
    flips = one(found, "counterfactual_flip_rate", column="sex").value
    assert flips == pytest.approx((as_man != as_woman).mean())
    # race alone moves women's score, by .3
    of_race = one(found, "counterfactual_score_shift", column="race").value
    assert of_race == pytest.approx(0.3 * (sex == "f").mean())
