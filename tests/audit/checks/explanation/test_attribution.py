"""The check: findings of every task, how many rows it takes, and the artifact that is drawn."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.attribution.artifact import SCHEMA
from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import SubjectSpec, make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.words.reasons import render
from evenhand.audit.worker.opened import Opened
from tests.audit.attribution.made import Scored, attribute, mlp
from tests.audit.people import people, skops_model

CHECK = "explanation.attribution"


def measured(subject: Subject, spec: SubjectSpec) -> tuple[dict[tuple[str, str], Finding], Any]:
    """Findings by measure and column, and the artifact."""
    kept: list[Any] = []
    found = list(run_check(check(CHECK), subject, spec, (0.95,), keep=kept.append))
    assert {f.status for f in found} <= {"measured", "undefined", "not_applicable"}, found
    assert [a.name for a in kept] == [f"{CHECK}.json"]
    assert kept[0].value["schema"] == SCHEMA
    return {(f.measure, f.column): f for f in found}, kept[0].value


def stored(folder: Path, frame: pd.DataFrame, model: Any, **changes: Any) -> tuple[Subject, Any]:
    """A subject of ``frame`` with target y, whose model is ``model``."""
    frame.to_csv(folder / "rows.csv", index=False)
    options = changes.pop("options", {})
    features = changes.get("sensitive_features", ())
    binary = {"positive_label": "yes"} if model.task == "binary" else {}
    spec = make_spec(
        {
            "predictions": str(folder / "rows.csv"),
            "predicted": next(c for c in frame if c not in ("y", *features)),  # never read
            "target": "y",
            "task": model.task,
            **binary,
            **changes,
            "options": {CHECK: options},
        }
    )
    subject = build_subject(spec)
    object.__setattr__(subject, "model", Opened(model, folder, "sha256:0"))
    object.__setattr__(subject, "stored", None)
    return subject, spec


def test_exact_shapley_values_of_a_pipeline(tmp_path: Path) -> None:
    frame = people(120, seed=4)
    model = skops_model(tmp_path, frame)
    frame.head(12).to_csv(tmp_path / "rows.csv", index=False)
    given = {"model": str(model), "data": str(tmp_path / "rows.csv"), "target": "y"}
    spec = make_spec({**given, "positive_label": 1})
    subject = build_subject(spec)
    found, drawn = measured(subject, spec)
    assert subject.model is not None
    inputs = subject.frame[["income", "job", "self"]]
    values = attribute(subject.model.predictor, inputs, target=1).arrays["values"]
    for j, column in enumerate(inputs):
        finding = found["mean_absolute_attribution", column]
        assert finding.value == pytest.approx(np.abs(values[:, j]).mean())
        assert finding.artifacts == (f"{CHECK}.json",)
        assert "12 of 12 rows" in finding.method
        assert "exact Shapley values" in finding.method
    assert found["completeness_gap", ""].value == pytest.approx(0, abs=1e-9)
    assert found["relative_completeness_gap", ""].value == pytest.approx(0, abs=1e-9)
    assert subject.row_numbers is not None
    kept = [list(subject.row_numbers).index(number) for number in drawn["rows"]["numbers"]]
    assert sorted(kept) == list(range(12))
    assert drawn["values"]["job"] == pytest.approx(list(values[kept, 1]), abs=1e-5)
    assert drawn["inputs"]["job"] == list(inputs["job"].iloc[kept])
    assert drawn["inputs"]["income"].count(None) == int(inputs["income"].isna().sum())
    assert drawn["numeric"] == ["income", "self"]
    assert sum(c["share"] for c in drawn["columns"]) == pytest.approx(1, abs=1e-4)
    order = [c["mean_absolute"] for c in drawn["columns"]]
    assert order == sorted(order, reverse=True)
    assert drawn["rows"]["target"] == ["1"] * 12


def test_as_many_rows_as_the_interval_needs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.uniform(-1, 1, 2000), "b": rng.pareto(2.2, 2000)})
    frame["y"] = frame["a"]
    steady = Scored(lambda rows: rows["a"], ("a", "b"), "regression")
    found, _ = measured(*stored(tmp_path, frame, steady))
    assert found["mean_absolute_attribution", "a"].n == 200
    heavy = Scored(lambda rows: rows["a"] / 10 + rows["b"], ("a", "b"), "regression")
    found, drawn = measured(*stored(tmp_path, frame, heavy))
    finding = found["mean_absolute_attribution", "b"]
    assert finding.n > 200
    assert finding.interval is not None
    assert finding.value is not None
    half_width = (finding.interval.high - finding.interval.low) / 2
    assert half_width <= 0.1 * finding.value or finding.n == 1600
    assert drawn["n"] == finding.n
    assert len(drawn["values"]["b"]) == 200  # kept one by one
    few = {"rows": 30, "keep": 5, "keep_inputs": False}
    found, drawn = measured(*stored(tmp_path, frame, heavy, options=few))
    assert found["mean_absolute_attribution", "b"].n == 30
    assert len(drawn["values"]["b"]) == 5
    assert drawn["inputs"] == {}


def test_regression_and_several_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40)})
    model = mlp(frame, n_outputs=1, task="regression", hidden=[4])
    found, _ = measured(*stored(tmp_path, frame.assign(y=frame["a"]), model))
    assert found["mean_absolute_attribution", "a"].unit == "target unit"
    assert found["completeness_gap", ""].status == "not_applicable"
    assert found["relative_completeness_gap", ""].value == pytest.approx(0, abs=1e-4)
    model = mlp(frame, n_outputs=3, task="multiclass", hidden=[4])
    labelled = frame.assign(y=["a", "b", "c", "a"] * 10)
    found, drawn = measured(*stored(tmp_path, labelled, model))
    assert found["mean_absolute_attribution", "b"].unit == "probability"
    assert found["completeness_gap", ""].value == pytest.approx(0, abs=1e-4)
    assert len(set(drawn["rows"]["target"])) > 1


def test_a_model_that_ignores_its_input(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(30), "y": ["yes", "no"] * 15})
    model = Scored(lambda rows: np.full(len(rows), 0.4), ("a",), "binary")
    found, drawn = measured(*stored(tmp_path, frame, model))
    assert found["mean_absolute_attribution", "a"].value == 0
    assert found["completeness_gap", ""].value == 0
    assert found["relative_completeness_gap", ""].status == "undefined"
    assert drawn["columns"][0]["share"] is None
    saliency = mlp(frame[["a"]], hidden=[3])
    saliency.classes = ("no", "yes")
    found, _ = measured(*stored(tmp_path, frame, saliency, options={"method": "saliency"}))
    assert found["completeness_gap", ""].status == "undefined"
    assert "not in the unit of the output" in render(found["completeness_gap", ""].reason)


def test_the_declared_reference_applicant_is_a_baseline(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [0.0, 1, 2, 3] * 5, "b": [5.0, 4, 3, 2, 1] * 4})
    model = Scored(lambda rows: rows["a"] / 4, ("a", "b"), "binary")
    options = {"baseline": "reference"}
    changes = {"positive_is": "benefit", "reference_applicant": {"a": 3.0, "b": 2.0}}
    labelled = frame.assign(y=["yes", "no"] * 10)
    found, drawn = measured(*stored(tmp_path, labelled, model, options=options, **changes))
    # mean of |a - 3| / 4 over 0, 1, 2, 3
    assert found["mean_absolute_attribution", "a"].value == pytest.approx(6 / 16)
    assert drawn["baseline"].startswith("reference applicant, declared: a, b")


def test_texts_and_images(tmp_path: Path) -> None:
    words = ["a good film", "a bad film indeed", "no film at all", "a good good day"] * 5
    frame = pd.DataFrame({"text": words, "y": ["yes", "no", "no", "yes"] * 5})
    model = Scored(lambda rows: 0.3 + 0.2 * rows["text"].str.count("good"), ("text",), "binary")
    found, drawn = measured(*stored(tmp_path, frame, model))
    # 0.2, 0, 0, 0.4 for five rows each
    assert found["mean_absolute_attribution", "text"].value == pytest.approx(0.15)
    assert drawn["kind"] == "text"
    assert drawn["words"][0] == {"word": "good", "n": 15, "mean": 0.2, "mean_absolute": 0.2}
    one = next(t for t in drawn["texts"] if t["words"] == ["a", "good", "film"])
    assert one["values"] == pytest.approx([0, 0.2, 0])


def test_the_maps_of_images(tmp_path: Path) -> None:
    from evenhand.audit.attribution.artifact import attributions_json
    from evenhand.audit.measure.uncertainty.intervals import mean
    from tests.audit.attribution.made_images import corner, images

    frame = images((8, 8))
    found = attribute(corner((8, 8)), frame, target=1, output="logit")
    estimate = mean(found.arrays["values"][:, 0], (0.95,))
    drawn = attributions_json(
        found,
        frame,
        [("image", estimate, 1.0)],
        n_rows=3,
        numbers=np.arange(1, 4),
        targets=None,
        keep=2,
        keep_inputs=True,
    )
    assert (drawn["height"], drawn["width"], drawn["colours"]) == (8, 8, 1)
    assert len(drawn["maps"]) == len(drawn["images"]) == 2
    levels = np.frombuffer(base64.b64decode(drawn["maps"][0]["levels"]), dtype=np.int8)
    again = levels.reshape(8, 8) / 127 * drawn["maps"][0]["scale"]
    assert again == pytest.approx(found.arrays["maps"][0], abs=drawn["maps"][0]["scale"] / 250)
    assert base64.b64decode(drawn["images"][1]) == frame["image"].iloc[1]
    assert drawn["rows"]["numbers"] == [1, 2]


def test_prompts_are_explained_by_the_check(tmp_path: Path) -> None:
    from tests.audit.attribution.made_texts import generator

    model = generator()
    frame = pd.DataFrame({"text": ["kit or so cat", "pup as is dog"] * 4})
    frame.assign(y=1).to_csv(tmp_path / "rows.csv", index=False)
    subject, spec = stored(
        tmp_path, frame.assign(y=1.0), Scored(lambda r: r["y"], ("text",), "regression")
    )
    object.__setattr__(subject, "task", "generation")
    object.__setattr__(subject, "model", Opened(model, tmp_path, "sha256:0"))
    spec = spec.model_copy(update={"options": {CHECK: {"prompt_words": 3, "new_tokens": 1}}})
    found, drawn = measured(subject, spec)
    assert found["mean_absolute_attribution", "text"].unit == "nat"
    assert found["relative_completeness_gap", ""].value == pytest.approx(0, abs=0.01)
    assert {t["continuation"] for t in drawn["texts"]} == {"cat", "dog"}
