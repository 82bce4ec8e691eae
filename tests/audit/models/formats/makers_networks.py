"""Real networks, text models, pickles and MLflow folders; see ``makers``."""

from __future__ import annotations

import gzip
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression

from tests.audit.models.formats import makers as mk
from tests.audit.models.formats.makers import CLASSIFIER, NUMBERS, RISKS, Made, maker

MLP = {"name": "mlp", "parameters": {"hidden": [8], "activation": "tanh"}}


def logits(module: torch.nn.Module, inputs: Any) -> np.ndarray:
    return mk.softmax(mk.forward(module, inputs))


# --- weights with a named network


@maker
def weights_in_safetensors(folder: Path) -> Made:
    from safetensors.torch import save_file

    frame, module = mk.rows(), mk.network(2)
    save_file(module.state_dict(), folder / "w.safetensors")
    declared = {**CLASSIFIER, "architecture": MLP}
    scores = logits(module, mk.plain(frame))
    return Made(folder / "w.safetensors", frame, scores, "weights", declared, tolerance=1e-6)


@maker
def weights_in_a_state_dict(folder: Path) -> Made:
    frame, module = mk.rows(), mk.network(3)
    torch.save(module.state_dict(), folder / "w.pt")
    declared = {**CLASSIFIER, "classes": list(RISKS), "architecture": MLP}
    scores = logits(module, mk.plain(frame))
    return Made(folder / "w.pt", frame, scores, "weights", declared, RISKS, tolerance=1e-6)


@maker
def weights_of_a_regression(folder: Path) -> Made:
    frame, module = mk.rows(), mk.network(1)
    torch.save(module.state_dict(), folder / "w.pt")
    declared = {**mk.NAMED, "outputs": "values", "architecture": MLP}
    scores = mk.forward(module, mk.plain(frame)).reshape(-1)
    return Made(folder / "w.pt", frame, scores, "weights", declared, (), tolerance=1e-6)


@maker
def weights_over_encoded_columns(folder: Path) -> Made:
    from safetensors.torch import save_file

    frame, module = mk.rows(), mk.network(2, inputs=5)
    frame.loc[4, "age"] = np.nan
    save_file(module.state_dict(), folder / "w")
    inputs = [
        {"column": "income", "mean": 4.0, "scale": 2.0},
        {"column": "age", "missing": 3.0},
        {"column": "job", "categories": list(mk.JOBS)},
    ]
    by_hand = np.column_stack(
        [
            (frame["income"] - 4.0) / 2.0,
            frame["age"].fillna(3.0),
            *(frame["job"] == job for job in mk.JOBS),
        ]
    )
    declared = {**CLASSIFIER, "inputs": inputs, "architecture": MLP}
    scores = logits(module, by_hand)
    return Made(folder / "w", frame, scores, "weights", declared, tolerance=1e-6)


@maker
def weights_over_images(folder: Path) -> Made:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 4, 5), dtype=np.uint8)
    frame = pd.DataFrame({"image": [p.tobytes() for p in pixels]})
    module = mk.network(2, inputs=20)
    # the house's mlp flattens what has several dimensions, and counts that as its first layer
    moved = {
        f"{int(k.split('.')[0]) + 1}.{k.split('.')[1]}": v for k, v in module.state_dict().items()
    }
    torch.save(moved, folder / "w.pt")
    inputs = [{"column": "image", "pixels": "unit", "image": [4, 5], "mean": 0.5, "scale": 0.25}]
    declared = {**CLASSIFIER, "inputs": inputs, "architecture": MLP}
    scores = logits(module, (pixels.reshape(30, -1) / np.float32(255) - 0.5) / 0.25)
    return Made(folder / "w.pt", frame, scores, "weights", declared, tolerance=1e-6)


@maker
def weights_of_a_convolution_over_images(folder: Path) -> Made:
    from evenhand.trainers.architectures import cnn

    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    frame = pd.DataFrame({"image": [p.tobytes() for p in pixels]})
    torch.manual_seed(0)
    module = cnn.build((28, 28), 3, {}).eval()
    torch.save(module.state_dict(), folder / "w.pt")
    declared = {
        "inputs": [{"column": "image", "pixels": "unit", "image": [28, 28]}],
        "classes": list(RISKS),
        "outputs": "logits",
        "architecture": {"name": "cnn"},
    }
    scores = logits(module, pixels / np.float32(255))
    return Made(folder / "w.pt", frame, scores, "weights", declared, RISKS, tolerance=1e-6)


# --- programs


@maker
def torchscript_traced(folder: Path) -> Made:
    frame, module = mk.rows(), mk.network(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(module, torch.zeros(2, 3)), folder / "m.pt")
    scores = logits(module, mk.plain(frame))
    return Made(folder / "m.pt", frame, scores, "torchscript", CLASSIFIER, tolerance=1e-6)


@maker
def torchscript_of_probabilities(folder: Path) -> Made:
    frame = mk.rows()
    module = torch.nn.Sequential(mk.network(1), torch.nn.Sigmoid()).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(module), folder / "m.pt")
    positive = mk.forward(module, mk.plain(frame))
    declared = {**CLASSIFIER, "outputs": "probabilities"}
    scores = np.hstack([1 - positive, positive])
    return Made(folder / "m.pt", frame, scores, "torchscript", declared, tolerance=1e-6)


def _exported(path: Path, module: torch.nn.Module, shapes: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, (torch.zeros(7, 3),), dynamic_shapes=shapes)
        torch.export.save(program, path)


@maker
def exported_program(folder: Path) -> Made:
    frame, module = mk.rows(), mk.network(2)
    _exported(folder / "m.pt2", module, [{0: torch.export.Dim("rows")}])
    scores = logits(module, mk.plain(frame))
    return Made(folder / "m.pt2", frame, scores, "torch-export", CLASSIFIER, tolerance=1e-6)


