"""Every explanation check over models that people save: text networks of many architectures, with
and without special tokens, text pipelines, and whole numbers that are categories. None crashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from evenhand.audit.errors import InputError
from evenhand.audit.models.declared import Declared
from evenhand.audit.models.estimators import predictor_of
from evenhand.audit.models.formats import transformers as folders
from evenhand.audit.run.catalogue import select
from evenhand.audit.words.reasons import render
from evenhand.audit.worker.opened import Opened
from tests.audit.attribution.subjects import findings, subject_of

CHECKS = sorted(c.id.partition(".")[2] for c in select(["explanation.*"]))
WORDS = ["good", "bad", "fine", "poor", "great", "awful", "he", "she", "they", "nurse", "engineer"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SIZE = 300
FEW = {"rows": 4}


def sentences(n: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    text = [" ".join(rng.choice(WORDS, rng.integers(2, 6))) for _ in range(n)]
    sex = np.array(["F", "M"])[np.arange(n) % 2]
    return pd.DataFrame({"text": text, "g": sex, "y": [int("good" in t) for t in text]})


def tokenizer(folder: Path, name: str, *, special: bool, pads: bool = True) -> None:
    """Words; for Qwen, whose folders are read as byte pairs whatever they say, single bytes."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    known = {w: i for i, w in enumerate([*SPECIAL, *WORDS])}
    base = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    if name.startswith("Qwen"):
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        known = {w: i for i, w in enumerate([*SPECIAL, *alphabet])}
        base = Tokenizer(models.BPE(known, [], unk_token="[UNK]"))
        base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if special:
        base.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    named = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    if pads:
        named["pad_token"] = "[PAD]"
    PreTrainedTokenizerFast(tokenizer_object=base, **named).save_pretrained(folder)


