"""The operation ``attribute``: how much each feature of each row moves a model's output.

Frames: ``rows`` (raw columns, in the order in which answers come) and, if wanted, ``baseline`` (one
row of raw columns; for gradient SHAP one or more). Options: see ``request.Request``.

Arrays of the answer
    values (rows, columns)     attributions in ``unit``, in the order of the model's input columns:
                               one-hot positions, pixels, words are summed back to their column
    output (rows,)             what is explained
    baseline_output (rows,)    the same of the baseline
    gap (rows,)                sum of attributions - (output - baseline_output): 0 for a complete
                               method that has converged; NaN where the method has no such unit
    standard_error, half_width (rows, columns) and permutations (rows,): of sampling methods
    maps (rows, height, width) of images; see ``images``
    word_values (words,), word_rows (words,): of texts and prompts; see ``texts``
Facts
    name, method (one line for people), baseline, target, unit, columns, evaluations (rows that the
    model was asked for), exact, complete (the method promises a gap of 0), seed, kind, request;
    words (a list a row) of texts; continuations (a text a row) of prompts
"""

from __future__ import annotations

import importlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.baselines import DECLARED
from evenhand.audit.attribution.capabilities import kind_of, methods_of, require_method
from evenhand.audit.attribution.door import Answer, Question
from evenhand.audit.attribution.request import AUTO, Request
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd

_KINDS = {"tabular": "tabular", "image": "images", "text": "texts", "generation": "prompts"}


def answer(predictor: Predictor, question: Question) -> Answer:
    """Raises InputError for options, frames or a method that don't fit this model."""
    request = Request.of(question.options)
    if "rows" not in question.frames:
        raise InputError("attribute was asked without rows", remedy="pass the frame 'rows'")
    rows = input_rows(predictor, question.frames["rows"])
    baseline = question.frames.get("baseline")
    kind = kind_of(predictor, words=request.words)
    if request.method == AUTO:
        offered = methods_of(predictor, kind)
        if not offered:
            raise InputError(
                "no method explains this {kind} model of format {format}",
                remedy="its tokens can't be asked for: leave explanation.* out of --checks",
                kind=kind,
                format=predictor.format,
            )
        request = replace(request, method=offered[0])
    require_method(predictor, kind, request.method)
    found: Answer = module_of(kind).attribute(predictor, request, rows, baseline)
    facts = {**found.facts, "kind": kind, "request": asdict(request)}
    if baseline is not None and request.baseline_name:
        for name in ("baseline", "method"):
            facts[name] = facts[name].replace(DECLARED, request.baseline_name)
    return Answer(found.arrays, facts)


def module_of(kind: str) -> Any:
    """One module a kind of row, each with the functions ``attribute`` and ``game_of``."""
    return importlib.import_module(f"evenhand.audit.attribution.kinds.{_KINDS[kind]}")


def input_rows(predictor: Predictor, rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that the model reads, in its order, numbered anew. Raises InputError."""
    lacking = [c for c in predictor.input_columns if c not in rows.columns]
    if lacking:
        raise InputError(
            "the rows to explain have no column {lacking!r}",
            remedy=nearest(lacking[0], (str(c) for c in rows.columns)),
            lacking=lacking[0],
        )
    return rows[list(predictor.input_columns)].reset_index(drop=True)
