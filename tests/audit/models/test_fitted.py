"""What a fitted estimator is handed: texts, categories and data frames as it was fitted on them.

Every answer is compared with what the library itself answers about the rows that its maker had.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from evenhand.audit.attribution.door import Question, answer
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import Declared
from evenhand.audit.models.estimators import predictor_of
from evenhand.audit.models.fitted import own_names, readers, reads_texts
from evenhand.audit.subject.answers import notes_on_answers
from evenhand.audit.words.reasons import render
from tests.audit.attribution.subjects import subject_of

JOBS = ["nurse", "clerk", "driver"]


def people(n: int = 300) -> pd.DataFrame:
    """As their maker has them: categories of texts in an order of his own, and of whole numbers."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": rng.normal(50, 10, n).round(1),
            "job": pd.Categorical(rng.choice(JOBS, n), JOBS),
            "floor": pd.Categorical(rng.choice([3, 1, 2], n), [3, 1, 2]),
        }
    )
    signal = (frame["job"] == "clerk") ^ (frame["income"] > 50) ^ (frame["floor"] == 3)
    return frame.assign(y=signal.astype(int))


INPUTS = ["income", "job", "floor"]


def as_read(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """What a file of the rows holds: texts and numbers, no categories."""
    frame.to_csv(folder / "rows.csv", index=False)
    return read_table(str(folder / "rows.csv")).frame


class CatBoostLike:
    """CatBoost's manners: names under its own attribute, categories by place, texts or whole
    numbers in them and never fractions. It answers 1 for clerks on floor 3."""

    classes_ = np.array([0, 1])
    feature_names_ = INPUTS

    def get_cat_feature_indices(self) -> list[int]:
        return [1, 2]

    def predict_proba(self, rows: Any) -> np.ndarray:
        assert list(rows.columns) == INPUTS
        for name in ("job", "floor"):
            assert all(isinstance(cell, str | int) for cell in rows[name])
        p = ((rows["job"] == "clerk") & (rows["floor"].map(str) == "3")).to_numpy(dtype=float)
        return np.stack([1 - p, p], axis=1)

    def predict(self, rows: Any) -> np.ndarray:
        chosen: np.ndarray = self.predict_proba(rows).argmax(axis=1)
        return chosen


def leaves() -> Any:
    return lightgbm.LGBMClassifier(n_estimators=20, verbose=-1)


def _trees() -> dict[str, Any]:
    frame = people()
    x, y = frame[INPUTS], frame["y"]
    spaced = x.rename(columns={"income": "net income"})
    return {
        "lightgbm": leaves().fit(x, y),
        "lightgbm in a pipeline": Pipeline(
            [
                ("nothing", "passthrough"),
                ("m", leaves()),
            ]
        ).fit(x, y),
        "lightgbm with a space": leaves().fit(spaced, y),
        "xgboost": xgboost.XGBClassifier(n_estimators=20, enable_categorical=True).fit(x, y),
        "histograms": HistGradientBoostingClassifier(
            categorical_features="from_dtype", max_iter=20
        ).fit(x, y),
        "a search": GridSearchCV(leaves(), {"num_leaves": [7]}, cv=2).fit(x, y),
        "like CatBoost": CatBoostLike(),
    }


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("name", list(_trees()))
def test_frames_with_categories_go_to_what_was_fitted_on_them(name: str, tmp_path: Path) -> None:
    model, frame = _trees()[name], people()
    own = frame.rename(columns={"income": "net income"}) if "space" in name else frame
    inputs = ["net income", "job", "floor"] if "space" in name else INPUTS
    declared = Declared(inputs=[{"column": c} for c in inputs]) if "space" in name else Declared()
    predictor = predictor_of("pickle", model, "m", {}, declared)
    read = as_read(own, tmp_path)
    assert str(read["job"].dtype) != "category"
    expected = model.predict_proba(own[inputs])
    np.testing.assert_allclose(predictor.predict_proba(read), expected, atol=1e-12)
    assert predictor.predict_labels(read).tolist() == model.predict(own[inputs]).tolist()
    # Any part of the rows is coded alike, also one in which some categories do not occur.
    np.testing.assert_allclose(predictor.predict_proba(read.iloc[:1]), expected[:1], atol=1e-12)
    assert expected[:, 1].std() > 0.1


def test_a_category_that_trees_never_met_is_refused() -> None:
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(people()[INPUTS], people()["y"])
    strange = people(4).astype({"job": object}).assign(job=["clerk", "pilot", "pilot", "nurse"])
    with pytest.raises(InputError, match=r"'pilot' in row 2, a category .* \(2 such rows\)"):
        predictor_of("pickle", model, "m", {}).predict_proba(strange)


# --- encoders


def _encoded(frame: pd.DataFrame, column: str, encoder: Any = None) -> Any:
    encode = encoder or OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("c", encode, [column]), ("n", "passthrough", ["income"])])
    return make_pipeline(columns, LogisticRegression(max_iter=900)).fit(
        frame[[column, "income"]], frame["y"]
    )


