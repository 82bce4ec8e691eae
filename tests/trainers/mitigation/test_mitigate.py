"""Mitigated folders decide exactly as Fairlearn's own objects do, and say what they cost."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.errors import InputError
from evenhand.audit.models.formats.skops import load as load_skops
from evenhand.audit.run.run import audit
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.words.reasons import render
from evenhand.trainers import train
from evenhand.trainers.mitigation import folder as mitigated_folder
from evenhand.trainers.mitigation.adversary import adversarial_classifier, two_outputs
from evenhand.trainers.mitigation.mitigate import mitigate
from tests.audit.people import skops_model
from tests.mitigation import COLUMNS, biased, mitigated

METHODS = (
    "threshold",
    "exponentiated-gradient",
    "grid-search",
    "correlation-remover",
    "adversarial",
)


@pytest.fixture(autouse=True)
def quiet_pandas() -> Iterator[None]:
    """Fairlearn's own objects, built here to compare with, use pandas in ways that it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", getattr(pd.errors, "Pandas4Warning", FutureWarning))
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mitigate")
    skops_model(folder, biased(seed=1))
    return folder


def pipeline(place: Path) -> Any:
    return load_skops(place / "model.skops").estimator


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    from evenhand.audit.data.table import canonical_order

    return frame.iloc[canonical_order(frame)].reset_index(drop=True)


@pytest.mark.parametrize(
    "constraint",
    [
        "demographic-parity",
        "equalized-odds",
        "true-positive-rate-parity",
        "false-positive-rate-parity",
    ],
)
def test_thresholds_select_as_fairlearns_optimizer(
    place: Path, tmp_path: Path, constraint: str
) -> None:
    from fairlearn.postprocessing import ThresholdOptimizer

    model, rows, new = pipeline(place), in_order(biased(seed=1)), biased(seed=2)
    theirs = ThresholdOptimizer(
        estimator=model,
        constraints=constraint.replace("-", "_"),
        prefit=True,
        predict_method="predict_proba",
    ).fit(rows[COLUMNS], rows["y"].to_numpy(), sensitive_features=rows["race"])
    ours = mitigated_folder.load(
        mitigated(place, tmp_path / "m", "threshold", constraint=constraint).model
    )
    expected = theirs._pmf_predict(new[COLUMNS], sensitive_features=new["race"])
    assert np.allclose(ours.predict_proba(new), expected, atol=1e-12)
    assert ours.description.needs_sensitive_features
    assert set(ours.input_columns) == {*COLUMNS, "race"}


@pytest.mark.parametrize("constraint", ["demographic-parity", "error-rate-parity"])
def test_exponentiated_gradient_mixes_as_fairlearns(
    place: Path, tmp_path: Path, constraint: str
) -> None:
    from fairlearn.reductions import DemographicParity, ErrorRateParity, ExponentiatedGradient
    from sklearn.base import clone

    model, rows, new = pipeline(place), in_order(biased(seed=1)), biased(seed=2)
    moment = DemographicParity if constraint == "demographic-parity" else ErrorRateParity
    encoded = model[:-1].transform(rows[COLUMNS])
    theirs = ExponentiatedGradient(clone(model[-1]), constraints=moment(), max_iter=10)
    theirs.fit(encoded, rows["y"].to_numpy(), sensitive_features=rows["race"])
    made = mitigated(
        place,
        tmp_path / "m",
        "exponentiated-gradient",
        constraint=constraint,
        options={"max_iter": 10},
    )
    ours = mitigated_folder.load(made.model)
    expected = theirs._pmf_predict(model[:-1].transform(new[COLUMNS]))
    assert np.allclose(ours.predict_proba(new), expected, atol=1e-12)
    used = sum(w > 0 for w in theirs.weights_)
    assert len(ours.description.parts) == used
    assert ours.description.randomises == (used > 1)
    assert not ours.description.needs_sensitive_features


def test_a_mixture_of_one_model_decides_as_that_model(place: Path, tmp_path: Path) -> None:
    options = {"max_iter": 1}  # one best response: Fairlearn's answer is its 0 or 1
    made = mitigated(place, tmp_path / "m", "exponentiated-gradient", options=options)
    ours = mitigated_folder.load(made.model)
    assert (len(ours.description.parts), ours.description.randomises) == (1, False)
    scores = ours.predict_proba(biased(seed=2))
    assert set(np.unique(scores)) == {0.0, 1.0}
    assert np.array_equal(ours.decide(biased(seed=2)), scores[:, 1].astype(int))


