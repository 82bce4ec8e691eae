from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers.recipe.recipe import Recipe, as_recipe, read_recipe


def test_what_is_left_out_is_filled_in() -> None:
    plain = as_recipe({"data": "loanapp"})
    private = as_recipe({"data": "loanapp", "private": {}})
    assert plain.optimizer == "adam" and plain.private is None
    assert private.optimizer == "sgd" and private.private.epsilon == 3.0
    assert private.architecture["activation"] == "tanh"


def test_a_part_of_the_architecture_keeps_the_other_defaults() -> None:
    recipe = as_recipe({"data": "x.csv", "architecture": {"hidden": [5]}})
    assert recipe.architecture == {"hidden": [5], "activation": "tanh"}


def test_a_recipe_reads_back_from_its_own_json() -> None:
    recipe = as_recipe({"data": "loanapp", "private": {"epsilon": 1}, "positive_label": 1})
    assert as_recipe(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"data": "x", "epoch": 3}, ("'epoch'", "did you mean: epochs?")),
        ({"data": "x", "private": {"epsilonn": 3}}, ("private.epsilonn", "epsilon")),
        ({"data": "x", "learning_rate": -1}, ("learning_rate", "-1")),
        ({"data": "x", "learning_rate": float("nan")}, ("learning_rate",)),
        ({"epochs": 3}, ("lacks 'data'",)),
        ({"data": "x", "model": "mpl"}, ("'mpl'", "did you mean: mlp?")),
        ({"data": "x", "model": "logistic", "private": {}}, ("differential privacy", "hidden: []")),
        ({"data": "x", "model": "logistic", "epochs": 3}, ("epochs does not apply",)),
        ({"data": "x", "class_weight": {"1": 0}}, ("class weight",)),
        ({"data": "x", "private": {"epsilon": 0}}, ("private.epsilon",)),
        ({"data": "x", "test_share": 1}, ("test_share",)),
    ],
)
def test_wrong_recipes_name_the_key_and_the_remedy(given: dict, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        as_recipe(given)
    for word in words:
        assert word in str(caught.value)


def test_labels_may_be_numbers_or_truth_values() -> None:
    assert Recipe(data="x", positive_label=1).positive_label == "1"
    assert Recipe(data="x", positive_label=True).positive_label == "true"


def test_yaml_data_paths_count_from_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("data: rows.csv\ntarget: y\npositive_label: 1\nsensitive: sex\n")
    recipe = read_recipe(file)
    assert recipe.data == str(tmp_path / "rows.csv")
    assert recipe.sensitive == ("sex",)
    file.write_text("data: loanapp\n")
    assert read_recipe(file).data == "loanapp"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("data: [", "malformed YAML"),
        ("- data", "not a mapping"),
        ("data: a\ndata: b\n", "'data' appears twice"),
        ("data: !!python/object/apply:os.system [ls]\n", "malformed YAML"),
        ("data: a\nunknown: 1\n", "'unknown'"),
    ],
)
def test_bad_yaml_is_an_input_error(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=word):
        read_recipe(file)


def test_a_missing_recipe_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "loan.yaml").write_text("data: x")
    with pytest.raises(InputError, match=r"loan\.yaml"):
        read_recipe(tmp_path / "lone.yaml")
