"""Text recipes from file to folder, and the folder as an audit scores it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from evenhand.audit.cli import run
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import InputError
from evenhand.audit.worker.opening import open_here
from evenhand.trainers import train
from evenhand.trainers.folder import reading as model_folder
from evenhand.trainers.job import prepare
from evenhand.trainers.recipe.recipe import as_recipe, read_recipe

GOOD = ["good", "lovely", "fine", "moving"]
BAD = ["bad", "dull", "awful", "flat"]
PLAIN = ["film", "plot", "scene", "actor", "story", "music"]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def reviews() -> pd.DataFrame:
    """300 reviews of 6 words; the label is the sign of their good words less their bad ones."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(300):
        label = i % 2
        words = [*rng.choice(BAD if label == 0 else GOOD, 2), *rng.choice(PLAIN, 4)]
        rng.shuffle(words)
        rows.append((" ".join(words) + ".", ["no", "yes"][label], ["a", "b", "c"][i % 3]))
    return pd.DataFrame(rows, columns=["review", "answer", "group"])


@pytest.fixture(scope="session")
def csv(reviews: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "reviews.csv"
    reviews.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def recipe(csv: Path) -> dict[str, object]:
    return {
        "kind": "text-classification",
        "data": str(csv),
        "text": "review",
        "target": "answer",
        "positive_label": "yes",
        "sensitive_features": ["group"],
        "epochs": 4,
        "learning_rate": 0.02,
        "batch_size": 32,
        "max_length": 8,
        "architecture": {"width": 8},
    }


@pytest.fixture(scope="session")
def poem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("poem") / "poem.txt"
    path.write_text("the cat sat on the mat, the dog sat on the log.\n" * 60, "utf-8")
    return path


@pytest.fixture(scope="session")
def verses(poem: Path) -> dict[str, object]:
    return {
        "kind": "text-generation",
        "data": str(poem),
        "passage": 25,
        "model": "lstm_generator",
        "epochs": 3,
        "learning_rate": 0.02,
        "batch_size": 8,
        "architecture": {"width": 8, "hidden": 24, "layers": 1},
    }


@pytest.fixture(scope="session")
def generator(verses: dict[str, object], tmp_path_factory: pytest.TempPathFactory):
    return train(verses, out=tmp_path_factory.mktemp("generator") / "model")


def without(recipe: dict[str, object], *names: str) -> dict[str, object]:
    return {k: v for k, v in recipe.items() if k not in names}


@pytest.mark.parametrize("model", ["text_classifier", "text_transformer"])
def test_a_classifier_learns_and_its_folder_scores_raw_texts(
    recipe: dict, tmp_path: Path, model: str
) -> None:
    result = train({**recipe, "model": model}, out=tmp_path / "model")
    assert result.test_accuracy is not None and result.test_accuracy > 0.9
    predictor = open_here(result.model).predictor
    assert (predictor.task, predictor.classes) == ("binary", ("no", "yes"))
    assert predictor.input_columns == ("review",) and predictor.gradients is None
    rows = read_table(result.held_out).frame
    assert list(rows.columns) == ["review", "answer", "group"] and len(rows) == result.n_test
    scores = predictor.predict_proba(rows)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    predicted = np.array(predictor.classes)[scores.argmax(1)]
    assert result.test_accuracy == pytest.approx((predicted == rows["answer"]).mean())
    hostile = pd.DataFrame(
        {"review": ["", None, "unheard words", "\0 good" * 10_000]}, dtype=object
    )
    assert np.isfinite(predictor.predict_proba(hostile)).all()


def test_json_lines_give_the_same_model_as_csv(
    recipe: dict, reviews: pd.DataFrame, tmp_path: Path
) -> None:
    reviews.to_json(tmp_path / "reviews.jsonl", orient="records", lines=True)
    short = {**recipe, "epochs": 1}
    first = train(short, out=tmp_path / "csv")
    second = train({**short, "data": str(tmp_path / "reviews.jsonl")}, out=tmp_path / "json")
    for name in ("weights.safetensors", "encoder.json"):
        assert (first.model / name).read_bytes() == (second.model / name).read_bytes()


def test_three_classes(recipe: dict, tmp_path: Path) -> None:
    given = {
        **without(recipe, "positive_label", "sensitive_features"),
        "target": "group",
        "epochs": 1,
    }
    result = train(given, out=tmp_path / "model")
    predictor = open_here(result.model).predictor
    assert (predictor.task, predictor.classes) == ("multiclass", ("a", "b", "c"))
    assert predictor.predict_proba(read_table(result.held_out).frame).shape == (result.n_test, 3)


def test_tokens_are_offered_for_layer_gradients(recipe: dict, tmp_path: Path) -> None:
    result = train(recipe, out=tmp_path / "model")
    access = model_folder.load(result.model).tokens
    assert access is not None
    rows = pd.DataFrame({"review": ["good plot.", "xyzzy"]})
    ids, tokens = access.token_ids(rows), access.tokens(rows)
    assert tokens == [["good", "plot", "."], ["<unknown>"]]
    assert ids.shape == (2, 8) and access.baseline.tolist() == [0] * 8
    assert ids[0, 3:].tolist() == [0] * 5
    # what explanations will do: gradients at the embedding, token by token
    vectors = access.embedding(torch.from_numpy(ids))
    seen: list[torch.Tensor] = []
    handle = access.embedding.register_forward_hook(lambda *a: seen.append(a[2]) or a[2])
    logit = access.module(torch.from_numpy(ids))[0, 1]
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, seen)
    assert gradient.shape == vectors.shape and float(gradient[0, :3].abs().min()) > 0
    assert float(gradient[0, 3:].abs().max()) == 0  # padding carries nothing


