"""Words of texts and of prompts, held against Captum's layers and against taking words out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.attribution.kinds.texts import split, word_of
from evenhand.audit.errors import InputError
from evenhand.trainers.architectures import lstm_generator
from evenhand.trainers.encoders.text import TextEncoder
from evenhand.trainers.encoders.tokenisers import ASCII
from evenhand.trainers.folder.predictors import NetworkPredictor
from tests.audit.attribution.made import Scored, attribute, by_orders
from tests.audit.attribution.made_texts import FRAME, TEXTS, classifier, generator


def test_words_are_the_text_and_tokens_find_theirs() -> None:
    for text in TEXTS:
        assert "".join(split(text)) == text
    assert split("a b") == ["a ", "b"]
    # "ab" and "c" are pieces of the first word, " d" of the second
    assert word_of([(0, 2), (2, 3), (3, 5)], split("abc d"), "abc d") == [0, 0, 1]


@pytest.mark.parametrize("kind", ["words", "characters", "byte-pair"])
def test_spans_are_where_the_tokens_are(kind: Any) -> None:
    access: Any = classifier(kind).tokens
    for text, spans, tokens in zip(TEXTS, access.spans(FRAME), access.tokens(FRAME), strict=True):
        assert len(spans) == len(tokens)
        for (start, end), token in zip(spans, tokens, strict=True):
            if "\ufffd" not in token:  # some of a character's bytes
                assert text[start:end].lower() == token.lower()
        covered = {i for start, end in spans for i in range(start, end)}
        assert {i for i, character in enumerate(text[:40]) if not character.isspace()} <= covered


@pytest.mark.parametrize("kind", ["words", "characters", "byte-pair"])
def test_layer_integrated_gradients_are_captums_summed_to_words(kind: Any) -> None:
    from captum.attr import LayerIntegratedGradients

    model = classifier(kind)
    access: Any = model.tokens
    with torch.no_grad():
        access.embedding.weight[0] = 0  # padding, Captum's baseline, as the vector of zeros
    ids = torch.from_numpy(access.token_ids(FRAME))
    method = LayerIntegratedGradients(lambda i: access.module(i).softmax(1)[:, 1], access.embedding)

    theirs = method.attribute(ids[:1], torch.zeros_like(ids[:1]), n_steps=30).sum(2)[0]
    found = attribute(model, FRAME, method="layer_integrated_gradients", target=1, steps=30)
    mine = found.arrays["word_values"][found.arrays["word_rows"] == 0]
    words = found.facts["words"]
    assert words[0] == ["Anna", "says", "the", "film", "was", "GOOD"]
    expected = np.zeros(6)
    for (start, end), value in zip(access.spans(FRAME)[0], theirs.tolist(), strict=False):
        word = len(TEXTS[0][: start + 1].split()) - 1
        # " film" is a piece of the word behind its space; a space alone is of the word before it
        word += TEXTS[0][start] == " " and TEXTS[0][start:end].strip() != ""
        expected[word] += value
    assert mine == pytest.approx(expected, abs=1e-5)
    assert found.arrays["gap"] == pytest.approx(0, abs=1e-5)
    assert found.arrays["values"][2] == 0  # the empty text
    empty = model.predict_proba(pd.DataFrame({"text": [""]}))[0, 1]
    assert found.arrays["baseline_output"] == pytest.approx(empty, abs=1e-6)


def test_every_method_of_texts_and_the_planted_word() -> None:
    model = classifier("words")
    for method in ask(model, Question("capabilities")).facts["methods"]:
        found = attribute(model, FRAME, method=method, target=1, samples=64)
        assert found.arrays["values"].shape == (4, 1)
        assert found.arrays["word_values"].shape == (6 + 7 + 0 + 2,)
        assert [len(words) for words in found.facts["words"]] == [6, 7, 0, 2]
        if found.facts["complete"]:
            assert found.arrays["gap"] == pytest.approx(0, abs=1e-4), method

    def tone(rows: pd.DataFrame) -> Any:  # a model without gradients
        text = rows["text"].str
        return 0.5 + 0.3 * text.contains("GOOD") - 0.2 * text.contains("bad")

    plain = Scored(tone, ("text",), "binary")
    found = attribute(plain, FRAME, words=True, target=1)
    words = [word for row in found.facts["words"] for word in row]
    by_word = dict(zip(words, found.arrays["word_values"], strict=True))
    assert by_word.pop("GOOD") == pytest.approx(0.3)
    assert by_word.pop("bad,") == pytest.approx(-0.2)
    assert list(by_word.values()) == pytest.approx([0.0] * len(by_word))
    with pytest.raises(InputError, match="a baseline text is declared"):
        attribute(plain, FRAME, FRAME.head(1), words=True)


PROMPTS = pd.DataFrame({"text": ["kit or so cat", "pup as is dog", "", "kit"]})


def log_probability(prompt: str, said: str) -> float:
    """By the model's own scoring of texts, which explanations don't use."""
    model = generator()
    frame = pd.DataFrame({"text": [f"{prompt} {said}".strip(), prompt]})
    both, alone = model.token_log_likelihood(frame)[0]
    return float(both - alone)


@pytest.mark.parametrize(
    "method", ["layer_integrated_gradients", "feature_ablation", "shapley_sampling"]
)
def test_prompts(method: str) -> None:
    model = generator()
    options = {"method": method, "prompt_words": 3, "new_tokens": 1}
    found = attribute(model, PROMPTS, **options)
    assert found.facts["continuations"][:3] == ["cat", "dog", ""]
    assert found.facts["words"] == [["kit", "or", "so"], ["pup", "as", "is"], [], ["kit"]]
    assert found.facts["unit"] == "nat"
    rows, values = found.arrays["word_rows"], found.arrays["word_values"]
    # the network says one of the two animals unless the other's young comes first
    assert values[[0, 3]].max() > 1
    for row, prompt, said in ((0, ["kit", "or", "so"], "cat"), (1, ["pup", "as", "is"], "dog")):
        own = values[rows == row]
        output = log_probability(" ".join(prompt), said)
        assert found.arrays["output"][row] == pytest.approx(output, abs=1e-4)
        if method == "layer_integrated_gradients":
            assert found.arrays["gap"][row] == pytest.approx(0, abs=0.02)
            continue

        def value(there: frozenset[int], prompt: list[str] = prompt, said: str = said) -> float:
            return log_probability(" ".join(prompt[i] for i in sorted(there)), said)

        if method == "shapley_sampling":
            assert own == pytest.approx(by_orders(value, 3), abs=1e-4)  # enumerated
            assert found.arrays["gap"][row] == pytest.approx(0, abs=1e-4)
        else:
            without = [value(frozenset({0, 1, 2}) - {i}) for i in range(3)]
            assert own == pytest.approx(output - np.array(without), abs=1e-4)


def test_gradients_of_a_continuation_are_captums_token_by_token() -> None:
    from captum.attr import LayerIntegratedGradients, LLMGradientAttribution, TextTokenInput

    from evenhand.audit.attribution.kinds.prompts import Tokenizer, generator_of

    access: Any = generator().tokens
    model, tokenizer = generator_of(access), Tokenizer(access)
    given = TextTokenInput(
        "kit or so", tokenizer, baselines=access.unknown, skip_tokens=[access.start]
    )
    theirs = LLMGradientAttribution(LayerIntegratedGradients(model, access.embedding), tokenizer)
    said = model.continuation("kit or so", 3)
    expected = theirs.attribute(given, target=said, n_steps=20).seq_attr.tolist()
    found = attribute(
        generator(),
        PROMPTS.head(1),
        method="layer_integrated_gradients",
        prompt_words=3,
        new_tokens=3,
        steps=20,
    )
    # each word is a token of this tokeniser, with the space before it as one of its own or not
    own = np.zeros(3)
    spans = access.text_spans("kit or so")[1:]
    np.add.at(own, word_of(spans, ["kit ", "or ", "so"], "kit or so"), expected)
    assert found.arrays["word_values"] == pytest.approx(own, abs=1e-5)


def test_prompts_fit_what_the_network_sees() -> None:
    access: Any = generator().tokens
    long = pd.DataFrame({"text": ["kit or so " * 9]})
    found = attribute(generator(), long, prompt_words=20, new_tokens=4)
    assert len(found.facts["words"][0]) == access.max_length - 1 - 4
    with pytest.raises(InputError, match="leave no room for a prompt"):
        attribute(generator(), long, new_tokens=11)
    with pytest.raises(InputError, match="log probability of its continuation"):
        attribute(generator(), long, target=0)


def test_the_tokenizer_that_captum_expects() -> None:
    from evenhand.audit.attribution.kinds.prompts import Tokenizer

    torch.manual_seed(0)
    encoder = TextEncoder("text", ASCII, 12, starts=True)
    module = lstm_generator.build((12,), ASCII.size, {"vocabulary": ASCII.size})
    access: Any = NetworkPredictor(module, encoder, "generation", (), {}).tokens
    tokenizer = Tokenizer(access)
    ids = tokenizer.encode("ab c")
    assert ids[0] == access.start
    assert tokenizer.decode(ids) == "ab c"
    assert tokenizer.encode("ab", add_special_tokens=False, return_tensors="pt").shape == (1, 2)
    assert tokenizer.convert_tokens_to_ids(tokenizer.convert_ids_to_tokens(ids[1:])) == ids[1:]
    assert tokenizer("xy", add_special_tokens=False)["offset_mapping"] == [(0, 1), (1, 2)]
