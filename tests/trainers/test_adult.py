"""UCI Adult's files, in small: rows written here in the published shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers import train
from evenhand.trainers.datasets import ADULT_COLUMNS, is_adult, load_dataset, located

ROW = "39, {work}, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, {sex}"
ROW += ", {gain}, 0, 40, United-States, {income}"


def lines(n: int, dot: str = "") -> list[str]:
    return [
        ROW.format(
            work="?" if i % 4 == 0 else "Private",
            sex="Male" if i % 2 else "Female",
            gain=100 * i,
            income=(">50K" if i % 3 == 0 else "<=50K") + dot,
        )
        for i in range(n)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # as published: no header, a blank line at the end; adult.test opens with a comment and its
    # labels end with a dot
    (tmp_path / "adult.data").write_text("\n".join([*lines(60), "", ""]))
    (tmp_path / "adult.test").write_text("\n".join(["|1x3 Cross validator", *lines(30, "."), ""]))
    return tmp_path


def test_the_files_are_told_by_content_and_named_by_path(folder: Path) -> None:
    for given in (folder / "adult.data", f"adult:{folder}", f"adult:{folder / 'adult.data'}"):
        dataset = load_dataset(given)
        assert (dataset.name, dataset.target, dataset.positive_label) == ("adult", "income", ">50K")
        assert dataset.sensitive_features == ("sex", "race")
        frame = dataset.table.frame
        assert list(frame.columns) == [c for c in ADULT_COLUMNS if c != "fnlwgt"]
        # of 60 rows every fourth lacks a work class, every third is ">50K"
        assert len(frame) == 60 and frame["workclass"].isna().sum() == 15
        assert (frame["income"] == ">50K").sum() == 20


def test_dots_and_the_comment_of_the_test_file_are_taken_off(folder: Path) -> None:
    frame = load_dataset(folder / "adult.test").table.frame
    assert frame["income"].value_counts().to_dict() == {"<=50K": 20, ">50K": 10}


def test_another_file_is_not_taken_for_adult(folder: Path, csv: Path) -> None:
    assert not is_adult(csv) and not is_adult(folder) and not is_adult(folder / "none")
    with pytest.raises(InputError, match="not UCI's"):
        load_dataset(f"adult:{csv}")
    with pytest.raises(InputError, match="adult:FOLDER"):
        load_dataset("adult")


def test_a_row_of_another_length_is_named_not_dropped(folder: Path) -> None:
    file = folder / "adult.data"
    file.write_text(file.read_text() + "\n17, Private, 1\n")
    with pytest.raises(InputError, match="17, Private, 1"):
        load_dataset(file)
    file.write_text("\n".join(lines(5)) + "\n" + lines(1)[0].replace(">50K", "much"))
    with pytest.raises(InputError, match="much"):
        load_dataset(file)


def test_a_recipe_means_files_beside_it(tmp_path: Path) -> None:
    assert located("loanapp", tmp_path) == "loanapp"
    assert located("adult:a", tmp_path) == f"adult:{tmp_path / 'a'}"
    assert located("rows.csv", tmp_path) == str(tmp_path / "rows.csv")


def test_its_own_test_file_is_the_test(folder: Path, tmp_path: Path) -> None:
    recipe = {
        "data": f"adult:{folder}",
        "test_data": str(folder / "adult.test"),
        "validation_share": 0.2,
        "model": "logistic",
    }
    result = train(recipe, out=tmp_path / "model")
    # a coin a row: of 60 rows four in five are left to train on, with an sd of 3.1
    assert abs(result.n_train - 48) < 4 * 3.1 and result.n_test == 30
