"""A model and its scaler, encoder or vectoriser in two files: the answers of the two together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from evenhand.audit.case.case import read_case
from evenhand.audit.cli import run
from evenhand.audit.errors import InputError
from evenhand.audit.models.catalogue import look_at
from evenhand.audit.models.declared import Declared
from evenhand.audit.models.formats import preprocessed

NUMBERS = ["income", "age"]


def rows(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": rng.normal(50, 10, n).round(1),
            "age": rng.integers(20, 70, n),
            "job": rng.choice(["clerk", "nurse", "driver"], n),
            "sex": rng.choice(["F", "M"], n),
        }
    )
    frame["text"] = frame["job"] + " of " + frame["age"].map(str)
    noise = rng.normal(0, 4, n)
    return frame.assign(
        y=(frame["income"] + 9 * (frame["job"] == "nurse") + noise > 52).astype(int)
    )


def both(folder: Path, before: Any, model: Any) -> Path:
    """The folder that --preprocess makes of the two."""
    skops.io.dump(before, folder / "preprocess")
    if isinstance(model, xgboost.XGBClassifier):
        model.get_booster().save_model(folder / "model.ubj")
        (folder / "model.ubj").rename(folder / "model")
    else:
        skops.io.dump(model, folder / "model")
    return folder


def declared(*columns: str) -> Declared:
    return Declared(inputs=[{"column": c} for c in columns])


def test_a_scaler_of_a_frame_and_a_model_of_its_array(tmp_path: Path) -> None:
    frame = rows()
    scaler = StandardScaler().fit(frame[NUMBERS])
    model = LogisticRegression().fit(scaler.transform(frame[NUMBERS]), frame["y"])
    found = preprocessed.load(both(tmp_path, scaler, model))
    assert found.input_columns == tuple(NUMBERS) and found.classes == ("0", "1")
    expected = model.predict_proba(scaler.transform(frame[NUMBERS]))
    np.testing.assert_allclose(found.predict_proba(frame), expected, atol=1e-12)
    assert found.predict_labels(frame).tolist() == expected.argmax(axis=1).tolist()
    assert look_at(tmp_path) == {"format": "preprocessed", "trust": "data"}


def test_without_any_names_the_columns_are_declared(tmp_path: Path) -> None:
    frame = rows()
    plain = frame[NUMBERS].to_numpy()
    scaler = StandardScaler().fit(plain)
    model = LinearRegression().fit(scaler.transform(plain), frame["income"] * 2)
    folder = both(tmp_path, scaler, model)
    with pytest.raises(InputError, match="without column names") as caught:
        preprocessed.load(folder)
    assert "--inputs" in caught.value.remedy
    found = preprocessed.load(folder, declared(*NUMBERS))
    assert found.task == "regression"
    np.testing.assert_allclose(found.predict_values(frame), frame["income"] * 2, atol=1e-9)


def test_columns_that_a_scaler_leaves_alone_are_handed_on(tmp_path: Path) -> None:
    frame = rows().assign(nurse=lambda f: (f["job"] == "nurse").astype(int))
    scaler = StandardScaler().set_output(transform="pandas").fit(frame[NUMBERS])
    scaled = frame[["nurse", *NUMBERS]].assign(**scaler.transform(frame[NUMBERS]))
    model = LogisticRegression().fit(scaled, frame["y"])
    found = preprocessed.load(both(tmp_path, scaler, model))
    assert set(found.input_columns) == {"nurse", *NUMBERS}
    expected = model.predict_proba(scaled)
    np.testing.assert_allclose(found.predict_proba(frame), expected, atol=1e-12)


def test_a_vectoriser_and_its_model(tmp_path: Path) -> None:
    frame = rows()
    before = TfidfVectorizer().fit(frame["text"])
    model = LogisticRegression().fit(before.transform(frame["text"]), frame["y"])
    found = preprocessed.load(both(tmp_path, before, model))
    assert found.reads_texts and found.input_columns == ("text",)
    expected = model.predict_proba(before.transform(frame["text"]))
    np.testing.assert_allclose(found.predict_proba(frame), expected, atol=1e-12)


def test_an_encoder_before_boosted_trees(tmp_path: Path) -> None:
    frame = rows()
    before = OneHotEncoder(sparse_output=False).fit(frame[["job"]])
    matrix = before.transform(frame[["job"]])
    model = xgboost.XGBClassifier(n_estimators=5).fit(matrix, frame["y"])
    found = preprocessed.load(both(tmp_path, before, model))
    assert found.input_columns == ("job",) and found.categories == {
        "job": ("clerk", "driver", "nurse")
    }
    np.testing.assert_allclose(found.predict_proba(frame), model.predict_proba(matrix), atol=1e-6)
    assert found.predict_labels(frame).tolist() == model.predict(matrix).tolist()


def test_two_that_do_not_fit_are_told_to_be_one(tmp_path: Path) -> None:
    frame = rows()
    before = OneHotEncoder(sparse_output=False).fit(frame[["job"]])
    wide = np.column_stack([frame[NUMBERS], before.transform(frame[["job"]])])
    model = LogisticRegression(max_iter=900).fit(wide, frame["y"])
    with pytest.raises(InputError, match=r"reads 5 columns without names, .* makes 3") as caught:
        preprocessed.load(both(tmp_path, before, model))
    assert "Pipeline" in caught.value.remedy
    joblib.dump({"a": 1}, tmp_path / "preprocess")
    with pytest.raises(InputError, match="names a dict, which does not transform rows"):
        preprocessed.load(tmp_path)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    frame = rows()
    frame.to_csv("rows.csv", index=False)
    scaler = StandardScaler().fit(frame[NUMBERS])
    model = xgboost.XGBClassifier(n_estimators=5).fit(scaler.transform(frame[NUMBERS]), frame["y"])
    model.save_model("model.ubj")
    skops.io.dump(scaler, "prep.skops")
    asked = ["audit", "model.ubj", "--data", "rows.csv", "--target", "y", "--positive-label", "1"]
    asked += ["--sensitive-features", "sex", "--checks", "performance.classification", "--quiet"]
    assert run([*asked, "--preprocess", "prep.skops", "--out", "case"]) == 0
    case = read_case(Path("case"))
    right = float((model.predict(scaler.transform(frame[NUMBERS])) == frame["y"]).mean())
    (found,) = [f for f in case.findings if f.measure == "accuracy_score"]
    assert found.value == pytest.approx(right)
    assert case.plan.model_declared["preprocess"] == "prep.skops"
    capsys.readouterr()
    assert run([*asked, "--preprocess", "nothing.skops", "--out", "other"]) == 2
    assert "no scaler or encoder at nothing.skops" in capsys.readouterr().err
    assert run(["audit", "--preprocess", "prep.skops", "--data", "rows.csv"]) == 2
    assert "MODEL --preprocess FILE" in capsys.readouterr().err