@pytest.mark.parametrize("model", ["text_classifier", "text_transformer"])
def test_private_classification_says_what_is_outside(
    recipe: dict, tmp_path: Path, model: str
) -> None:
    given = {**recipe, "model": model, "epochs": 1, "private": {"noise_multiplier": 2}}
    result = train(given, out=tmp_path / "model")
    assert result.privacy is not None and result.epsilon is not None
    # 14 words that are not names of anything else, and the full stop
    assert "vocabulary of 15 tokens from the training rows" in result.privacy.outside_guarantee
    assert result.privacy.unit == "row"
    assert model_folder.load(result.model).tokens is not None


def test_a_public_vocabulary_is_not_outside(recipe: dict, csv: Path, tmp_path: Path) -> None:
    listed = tmp_path / "words.txt"
    listed.write_text("good\nBAD\n\nfilm\n", "utf-8")
    declared = prepare(as_recipe({**recipe, "vocabulary": str(listed)}))
    assert declared.encoder.tokeniser.vocabulary == ("good", "bad", "film")
    assert declared.outside_guarantee == ()
    public = tmp_path / "public.csv"
    pd.DataFrame({"review": ["good film", "good"]}).to_csv(public, index=False)
    learnt = prepare(as_recipe({**recipe, "public_data": str(public)}))
    assert learnt.encoder.tokeniser.vocabulary == ("good", "film")
    assert learnt.outside_guarantee == ()
    stored = tmp_path / "encoder.json"
    stored.write_text(json.dumps(learnt.encoder.to_json()), "utf-8")
    again = prepare(as_recipe({**recipe, "vocabulary": str(stored)}))
    assert again.encoder.tokeniser == learnt.encoder.tokeniser
    assert any("not in the vocabulary" in note for note in again.notes)


def test_what_was_cut_off_is_counted(recipe: dict) -> None:
    # every review has 6 words and a full stop: 7 tokens
    prepared = prepare(as_recipe({**recipe, "max_length": 6}))
    n = len(prepared.train)
    assert f"{n} of {n} training texts were cut off at 6 tokens" in prepared.notes
    assert not any("cut off" in n for n in prepare(as_recipe({**recipe, "max_length": 7})).notes)


def test_fine_tuning_starts_from_the_embedding_of_another_model(
    recipe: dict, reviews: pd.DataFrame, tmp_path: Path
) -> None:
    reviews.assign(review=reviews["review"] + " film").to_csv(tmp_path / "other.csv", index=False)
    public = train({**recipe, "data": str(tmp_path / "other.csv")}, out=tmp_path / "public")
    given = {k: v for k, v in recipe.items() if k not in ("architecture", "max_length")}
    given |= {"init_from": str(public.model), "freeze": ["embedding"], "target": "group"}
    given |= {"private": {"noise_multiplier": 2}, "epochs": 1}
    tuned = train(without(given, "positive_label", "sensitive_features"), out=tmp_path / "tuned")
    before, after = (model_folder.load(r.model).tokens.module for r in (public, tuned))
    assert torch.equal(before.embedding.weight, after.embedding.weight)
    assert after.head[-1].out_features == 3
    assert (public.model / "encoder.json").read_text() == (tuned.model / "encoder.json").read_text()
    assert not any("vocabulary" in line for line in tuned.privacy.outside_guarantee)
    with pytest.raises(InputError, match="tokens is given by init_from"):
        prepare(as_recipe({**given, "tokens": "words", "positive_label": None}))


