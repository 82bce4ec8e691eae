"""Inequality indices, consistency of neighbours and counterfactual swaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.finding import Finding
from evenhand.audit.measure.groups.inequality import (
    between_groups_index,
    generalized_entropy,
    individual_index,
)
from evenhand.audit.measure.neighbours import disagreement, encode
from evenhand.audit.measure.swaps import HOLE, template_of
from evenhand.audit.measure.uncertainty.bounded import bounded_mean
from evenhand.audit.measure.uncertainty.intervals import wilson
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.worker.opened import Opened
from tests.audit.people import people, skops_model
from tests.audit.subjects import confusion_rows, findings_of, one

SEED = (1, 2)


def test_entropy_indices_by_hand() -> None:
    # benefits 0, 1, 1, 2: mean 1, so half the mean square minus a half: (6/4 - 1) / 2 = 1/4
    shares, benefits = np.array([1.0, 2.0, 1.0]), np.array([0.0, 1.0, 2.0])
    assert generalized_entropy(shares, benefits, 2) == pytest.approx(0.25)
    # Theil: mean of r ln r = (2 ln 2) / 4
    assert generalized_entropy(shares, benefits, 1) == pytest.approx(np.log(2) / 2)


def test_alpha_two_is_half_the_squared_coefficient_of_variation() -> None:
    b = np.random.default_rng(1).choice([0.0, 1.0, 2.0], 500, p=[0.2, 0.5, 0.3])
    counts = np.array([(b == v).sum() for v in (0, 1, 2)])
    value = individual_index(counts, 2, (0.95,), SEED).value
    assert value == pytest.approx((b.std() / b.mean()) ** 2 / 2)
    theil = np.mean([x / b.mean() * np.log(x / b.mean()) if x else 0 for x in b])
    assert individual_index(counts, 1, (0.95,), SEED).value == pytest.approx(theil)


def test_index_splits_into_within_and_between() -> None:
    # Shorrocks: total = between + sum of (share of people) * (mean / overall mean)^2 * within
    counts = np.array([[5, 60, 35], [30, 60, 10]])
    benefits = np.array([0.0, 1.0, 2.0])
    total = generalized_entropy(counts.sum(axis=0).astype(float), benefits, 2)
    between = between_groups_index(counts, 2, (0.95,), SEED).value
    size = counts.sum(axis=1)
    means = (counts @ benefits) / size
    overall = (counts @ benefits).sum() / size.sum()
    within = generalized_entropy(counts.astype(float), benefits, 2)
    parts = (size / size.sum() * (means / overall) ** 2 * within).sum()
    assert between == pytest.approx(total - parts)


def test_intervals_of_indices_cover_and_do_not_collapse() -> None:
    rng = np.random.default_rng(2)
    truth = generalized_entropy(np.array([0.2, 0.6, 0.2]), np.array([0.0, 1.0, 2.0]), 2)
    held = between = 0
    for trial in range(150):
        drawn = rng.multinomial(100, [0.2, 0.6, 0.2], size=3)
        interval = individual_index(drawn.sum(axis=0), 2, (0.95,), (trial,)).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
        # three groups with the same benefits: the truth between them is 0
        low = between_groups_index(drawn, 2, (0.95,), (trial,)).interval
        assert low is not None
        between += low.low == 0
    assert held >= 0.9 * 150
    assert between >= 0.9 * 150
    perfect = individual_index(np.array([0, 50, 0]), 2, (0.95,), SEED)
    assert perfect.value == 0
    assert perfect.interval is not None
    assert perfect.interval.high > 0


def test_a_burden_turns_the_benefit_round(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=10, fp=20, fn=0, tn=10),
            confusion_rows({"g": "b"}, tp=10, fp=5, fn=0, tn=25),
        ]
    )
    base: dict[str, Any] = {"sensitive_features": ["g"]}
    good = findings_of("fairness.inequality", frame, tmp_path, positive_is="benefit", **base)
    bad = findings_of("fairness.inequality", frame, tmp_path, positive_is="burden", **base)
    assert one(good, "theil_index").counts == {"benefit_0": 0, "benefit_1": 55, "benefit_2": 25}
    assert one(bad, "theil_index").counts == {"benefit_0": 25, "benefit_1": 55, "benefit_2": 0}
    # group means 1.5 and 1.125, overall 1.3125: half the squared coefficient of variation
    value = one(good, "between_group_generalized_entropy_index").value
    assert value == pytest.approx((0.1875 / 1.3125) ** 2 / 2)


def test_bounded_mean_is_wilsons_for_zeros_and_ones() -> None:
    found = bounded_mean(np.array([1.0] * 7 + [0.0] * 13), (0.95,))
    theirs = wilson(7, 20)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((theirs.low, theirs.high))
    flat = bounded_mean(np.zeros(10), (0.95,)).interval
    assert flat is not None
    assert flat.high > 0.2


def test_disagreement_equals_a_search_by_hand() -> None:
    rng = np.random.default_rng(3)
    points, answers = rng.normal(size=(60, 3)), rng.integers(0, 2, 60).astype(float)
    found = disagreement(points, answers, 4)
    for i in range(60):
        distance = ((points - points[i]) ** 2).sum(axis=1)
        distance[i] = np.inf
        nearest = np.argsort(distance)[:4]
        assert found[i] == pytest.approx(abs(answers[i] - answers[nearest].mean()))


def test_encoding_puts_different_texts_one_apart() -> None:
    frame = pd.DataFrame(
        {
            "job": ["a", "b", None],
            "x": [1.0, np.nan, 3.0],
            "same": [1, 1, 1],
            "flag": [True, False, True],
        }
    )
    encoded, left_out = encode(frame)
    assert left_out == ("same",)
    assert np.linalg.norm(encoded[0, :2] - encoded[1, :2]) == pytest.approx(1)
    assert encoded[:, 2].tolist() == [-1, 0, 1]  # mean 2, deviation 1, missing at the mean


def test_consistency_of_a_model(tmp_path: Path) -> None:
    found = found_by("fairness.consistency", tmp_path)
    score = one(found, "consistency_score", group={})
    assert score.value is not None
    assert 0.8 < score.value <= 1
    assert one(found, "consistency_score", group={"sex": "f"}).n > 100


def found_by(check_id: str, folder: Path, **options: Any) -> list[Finding]:
    frame = people(seed=1)
    skops_model(folder, frame)
    frame.to_csv(folder / "data.csv", index=False)
    spec = make_spec(
        {
            "model": str(folder / "model.skops"),
            "data": str(folder / "data.csv"),
            "target": "y",
            "positive_label": 1,
            "sensitive_features": ["race", "sex"],
            "options": {check_id: options},
        }
    )
    return list(run_check(check(check_id), build_subject(spec), spec, (0.95,)))


def test_swapping_what_the_model_does_not_read_is_not_applicable(tmp_path: Path) -> None:
    found = found_by("fairness.counterfactual", tmp_path)
    assert {f.status for f in found} == {"not_applicable"}
    assert "does not read 'race'" in found[0].reason


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


def test_terms_are_whole_words_in_any_case() -> None:
    terms = ["he", "she"]
    assert template_of("the theme", terms) is None
    found = template_of("She said she would", terms)
    assert found is not None
    assert found.text == f"{HOLE} said {HOLE} would"
    assert found.term == "she"
