"""Transformers folders: config.json, safetensors and a tokeniser; never code from the folder.

Sequence classification gives class scores (or values), causal language models the log-likelihood of
each text. Pickled weights and folders that name code of their own (``auto_map``) are refused.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import as_text, texts
from evenhand.audit.errors import InputError, RowError, UnsafeModelError, rows_from
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.formats.weights import check_header, is_safetensors
from evenhand.audit.models.generator_tokens import GeneratorTokens, nothing_id
from evenhand.audit.models.optional import library
from evenhand.audit.models.outputs import as_probabilities, as_values
from evenhand.audit.models.predictor import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAME = "transformers"
TRUST = "code"
ABOUT = "safetensors and JSON, but read by a library that chooses its own code by what they say"
PRELOAD = ("torch", "transformers", "tokenizers", "safetensors.torch")
BESIDE = {"tokenizer.json": PRELOAD, "tokenizer_config.json": PRELOAD}
DECLARES = frozenset({"task", "classes", "inputs", "truncate"})
EXTRA = "text"
RECOGNISED_BY = "a folder whose config.json names a model_type"
GRADIENTS = False
SAVE = """model.save_pretrained("folder", safe_serialization=True)
tokenizer.save_pretrained("folder")"""

_MAX_JSON_BYTES = 64 << 20
_CODE = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack", ".py"})
_BATCH = 32  # texts at once, fixed: the same rows give the same bytes
_UNLIMITED = 1 << 20  # tokenisers without a limit say 10**30
# They count the places of a text from behind the padding token's number.
_POSITIONS_BEHIND_PADDING = frozenset(
    {"camembert", "data2vec-text", "ibert", "longformer", "mpnet", "roberta"}
    | {"roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"}
)


def recognises(path: Path) -> bool:
    """A folder with a config.json that names a model type."""
    file = path / "config.json"
    if not path.is_dir() or not file.is_file() or file.stat().st_size > _MAX_JSON_BYTES:
        return False
    try:
        config = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(config, dict) and "model_type" in config


def load(path: Path, declared: Declared = NOTHING) -> SequenceClassifier | LanguageModel:
    """Opens it. Raises UnsafeModelError for code and pickles in it, InputError for other models."""
    config = _json(path / "config.json")
    _refuse_code(path)
    kinds = [str(name) for name in config.get("architectures") or ()]
    causal = any(k.endswith(("ForCausalLM", "LMHeadModel")) for k in kinds)
    if not causal and not any(k.endswith("ForSequenceClassification") for k in kinds):
        raise InputError(
            "{path}: config.json names {kinds}: neither a "
            "sequence classifier nor a causal language model",
            remedy="audit stored predictions: evenhand audit --predictions FILE",
            path=path,
            kinds=", ".join(kinds) or "no architecture",
        )
    tokenizer = _part(path, "AutoTokenizer", "the tokeniser")
    column = _text_column(declared, path)
    if causal:
        model = _part(path, "AutoModelForCausalLM", "the model", use_safetensors=True)
        return LanguageModel(model.eval(), tokenizer, column, path)
    model = _part(path, "AutoModelForSequenceClassification", "the model", use_safetensors=True)
    return SequenceClassifier(model.eval(), tokenizer, column, declared, path)


def _text_column(declared: Declared, path: Path) -> str:
    columns = declared.plain_columns(NAME) or ("text",)
    if len(columns) > 1:
        raise InputError(
            "{path} reads one column of texts, declared are {n_columns}",
            remedy="declare that column: --inputs text",
            path=path,
            n_columns=len(columns),
        )
    return columns[0]


def _refuse_code(path: Path) -> None:
    """Refuses what could run, and shards whose headers are out of bounds."""
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        if file.suffix.lower() in _CODE:
            raise UnsafeModelError(
                "{path} holds {file}: a file type whose opening can run code",
                remedy="keep the .safetensors weights alone: model.save_pretrained(folder, "
                "safe_serialization=True)",
                path=path,
                file=file.name,
            )
        if file.suffix == ".safetensors":
            if not is_safetensors(file):
                raise UnsafeModelError(
                    "{file} is not safetensors, whatever its name says",
                    remedy="save it again: model.save_pretrained(folder, safe_serialization=True)",
                    file=file,
                )
            check_header(file)
        if file.suffix == ".json" and file.stat().st_size <= _MAX_JSON_BYTES:
            found = _json(file)
            if isinstance(found, dict) and found.get("auto_map"):
                raise UnsafeModelError(
                    "{file} names code of its own (auto_map)",
                    remedy="only networks of the transformers library itself are opened; audit "
                    "stored predictions: evenhand audit --predictions FILE",
                    file=file,
                )


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            "{file} is not JSON: {error}", remedy="save the model again", file=file, error=error
        ) from None


def _part(path: Path, kind: str, what: str, **options: Any) -> Any:
    import warnings

    transformers = library("transformers", EXTRA, NAME)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # meant for the library's own developers
            return getattr(transformers, kind).from_pretrained(
                path, local_files_only=True, trust_remote_code=False, **options
            )
    # The library raises anything for a folder that it can't read; each means the same here.
    except Exception as error:
        shown = str(error).strip().splitlines()
        raise InputError(
            "{path}: {what} cannot be opened: {type}: {shown}",
            remedy="save model and tokenizer with save_pretrained into one folder",
            path=path,
            what=what,
            type=type(error).__name__,
            shown=shown[0][:300] if shown else "",
        ) from error


class _TextModel:
    format = NAME
    gradients = None
    reads_texts = True
    task: Task
    classes: tuple[str, ...] = ()

    def __init__(self, model: Any, tokenizer: Any, column: str, path: Path) -> None:
        self._model, self._tokenizer, self._column = model, tokenizer, column
        self._what = str(path)
        self.input_columns = (column,)
        self.maker_says: Mapping[str, Any] = {"architecture": type(model).__name__}
        positions = getattr(model.config, "max_position_embeddings", None)
        if positions and model.config.model_type in _POSITIONS_BEHIND_PADDING:
            positions -= (model.config.pad_token_id or 0) + 1
        limits = (positions, getattr(model.config, "n_positions", None), tokenizer.model_max_length)
        self._limit = min((int(n) for n in limits if n and n < _UNLIMITED), default=None)
        self._reads = frozenset(inspect.signature(model.forward).parameters)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes)."""
        raise TypeError(f"a model of task {self.task!r} has no predict_proba")

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        raise TypeError(f"a model of task {self.task!r} has no predict_values")

    def token_log_likelihood(self, frame: pd.DataFrame) -> tuple[Any, Any, Any]:
        """See ``evenhand.audit.models.predictor``."""
        raise TypeError(f"a model of task {self.task!r} has no token_log_likelihood")

    def _texts(self, frame: pd.DataFrame) -> list[str]:
        import numpy as np

        found, missing = texts(frame[self._column])
        if missing.any():
            raise RowError(
                "column {column!r} is empty in {row} ({missing} such rows)",
                int(np.flatnonzero(missing)[0]),
                remedy="a missing text is a person without an answer: fill it, or remove the row",
                column=self._column,
                missing=int(missing.sum()),
            )
        return [str(t) for t in found]