def test_grid_search_predicts_as_fairlearns(place: Path, tmp_path: Path) -> None:
    from fairlearn.reductions import DemographicParity, GridSearch
    from sklearn.base import clone

    model, rows, new = pipeline(place), in_order(biased(seed=1)), biased(seed=2)
    theirs = GridSearch(clone(model[-1]), constraints=DemographicParity(), grid_size=8)
    encoded = model[:-1].transform(rows[COLUMNS])
    theirs.fit(encoded, rows["y"].to_numpy(), sensitive_features=rows["race"])
    made = mitigated(place, tmp_path / "m", "grid-search", options={"grid_size": 8})
    ours = mitigated_folder.load(made.model)
    new_encoded = model[:-1].transform(new[COLUMNS])
    assert np.array_equal(ours.predict_proba(new), theirs.predict_proba(new_encoded))
    assert np.array_equal(ours.predict_proba(new)[:, 1] >= 0.5, theirs.predict(new_encoded) == 1)


@pytest.mark.parametrize("alpha", [1.0, 0.4])
def test_correlation_remover_transforms_as_fairlearns(
    place: Path, tmp_path: Path, alpha: float
) -> None:
    from fairlearn.preprocessing import CorrelationRemover
    from sklearn.base import clone

    model, rows, new = pipeline(place), in_order(biased(seed=1)), biased(seed=2)

    def joined(frame: pd.DataFrame) -> np.ndarray:
        is_b = (frame["race"] == "b").to_numpy(dtype=float)
        return np.column_stack([is_b, model[:-1].transform(frame[COLUMNS])])

    remover = CorrelationRemover(sensitive_feature_ids=[0], alpha=alpha).fit(joined(rows))
    theirs = clone(model[-1]).fit(remover.transform(joined(rows)), rows["y"].to_numpy())
    made = mitigated(place, tmp_path / "m", "correlation-remover", options={"alpha": alpha})
    ours = mitigated_folder.load(made.model)
    expected = theirs.predict_proba(remover.transform(joined(new)))
    assert np.allclose(ours.predict_proba(new), expected, atol=1e-12)


def test_the_adversarys_predictor_is_the_same_network(place: Path, tmp_path: Path) -> None:
    from evenhand.trainers.encoders.tabular import TabularEncoder
    from evenhand.trainers.examples import seeded

    rows, new = in_order(biased(seed=1)), biased(seed=2)
    options = {"alpha": 0.5, "epochs": 3, "batch_size": 64, "learning_rate": 0.01}
    encoder = TabularEncoder.fit(rows, COLUMNS)
    names = np.array([json.dumps([r]) for r in rows["race"]], dtype=object)
    theirs = adversarial_classifier("demographic_parity", 5, options)
    with seeded(5):
        theirs.fit(
            encoder.transform(rows).astype(float), rows["y"].to_numpy(), sensitive_features=names
        )
    made = mitigated(place, tmp_path / "m", "adversarial", options=options, seed=5)
    ours = mitigated_folder.load(made.model)
    raw = theirs._raw_predict(encoder.transform(new).astype(float))[:, 0]
    assert np.allclose(ours.predict_proba(new)[:, 1], raw, atol=1e-6)
    predicted = theirs.predict(encoder.transform(new).astype(float))
    assert np.array_equal(ours.predict_proba(new)[:, 1] >= 0.5, predicted == 1)
    assert not any(f.suffix in (".pkl", ".pt", ".joblib") for f in made.model.rglob("*"))


def test_softmax_of_two_outputs_is_the_sigmoid_of_one() -> None:
    import torch

    single = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1), torch.nn.Sigmoid()
    )
    made = two_outputs(single, 3, {"hidden": [4], "activation": "relu", "dropout": 0.0})
    inputs = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = made(inputs).softmax(dim=1)[:, 1]
        assert torch.allclose(ours, single(inputs)[:, 0], atol=1e-6)


def selection_gap(share: np.ndarray, frame: pd.DataFrame) -> float:
    by = pd.Series(share).groupby(frame["race"].to_numpy()).mean()
    return float(by.max() - by.min())


