"""Pretraining on some rows and fine-tuning on others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

from evenhand.audit.errors import InputError
from evenhand.trainers import train
from evenhand.trainers.folder import reading as model_folder
from evenhand.trainers.recipe.recipe import as_recipe, read_recipe


def people(n: int, seed: int, town: str = "north") -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    income = rng.normal(50, 10, n).round(3)
    frame = pd.DataFrame(
        {
            "income": income,
            "debts": rng.normal(0, 1, n).round(3),
            "town": rng.choice(["a", town], n),
        }
    )
    score = (income - 50) / 5 - frame["debts"] + rng.normal(0, 1, n)
    frame["answer"] = np.where(score > 0, "yes", "no")
    frame["level"] = np.select([score < -1, score > 1], ["low", "high"], "middle")
    frame["score"] = score.round(3)
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people")
    people(500, 1).to_csv(path / "public.csv", index=False)
    people(300, 2, "south").to_csv(path / "own.csv", index=False)
    return path


def recipe(folder: Path, data: str, **changes: object) -> dict[str, object]:
    return {
        "data": str(folder / data),
        "target": "answer",
        "positive_label": "yes",
        "inputs": ["income", "debts", "town"],
        **changes,
    }


@pytest.fixture(scope="module")
def body(folder: Path):
    given = recipe(folder, "public.csv", architecture={"hidden": [8, 4]}, epochs=8)
    return train(given, out=folder / "body")


def weights(path: Path) -> dict[str, np.ndarray]:
    return load_file(path / "weights.safetensors")


def says(path: Path) -> dict:
    return json.loads((path / "model.json").read_text())


def test_frozen_layers_stay_bit_equal_plainly(folder: Path, body, tmp_path: Path) -> None:
    given = recipe(folder, "own.csv", init_from=str(body.model), freeze=["0", "2.weight"], epochs=3)
    result = train({**given, "weight_decay": 0.1, "l1": 0.01}, out=tmp_path / "model")
    was, now = weights(body.model), weights(result.model)
    for name in ("0.weight", "0.bias", "2.weight"):
        assert was[name].tobytes() == now[name].tobytes()
    for name in ("2.bias", "4.weight", "4.bias"):
        assert was[name].tobytes() != now[name].tobytes()
    stated = says(result.model)["pretrained"]
    assert stated["frozen"] == ["0.weight", "0.bias", "2.weight"] and stated["replaced"] == []
    assert stated["dataset"] == "public.csv" and stated["was_private"] is False
    assert stated["n_train"] == body.n_train and stated["is_composed"] is False


def test_a_private_head_on_a_public_body(folder: Path, body, tmp_path: Path) -> None:
    given = recipe(folder, "own.csv", init_from=str(body.model), freeze=["0", "2"])
    given |= {"private": {"epsilon": 2, "delta": 1e-4}, "epochs": 4, "batch_size": 64}
    result = train(given, out=tmp_path / "model")
    was, now = weights(body.model), weights(result.model)
    assert all(was[n].tobytes() == now[n].tobytes() for n in was if not n.startswith("4."))
    assert was["4.weight"].tobytes() != now["4.weight"].tobytes()
    assert result.epsilon <= 2
    outside = " ".join(result.privacy.outside_guarantee)
    # the encoder comes with the body: nothing of it was learnt from the private rows
    assert "encoder" not in outside and "trained without privacy" in outside
    assert "'public.csv'" in outside
    encoder = (body.model / "encoder.json").read_bytes()
    assert (result.model / "encoder.json").read_bytes() == encoder
    # a good body on the same question: better than chance within a few private steps
    assert result.test_accuracy > 0.75
    assert model_folder.load(result.model).maker_says["pretrained"]["model"] == "answer-mlp"


def test_all_layers_can_be_fine_tuned_privately(folder: Path, body, tmp_path: Path) -> None:
    given = recipe(folder, "own.csv", init_from=str(body.model))
    given |= {"private": {"noise_multiplier": 2}, "epochs": 2, "batch_size": 64}
    result = train(given, out=tmp_path / "model")
    was, now = weights(body.model), weights(result.model)
    assert all(was[n].tobytes() != now[n].tobytes() for n in was)


def test_a_private_body_is_named_with_its_budget(folder: Path, tmp_path: Path) -> None:
    first = recipe(folder, "public.csv", epochs=2, private={"epsilon": 3, "delta": 1e-4})
    before = train(first, out=tmp_path / "before")
    second = recipe(folder, "own.csv", epochs=2, private={"epsilon": 1, "delta": 1e-4})
    after = train({**second, "init_from": str(before.model)}, out=tmp_path / "after")
    stated = says(after.model)["pretrained"]
    assert stated["was_private"] and stated["epsilon"] == before.epsilon
    assert after.epsilon <= 1  # the rows are others: the body's budget is not in it
    outside = " ".join(after.privacy.outside_guarantee)
    assert "trained privately (epsilon 2.9" in outside or "epsilon 3.0" in outside
    assert "adds to it for rows that are among both" in outside


def test_what_was_trained_plainly_on_the_same_rows_is_refused(
    folder: Path, body, tmp_path: Path
) -> None:
    given = recipe(folder, "public.csv", init_from=str(body.model), private={"epsilon": 1})
    # other seeds and shares choose other rows of the file, most of them the same
    for changes in ({}, {"seed": 1}, {"validation_share": 0.1}):
        with pytest.raises(InputError, match="rows of the same data"):
            train({**given, **changes}, out=tmp_path / "model")
    assert not (tmp_path / "model").exists()
    # without a privacy claim it is no lie, but the test rows may be known to the body
    plain = {**given, "private": None, "epochs": 1}
    result = train(plain, out=tmp_path / "model")
    assert any("held-out ones may be among them" in note for note in result.notes)


def test_another_question_gets_a_new_head(folder: Path, body, tmp_path: Path) -> None:
    given = recipe(folder, "own.csv", init_from=str(body.model), epochs=1, learning_rate=1e-9)
    given |= {"target": "level", "task": "multiclass", "positive_label": None}
    result = train(given, out=tmp_path / "model")
    was, now = weights(body.model), weights(result.model)
    assert now["4.weight"].shape == (3, 4) and says(result.model)["pretrained"]["replaced"] == [
        "4.weight",
        "4.bias",
    ]
    np.testing.assert_allclose(now["0.weight"], was["0.weight"], atol=1e-6)


def test_regression_keeps_the_scale_of_the_pretrained_model(folder: Path, tmp_path: Path) -> None:
    first = recipe(folder, "public.csv", target="score", task="regression", positive_label=None)
    before = train({**first, "epochs": 5}, out=tmp_path / "before")
    second = {**first, "data": str(folder / "own.csv"), "init_from": str(before.model)}
    after = train({**second, "epochs": 1}, out=tmp_path / "after")
    assert says(after.model)["target_scale"] == says(before.model)["target_scale"]
    assert says(after.model)["pretrained"]["replaced"] == []
    other = train(
        {**second, "target": "answer", "task": "binary", "positive_label": "yes", "epochs": 1},
        out=tmp_path / "other",
    )
    assert says(other.model)["pretrained"]["replaced"] and other.test_accuracy is not None


def test_model_and_architecture_come_from_the_model(folder: Path, body) -> None:
    given = recipe(folder, "own.csv", init_from=str(body.model), private={"epsilon": 1})
    asked = as_recipe(given)
    assert asked.model == "mlp" and asked.architecture["hidden"] == [8, 4]
    assert asked.learning_rate == 0.5  # the dials are the private ones
    file = folder / "fine-tune.yaml"
    file.write_text(yaml.safe_dump({**given, "data": "own.csv", "init_from": "body"}))
    read = read_recipe(file)
    assert read.data == str(folder / "own.csv") and read.architecture["hidden"] == [8, 4]
    assert Path(read.init_from) == folder / "body"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"init_from": "nowhere"}, "not a model folder"),
        ({"freeze": ["7"]}, "'7' matches no layer; they are 0, 2, 4"),
        ({"freeze": ["*"]}, "every layer"),
        ({"architecture": {"hidden": [9, 4]}}, "'0.weight' is of shape"),
        ({"inputs": ["income"]}, "inputs differ"),
        ({"target": "income", "task": "regression", "positive_label": None}, "'income'"),
    ],
)
def test_what_does_not_fit_is_named(
    folder: Path, body, tmp_path: Path, changes: dict, words: str
) -> None:
    given = recipe(folder, "own.csv", init_from=str(body.model), epochs=1)
    with pytest.raises(InputError, match=words):
        train({**given, **changes}, out=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_freezing_needs_a_model_to_start_from(folder: Path) -> None:
    with pytest.raises(InputError, match="freeze needs init_from"):
        as_recipe(recipe(folder, "own.csv", freeze=["0"]))
