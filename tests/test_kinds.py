"""Every kind of recipe, from training through the command line to a sealed audit of its task."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.cli import run


@pytest.fixture(autouse=True)
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code = run(["train", *arguments, "--out", "model", "--json", "--quiet"])
    captured = capsys.readouterr()
    assert code == 0, captured
    return json.loads(captured.out)  # type: ignore[no-any-return]


def audit(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    code = run(["audit", "model", *arguments, "--json", "--quiet"])
    captured = capsys.readouterr()
    assert code == 0, captured
    found = {f["id"]: f for f in json.loads(captured.out)["findings"]}
    crashed = {i: f["reason"] for i, f in found.items() if f["status"] == "error"}
    assert not crashed
    return found


def write_idx(folder: Path, prefix: str, images: np.ndarray, labels: np.ndarray) -> None:
    header = struct.pack(">IIII", 2051, *images.shape)
    packed = gzip.compress(header + images.astype(np.uint8).tobytes(), mtime=0)
    (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(packed)
    header = struct.pack(">II", 2049, len(labels))
    packed = gzip.compress(header + labels.astype(np.uint8).tobytes(), mtime=0)
    (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(packed)


def stripes(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three classes: a bright band at the top, in the middle, at the bottom, in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 60, (n, 28, 28))
    for row, label in enumerate(labels):
        images[row, 9 * label : 9 * label + 9] += 150
    return images, labels


@pytest.mark.parametrize("private", [[], ["--private", "--epsilon", "8", "--delta", "1e-4"]])
def test_images(capsys: pytest.CaptureFixture[str], private: list[str]) -> None:
    Path("stripes").mkdir()
    write_idx(Path("stripes"), "train", *stripes(300, 1))
    write_idx(Path("stripes"), "t10k", *stripes(90, 2))
    options = ["--data", "stripes", "--model", "mlp", "--epochs", "3", *private]
    trained = train(capsys, "image", *options)
    found = audit(capsys, "--data", "stripes", "--target", "label", "--training-data", "stripes")
    accuracy = found["performance.multiclass/accuracy_score"]
    assert accuracy["n"] == 90
    assert accuracy["value"] == pytest.approx(trained["test_accuracy"])
    assert accuracy["value"] > 0.6
    gap = found["performance.generalisation/accuracy_generalisation_gap"]
    assert gap["counts"] == {"n_train": 300}
    epsilon = found["privacy.declared_budget/declared_epsilon"]
    assert epsilon["status"] == ("measured" if private else "not_applicable")


def sentences(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    tone = np.where(label == 1, "good", "bad")
    name = rng.choice(["anna", "omar", "lee"], n)
    text = [f"{a} says the film was {b}" for a, b in zip(name, tone, strict=True)]
    return pd.DataFrame({"text": text, "label": label, "name": name})


@pytest.mark.parametrize("private", [[], ["--private", "--epsilon", "8", "--delta", "1e-4"]])
def test_text_classification(capsys: pytest.CaptureFixture[str], private: list[str]) -> None:
    sentences(400, 1).to_csv("train.csv", index=False)
    sentences(150, 2).to_csv("test.csv", index=False)
    trained = train(
        capsys,
        "text-classification",
        "--data",
        "train.csv",
        "--text",
        "text",
        "--target",
        "label",
        "--positive-label",
        "1",
        "--sensitive-features",
        "name",
        *private,
    )
    assert trained["n_test"] > 0
    found = audit(
        capsys,
        "--data",
        "test.csv",
        "--target",
        "label",
        "--positive-label",
        "1",
        "--sensitive-features",
        "name",
    )
    assert found["performance.classification/accuracy_score"]["n"] == 150
    assert found["performance.classification/accuracy_score"]["value"] > 0.5
    assert "fairness.gaps/equalized_odds_difference~name" in found


@pytest.mark.parametrize("private", [[], ["--private", "--epsilon", "8", "--delta", "1e-3"]])
def test_text_generation(capsys: pytest.CaptureFixture[str], private: list[str]) -> None:
    rng = np.random.default_rng(0)
    words = ["the cat sat. ", "a dog ran. ", "the sun rose. "]
    Path("tales.txt").write_text("".join(rng.choice(words, 400)))
    Path("new.txt").write_text("".join(rng.choice(words, 100)))
    trained = train(capsys, "text-generation", "--data", "tales.txt", "--epochs", "2", *private)
    found = audit(capsys, "--data", "new.txt")
    bits = found["performance.generation/bits_per_character"]
    assert bits["n"] > 1, bits
    assert 0 < bits["value"] < 8
    assert bits["interval"]["low"] < bits["value"] < bits["interval"]["high"]
    assert trained["n_train"] > trained["n_test"] > 0


def test_tabular_regression_and_multiclass(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=400), "b": rng.normal(size=400)})
    frame["price"] = 10 + 3 * frame["a"] - frame["b"] + rng.normal(scale=0.3, size=400)
    frame["kind"] = np.select([frame["a"] > 0.5, frame["b"] > 0], ["x", "y"], "z")
    frame.drop(columns="kind").to_csv("price.csv", index=False)
    frame.drop(columns="price").to_csv("kind.csv", index=False)
    options = ["--data", "price.csv", "--target", "price", "--task", "regression"]
    trained = train(capsys, "tabular", *options)
    found = audit(capsys, "--data", str(trained["held_out"]), "--target", "price")
    assert found["performance.regression/r2_score"]["value"] > 0.8
    Path("model").rename("first")
    options = ["--data", "kind.csv", "--target", "kind", "--task", "multiclass"]
    trained = train(capsys, "tabular", *options)
    found = audit(capsys, "--data", str(trained["held_out"]), "--target", "kind")
    accuracy = found["performance.multiclass/accuracy_score"]
    assert accuracy["value"] == pytest.approx(trained["test_accuracy"])
    assert accuracy["value"] > 0.7


def test_a_recipe_file_trains_and_its_model_is_audited(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("recipe.yaml").write_text(
        "kind: tabular\ndata: loanapp\nmodel: gradient-boosting\nseed: 3\n"
    )
    trained = train(capsys, "recipe.yaml")
    found = audit(
        capsys,
        "--data",
        str(trained["held_out"]),
        "--target",
        "approve",
        "--positive-label",
        "1",
        "--sensitive-features",
        "race,sex",
        "--checks",
        "performance.*,fairness.gaps",
    )
    accuracy = found["performance.classification/accuracy_score"]
    assert accuracy["value"] == pytest.approx(trained["test_accuracy"])
