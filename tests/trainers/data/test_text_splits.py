"""Texts with test and validation files of their own, and the command line that names them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.errors import InputError
from evenhand.trainers.job import prepare
from evenhand.trainers.recipe.recipe import as_recipe


def reviews(start: int, n: int) -> pd.DataFrame:
    rows = range(start, start + n)
    return pd.DataFrame(
        {
            "writer": [f"w{i % 40}" for i in rows],
            "text": [f"{('good', 'bad')[i % 2]} film number {i}" for i in rows],
            "label": [("yes", "no")[i % 2] for i in rows],
        }
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    paths = {}
    for name, start, n in (("train", 0, 120), ("test", 200, 30), ("validation", 300, 20)):
        paths[name] = str(tmp_path / f"{name}.csv")
        reviews(start, n).to_csv(paths[name], index=False)
    return paths


@pytest.fixture
def given(files: dict[str, str]) -> dict:
    return {
        "kind": "text-classification",
        "data": files["train"],
        "target": "label",
        "positive_label": "yes",
    }


def test_classification_with_files_of_its_own(given: dict, files: dict[str, str]) -> None:
    own = {"test_data": files["test"], "validation_data": files["validation"]}
    prepared = prepare(as_recipe({**given, **own}))
    assert prepared.validation is not None and prepared.frames is not None
    sizes = [len(e) for e in (prepared.train, prepared.test, prepared.validation)]
    assert sizes == [120, 30, 20]
    assert set(prepared.frames.test["text"]) == set(reviews(200, 30)["text"])
    assert prepared.split["test_data"] == files["test"] and prepared.split["n_validation"] == 20


def test_labels_and_columns_of_other_files_must_be_known(
    given: dict, tmp_path: Path, files: dict[str, str]
) -> None:
    odd = reviews(0, 10).assign(label="maybe")
    odd.to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(InputError, match="'maybe' in held-out rows"):
        prepare(as_recipe({**given, "test_data": str(tmp_path / "odd.csv")}))
    reviews(0, 10).drop(columns="writer").to_csv(tmp_path / "narrow.csv", index=False)
    with pytest.raises(InputError, match="validation_data lacks a column"):
        prepare(as_recipe({**given, "validation_data": str(tmp_path / "narrow.csv")}))


def test_writers_are_held_out_whole_and_capped(given: dict) -> None:
    private = {"noise_multiplier": 2.0, "max_rows_per_unit": 2}
    prepared = prepare(as_recipe({**given, "unit": "writer", "private": private}))
    frames = prepared.frames
    assert frames is not None
    assert not set(frames.train["writer"]) & set(frames.test["writer"])
    assert frames.train["writer"].value_counts().max() == 2 == prepared.train.inputs.ndim


def test_generation_with_files_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abc" * 200)
    (tmp_path / "b.txt").write_text("cba" * 50)
    given = {"kind": "text-generation", "data": str(tmp_path / "a.txt"), "passage": 30}
    prepared = prepare(
        as_recipe({**given, "test_data": str(tmp_path / "b.txt"), "validation_share": 0.25})
    )
    assert prepared.validation is not None
    # 600 characters are 20 passages, a quarter of them for validation; 150 are 5
    assert [len(e) for e in (prepared.train, prepared.validation, prepared.test)] == [15, 5, 5]
    assert prepared.n_test_characters == 150


def test_the_command_line_names_vocabulary_and_files(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "text-classification", "--data", files["train"], "--target", "label"]
    command += ["--positive-label", "yes", "--test-data", files["test"], "--quiet", "--json"]
    command += ["--validation-data", files["validation"], "--epochs", "1"]
    public = [*command, "--public-data", files["validation"], "--vocabulary-size", "8"]
    assert run([*public, "--out", str(tmp_path / "public")]) == 0
    assert json.loads(capsys.readouterr().out)["n_test"] == 30
    encoder = json.loads((tmp_path / "public" / "encoder.json").read_text())
    assert encoder["vocabulary_from"] == "public data"
    assert len(encoder["tokeniser"]["vocabulary"]) == 5  # 8 ids, three of them special
    declared = [*command, "--vocabulary", "ascii", "--tokens", "characters"]
    assert run([*declared, "--out", str(tmp_path / "ascii")]) == 0
    encoder = json.loads((tmp_path / "ascii" / "encoder.json").read_text())
    assert encoder["vocabulary_from"] == "declared"
    assert "sources of one vocabulary" in _refusal([*public, "--vocabulary", "ascii"], capsys)


def _refusal(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run([*command, "--plan"]) == 2
    return capsys.readouterr().err