@pytest.mark.parametrize("model", ["text_classifier", "lstm_generator"])
def test_validation_rows_come_from_the_training_rows(
    recipe: dict, verses: dict, tmp_path: Path, model: str
) -> None:
    given = recipe if model == "text_classifier" else verses
    result = train({**given, "epochs": 1, "validation_share": 0.2}, out=tmp_path / "model")
    split = json.loads((result.model / "split.json").read_text("utf-8"))
    assert split["n_validation"] > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": "reviews"}, "did you mean: review"),
        ({"text": None}, "--text"),
        ({"target": None}, "lacks 'target'"),
        ({"target": "anser"}, "did you mean: answer"),
        ({"target": "review"}, "both text and target"),
        ({"positive_label": None}, "positive_label"),
        ({"target": "group"}, "is for two classes"),
        ({"model": "logistic", "epochs": None}, "logistic"),
        ({"tokens": "syllables"}, "tokens"),
        ({"passage": 9}, "passage does not apply"),
        ({"encoding": "no-such"}, "no-such"),
        ({"vocabulary": "nowhere.txt"}, "nowhere.txt"),
        ({"vocabulary": "ascii"}, "of characters"),
        ({"vocabulary": "a", "public_data": "b"}, "two sources"),
        ({"tokens": "byte-pair", "vocabulary_size": 100}, "259"),
        ({"architecture": {"vocabulary": 3}}, "vocabulary_size"),
    ],
)
def test_wrong_recipes_are_refused(recipe: dict, changes: dict, words: str) -> None:
    kept = without(recipe, "learning_rate", "batch_size") if "model" in changes else recipe
    with pytest.raises(InputError, match=words):
        prepare(as_recipe({**kept, **changes}))


def test_keys_of_texts_are_for_texts(csv: Path) -> None:
    with pytest.raises(InputError, match="tokens does not apply to kind 'tabular'"):
        as_recipe({"data": str(csv), "target": "answer", "tokens": "words"})


