"""Pydantic's validation errors as input errors that name the key, its value and near matches."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.words.phrases import as_is, phrase

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """Base of what users write: frozen, unknown keys refused, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def checked(model: type[M], given: Any, what: str, *, as_options: bool = False) -> M:
    """``given`` as ``model``. Raises InputError for the first thing that is wrong with it; with
    ``as_options`` its keys are those of the command line, and are named so."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _input_error(error, model, what, as_options) from None


def _input_error(
    error: ValidationError, model: type[BaseModel], what: str, as_options: bool
) -> InputError:
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    field = model.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    means = f": {field.description}" if field is not None and field.description else ""
    spelt = "--" + path.replace("_", "-") if as_options else path
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, first["loc"][:-1])
        return InputError(
            "{what} has an unknown key {path!r}",
            remedy=nearest(str(first["loc"][-1]), known),
            what=what,
            path=path,
        )
    if first["type"] == "missing":
        remedy = f"pass {spelt}{means}" if as_options else f"add a line: {path}: ..."
        return InputError("{what} lacks {spelt!r}", remedy=as_is(remedy), what=what, spelt=spelt)
    if first["type"] == "literal_error" and field is not None and len(first["loc"]) == 1:
        choices = _choices(field.annotation)
        return InputError(
            "{what}: no {path} {input!r}",
            remedy=nearest(str(first["input"]), choices),
            what=what,
            path=path,
            input=first["input"],
        )
    problem = first["msg"].removeprefix("Value error, ")
    if not path:
        return InputError("{what}: {problem}", remedy="correct it", what=what, problem=problem)
    return InputError(
        "{what}: {spelt}={input!r}: {problem}",
        remedy=phrase("{path}{means}", path=path, means=means)
        if means
        else phrase("correct {path}", path=path),
        what=what,
        spelt=spelt,
        input=first["input"],
        problem=problem,
    )


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)]
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The field names of the model found by following ``path`` from ``model``."""
    for part in path:
        field = model.model_fields.get(str(part))
        if field is None:
            return []
        nested = [t for t in _types_in(field.annotation) if issubclass(t, BaseModel)]
        if not nested:
            return []
        model = nested[0]
    return list(model.model_fields)


def _types_in(annotation: Any) -> list[type]:
    if isinstance(annotation, type):
        return [annotation]
    return [t for arg in getattr(annotation, "__args__", ()) for t in _types_in(arg)]
