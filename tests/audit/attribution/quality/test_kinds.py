"""Quality and stability of explanations by words and by patches, on models written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.attribution.quality.explainer import Explainer
from evenhand.audit.attribution.quality.noise import exchanged_words
from evenhand.audit.attribution.quality.randomised import at_stage
from evenhand.audit.finding import Finding
from evenhand.audit.words.reasons import render
from evenhand.audit.worker.opened import Opened
from evenhand.trainers.architectures import lstm_generator
from evenhand.trainers.encoders.text import TextEncoder
from evenhand.trainers.encoders.tokenisers import learn
from evenhand.trainers.folder.predictors import NetworkPredictor
from tests.audit.attribution.made import attribute
from tests.audit.attribution.made_images import corner, images
from tests.audit.attribution.made_texts import FRAME, classifier
from tests.audit.attribution.subjects import FunctionPredictor, findings, subject_of, value

CHECKS = ("quality", "stability", "group_quality")


def reader(score: Any) -> FunctionPredictor:
    """A model of one text column; ``score`` is of a text's words."""
    return FunctionPredictor(("text",), lambda f: [score(str(t).split()) for t in f["text"]])


def kind_words(words: list[str]) -> float:
    return 0.5 + 0.2 * ("good" in words) - 0.1 * ("bad" in words)