class SequenceClassifier(_TextModel):
    """A sequence classifier, or a regression where it gives one number."""

    def __init__(
        self, model: Any, tokenizer: Any, column: str, declared: Declared, path: Path
    ) -> None:
        super().__init__(model, tokenizer, column, path)
        config = model.config
        if config.problem_type == "multi_label_classification":
            raise InputError(
                "{what} gives several labels at once",
                remedy="audit one label at a time by stored predictions: evenhand audit "
                "--predictions FILE",
                what=self._what,
            )
        self._truncates = bool(declared.truncate)
        n = int(config.num_labels)
        self.task = "regression"
        if n > 1:
            own = tuple(as_text(config.id2label[i]) for i in range(n))
            if declared.classes and len(declared.classes) != n:
                raise InputError(
                    "{what} has {n} classes, declared are {n_classes}",
                    remedy="declare them in the order of {own}",
                    what=self._what,
                    n=n,
                    n_classes=len(declared.classes),
                    own=", ".join(own[:10]),
                )
            self.classes = declared.classes or own
            self.task = "binary" if n == 2 else "multiclass"

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes): softmax of the logits."""
        raw = self._logits(self._texts(frame))
        return as_probabilities(raw, len(self.classes), "logits", self._what, rows=len(frame))

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        return as_values(self._logits(self._texts(frame)), self._what, rows=len(frame))

    def _logits(self, found: list[str]) -> np.ndarray:
        import numpy as np
        import torch

        answers = [np.zeros((0, int(self._model.config.num_labels)))]
        # Without a token for padding texts of several lengths can't be asked together.
        pads = self._tokenizer.pad_token_id is not None
        size = _BATCH if pads and self._model.config.pad_token_id is not None else 1
        for start in range(0, len(found), size):
            with rows_from(start):
                encoded = self._encoded(found[start : start + size])
            try:
                with torch.no_grad():
                    answers.append(self._model(**encoded).logits.double().numpy())
            # A network raises anything for tokens that it can't read; each means the same here.
            except Exception as error:
                shown = str(error).strip().splitlines()
                raise InputError(
                    "{what} can't read its tokeniser's tokens: {type}: {shown}",
                    remedy="save model and tokenizer of one training with save_pretrained into one "
                    "folder: a T5 classifier needs </s> at the end of each text",
                    what=self._what,
                    type=type(error).__name__,
                    shown=shown[0][:300] if shown else "",
                ) from error
        return np.concatenate(answers)

    def _encoded(self, part: list[str]) -> dict[str, Any]:
        import torch

        cut = {"truncation": True, "max_length": self._limit} if self._truncates else {}
        encoded = dict(self._tokenizer(part, padding=False, **cut))
        lengths = [len(ids) for ids in encoded["input_ids"]]
        longest = lengths.index(max(lengths))
        if self._limit and lengths[longest] > self._limit:
            raise RowError(
                "the text in {row} has {lengths} tokens, {what} reads {limit}",
                longest,
                remedy="declare truncate: true in subject.yaml if users' texts are cut off too",
                lengths=lengths[longest],
                what=self._what,
                limit=self._limit,
            )
        # A text without any token (no words, and a tokeniser that adds none) is asked as one
        # token that stands for nothing: a network can't be asked about a text of length 0.
        nothing = {"input_ids": nothing_id(self._tokenizer), "attention_mask": 1}
        whole = {
            name: [row or [nothing.get(name, 0)] for row in rows]
            for name, rows in encoded.items()
            if name in self._reads
        }
        if len(part) > 1:
            whole = self._tokenizer.pad(whole, padding=True)
        return {name: torch.tensor(rows) for name, rows in whole.items()}


class LanguageModel(_TextModel):
    """A causal language model: log-likelihood of texts, in windows of its own length."""

    task: Task = "generation"

    def __init__(self, model: Any, tokenizer: Any, column: str, path: Path) -> None:
        super().__init__(model, tokenizer, column, path)
        if tokenizer.is_fast:  # others don't say where in the text a token lies
            self.tokens = GeneratorTokens(model, tokenizer, self._limit, column)

    def token_log_likelihood(
        self, frame: pd.DataFrame
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums of nat, scored tokens and characters, each of shape (rows,).

        A token is scored given those before it in the same window; the first one where the
        tokeniser has a token for the beginning of a text. Texts that are longer than the model
        reads are scored in consecutive windows that share one token.
        """
        import numpy as np

        found = self._texts(frame)
        nats, tokens = np.zeros(len(found)), np.zeros(len(found), dtype=np.int64)
        for row, text in enumerate(found):
            ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
            if self._tokenizer.bos_token_id is not None:
                ids = [self._tokenizer.bos_token_id, *ids]
            step = (self._limit or len(ids) or 1) - 1 or 1
            for start in range(0, max(len(ids) - 1, 0), step):
                window = ids[start : start + step + 1]
                nats[row] += self._window(window)
                tokens[row] += len(window) - 1
        characters = np.array([len(text) for text in found], dtype=np.int64)
        return nats, tokens, characters

    def _window(self, ids: list[int]) -> float:
        import torch

        with torch.no_grad():
            logits = self._model(input_ids=torch.tensor([ids])).logits[0, :-1].double()
        chosen = torch.tensor(ids[1:])
        return float(logits.log_softmax(dim=1).gather(1, chosen[:, None]).sum())