def test_paths_in_a_recipe_count_from_its_folder(recipe: dict, csv: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("good\n", "utf-8")
    lines = ["kind: text-classification", f"data: {csv}", "text: review", "target: answer"]
    lines += ["positive_label: 'yes'", "vocabulary: words.txt"]
    (tmp_path / "recipe.yaml").write_text("\n".join(lines), "utf-8")
    assert read_recipe(tmp_path / "recipe.yaml").vocabulary == str(tmp_path / "words.txt")
    lines[-1] = "vocabulary: ascii"
    (tmp_path / "recipe.yaml").write_text("\n".join(lines), "utf-8")
    assert read_recipe(tmp_path / "recipe.yaml").vocabulary == "ascii"


def test_a_generator_learns_and_its_likelihoods_are_the_measured_ones(generator) -> None:
    test = generator.test
    # 48 characters a line: a uniform guess over its 16 letters and signs is 4 bits
    assert 0 < test["bits_per_character"] < 3 and test["tokens"] == test["characters"]
    assert test["perplexity"] == pytest.approx(2 ** test["bits_per_character"])
    predictor = open_here(generator.model).predictor
    assert (predictor.task, predictor.classes, predictor.gradients) == ("generation", (), None)
    rows = read_table(generator.held_out).frame
    nat, tokens, characters = predictor.token_log_likelihood(rows)
    assert nat.shape == tokens.shape == characters.shape == (generator.n_test,)
    assert (nat < 0).all() and tokens.tolist() == rows["text"].str.len().tolist()
    bits = -nat.sum() / math.log(2) / characters.sum()
    assert bits == pytest.approx(test["bits_per_character"], rel=1e-5)


def test_likelihoods_by_a_loop_over_tokens(generator) -> None:
    predictor = model_folder.load(generator.model)
    encoder, module = predictor.tokens.encoder, predictor.tokens.module
    text = "the cat sat on the log. the end?"  # 32 characters: a window of 25 and one of 7
    expected, tokens = 0.0, 0
    for part in (text[:25], text[25:]):
        ids = [2, *encoder.tokeniser.encode(part)]
        for i in range(1, len(ids)):
            logits = module(torch.tensor([ids[:i]]))[0, -1].detach().double()
            expected += float(logits.log_softmax(0)[ids[i]])
            tokens += 1
    rows = pd.DataFrame({"text": [text, "", None]}, dtype=object)
    nat, counted, characters = predictor.token_log_likelihood(rows)
    assert nat[0] == pytest.approx(expected, rel=1e-5)
    assert counted.tolist() == [tokens, 0, 0] and characters.tolist() == [32, 0, 0]
    assert nat[1:].tolist() == [0, 0]
    many = pd.DataFrame({"text": [text] * 100})
    np.testing.assert_allclose(predictor.token_log_likelihood(many)[0], expected, rtol=1e-5)


def test_generated_text_follows_its_seed_and_its_temperature(generator) -> None:
    predictor = model_folder.load(generator.model)
    likeliest = predictor.generate("the ", 20, temperature=0)
    assert likeliest == predictor.generate("the ", 20, temperature=0, seed=9)
    drawn = predictor.generate("the ", 40, seed=1)
    assert drawn == predictor.generate("the ", 40, seed=1) != predictor.generate("the ", 40, seed=2)
    assert len(drawn) == 40 and set(drawn) <= set("abcdefghijklmnopqrstuvwxyz ,.\n")
    assert predictor.generate("\ud800 漢字", 3, seed=1) and predictor.generate("x", 0) == ""
    for wrong in ({"n": -1}, {"n": 5, "temperature": -1}):
        with pytest.raises(InputError):
            predictor.generate("x", **wrong)
    with pytest.raises(TypeError, match="predict_proba"):
        predictor.predict_proba(pd.DataFrame({"text": ["a"]}))


def test_byte_pairs_and_a_private_transformer(verses: dict, tmp_path: Path) -> None:
    given = {
        **without(verses, "architecture"),
        "model": "causal_transformer",
        "tokens": "byte-pair",
        "vocabulary_size": 280,
        "epochs": 1,
        "architecture": {"width": 8, "heads": 2, "layers": 1},
        "private": {"noise_multiplier": 2},
    }
    result = train(given, out=tmp_path / "model")
    assert result.privacy is not None
    assert "vocabulary of 21 tokens from the training rows" in result.privacy.outside_guarantee
    assert any("passages" in note for note in result.notes)
    assert result.test["tokens"] < result.test["characters"]
    assert len(model_folder.load(result.model).generate("the", 5)) > 0
    ascii_only = {**verses, "epochs": 1, "vocabulary": "ascii", "private": {"noise_multiplier": 2}}
    declared = train(ascii_only, out=tmp_path / "ascii")
    assert not any("vocabulary" in line for line in declared.privacy.outside_guarantee)


def test_the_command_line(csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "poem.txt").write_bytes("un caf\u00e9, deux caf\u00e9s.\n".encode("latin-1") * 40)
    for kind, given in {
        "text-generation": [
            "--data",
            str(tmp_path / "poem.txt"),
            "--encoding",
            "latin-1",
            "--passage",
            "20",
            "--model",
            "lstm_generator",
        ],
        "text-classification": [
            "--data",
            str(csv),
            "--text",
            "review",
            "--target",
            "answer",
            "--positive-label",
            "yes",
            "--tokens",
            "byte-pair",
            "--max-length",
            "30",
        ],
    }.items():
        command = ["train", kind, *given, "--epochs", "1", "--quiet", "--out", str(tmp_path / kind)]
        assert run(command) == 0
    said = capsys.readouterr().out
    assert "test bits per character" in said and "test accuracy" in said
    assert open_here(tmp_path / "text-generation").predictor.task == "generation"


def test_passages_are_disjoint_and_add_up(verses: dict, poem: Path, tmp_path: Path) -> None:
    prepared = prepare(as_recipe(verses))
    text = poem.read_text("utf-8")
    assert len(prepared.train) + len(prepared.test) == -(-len(text) // 25)
    assert prepared.n_outputs == prepared.encoder.tokeniser.size == 3 + len(set(text))
    assert prepared.train.inputs.shape[1:] == prepared.train.targets.shape[1:] == (25,)
    # targets are inputs one place further on
    inputs, targets = prepared.train.inputs, prepared.train.targets
    assert bool((inputs[:, 1:] == targets[:, :-1])[targets[:, :-1] >= 0].all())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "text"}, "target"),
        ({"tokens": "words"}, "do not give texts back"),
        ({"encoding": "klingon"}, "not known"),
        ({"data": "nowhere.txt"}, "nowhere.txt"),
        ({"model": "gradient-boosting"}, "does not read texts"),
    ],
)
def test_wrong_recipes_of_generation(verses: dict, changes: dict, words: str) -> None:
    kept = (
        without(verses, "epochs", "learning_rate", "batch_size") if "model" in changes else verses
    )
    with pytest.raises(InputError, match=words):
        prepare(as_recipe({**kept, **changes}))


def test_a_folder_whose_ids_do_not_fit_is_refused(generator, tmp_path: Path) -> None:
    import shutil

    copied = tmp_path / "model"
    shutil.copytree(generator.model, copied)
    encoder = json.loads((copied / "encoder.json").read_text("utf-8"))
    encoder["tokeniser"]["vocabulary"].append("ж")
    (copied / "encoder.json").write_text(json.dumps(encoder), "utf-8")
    with pytest.raises(InputError, match="token ids"):
        model_folder.load(copied)