def texts_of(tmp_path: Path, texts: list[str], score: Any, **changes: Any) -> tuple[Any, Any]:
    n = len(texts)
    frame = pd.DataFrame({"text": texts, "g": ["u", "v"] * (n // 2), "y": [0, 1] * (n // 2)})
    return subject_of(tmp_path, frame, reader(score), sensitive_features=["g"], **changes)


def only(found: list[Finding], measure: str) -> Finding:
    (hit,) = [f for f in found if f.measure == measure]
    return hit


def test_words_of_a_text_by_hand(tmp_path: Path) -> None:
    subject, spec = texts_of(
        tmp_path, ["a good film", "one very good film here now"] * 6, kind_words
    )
    found = findings("quality", subject, spec, points=6)
    # one word has the whole 0.2, the others nothing: a sum, so nothing is promised wrongly
    assert value(found, "infidelity") == pytest.approx(0.0, abs=1e-18)
    # three words, seven points: 0, 0, 1, 2, 2, 2, 3 are gone; six words: one after the other
    three, six = 0.2 / 2 / 3, 0.2 / 2 / 6
    assert value(found, "deletion_area") == pytest.approx((three + six) / 2)
    assert value(found, "insertion_area") == pytest.approx(0.2 - (three + six) / 2)
    assert value(found, "method_rank_correlation") == pytest.approx(1.0)
    assert value(found, "deletion_gain") > 0
    assert only(found, "importance_rank_correlation").status == "not_applicable"
    assert "explained by words" in render(only(found, "importance_rank_correlation").reason)
    assert "words taken out" in only(found, "infidelity").method
    assert only(found, "deletion_area").unit == "probability"
    # "good" is read as another word, so that other places matter
    assert value(found, "randomisation_rank_correlation") < 0.9


def test_words_that_only_count_together_are_explained_badly_for_their_group(tmp_path: Path) -> None:
    def torn(words: list[str]) -> float:
        return 0.5 + 0.3 * ("good" in words and "very" in words) + 0.1 * ("film" in words)

    subject, spec = texts_of(tmp_path, ["the film is bad", "a very good day"] * 20, torn)
    found = findings("group_quality", subject, spec)
    assert value(found, "group_relative_infidelity", group={"g": "u"}) == pytest.approx(
        0, abs=1e-12
    )
    # Shapley values 0.15 and 0.15 for what takes 0.3 away with either of the two
    assert value(found, "group_relative_infidelity", group={"g": "v"}) > 0.05
    gap = only(found, "relative_infidelity_difference")
    assert gap.interval is not None
    assert gap.interval.low > 0
    shares = findings("by_group", subject, spec)
    assert {f.status for f in shares} == {"not_applicable"}
    assert "words are not columns" in render(shares[0].reason)


@pytest.mark.parametrize("name", CHECKS)
def test_texts_without_words_are_no_error(tmp_path: Path, name: str) -> None:
    texts = ["", "good", "a good one", "so bad it is good"] * 4
    subject, spec = texts_of(tmp_path, texts, kind_words)
    found = findings(name, subject, spec)
    assert not [f for f in found if f.status == "error"], render(found[0].reason)
    statuses = {f.status for f in found}
    assert statuses <= {"measured", "undefined", "not_applicable"}
    assert "measured" in statuses


def test_methods_that_draw_are_drawn_again_over_words(tmp_path: Path) -> None:
    def torn(words: list[str]) -> float:
        return 0.5 + 0.03 * len(set(words) & {"a", "b", "c"}) ** 2

    subject, spec = texts_of(tmp_path, ["a b c d", "a c e b f d"] * 6, torn)
    found = findings("stability", subject, spec, method="lime", seeds=2)
    assert 0 < value(found, "seed_rank_correlation") <= 1
    assert 0 < value(found, "seed_top_k_overlap") <= 1
    assert "noise moves columns of numbers" in render(only(found, "sensitivity").reason)


def test_a_word_is_read_as_another_one_each_time() -> None:
    texts = pd.Series(["so it goes", " it  goes\nso on", "", "it is it"])
    found = exchanged_words(texts, (3,))
    assert found.tolist()[2] == ""
    other: dict[str, str] = {}
    for before, after in zip(texts, found, strict=True):
        assert len(before.split()) == len(after.split())
        for one, two in zip(before.split(), after.split(), strict=True):
            assert one != two
            assert other.setdefault(one, two) == two
    assert sorted(other) == sorted(other.values())  # no word is lost
    assert found[1].startswith(" ")
    assert "\n" in found[1]


def of_images(tmp_path: Path, n: int = 12) -> tuple[Any, Any]:
    cells = images((16, 16), n)
    plain = pd.DataFrame({"image": range(n), "g": ["u", "v"] * (n // 2), "y": [0, 1] * (n // 2)})
    model = corner((16, 16))
    model.classes = ("0", "1")
    subject, spec = subject_of(tmp_path, plain, model, sensitive_features=["g"])
    object.__setattr__(subject, "frame", subject.frame.assign(image=cells["image"].tolist()))
    return subject, spec


def test_patches_of_an_image_by_hand(tmp_path: Path) -> None:
    predictor, rows = corner((16, 16)), images((16, 16), 4)
    asking = Explainer(predictor, rows, target=1, method="auto", seed=1, evaluations=1)
    found = asking.attribute(rows)
    assert found.values.shape == (4, 64)  # patches of 2 x 2 pixels
    pixels = asking._predictor.gradients.encode(rows)
    # the log-odds are the sum of 16 pixels over 8; black takes them all away
    expected = 1 / (1 + np.exp(-pixels[:, :4, :4].sum(axis=(1, 2)) / 8))
    assert found.output == pytest.approx(expected, abs=1e-6)
    absent = np.zeros((2, 64), dtype=bool)
    absent[0, :2] = True  # the two patches at the top: pixels (0..1, 0..3)
    absent[1] = True
    hidden = asking.hidden(rows, absent)
    left = pixels[:, 2:4, :4].sum(axis=(1, 2)) / 8
    assert hidden[:, 0] == pytest.approx(1 / (1 + np.exp(-left)), abs=1e-6)
    assert hidden[:, 1] == pytest.approx(0.5)
    subject, spec = of_images(tmp_path)
    measured = findings("quality", subject, spec)
    assert value(measured, "relative_infidelity") < 0.05  # close to a sum
    assert value(measured, "deletion_gain") > 0.1
    assert value(measured, "method_top_k_overlap") > 0.3
    assert value(measured, "randomisation_rank_correlation") < 0.5  # the weights go elsewhere
    assert "patches at the baseline" in only(measured, "infidelity").method


@pytest.mark.parametrize("name", CHECKS)
def test_images_are_judged_in_every_check(tmp_path: Path, name: str) -> None:
    subject, spec = of_images(tmp_path)
    found = findings(name, subject, spec, min_group_size=2) if name == "group_quality" else None
    found = found or findings(name, subject, spec)
    assert not [f for f in found if f.status == "error"], render(found[0].reason)
    statuses = {f.status for f in found}
    if name == "stability":  # noise moves numbers, and integrated gradients draw nothing
        assert statuses == {"undefined", "not_applicable"}
        assert any("rows are made of patches" in render(f.reason) for f in found)
    else:
        assert "measured" in statuses


def generator() -> tuple[NetworkPredictor, pd.DataFrame]:
    torch.manual_seed(4)
    texts = ["the cat sat on the mat", "a dog ran over the hill", "the sun is out", "no"]
    tokeniser = learn("characters", texts, 60)
    encoder = TextEncoder("text", tokeniser, 48, starts=True)
    params = {"vocabulary": encoder.n_outputs, "width": 8, "hidden": 16}
    module = lstm_generator.build(encoder.input_shape, encoder.n_outputs, params)
    return NetworkPredictor(module, encoder, "generation", (), {}), pd.DataFrame({"text": texts})


def test_the_words_of_a_prompt_are_taken_out_of_it() -> None:
    predictor, frame = generator()
    asking = Explainer(predictor, frame, target=None, method="auto", seed=1, evaluations=1)
    found = asking.attribute(frame)
    whole = attribute(predictor, frame, method="layer_integrated_gradients")
    assert found.unit == "nat"
    assert found.there.sum(axis=1).tolist() == [6, 6, 4, 1]
    absent = np.zeros((4, 2, 6), dtype=bool)
    absent[0, 1, [1, 3]] = True
    hidden = asking.hidden(frame, absent)
    assert hidden[:, 0] == pytest.approx(found.output, abs=1e-5)
    # by hand: the chance of what was said, behind the prompt without its second and fourth word
    access: Any = predictor.tokens
    said = access.encode(whole.facts["continuations"][0])
    prompt = [access.start, *access.encode("the sat the mat")]
    with torch.no_grad():
        logits = access.module(torch.tensor([prompt + said]))[0].double().log_softmax(dim=1)
    expected = sum(float(logits[len(prompt) - 1 + i, t]) for i, t in enumerate(said))
    assert hidden[0, 1] == pytest.approx(expected, abs=1e-5)


def test_a_shuffled_generator_is_asked_about_what_the_model_said() -> None:
    predictor, frame = generator()
    asked = Question("randomised", {"stages": 1, "seed": 3, "steps": 4}, {"rows": frame})
    before = [p.clone() for p in predictor.tokens.module.parameters()]
    found = at_stage(ask(predictor, asked), 0)
    own = attribute(predictor, frame, steps=4)
    assert found.arrays["word_values"].shape == own.arrays["word_values"].shape
    assert not np.allclose(found.arrays["word_values"], own.arrays["word_values"])
    after = list(predictor.tokens.module.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_shuffled_text_network_has_other_embeddings() -> None:
    predictor = classifier("words")
    asked = Question("randomised", {"stages": 1, "target": 1, "steps": 5}, {"rows": FRAME})
    found, own = ask(predictor, asked), attribute(predictor, FRAME, target=1, steps=5)
    assert not np.allclose(found.arrays["word_values"][0], own.arrays["word_values"])
    # only the layer method asks the weights: all others ask for scores, as of any model
    asking = Explainer(predictor, FRAME, target=1, method="lime", seed=1, evaluations=1)
    assert not asking.has_weights
    assert "every word of the rows read as another" in asking.randomised(FRAME, (1, 2))[1]


@pytest.mark.parametrize("name", ["quality", "stability"])
def test_generators_are_judged(tmp_path: Path, name: str) -> None:
    predictor, frame = generator()
    subject, spec = texts_of(tmp_path, frame["text"].tolist() * 2, kind_words)
    object.__setattr__(subject, "model", Opened(predictor, tmp_path, "sha256:0"))
    object.__setattr__(subject, "task", "generation")
    fewer = {"masks": 12, "orders": 2, "shuffles": 2} if name == "quality" else {}
    found = findings(name, subject, spec, rows=6, **fewer)
    assert not [f for f in found if f.status == "error"], render(found[0].reason)
    if name == "quality":
        assert {f.unit for f in found if f.measure == "deletion_area"} == {"nat"}
        assert value(found, "relative_infidelity") >= 0
        assert "tokens" in only(found, "deletion_area").method
