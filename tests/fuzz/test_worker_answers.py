"""Answers of a worker with bytes and values changed: refused with a typed error, or answers.

300 examples each, the same ones every time; EVENHAND_FUZZ=20000 asks for more, at random.
"""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from evenhand.audit.attribution.answers import require_answer
from evenhand.audit.attribution.door import Answer, Question
from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.files.canonical import canonical_bytes
from evenhand.audit.worker.frames import BadFrame, Message, pack, unpack
from evenhand.audit.worker.isolation.levels import Rules
from evenhand.audit.worker.predictor import as_predictor
from tests.fuzz.changes import CHANGES, WALKS, changed, profile, walked

FACTS: dict[str, Any] = {
    "format": "skops",
    "task": "binary",
    "classes": ["0", "1"],
    "input_columns": ["a", "b"],
    "maker_says": {"target": "y", "n_train": 100, "recipe": {"epochs": 3}},
    "methods": ["predict_proba", "predict_labels"],
    "gives_scores": True,
    "codes": [],
    "own_rule": False,
    "categories": {"a": ["x", "y"]},
}
ROWS = pd.DataFrame({"a": list("xyx"), "b": [1.0, 2.0, 3.0]})
SCORES = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])


class Line:
    """A session that gives one answer."""

    is_open = True

    def __init__(self, message: Message) -> None:
        self._message = message

    def ask(self, *_: Any, **__: Any) -> Message:
        return self._message

    def close(self) -> None:
        pass


def received(raw: bytes) -> Message:
    """What ``raw`` says; EOFError where it ends early, as a worker that hung up."""
    stream = io.BytesIO(raw)

    def read(n: int) -> bytes:
        data = stream.read(min(n, 1 << 24))
        if len(data) < n:
            raise EOFError
        return data

    return unpack(read, most=1 << 24)


def predictor(message: Message, answers: Message) -> Any:
    session: Any = Line(answers)
    return as_predictor("model m", session, message, Rules(), lambda elsewhere: session)


def opened(message: Message) -> None:
    """As the audit takes what a worker tells: what is believed can be sealed."""
    made = predictor(message, Message())
    assert made.task in ("binary", "multiclass", "regression", "generation")
    assert len(set(made.classes)) == len(made.classes)
    canonical_bytes({"says": dict(made.maker_says), "columns": list(made.input_columns)})


@profile
@given(CHANGES)
def test_bytes(changes: list[tuple[str, float, int]]) -> None:
    raw = b"".join(pack(Message(FACTS, {"0": SCORES}, {"b": b"12"})))
    with contextlib.suppress(BadFrame, EOFError, UnsafeModelError):
        opened(received(changed(raw, changes)))


@profile
@given(WALKS)
def test_what_it_tells_of_its_model(walks: list[tuple[list[int], str, Any]]) -> None:
    header = json.dumps({"facts": walked(FACTS, walks), "arrays": [], "blobs": []}).encode()
    raw = pack(Message())[0][:4] + np.array([len(header)], "<u8").tobytes()
    raw += np.array([len(header)], "<u4").tobytes() + header
    with contextlib.suppress(BadFrame, UnsafeModelError):
        opened(received(raw))


@profile
@given(WALKS)
def test_what_it_answers_about_rows(walks: list[tuple[list[int], str, Any]]) -> None:
    values = walked(SCORES.tolist(), walks)
    try:
        array = np.array(values, dtype=np.float64)
        message = received(b"".join(pack(Message({}, {"0": array}))))
    except (TypeError, ValueError):
        return  # no array at all: nothing that could be sent
    with contextlib.suppress(InputError, UnsafeModelError):
        made = predictor(Message(FACTS), message)
        scores = made.predict_proba(ROWS)
        finite = scores[np.isfinite(scores).all(axis=1)]
        assert scores.shape == (3, 2) and (np.abs(finite.sum(axis=1) - 1) < 0.01).all()
    with contextlib.suppress(InputError, UnsafeModelError):
        assert predictor(Message(FACTS), message).predict_labels(ROWS).max() < 2


EXPLAINED: dict[str, Any] = {
    "kind": "tabular",
    "name": "shapley_exact",
    "method": "m",
    "baseline": "b",
    "target": "t",
    "unit": "rate",
    "columns": ["a", "b"],
    "evaluations": 4,
    "exact": True,
    "complete": True,
    "request": {"patch": 0},
    "seed": 1,
}


@pytest.mark.parametrize("kind", ["tabular", "text"])
def test_what_it_answers_about_explanations(kind: str) -> None:
    words = {"words": [["x"], ["y", "z"], []], "columns": ["a"]} if kind == "text" else {}
    facts = {**EXPLAINED, "kind": kind, **words}
    lists = {"values": np.zeros((3, len(facts["columns"]))).tolist()}
    lists |= {name: [0.0] * 3 for name in ("output", "baseline_output", "gap")}
    if words:
        lists |= {"word_values": [0.0] * 3, "word_rows": [0, 1, 1]}
    question = Question("attribute", {}, {"rows": ROWS})

    def answer(facts: Any, lists: Any) -> Answer:
        return Answer({name: np.array(values) for name, values in lists.items()}, facts)

    require_answer(question, answer(facts, lists))

    @profile
    @given(WALKS, WALKS)
    def run(walks: Any, others: Any) -> None:
        told, arrays = walked(facts, walks), walked(lists, others)
        if not isinstance(told, dict) or not isinstance(arrays, dict):
            return
        try:
            made = answer(told, arrays)
        except (TypeError, ValueError, OverflowError):
            return
        if any(a.dtype.kind not in "fiub" for a in made.arrays.values()):
            return  # no array that can be sent
        with contextlib.suppress(ValueError):
            require_answer(question, made)

    run()
