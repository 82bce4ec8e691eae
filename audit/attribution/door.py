"""One door between a check that explains a model and the process that holds the model.

Gradients can't be sent over a pipe, so a check never touches them: it asks a named question in
plain data, and the answer (arrays and JSON) comes from this process or from the worker in which a
stranger's model was opened.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Operation -> module with ``answer(predictor, question) -> Answer``. Nothing else can be asked for,
# so a question that comes over a pipe can't name code to run.
OPERATIONS: dict[str, str] = {
    "hidden": "evenhand.audit.attribution.quality.hidden",
    "randomised": "evenhand.audit.attribution.quality.randomised",
    "attribute": "evenhand.audit.attribution.attribute",
    "capabilities": "evenhand.audit.attribution.capabilities",
}

# Frames of True and False, a column for each part of a row: all others hold the rows' own columns,
# of which only those that the model reads go over the pipe.
MASKS = frozenset({"hidden"})


@dataclass(frozen=True)
class Question:
    """``operation`` (a key of OPERATIONS), ``options`` (JSON values), ``frames`` of raw columns."""

    operation: str
    options: Mapping[str, Any] = field(default_factory=dict)
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """``arrays`` of numbers, and ``facts`` (JSON values) about how they were made."""

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Remote(Protocol):
    """A predictor whose model lives in another process and answers there."""

    def ask(self, question: Question) -> Answer:
        """The answer, or the error that the other process had, raised here."""
        ...


def ask(predictor: Predictor, question: Question) -> Answer:
    """The answer from wherever the model lives. Checks call this, and only this."""
    return predictor.ask(question) if isinstance(predictor, Remote) else answer(predictor, question)


def answer(predictor: Predictor, question: Question) -> Answer:
    """The answer in this process; raises KeyError for an operation that is not offered."""
    module = importlib.import_module(OPERATIONS[question.operation])
    found: Answer = module.answer(predictor, question)
    return found
