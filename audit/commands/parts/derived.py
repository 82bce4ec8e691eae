"""Options of the command line from the fields of a pydantic model, which is their one source.

A field gives an option of its name (underscores as dashes), of its type, with its description and
default as help. A new field is a new option, and there is no list of them to edit.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_PLAIN = (bool, int, float, str)
Kind = type[bool] | type[int] | type[float] | type[str] | type[list]


@dataclass(frozen=True)
class Derived:
    """Which options a model gives.

    names      what a field is called on the command line, where that differs from its own name
    kinds      what an option of a field holds, where the model also takes that in place of its type
               (a number of epochs for an ``EarlyStopping``)
    reads      how the parts of an option become the value of its field, where that is a mapping
    whole      those of ``reads`` whose texts may hold commas: each is given as it was typed
    leave_out  fields that the command takes in another way
    """

    model: type[BaseModel]
    names: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    reads: Mapping[str, Callable[[Sequence[str]], Any]] = field(default_factory=dict)
    whole: Collection[str] = ()
    leave_out: Collection[str] = ()

    def parameters(self) -> list[inspect.Parameter]:
        """One parameter a field; fields that only YAML can hold (mappings, models) have none."""
        made = []
        for name, info in self.model.model_fields.items():
            kind = list if name in self.reads else self.kinds.get(name) or kind_of(info.annotation)
            if kind is not None and name not in self.leave_out:
                made.append(_parameter(name, self.option(name), kind, info))
        return made

    def option(self, name: str) -> str:
        """The option of a field, such as ``--positive-label``."""
        return "--" + self.names.get(name, name).replace("_", "-")


def takes(*sources: Derived) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Gives a command the options of models; it finds those that were passed in ``given``.

    ``given`` has the models' own names, and values that they take: a text or a number, or a tuple
    for an option that may be repeated or hold commas (or what ``reads`` makes of it).
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())
        place = [p.name for p in own].index("given")
        added = [p for source in sources for p in source.parameters()]
        taken = {p.name for p in own}
        twice = [p.name for p in added if p.name in taken]
        assert not twice, f"{function.__name__} has {twice} of its own: leave them out"
        together = [*own[:place], *added, *own[place + 1 :]]
        ordered = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in together]

        @wraps(function)
        def run(**options: Any) -> int:
            passed = {p.name: options.pop(p.name) for p in added}
            given = {k: _value(k, v) for k, v in passed.items() if v is not None}
            return function(given=given, **options)

        run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
        run.__annotations__ = {}
        return run

    def _value(name: str, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        whole = any(name in s.whole for s in sources)
        texts = value if whole else [part for text in value for part in text.split(",")]
        parts = [text.strip() for text in texts if text.strip()]
        read = next((s.reads[name] for s in sources if name in s.reads), tuple)
        return read(parts)

    return decorate


def _parameter(name: str, option: str, kind: Kind, info: FieldInfo) -> inspect.Parameter:
    """The parameter from which Typer makes the option; None where it is not passed."""
    spelt = f"{option}/--no-{option[2:]}" if kind is bool else option
    holds: Any = list[str] if kind is list else kind
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[holds | None, typer.Option(spelt, help=_help(info))],
    )


def _help(info: FieldInfo) -> str:
    """The description as a sentence, with the values to choose from and the default."""
    said = info.description or ""
    choices = [c for c in _choices(info.annotation) if c not in said]
    if choices:
        said += f"{': ' if said else ''}{', '.join(choices)}"
    default = info.default
    if isinstance(default, int | float | str) and not isinstance(default, bool):
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
        found = [kind for part in parts if part is not type(None) and (kind := kind_of(part))]
        return str if str in found else found[0] if found else None
    if origin in (tuple, list):
        return list if kind_of(parts[0]) in _PLAIN else None
    return annotation if annotation in _PLAIN else None
