"""What is refused is told with a line that leads on: the lines are run here, on what is refused."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
import xgboost
from scipy.stats import loguniform
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, RandomizedSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from evenhand.audit.api.sources import answers
from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.models.declared import Declared
from evenhand.audit.models.formats import exported, pickled, weights
from evenhand.audit.models.formats import skops as skops_format
from evenhand.audit.models.formats import xgboost as xgboost_format
from evenhand.audit.models.unpickling.refused import TO_PROGRAM, describe, instead_of_pickle

COLUMNS = ["a", "b"]


def rows(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    return frame.assign(y=(frame["a"] + rng.normal(size=n) > 0).astype(int))


PLAIN = [("l", LogisticRegression()), ("t", DecisionTreeClassifier(max_depth=2))]


@pytest.mark.parametrize(
    "model",
    [
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=3, scoring="roc_auc"),
        VotingClassifier(PLAIN, voting="soft"),
        StackingClassifier(PLAIN, cv=2),
        FixedThresholdClassifier(LogisticRegression(), threshold=0.3),
        KNeighborsClassifier(5, algorithm="brute"),
        make_pipeline(SplineTransformer(), LogisticRegression()),
        make_pipeline(
            make_column_transformer(
                (StandardScaler(), make_column_selector(dtype_include=np.number))
            ),
            LogisticRegression(),
        ),
    ],
)
def test_scikit_learns_own_open_as_skops(model: Any, tmp_path: Path) -> None:
    frame = rows()
    model.fit(frame[COLUMNS], frame["y"])
    skops.io.dump(model, tmp_path / "m.skops")
    found = skops_format.load(tmp_path / "m.skops")
    expected = model.predict_proba(frame[COLUMNS])
    np.testing.assert_allclose(found.predict_proba(frame), expected, atol=1e-12)
    assert found.predict_labels(frame).tolist() == model.predict(frame[COLUMNS]).tolist()


def test_a_tree_of_neighbours_and_a_search_over_distributions(tmp_path: Path) -> None:
    frame = rows()
    near = KNeighborsClassifier(5, algorithm="kd_tree").fit(frame[COLUMNS], frame["y"])
    skops.io.dump(near, tmp_path / "near.skops")
    with pytest.raises(UnsafeModelError) as caught:
        skops_format.load(tmp_path / "near.skops")
    assert "algorithm='brute'" in caught.value.remedy
    search = RandomizedSearchCV(
        LogisticRegression(), {"C": loguniform(0.1, 1)}, n_iter=2, cv=2, random_state=0
    ).fit(frame[COLUMNS], frame["y"])
    skops.io.dump(search, tmp_path / "search.skops")
    with pytest.raises(UnsafeModelError) as caught:
        skops_format.load(tmp_path / "search.skops")
    (line,) = re.findall(r"skops\.io\.dump\(.*?\.skops'\)", caught.value.remedy)
    here = {"skops": skops, "search": search, "place": tmp_path / "m"}
    exec(line.replace("'model.skops'", "place"), here)
    found = skops_format.load(tmp_path / "m")
    np.testing.assert_allclose(
        found.predict_proba(frame), search.predict_proba(frame[COLUMNS]), atol=1e-12
    )


class Own(torch.nn.Module):
    """A network of somebody's own, with a layer that the audit's networks have not."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm = torch.nn.Linear(2, 8), torch.nn.BatchNorm1d(8)
        self.b = torch.nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.b(torch.relu(self.norm(self.a(x))))
        return found