@pytest.mark.parametrize("method", METHODS)
def test_the_gap_is_smaller_on_the_rows_it_was_fitted_on(
    place: Path, tmp_path: Path, method: str
) -> None:
    rows = biased(seed=1)
    before = pipeline(place).predict_proba(rows[COLUMNS])[:, 1] >= 0.5
    options = {"grid-search": {"grid_size": 10}, "exponentiated-gradient": {"max_iter": 15}}
    made = mitigated(place, tmp_path / "m", method, options=options.get(method))
    ours = mitigated_folder.load(made.model)
    share = ours.predict_proba(rows)[:, 1]
    if not hasattr(ours, "decide"):
        share = (share >= 0.5).astype(float)
    was, now = selection_gap(before.astype(float), rows), selection_gap(share, rows)
    assert was > 0.3
    assert now < was
    # what Fairlearn promises on training rows: thresholds keep it, the reduction to its bounds
    limit = {"threshold": 0.01, "exponentiated-gradient": 0.04}.get(method)
    if limit is not None:
        assert now <= limit


def test_draws_are_a_rows_own_and_share_the_chance(place: Path, tmp_path: Path) -> None:
    made = mitigated(place, tmp_path / "m", "threshold", constraint="equalized-odds")
    ours = mitigated_folder.load(made.model)
    new = biased(4000, seed=3)
    decided = ours.decide(new)
    order = np.random.default_rng(0).permutation(len(new))
    assert np.array_equal(ours.decide(new.iloc[order].reset_index(drop=True)), decided[order])
    chance = ours.predict_proba(new)[:, 1]
    assert decided[chance == 1].all()
    assert not decided[chance == 0].any()
    # n rows with chances p: the sum of decisions has mean sum p and variance sum p (1 - p)
    spread = np.sqrt((chance * (1 - chance)).sum())
    assert abs(decided.sum() - chance.sum()) < 4 * spread
    other = mitigated(place, tmp_path / "other", "threshold", constraint="equalized-odds", seed=1)
    assert not np.array_equal(mitigated_folder.load(other.model).decide(new), decided)


def test_a_negative_first_or_second_class_makes_no_difference(place: Path, tmp_path: Path) -> None:
    low = mitigated(place, tmp_path / "m", "grid-search", positive_label="0")
    ours = mitigated_folder.load(low.model)
    scores = ours.predict_proba(biased(seed=2))
    theirs = pipeline(place).predict_proba(biased(seed=2)[COLUMNS])
    assert ours.classes == ("0", "1")
    assert np.corrcoef(scores[:, 0], theirs[:, 0])[0, 1] > 0.5


def test_randomness_and_needed_groups_are_findings(place: Path, tmp_path: Path) -> None:
    data = tmp_path / "new.csv"
    biased(600, seed=4).to_csv(data, index=False)
    mixed = mitigated(place, tmp_path / "m", "threshold", constraint="equalized-odds")
    plain = mitigated(place, tmp_path / "p", "grid-search", options={"grid_size": 4})

    def found(model: Path, out: str, **changes: Any) -> dict[str, Any]:
        asked = {
            "model": str(model),
            "data": str(data),
            "target": "y",
            "positive_label": 1,
            "sensitive_features": ["race"],
            "checks": ["fairness.mitigation", "performance.classification"],
        }
        case = audit(make_spec({**asked, **changes}), tmp_path / out)
        return {"plan": case.plan.to_json(), **{f.measure: f for f in case.findings if not f.group}}

    ours = mitigated_folder.load(mixed.model)
    chance = ours.predict_proba(biased(600, seed=4))[:, 1]
    first = found(mixed.model, "case-m")
    share = ((chance > 0) & (chance < 1)).mean()
    assert 0 < first["randomised_decision_rate"].value == pytest.approx(share)
    assert first["needs_sensitive_feature"].value == 1
    assert render(first["needs_sensitive_feature"].reason) == "reads race"
    assert first["plan"]["subject"]["threshold"] is None
    assert "log_loss" not in first or first["log_loss"].value is None
    second = found(plain.model, "case-p")
    assert second["randomised_decision_rate"].value == 0
    assert second["needs_sensitive_feature"].value == 0
    with pytest.raises(InputError, match="makes its own decisions"):
        found(mixed.model, "case-t", threshold=0.7)


