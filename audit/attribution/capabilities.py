"""The operation ``capabilities``: what can be asked of a model, and which methods explain it.

Facts: kind (tabular, image, text, generation), gradients, linear (a closed form exists for the
log-odds of a binary model or the value of a regression), methods (the default first), weighed (the
methods that ask a network's own weights, which can be shuffled), columns, device.
"""

from __future__ import annotations

from typing import Any

from evenhand.audit.attribution.door import Answer, Question
from evenhand.audit.attribution.request import GRADIENT_METHODS, LAYER, LINEAR, PERTURBATION_METHODS
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.models.predictor import Predictor

_SHAPLEY_BY_DEFAULT = 12  # columns that can be enumerated; see shapley.MOST_ENUMERATED


def answer(predictor: Predictor, question: Question) -> Answer:
    """Takes one option, ``words``: whether a text column is to be explained word by word."""
    kind = kind_of(predictor, words=bool(question.options.get("words", False)))
    methods = methods_of(predictor, kind)
    return Answer(
        facts={
            "kind": kind,
            "gradients": predictor.gradients is not None or _tokens(predictor) is not None,
            "linear": LINEAR in methods,
            "methods": list(methods),
            "weighed": list(_weighed(predictor, kind, methods)),
            "columns": list(predictor.input_columns),
            "device": _device(predictor),
        }
    )


def kind_of(predictor: Predictor, *, words: bool = False) -> str:
    """What one row is to a person: a table's row, an image, a text, or a prompt."""
    if predictor.task == "generation":
        return "generation"
    if _tokens(predictor) is not None or words or getattr(predictor, "reads_texts", False):
        if len(predictor.input_columns) != 1:
            raise InputError(
                "words of {n_input_columns} columns are asked for",
                remedy="leave words out: a table is explained by its columns",
                n_input_columns=len(predictor.input_columns),
            )
        return "text"
    if predictor.gradients is not None and predictor.gradients.baseline.ndim > 1:
        return "image"
    return "tabular"


def methods_of(predictor: Predictor, kind: str) -> tuple[str, ...]:
    """The methods that explain this model, the default first."""
    if kind == "generation":
        return (LAYER, *PERTURBATION_METHODS) if _tokens(predictor) is not None else ()
    if kind == "text":
        own = (LAYER,) if _tokens(predictor) is not None else ()
        rest = sorted(PERTURBATION_METHODS, key=lambda m: m != "shapley_sampling")
        return (*own, *rest)
    perturbing = PERTURBATION_METHODS
    if kind == "image":
        return (*GRADIENT_METHODS, *perturbing)
    from evenhand.audit.attribution.linear import is_linear

    linear = (LINEAR,) if is_linear(predictor) else ()
    if predictor.gradients is not None:
        return (*GRADIENT_METHODS, *perturbing, *linear)
    few = len(predictor.input_columns) <= _SHAPLEY_BY_DEFAULT
    first = "shapley_exact" if few else "shapley_sampling"
    return (first, *(m for m in perturbing if m != first), *linear)


def _weighed(predictor: Predictor, kind: str, methods: tuple[str, ...]) -> tuple[str, ...]:
    if kind == "text":  # the others ask for the scores of shorter texts, as of any model
        return tuple(m for m in methods if m == LAYER)
    has_network = predictor.gradients is not None or _tokens(predictor) is not None
    return tuple(m for m in methods if m != LINEAR) if has_network else ()


def require_method(predictor: Predictor, kind: str, method: str) -> None:
    """Raises InputError for a method that doesn't explain this model."""
    offered = methods_of(predictor, kind)
    if method not in offered:
        raise InputError(
            "{method} doesn't explain this {kind} model of format {format}",
            remedy="{method_2}; offered: {offered}",
            method=method,
            kind=kind,
            format=predictor.format,
            method_2=nearest(method, offered),
            offered=", ".join(offered) or "none",
        )


def _tokens(predictor: Predictor) -> Any:
    """Access to a text network's tokens (see ``texts.Tokens``), or None."""
    return getattr(predictor, "tokens", None)


def _device(predictor: Predictor) -> str:
    from evenhand.audit.attribution.games import device_of

    access = _tokens(predictor) or predictor.gradients
    return "cpu" if access is None else str(device_of(access.module))
