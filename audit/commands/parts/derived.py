"""Options of the command line from the fields of pydantic models, which are their one source.

A field gives an option of its name (underscores as dashes), of its type, with its description and
default as help. A new field is a new option, and there is no list of them to edit; nothing is
called otherwise on the command line than in a file or in Python.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from evenhand.audit.data.written.declared import parts_of

_PLAIN = (bool, int, float, str, date, Path)
Kind = type[bool] | type[int] | type[float] | type[str] | type[date] | type[Path] | type[list]
# Mappings that are typed one key at a time: each has its singular too.
SINGULAR = {"facts": "--fact", "roles": "--role", "words": "--word"}
# One letter means one thing in every command.
LETTERS = {"policy": "-p", "format": "-f", "out": "-o", "lang": "-l"}


@dataclass(frozen=True)
class Derived:
    """Which options a model gives.

    kinds      what an option of a field holds, where the model also takes that in place of its type
               (a number of epochs for an ``EarlyStopping``)
    reads      how the parts of an option become the value of its field, where that is a mapping
    whole      those of ``reads`` whose texts may hold commas: each is given as it was typed
    leave_out  fields that the command takes in another way: as its argument, or not at all
    """

    model: type[BaseModel]
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    reads: Mapping[str, Callable[[Sequence[str]], Any]] = field(default_factory=dict)
    whole: Collection[str] = ()
    leave_out: Collection[str] = ()

    def fields(self) -> dict[str, Kind]:
        """Field -> what its option holds; fields that only YAML can hold (mappings, models) have
        none."""
        made: dict[str, Kind] = {}
        for name, info in self.model.model_fields.items():
            kind = list if name in self.reads else self.kinds.get(name) or kind_of(info.annotation)
            if kind is not None and name not in self.leave_out:
                made[name] = kind
        return made

    def parameters(self) -> list[inspect.Parameter]:
        """One parameter a field."""
        known = self.model.model_fields
        return [_parameter(name, kind, known[name]) for name, kind in self.fields().items()]


def option(name: str) -> str:
    """The option of a field.

    >>> option("positive_label")
    '--positive-label'
    """
    return "--" + name.replace("_", "-")


def takes(*sources: Derived) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Gives a command the options of models; it finds those that were passed in ``options``.

    ``options`` has the models' own names, and values that they take: a text or a number, or a tuple
    for an option that may be repeated or hold commas (or what ``reads`` makes of it).
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())
        place = [p.name for p in own].index("options")
        added = [p for source in sources for p in source.parameters()]
        names = [p.name for p in (*own, *added)]
        twice = sorted({name for name in names if names.count(name) > 1})
        assert not twice, f"{function.__name__} would take {twice} twice: leave them out"
        together = [*own[:place], *added, *own[place + 1 :]]
        ordered = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in together]

        @wraps(function)
        def run(**values: Any) -> int:
            passed = {p.name: values.pop(p.name) for p in added}
            options = {k: _value(k, v) for k, v in passed.items() if v is not None}
            return function(options=options, **values)

        run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
        run.__annotations__ = {}
        run.derived_from = sources  # type: ignore[attr-defined]
        return run

    def _value(name: str, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.date()
        if not isinstance(value, list):
            return value
        whole = any(name in s.whole for s in sources)
        texts = value if whole else [part for text in value for part in parts_of(text)]
        parts = [text.strip() for text in texts if text.strip()] if whole else texts
        read = next((s.reads[name] for s in sources if name in s.reads), tuple)
        return read(parts)

    return decorate


def of(model: type[BaseModel], options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that were passed which are fields of ``model``."""
    return {name: value for name, value in options.items() if name in model.model_fields}


def _parameter(name: str, kind: Kind, info: FieldInfo) -> inspect.Parameter:
    """The parameter from which Typer makes the option; None where it is not passed. What is off
    unless it is passed has no ``--no-`` beside it."""
    spelt = option(name)
    if kind is bool and info.default is not False:
        spelt = f"{spelt}/--no-{spelt[2:]}"
    holds: Any = {list: list[str], date: datetime}.get(kind, kind)
    days = ["%Y-%m-%d"] if kind is date else None
    letter = [names[name] for names in (LETTERS, SINGULAR) if name in names]
    made = typer.Option(spelt, *letter, help=_help(info), formats=days)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[holds | None, made],
    )


def _help(info: FieldInfo) -> str:
    """The description as a sentence, with the values to choose from and the default."""
    said = info.description or ""
    choices = [c for c in _choices(info.annotation) if c not in said]
    if choices:
        said += f"{': ' if said else ''}{', '.join(choices)}"
    default = info.default
    if isinstance(default, str) and "default" not in said and default in said:
        said += f" (default: {default})"
    elif isinstance(default, int | float | str) and not isinstance(default, bool):
        said += f" ({default})" if str(default) not in said else ""
    first = said.split(" ", 1)[0].rstrip(",:;")
    is_value = first in _choices(info.annotation)  # a value is written as it is typed
    start = said[:1] if is_value else said[:1].upper()
    return start + said[1:] + ("" if said.endswith(".") else ".")


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(c) for c in get_args(annotation)]
    if get_origin(annotation) in (Union, types.UnionType):
        return [c for part in get_args(annotation) for c in _choices(part)]
    return []


def kind_of(annotation: Any) -> Kind | None:
    """What an option of a field of this type holds; None for what only YAML can hold.

    >>> kind_of(float | None), kind_of(tuple[str, ...]), kind_of(str | BaseModel)
    (<class 'float'>, <class 'list'>, <class 'str'>)
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind_of(parts[0])
    if origin is Literal:
        return str
    if origin in (Union, types.UnionType):
        kinds = [kind for part in parts if part is not type(None) and (kind := kind_of(part))]
        return str if str in kinds else kinds[0] if kinds else None
    if origin in (tuple, list):
        return list if kind_of(parts[0]) in _PLAIN else None
    return annotation if annotation in _PLAIN else None