def test_a_network_is_mitigated_from_its_folder(tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    biased(300, seed=1).to_csv(data, index=False)
    made = train(
        {
            "data": str(data),
            "target": "y",
            "positive_label": "1",
            "sensitive_features": ["race"],
            "epochs": 3,
            "architecture": {"hidden": [4]},
        },
        out=tmp_path / "net",
    )
    shared: dict[str, Any] = {
        "target": "y",
        "positive_label": "1",
        "sensitive_features": ["race"],
        "constraint": "demographic-parity",
    }
    rows, new = biased(300, seed=1), biased(100, seed=2)
    cut = mitigate(made.model, rows, out=tmp_path / "t", method="threshold", **shared)
    ours = mitigated_folder.load(cut.model)
    assert not list((cut.model / "base").glob("held_out*"))
    assert ours.predict_proba(new).sum(axis=1) == pytest.approx(np.ones(100))
    few = {"max_iter": 2}
    mix = mitigate(
        made.model, rows, out=tmp_path / "e", method="exponentiated-gradient", options=few, **shared
    )
    assert (mix.model / "weights-00.safetensors").is_file()
    scores = mitigated_folder.load(mix.model).predict_proba(new)
    assert scores.min() >= 0
    assert scores.shape == (100, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "magic"}, "no method"),
        ({"constraint": "magic"}, "no constraint"),
        ({"constraint": "error-rate-parity"}, "does not know"),
        ({"method": "adversarial", "constraint": "error-rate-parity"}, "does not know"),
        ({"target": "nothing"}, "no target"),
        ({"positive_label": "7"}, "not a class"),
        ({"sensitive_features": []}, "whose groups"),
        ({"sensitive_features": ["shoe"]}, "not in the data"),
        ({"sensitive_features": ["income"]}, "threshold"),  # groups of one row have one label
    ],
)
def test_what_cannot_be_mitigated_is_said(
    place: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        mitigated(place, tmp_path / "m", **{"method": "threshold", **changes})
    assert not list(tmp_path.glob("m*"))


def test_the_command_says_before_and_after(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    biased(700, seed=1).to_csv("train.csv", index=False)
    biased(1500, seed=2).to_csv("test.csv", index=False)
    asked = [str(place / "model.skops"), "--data", "train.csv", "--target", "y", "--quiet"]
    asked += ["--positive-label", "1", "--positive-is", "benefit", "--sensitive-features", "race"]
    told = ["mitigate", *asked, "--method", "threshold", "--json"]
    assert run([*told, "--test-data", "test.csv", "--out", "m"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["helped"] == "yes"
    assert answer["says"][0].startswith("It helped: Demographic parity difference over race")
    gap = next(r for r in answer["measures"] if r["measure"] == "demographic_parity_difference")
    assert gap["after"]["value"] < gap["before"]["value"]
    difference = gap["after"]["value"] - gap["before"]["value"]
    assert gap["change"]["value"] == pytest.approx(difference)
    assert answer["comparison"]["n"] == 1500
    assert run(["compare", answer["after"]["case"], answer["before"]["case"]]) == 0
    assert run([*told, "--test-data", "train.csv", "--out", "n"]) == 2
    assert run([*told, "--test-data", "test.csv", "--out", "n", "--eps", "0.1"]) == 2
    assert not Path("n").exists()
    # without held-out rows some of --data are kept back, and kept beside the model
    coarse = ["--method", "threshold", "--grid-size", "200", "--out", "k"]
    assert run(["mitigate", *asked, *coarse]) == 0
    assert json.loads(Path("k/model.json").read_text())["options"]["grid_size"] == 200
    printed = capsys.readouterr().out
    assert "Before and after" in printed
    assert "reads race to decide" in printed
    assert abs(len(pd.read_csv("k/held_out.csv")) - 210) < 4 * 12.2  # sd of 700 coins of 0.3


def test_error_rates_without_a_finding_of_their_own_get_a_gap(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_rows, test_rows = tmp_path / "train.csv", tmp_path / "test.csv"
    biased(300, seed=1).to_csv(train_rows, index=False)
    biased(300, seed=2).to_csv(test_rows, index=False)
    asked = ["mitigate", str(place / "model.skops"), "--data", str(train_rows), "--test-data"]
    asked += [
        str(test_rows),
        "--target",
        "y",
        "--positive-label",
        "1",
        "--sensitive-features",
        "race",
    ]
    asked += ["--method", "threshold", "--constraint", "false-positive-rate-parity", "--json", "-q"]
    assert run([*asked, "--out", str(tmp_path / "m")]) == 0
    answer = json.loads(capsys.readouterr().out)
    gap = next(r for r in answer["measures"] if r["over"] == ["race"])
    frame = biased(300, seed=2)
    selected = pipeline(place).predict_proba(frame[COLUMNS])[:, 1] >= 0.5
    negatives = frame["y"] == 0
    rates = pd.Series(selected[negatives]).groupby(frame["race"][negatives].to_numpy()).mean()
    assert gap["before"]["value"] == pytest.approx(rates.max() - rates.min())
