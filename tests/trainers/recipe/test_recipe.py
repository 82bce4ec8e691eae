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
    file.write_text("data: rows.csv\ntarget: y\npositive_label: 1\nsensitive_features: sex\n")
    recipe = read_recipe(file)
    assert recipe.data == str(tmp_path / "rows.csv")
    assert recipe.sensitive_features == ("sex",)
    file.write_text("data: loanapp\n")
    assert read_recipe(file).data == "loanapp"


def test_every_key_that_names_a_file_is_known() -> None:
    named = {n for n, f in Recipe.model_fields.items() if f.annotation in (str, str | None)}
    plain = {"target", "positive_label", "unit", "model", "text", "encoding", "sheet"}
    assert named - plain == {
        "data",
        "test_data",
        "validation_data",
        "init_from",
        "public_data",
        "vocabulary",
    }


@pytest.mark.parametrize("key", ["data", "test_data", "validation_data", "public_data", "public"])
@pytest.mark.parametrize("place", ["/etc/passwd", "../rows.csv", "adult:/etc", "link.csv"])
def test_a_confined_recipe_reads_what_lies_beside_it(tmp_path: Path, key: str, place: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link.csv").symlink_to("/etc/passwd")
    file = tmp_path / "in/recipe.yaml"
    named = f"public: {{data: '{place}'}}" if key == "public" else f"{key}: '{place}'"
    file.write_text(f"{named}\n" + ("" if key == "data" else "data: loanapp\n"))
    with pytest.raises(InputError, match=rf"{key}.*lie in the folder"):
        read_recipe(file, confined=True)


def test_a_vocabulary_lies_beside_its_recipe_or_is_an_option(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("kind: text-generation\ndata: t.txt\nvocabulary: /etc/passwd\n")
    with pytest.raises(InputError, match=r"vocabulary.*lie in the folder"):
        read_recipe(file)
    assert read_recipe(file, vocabulary="/own/words").vocabulary == "/own/words"
    file.write_text("kind: text-generation\ndata: t.txt\n")
    said: list[str] = []
    read_recipe(file, say=said.append)
    assert said == [f"recipe {file} has read: data {tmp_path / 't.txt'}"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("data: [", "malformed YAML"),
        ("- data", "not a mapping"),
        ("data: a\ndata: b\n", "'data' appears twice"),
        ("data: !!python/object/apply:os.system [ls]\n", "malformed YAML"),
        ("data: a\nunheard: 1\n", "'unheard'"),
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