TEXTS: dict[str, list[Any]] = {
    "postcodes": ["10001", "10002", "94110"],
    "truth values": ["True", "False"],
    "decimals": ["1.0", "2.0", "2.5"],
    "true whole numbers": [1, 2, 3],
    "true truth values": [True, False],
    "floats": [0.5, 1.0, 2.0],
}


@pytest.mark.parametrize("encoder", [None, OrdinalEncoder()])
@pytest.mark.parametrize("kind", list(TEXTS))
def test_texts_that_look_like_numbers(kind: str, encoder: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    cells = rng.choice(np.array(TEXTS[kind]), 200)
    frame = pd.DataFrame({"code": cells, "income": rng.normal(50, 10, 200).round(1)})
    frame["y"] = (frame["code"].astype(str) == str(TEXTS[kind][0])).astype(int)
    model = _encoded(frame, "code", encoder)
    predictor = predictor_of("skops", model, "m", {})
    read = as_read(frame, tmp_path)
    expected = model.predict_proba(frame[["code", "income"]])
    np.testing.assert_allclose(predictor.predict_proba(read), expected, atol=1e-12)


def test_a_column_of_numbers_and_texts_is_told_by_its_text() -> None:
    frame = people()
    frame["floor"] = frame["floor"].astype(int)
    model = _encoded(frame, "floor")
    mixed = frame.assign(floor=frame["floor"].map(str).astype(object))
    predictor = predictor_of("skops", model, "m", {})
    expected = model.predict_proba(frame[["floor", "income"]])
    np.testing.assert_allclose(predictor.predict_proba(mixed), expected, atol=1e-12)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_the_encoders_own_missing_value_is_used(missing: Any) -> None:
    frame = people(120).astype({"job": object})
    frame.loc[::3, "job"] = missing
    frame["y"] = frame["job"].isna().astype(int)
    model = _encoded(frame, "job")
    other = frame.assign(job=frame["job"].where(frame["job"].notna(), np.nan))
    predictor = predictor_of("skops", model, "m", {})
    assert predictor.categories["job"] == ("clerk", "driver", "nurse", "")
    assert (predictor.predict_labels(other) == frame["y"]).all()


def test_categories_that_an_encoder_never_met_are_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = rng.choice(["None", "HS", "BA"], 90)
    frame = pd.DataFrame({"edu": kinds, "income": rng.normal(50, 10, 90).round(1)})
    frame["y"] = (frame["edu"] == "None").astype(int)
    frame.to_csv(tmp_path / "edu.csv", index=False)
    theirs = pd.read_csv(tmp_path / "edu.csv")  # pandas takes None for no value
    model = _encoded(theirs, "edu")
    n = int((kinds == "None").sum())
    subject, _ = subject_of(tmp_path, frame, predictor_of("skops", model, "m", {}))
    said = render(notes_on_answers(subject))
    assert f"column edu holds 'None' ({n} rows)" in said and "--missing" in said
    # Where the model met every cell there is nothing to say.
    known, _ = subject_of(tmp_path, frame, predictor_of("skops", _encoded(frame, "edu"), "m", {}))
    assert notes_on_answers(known) == ()
    # An imputer stands before the encoder: empty cells are no news to it.
    imputed = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    filled = _encoded(frame, "edu", imputed)
    holes = frame.assign(edu=frame["edu"].where(frame.index % 9 > 0, None))
    with_holes, _ = subject_of(tmp_path, holes, predictor_of("skops", filled, "m", {}))
    assert "empty" not in render(notes_on_answers(with_holes))
    encoder = predictor_of("skops", _encoded(frame, "edu"), "m", {})
    bare, _ = subject_of(tmp_path, holes, encoder)
    assert "column edu is empty in 10 rows" in render(notes_on_answers(bare))


# --- texts


WORDS = ["good", "bad", "fine", "poor", "great", "nurse", "he", "she"]


def sentences(n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    text = [" ".join(rng.choice(WORDS, rng.integers(4, 7))) for _ in range(n)]
    return pd.DataFrame({"text": text, "y": [int("good" in t) for t in text]})


VECTORISERS: dict[str, Any] = {
    "tf-idf": TfidfVectorizer(),
    "hashes": HashingVectorizer(n_features=64),
    "a union": make_union(TfidfVectorizer(), CountVectorizer(binary=True)),
    "a pipeline": make_pipeline(CountVectorizer(ngram_range=(1, 2))),
}


@pytest.mark.parametrize("name", list(VECTORISERS))
def test_a_vectoriser_gets_a_series_of_texts(name: str) -> None:
    frame = sentences()
    model = make_pipeline(VECTORISERS[name], LogisticRegression()).fit(frame["text"], frame["y"])
    predictor = predictor_of("skops", model, "m", {})
    assert predictor.reads_texts and predictor.input_columns == ("text",)
    expected = model.predict_proba(frame["text"])
    np.testing.assert_allclose(predictor.predict_proba(frame), expected, atol=1e-12)
    named = predictor_of("skops", model, "m", {}, Declared(inputs=[{"column": "said"}]))
    np.testing.assert_allclose(
        named.predict_proba(frame.rename(columns={"text": "said"})), expected, atol=1e-12
    )


def test_texts_that_are_numbers_stay_texts_to_a_vectoriser() -> None:
    cells = ["10001", "10002", "94110"] * 10
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    model.fit(cells, [0, 0, 1] * 10)
    frame = pd.DataFrame({"text": [int(c) for c in cells]})
    assert predictor_of("skops", model, "m", {}).predict_labels(frame).tolist() == [0, 0, 1] * 10


def test_an_empty_text_is_refused_with_its_row() -> None:
    frame = sentences()
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame["text"], frame["y"])
    with pytest.raises(InputError, match=r"column 'text' is empty in row 2 \(1 such rows\)"):
        predictor_of("skops", model, "m", {}).predict_proba(pd.DataFrame({"text": ["a", None]}))


def test_words_explain_a_text_pipeline() -> None:
    """A linear model of word counts: taking out one word that counts 1 moves the log-odds by its
    coefficient, so the word of the largest one has the largest attribution."""
    frame = sentences()
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(frame["text"], frame["y"])
    predictor = predictor_of("skops", model, "m", {})
    rows = {"rows": frame[["text"]].head(5)}
    told = answer(predictor, Question("capabilities"))
    assert told.facts["kind"] == "text"
    options = {"method": "shapley_exact", "target": 1, "output": "logit"}
    found = answer(predictor, Question("attribute", options, rows))
    weights = dict(zip(model[0].get_feature_names_out(), model[1].coef_[0], strict=True))
    words = [w for row in found.facts["words"] for w in row]
    expected = [weights[w] for w in words]
    np.testing.assert_allclose(found.arrays["word_values"], expected, atol=1e-6)


def test_what_reads_the_columns_first() -> None:
    frame = people()
    model = _encoded(frame, "job")
    assert own_names(model) == ("job", "income")
    found, _ = readers(model, ("job", "income"))  # the other hands numbers on
    assert type(found.estimator).__name__ == "OneHotEncoder" and found.columns == ("job",)
    assert not reads_texts(model)
    texts = ColumnTransformer([("t", TfidfVectorizer(), "text"), ("n", "passthrough", ["n"])])
    both = sentences().assign(n=1.0)
    mixed = make_pipeline(texts, LogisticRegression()).fit(both[["text", "n"]], both["y"])
    assert not reads_texts(mixed)  # a table with a column of texts
    predictor = predictor_of("skops", mixed, "m", {})
    expected = mixed.predict_proba(both[["text", "n"]])
    np.testing.assert_allclose(predictor.predict_proba(both), expected, atol=1e-12)