def network(name: str, head: str) -> Any:
    """A tiny random network of an architecture; its configuration names no token beyond its own."""
    import transformers as hf

    wide = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    deep = {"num_hidden_layers": 1, "max_position_embeddings": 64}
    own = {"vocab_size": SIZE, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    made: dict[str, dict[str, Any]] = {
        "GPT2": {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64},
        "Llama": {**wide, **deep, "num_key_value_heads": 2},
        "Qwen2": {**wide, **deep, "num_key_value_heads": 2},
        "Bert": {**wide, **deep},
        "Roberta": {**wide, **deep},
        "DistilBert": {
            "dim": 16,
            "hidden_dim": 16,
            "n_layers": 1,
            "n_heads": 2,
            "max_position_embeddings": 64,
        },
        "T5": {
            "d_model": 16,
            "d_kv": 8,
            "d_ff": 16,
            "num_layers": 1,
            "num_heads": 2,
            "decoder_start_token_id": 0,
        },
    }
    labels = {"num_labels": 2} if head == "ForSequenceClassification" else {}
    config = getattr(hf, f"{name}Config")(**own, **made[name], **labels)
    torch.manual_seed(0)
    return getattr(hf, f"{name}{head}")(config).eval()


def saved(folder: Path, name: str, head: str, *, special: bool, pads: bool = True) -> Path:
    network(name, head).save_pretrained(folder)
    tokenizer(folder, name, special=special, pads=pads)
    return folder


def generating(folder: Path, frame: pd.DataFrame, predictor: Any) -> tuple[Any, Any]:
    """The subject of a language model, which has no target."""
    stands_in = type("Scores", (), {"task": "regression", "input_columns": ("text",)})()
    subject, spec = subject_of(folder, frame, stands_in, target=None, sensitive_features=["g"])
    object.__setattr__(subject, "task", "generation")
    object.__setattr__(subject, "model", Opened(predictor, folder, "sha256:0"))
    return subject, spec


def crashed(folder: Path, frame: pd.DataFrame, predictor: Any) -> list[str]:
    """What each explanation check says where it ends in an error; all of them are asked."""
    asked: dict[str, Any] = {"sensitive_features": ["g"], "positive_is": "benefit"}
    if predictor.task == "generation":
        subject, spec = generating(folder, frame, predictor)
    else:
        subject, spec = subject_of(folder, frame, predictor, **asked)
    found = [(name, findings(name, subject, spec, **FEW)) for name in CHECKS]
    assert all(each for _, each in found)
    return [f"{n}: {render(f.reason)}" for n, fs in found for f in fs if f.status == "error"]


CLASSIFIERS = [
    *((name, special) for name in ("GPT2", "Llama", "Qwen2", "Bert") for special in (False, True)),
    *((name, special) for name in ("Roberta", "DistilBert") for special in (False, True)),
    ("T5", True),
]


@pytest.mark.parametrize(("name", "special"), CLASSIFIERS)
def test_text_classifiers(name: str, special: bool, tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", name, "ForSequenceClassification", special=special)
    model = folders.load(folder, Declared(classes=("0", "1")))
    # The answers are the library's own, a text at a time; no text is one token that means nothing.
    from transformers import AutoTokenizer

    own = network(name, "ForSequenceClassification")
    splits = AutoTokenizer.from_pretrained(folder)
    texts = ["good nurse", "he she they bad"]
    with torch.no_grad():
        raw = [own(**splits(t, return_tensors="pt")).logits[0] for t in texts]
    expected = torch.stack(raw).softmax(dim=1).numpy()
    found = model.predict_proba(pd.DataFrame({"text": [*texts, ""]}))
    np.testing.assert_allclose(found[:2], expected, atol=1e-5)
    alone = model.predict_proba(pd.DataFrame({"text": [""]}))
    np.testing.assert_allclose(found[2], alone[0], atol=1e-5)
    assert crashed(tmp_path, sentences(), model) == []


@pytest.mark.parametrize("name", ["GPT2", "Llama", "Qwen2"])
def test_language_models(name: str, tmp_path: Path) -> None:
    head = "LMHeadModel" if name == "GPT2" else "ForCausalLM"
    model = folders.load(saved(tmp_path / "m", name, head, special=False))
    model.token_log_likelihood(sentences(3))
    frame = sentences().drop(columns="y")
    assert crashed(tmp_path, frame, model) == []


def test_words_of_a_prompt_sum_to_what_they_make_likelier(tmp_path: Path) -> None:
    """Integrated gradients are complete: the words' shares sum to the gain in log probability."""
    from evenhand.audit.attribution.door import Question, answer

    model = folders.load(saved(tmp_path, "GPT2", "LMHeadModel", special=False))
    options = {"prompt_words": 3, "new_tokens": 2, "steps": 64}
    found = answer(model, Question("attribute", options, {"rows": sentences(3)[["text"]]}))
    assert found.facts["kind"] == "generation" and len(found.facts["continuations"]) == 3
    gain = found.arrays["output"] - found.arrays["baseline_output"]
    by_row = np.bincount(found.arrays["word_rows"], found.arrays["word_values"])
    np.testing.assert_allclose(by_row, gain, atol=1e-3)
    assert np.abs(gain).max() > 1e-4


def test_a_tokeniser_without_padding_is_asked_text_by_text(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a", "GPT2", "ForSequenceClassification", special=False)
    bare = saved(tmp_path / "b", "GPT2", "ForSequenceClassification", special=False, pads=False)
    frame = sentences(9)
    with_padding, without = (folders.load(f).predict_proba(frame) for f in (whole, bare))
    np.testing.assert_allclose(without, with_padding, atol=1e-5)


def test_a_text_as_long_as_a_roberta_reads(tmp_path: Path) -> None:
    """Of 64 places RoBERTa uses 63 for tokens here: it counts from behind its padding's id, 0."""
    model = folders.load(saved(tmp_path, "Roberta", "ForSequenceClassification", special=False))
    model.predict_proba(pd.DataFrame({"text": ["good " * 63]}))
    with pytest.raises(InputError, match=r"has 64 tokens, .* reads 63"):
        model.predict_proba(pd.DataFrame({"text": ["good " * 64]}))


def test_a_network_that_cannot_read_its_tokens_is_told_so(tmp_path: Path) -> None:
    model = folders.load(saved(tmp_path, "T5", "ForSequenceClassification", special=False))
    with pytest.raises(InputError, match="can't read its tokeniser's tokens") as caught:
        model.predict_proba(sentences(4))
    assert "</s>" in caught.value.remedy


def test_text_pipelines(tmp_path: Path) -> None:
    frame = sentences()
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame["text"], frame["y"])
    assert crashed(tmp_path, frame, predictor_of("skops", model, "m", {})) == []


def numbered(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "code": rng.choice([3, 5, 8, 9, 40], n),
            "zone": rng.permutation(np.arange(100, 130).repeat(3)),
            "income": rng.normal(50, 10, n).round(1),
            "g": np.array(["F", "M"])[np.arange(n) % 2],
        }
    )
    signal = frame["income"] + 9.0 * (frame["code"] == 5) - 5.0 * (frame["zone"] % 2)
    return frame.assign(y=(signal > 50).astype(int))


def _of_codes() -> dict[str, Any]:
    frame = numbered()
    x = frame[["code", "zone", "income"]]
    coded = ColumnTransformer([("c", OneHotEncoder(), ["code", "zone"])], remainder="passthrough")
    categories = x.astype({"code": "category", "zone": "category"})
    return {
        "one hot": make_pipeline(coded, LogisticRegression(max_iter=900)).fit(x, frame["y"]),
        "trees": lightgbm.LGBMClassifier(n_estimators=9, verbose=-1).fit(categories, frame["y"]),
    }


@pytest.mark.parametrize("name", ["one hot", "trees"])
def test_whole_numbers_that_are_categories_stay_as_they_are(name: str, tmp_path: Path) -> None:
    """Noise of 1.3 hundredths on code 1 made 1.013, which no encoder has met."""
    predictor = predictor_of("pickle", _of_codes()[name], "m", {})
    assert set(predictor.codes) == {"code", "zone"}
    assert crashed(tmp_path, numbered(), predictor) == []