@pytest.mark.filterwarnings("ignore")
def test_a_torch_module_leads_to_a_program(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, frame = Own().eval(), rows()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    with pytest.raises(InputError) as caught:
        weights.load(tmp_path / "weights.pt")
    assert TO_PROGRAM in caught.value.remedy
    assert instead_of_pickle(["torch.nn.modules.linear.Linear"]).startswith(TO_PROGRAM)
    line = TO_PROGRAM.replace("'model.pt2'", "place")
    here = {"torch": torch, "model": model, "example": torch.zeros(2, 2)}
    exec(line, {**here, "place": tmp_path / "m.pt2"})
    said = Declared(inputs=[{"column": c} for c in COLUMNS], classes=("0", "1"), outputs="logits")
    found = exported.load(tmp_path / "m.pt2", said).predict_proba(frame)
    with torch.no_grad():
        chance = model(torch.tensor(frame[COLUMNS].to_numpy(), dtype=torch.float32)).sigmoid()
    np.testing.assert_allclose(found[:, 1], chance.numpy()[:, 0], atol=1e-6)


def test_several_outputs_are_told_as_such() -> None:
    from evenhand.audit.models.estimators import predictor_of

    frame = rows()
    two = np.column_stack([frame["y"], 1 - frame["y"]])
    for model in (
        MultiOutputClassifier(LogisticRegression()).fit(frame[COLUMNS], two),
        DecisionTreeClassifier().fit(frame[COLUMNS], two),
        RidgeClassifier().fit(frame[COLUMNS], two),
    ):
        with pytest.raises(InputError, match=r"outputs|answers of shape") as caught:
            predictor_of("skops", model, "m", {}).predict_labels(frame)
        assert "--predictions FILE --predicted COLUMN" in caught.value.remedy


def test_the_version_that_made_a_model_is_named(tmp_path: Path) -> None:
    frame = rows()
    model = LogisticRegression().fit(frame[COLUMNS], frame["y"])
    raw = pickle.dumps(model)
    own = re.search(rb"_sklearn_version\x94\x8c(.)([0-9.]+)", raw)
    assert own is not None
    old = raw.replace(own[2], b"0.9.1" if len(own[2]) == 5 else b"0.9.10")
    (tmp_path / "old.pkl").write_bytes(old)
    found = pickled.load(tmp_path / "old.pkl")
    assert found.maker_says["sklearn_version"].startswith("0.9.1")
    # A class that is no longer there: the version, and what to do with it.
    gone = old.replace(b"sklearn.linear_model._logistic", b"sklearn.linear_model._gone_now")
    (tmp_path / "gone.pkl").write_bytes(gone)
    with pytest.raises(InputError) as caught:
        pickled.load(tmp_path / "gone.pkl")
    assert "saved by scikit-learn 0.9.1" in caught.value.remedy
    assert "--predictions FILE" in caught.value.remedy


def test_keras_is_told_the_line_that_converts_it(tmp_path: Path) -> None:
    (tmp_path / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    remedy = describe(tmp_path / "net.h5")[1]
    (line,) = re.findall(r'python -c "(.*?)"', remedy)
    compile(line, "the remedy", "exec")
    assert "load_model('net.h5')" in line


def test_the_missing_value_of_xgboost_is_declared(tmp_path: Path) -> None:
    frame = rows()
    frame.loc[::4, "a"] = -999.0
    model = xgboost.XGBClassifier(n_estimators=9, missing=-999).fit(frame[COLUMNS], frame["y"])
    model.save_model(tmp_path / "m.ubj")
    said = Declared(inputs=[{"column": "a", "missing": -999}, {"column": "b"}])
    found = xgboost_format.load(tmp_path / "m.ubj", said).predict_proba(frame)
    np.testing.assert_allclose(found, model.predict_proba(frame[COLUMNS]), atol=1e-6)


def test_float_answers_that_are_labels_are_labels() -> None:
    frame = rows().assign(y=lambda f: np.where(f["y"] == 1, 1.0, 2.0))
    model = RidgeClassifier().fit(frame[COLUMNS], frame["y"])
    own = model.predict(frame[COLUMNS])
    for asked in (model, lambda given: model.predict(given[COLUMNS])):
        answered, keys = answers(asked, frame, "y", {"positive_label": 1})
        assert set(keys) == {"predicted"}
        assert (answered[keys["predicted"]] == own).all()
    with pytest.raises(InputError, match=r"neither labels of the target .* nor probabilities"):
        answers(lambda given: model.decision_function(given[COLUMNS]), frame, "y", {})
    _, keys = answers(
        lambda given: model.decision_function(given[COLUMNS]), frame, "y", {"threshold": 0.0}
    )
    assert keys["threshold"] == 0.0


def test_a_pipeline_with_a_sampler_is_saved_without_it(tmp_path: Path) -> None:
    """imbalanced-learn's own pipeline: the line that the remedy gives is run as it stands."""
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline as with_sampler

    frame = rows()
    sampler = RandomOverSampler(random_state=0)
    model = with_sampler(StandardScaler(), sampler, LogisticRegression())
    model.fit(frame[COLUMNS], frame["y"])
    place = tmp_path / "model.skops"
    skops.io.dump(model, place)
    with pytest.raises(UnsafeModelError) as refused:
        skops_format.load(place)
    (line,) = re.findall(r"skops\.io\.dump\(.*?'model\.skops'\)", str(refused.value.remedy))
    line = line.replace("'model.skops'", repr(str(place)))
    import sklearn.pipeline

    exec(line, {"skops": skops, "sklearn": sklearn, "model": model})
    found = skops_format.load(place)
    expected = model.predict_proba(frame[COLUMNS])
    np.testing.assert_allclose(found.predict_proba(frame), expected, atol=1e-12)