@maker
def exported_program_of_seven_rows(folder: Path) -> Made:
    frame, module = mk.rows(), mk.network(1)
    _exported(folder / "m.pt2", module, None)
    declared = {**mk.NAMED, "outputs": "values"}
    scores = mk.forward(module, mk.plain(frame)).reshape(-1)
    return Made(folder / "m.pt2", frame, scores, "torch-export", declared, (), tolerance=1e-6)


# --- Transformers folders

TEXTS = ["a good plan", "a bad plan", "good", "the plan was good and the day was long", "bad day"]


def _tokenizer(folder: Path, *, begins: bool = False) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = sorted({w for text in TEXTS for w in text.split()})
    known = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[BOS]", *words])}
    base = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"bos_token": "[BOS]"} if begins else {}
    made = PreTrainedTokenizerFast(
        tokenizer_object=base, pad_token="[PAD]", unk_token="[UNK]", **special
    )
    made.save_pretrained(folder)
    return made


def _bert(folder: Path, labels: list[str]) -> tuple[Any, Any, pd.DataFrame]:
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    tokenizer = _tokenizer(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
        num_labels=len(labels),
    )
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    return model, tokenizer, pd.DataFrame({"text": TEXTS * 9})


def _one_by_one(model: Any, tokenizer: Any, frame: pd.DataFrame) -> np.ndarray:
    """Logits of each text alone, without padding."""
    answers = []
    with torch.no_grad():
        for text in frame["text"]:
            answers.append(model(**tokenizer(text, return_tensors="pt")).logits[0].numpy())
    return np.array(answers, dtype=float)


@maker
def transformers_classifier(folder: Path) -> Made:
    model, tokenizer, frame = _bert(folder, list(RISKS))
    scores = mk.softmax(_one_by_one(model, tokenizer, frame))
    return Made(folder, frame, scores, "transformers", {}, RISKS, tolerance=1e-6)


@maker
def transformers_regression(folder: Path) -> Made:
    model, tokenizer, frame = _bert(folder, ["LABEL_0"])
    scores = _one_by_one(model, tokenizer, frame).reshape(-1)
    frame = frame.rename(columns={"text": "letter"})
    declared = {"inputs": ["letter"]}
    return Made(folder, frame, scores, "transformers", declared, (), tolerance=1e-6)


@maker
def transformers_language_model(folder: Path) -> Made:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    tokenizer = _tokenizer(folder, begins=True)
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=32, n_embd=16, n_layer=1, n_head=2)
    model = GPT2LMHeadModel(config).eval()
    model.save_pretrained(folder)
    frame = pd.DataFrame({"text": TEXTS})
    nats, tokens = [], []
    for text in TEXTS:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text)["input_ids"]]])
        with torch.no_grad():
            loss = model(input_ids=ids, labels=ids).loss  # the library's own mean over tokens
        tokens.append(ids.shape[1] - 1)
        nats.append(-float(loss) * tokens[-1])
    scores = (nats, tokens, [len(t) for t in TEXTS])
    return Made(folder, frame, scores, "transformers", {}, (), tolerance=1e-4)


# --- pickles


def fitted() -> tuple[LogisticRegression, pd.DataFrame]:
    frame = mk.rows()
    return LogisticRegression().fit(frame[list(NUMBERS)], frame["approved"]), frame


def pickled(path: Path) -> Made:
    model, frame = fitted()
    return Made(path, frame, model.predict_proba(frame[list(NUMBERS)]), "pickle")


@maker
def pickle_plain(folder: Path) -> Made:
    (folder / "m.json").write_bytes(pickle.dumps(fitted()[0]))
    return pickled(folder / "m.json")


@maker
def pickle_of_protocol_0(folder: Path) -> Made:
    (folder / "m").write_bytes(pickle.dumps(fitted()[0], protocol=0))
    return pickled(folder / "m")


@maker
def pickle_in_gzip(folder: Path) -> Made:
    (folder / "m").write_bytes(gzip.compress(pickle.dumps(fitted()[0]), mtime=0))
    return pickled(folder / "m")


@maker
def joblib_plain(folder: Path) -> Made:
    import joblib

    joblib.dump(fitted()[0], folder / "m.joblib")
    return pickled(folder / "m.joblib")


@maker
def joblib_compressed(folder: Path) -> Made:
    import joblib

    joblib.dump(fitted()[0], folder / "m.joblib", compress=("zlib", 3))
    return pickled(folder / "m.joblib")


@maker
def joblib_in_xz(folder: Path) -> Made:
    import joblib

    joblib.dump(fitted()[0], folder / "m.joblib", compress=("xz", 3))
    return pickled(folder / "m.joblib")


@maker
def cloudpickle_of_a_function_in_a_pipeline(folder: Path) -> Made:
    import cloudpickle
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    frame = mk.rows()
    halve = FunctionTransformer(lambda x: x / 2, feature_names_out="one-to-one")
    model = make_pipeline(halve, LogisticRegression())
    model.fit(frame[list(NUMBERS)], frame["approved"])
    (folder / "m.pkl").write_bytes(cloudpickle.dumps(model))
    scores = model.predict_proba(frame[list(NUMBERS)])
    return Made(folder / "m.pkl", frame, scores, "pickle", mk.NAMED)


@maker
def torch_module_saved_whole(folder: Path) -> Made:
    frame, module = mk.rows(), mk.network(2)
    torch.save(module, folder / "m.pt")
    scores = logits(module, mk.plain(frame))
    return Made(folder / "m.pt", frame, scores, "pickle", CLASSIFIER, tolerance=1e-6)
