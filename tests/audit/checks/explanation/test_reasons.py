"""Principal reasons of a model whose Shapley values are known in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.asking.applicants import Applicants
from evenhand.audit.attribution import reasons as core
from evenhand.audit.errors import InputError
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.words.reasons import render
from tests.audit.checks.explanation.linear import WEIGHTS, Linear, measured


def by_hand(subject: Subject, reference: dict[str, float]) -> dict[int, list[str]]:
    """Row number -> columns whose weight x (input - reference) is below 0, the lowest first."""
    frame = subject.frame[list(Linear.input_columns)].astype(float)
    p = Linear().predict_proba(frame)[:, 1]
    found = {}
    for i in np.flatnonzero(p < 0.5):
        push = {c: WEIGHTS[c] * (frame[c].iloc[i] - reference[c]) for c in ("u", "v", "w")}
        low = sorted((c for c in push if push[c] < -1e-6), key=lambda c: push[c])
        assert subject.row_numbers is not None
        found[int(subject.row_numbers[i])] = low
    return found


def test_reasons_of_a_linear_model_are_weight_times_distance(tmp_path: Path) -> None:
    declared = {"u": 1.0, "v": -1.0, "w": 0.5, "g": 1}
    found, artifact, subject = measured(tmp_path, reference_applicant=declared)
    assert artifact["reference"]["values"] == declared
    expected = by_hand(subject, declared)
    ours = {p["row"]: [r["column"] for r in p["reasons"]] for p in artifact["people"]}
    assert ours == expected
    # one column alone, set to the reference, raises a linear score by exactly what it pushed
    for person in artifact["people"]:
        for reason in person["reasons"]:
            assert reason["rise"] == pytest.approx(reason["push"], abs=2e-6)
    assert found["reason_fidelity"].value == 1.0
    assert found["reason_fidelity"].n == len([r for r in expected.values() if r])
    with_v = sum("v" in r for r in expected.values())
    assert found["reason_share#v"].counts == {"k": with_v, "n": len(expected)}


def test_the_lift_is_over_all_scored_columns_that_differ(tmp_path: Path) -> None:
    declared = {"u": 1.0, "v": -1.0, "w": 0.5, "g": 1}
    found, _, subject = measured(tmp_path, reference_applicant=declared)
    frame = subject.frame.astype(float)
    lifts, chances = [], []
    for i in np.flatnonzero(Linear().predict_proba(frame)[:, 1] < 0.5):
        push = np.array(
            [WEIGHTS[c] * (declared[c] - frame[c].iloc[i]) for c in ("u", "v", "w")]  # never g
        )
        differs = np.array([declared[c] != frame[c].iloc[i] for c in ("u", "v", "w")])
        if (push > 1e-6).any():
            lifts.append(push[push > 1e-6].mean() - push[differs].mean())
            chances.append((push[differs] > 1e-9).mean())
    assert found["reason_score_lift"].value == pytest.approx(np.mean(lifts), abs=1e-6)
    assert found["reason_fidelity_lift"].value == pytest.approx(1 - np.mean(chances), abs=1e-9)
    assert found["reason_score_lift"].interval is not None
    assert found["reason_score_lift"].interval.low > 0


def test_the_default_reference_is_typical_of_favourable_decisions(tmp_path: Path) -> None:
    found, artifact, subject = measured(tmp_path)
    good = subject.frame[Linear().predict_proba(subject.frame)[:, 1] >= 0.5]
    for column in ("u", "v", "w"):
        lower_median = np.sort(good[column])[(len(good) - 1) // 2]
        assert artifact["reference"]["values"][column] == lower_median
    assert artifact["reference"]["favourable_rows"] == len(good)
    assert "median or most frequent value" in found["reason_fidelity"].method


def test_a_sensitive_feature_is_never_named_and_that_is_counted(tmp_path: Path) -> None:
    declared = {"u": 1.0, "v": -1.0, "w": 0.5, "g": 1}
    found, artifact, subject = measured(tmp_path, reference_applicant=declared)
    named = {r["column"] for p in artifact["people"] for r in p["reasons"]}
    assert "g" not in named
    assert "reason_share#g" not in found
    # with g = 0 against 1 the push is 0.05: of four columns it is always among the four strongest
    frame = subject.frame.astype(float)
    refused = frame[Linear().predict_proba(frame)[:, 1] < 0.5]
    counts = found["sensitive_reason_rate"].counts
    assert counts == {"k": int((refused["g"] == 0).sum()), "n": len(refused)}
    assert "left out as reasons: g" in render(found["sensitive_reason_rate"].reason)


def test_a_burden_turns_the_sides(tmp_path: Path) -> None:
    reference = {"u": -1.0, "v": 1.0, "w": 0.0, "g": 0}
    _, artifact, subject = measured(tmp_path, positive_is="burden", reference_applicant=reference)
    frame = subject.frame.astype(float)
    burdened = Linear().predict_proba(frame)[:, 1] >= 0.5
    assert subject.row_numbers is not None
    assert {p["row"] for p in artifact["people"]} == set(subject.row_numbers[burdened].tolist())
    for person in artifact["people"]:
        i = int(np.flatnonzero(subject.row_numbers == person["row"])[0])
        for reason in person["reasons"]:
            column = reason["column"]
            push = WEIGHTS[column] * (frame[column].iloc[i] - reference[column])
            assert reason["push"] == pytest.approx(push, abs=2e-6)
            assert reason["push"] > 0


class ReadsPlace(Linear):
    """Reads u, v and a place, ``area`` or ``zip``."""

    def __init__(self, place: str) -> None:
        self.place, self.input_columns = place, ("u", "v", place)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = 0.5 + 0.04 * frame["u"].to_numpy() + 0.02 * (frame[self.place].to_numpy() - 5)
        return np.stack([1 - p, p], axis=1)


def test_proxies_are_flagged_declared_or_found(tmp_path: Path) -> None:
    found, artifact, _ = measured(tmp_path, model=ReadsPlace("area"), proxies=["v"], n_rows=240)
    assert artifact["proxies"]["v"] == {"feature": "", "group": "", "auc": None}
    assert 0.9 < artifact["proxies"]["area"]["auc"] < 1
    assert set(artifact["proxies"]) == {"v", "area"}
    assert "a proxy: tells g = " in render(found["reason_share#area"].reason)
    assert found["proxy_reason_rate"].value == found["reason_share#area"].value


def test_a_copy_of_a_sensitive_feature_is_no_reason(tmp_path: Path) -> None:
    """zip is 0 or 1 for one group and 10 or 11 for the other: it is the feature."""
    found, artifact, subject = measured(tmp_path, model=ReadsPlace("zip"), n_rows=240)
    assert artifact["sensitive"] == ["zip"]
    named = {r["column"] for person in artifact["people"] for r in person["reasons"]}
    assert named == {"u"}  # v is not scored
    assert "reason_share#zip" not in found
    rate = found["sensitive_reason_rate#g"]
    assert rate.value is not None
    assert rate.value > 0
    assert render(rate.reason) == "the model reads g by what is a copy of it: zip"
    people = Applicants(subject)
    assert render(people.space.immutable["zip"]) == "a copy of g"
    assert "zip" not in {column.name for column in people.space.mutable}


def test_what_has_no_answer_is_said(tmp_path: Path) -> None:
    found, _, _ = measured(tmp_path, positive_is=None)
    assert {f.status for f in found.values()} == {"not_applicable"}
    assert "positive_is" in render(found["reason_fidelity"].reason)

    class Always(Linear):
        def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
            return np.tile([0.0, 1.0], (len(frame), 1))

    found, _, _ = measured(tmp_path, model=Always())
    assert render(found["reason_fidelity"].reason) == "no decision is adverse"
    # the reference is the person: no column differs, so no reason can be named, and none is tested
    found, _, _ = measured(tmp_path, reference_applicant={"u": -9.0, "v": 9.0, "w": -9.0, "g": 0})
    assert found["reason_fidelity"].status == "undefined"
    assert found["without_reason_rate"].value == 1.0


def test_wrong_declarations_are_refused(tmp_path: Path) -> None:
    found, _, _ = measured(tmp_path, reference_applicant={"u": "much"})
    assert "reference_applicant: u = 'much'" in render(found["reason_fidelity"].reason)
    from tests.audit.people import people, skops_model

    frame = people(60)
    frame.to_csv(tmp_path / "p.csv", index=False)
    given = {
        "model": str(skops_model(tmp_path, frame)),
        "data": str(tmp_path / "p.csv"),
        "target": "y",
        "positive_label": 1,
        "sensitive_features": ["race"],
    }
    with pytest.raises(InputError, match="'incom' is not an input column") as caught:
        build_subject(make_spec({**given, "actionable": {"incom": {}}}))
    assert "income" in caught.value.remedy
    with pytest.raises(InputError, match="above max"):
        make_spec({**given, "actionable": {"income": {"min": 2, "max": 1}}})


def test_overlap_and_noise() -> None:
    assert core.overlap([], []) == 1.0
    assert core.overlap([1], [2]) == 0.0
    everyone = pd.DataFrame({"a": np.linspace(0, 1, 50), "k": [0, 1] * 25, "t": ["x"] * 50})
    moved = core.shaken(everyone, everyone, 0.01, (1, 2))
    assert moved["k"].equals(everyone["k"]) and moved["t"].equals(everyone["t"])
    off = moved["a"] - everyone["a"]
    assert off.abs().max() > 0
    assert off.std() == pytest.approx(0.01 * everyone["a"].std(), rel=0.4)


class OneColumn(Linear):
    """The same, of its first column alone."""

    input_columns = ("u",)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = 0.5 + 0.04 * frame["u"].to_numpy(dtype=float)
        return np.stack([1 - p, p], axis=1)


def test_a_single_column_can_not_matter_more_than_another(tmp_path: Path) -> None:
    found, _, _ = measured(tmp_path, model=OneColumn())
    assert found["reason_fidelity"].value == 1.0
    for name in ("reason_fidelity_lift", "reason_score_lift"):
        assert found[name].status == "undefined"
        assert "there is no other to compare a reason with" in render(found[name].reason)
