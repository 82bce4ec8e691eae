"""What a file of ``evenhand.audit.commands`` declares about its commands."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.words.phrases import LANGUAGES, speak


class Abbreviating(TyperCommand):
    """A command whose long options may be shortened to any beginning that no other one has.

    ``--sensitive`` is ``--sensitive-features`` where nothing else begins so, as it is in most
    programs.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses arguments whose options were written out. Raises InputError where a beginning is
        that of several."""
        known = {
            name: param
            for param in self.get_params(ctx)
            for name in _names(param)
            if name[:1] == "-"
        }
        return super().parse_args(ctx, list(written_out(args, known)))


Lang = Annotated[
    str | None,
    typer.Option(
        "--lang", "-l", help="Language of what is said: en or zh (default: that of LANG)."
    ),
]


VARIABLE = "EVENHAND_IDENTITY"  # as ``evenhand.audit.register.encrypted`` reads it
Identity = Annotated[
    Path | None,
    typer.Option("--identity", help="File of the private key (age) that opens an archive."),
]


def opening(runs: Callable[..., int]) -> Callable[..., int]:
    """The command with ``--identity``, where it reads a case: archives that it opens, and those
    that a process which it starts opens, are decrypted with that."""
    own = inspect.signature(runs, eval_str=True)
    if not {"case", "cases", "case_a"} & set(own.parameters):
        return runs

    @wraps(runs)
    def run(*args: Any, identity: Path | None = None, **values: Any) -> int:
        before = os.environ.get(VARIABLE)
        if identity is not None:
            os.environ[VARIABLE] = str(identity.resolve())
        try:
            return runs(*args, **values)
        finally:
            if identity is not None:
                os.environ.pop(VARIABLE, None)
                os.environ.update({} if before is None else {VARIABLE: before})

    added = inspect.Parameter(
        "identity", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Identity
    )
    parameters = [*own.parameters.values(), added]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run


def spoken(runs: Callable[..., int]) -> Callable[..., int]:
    """The command with ``--lang``, where it has none of its own: what is said while it runs is
    said in that language."""
    own = inspect.signature(runs, eval_str=True)
    has_own = "lang" in own.parameters

    @wraps(runs)
    def run(*args: Any, **values: Any) -> int:
        lang = values.get("lang") if has_own else values.pop("lang", None)
        if lang in LANGUAGES:
            speak(lang)
        elif lang is not None and not has_own:
            raise InputError(
                "messages are not written in language {given!r}",
                remedy=nearest(lang, LANGUAGES),
                given=lang,
            )
        return runs(*args, **values)

    added = inspect.Parameter("lang", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Lang)
    parameters = [*own.parameters.values(), *(() if has_own else (added,))]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run


def _names(param: Any) -> tuple[str, ...]:
    return (*param.opts, *param.secondary_opts)


def written_out(args: list[str], known: Mapping[str, Any]) -> Iterator[str]:
    """The arguments with each long option written out; what is an option's value stays as it is.

    ``known`` holds by its name each option, which says whether it takes a value (``is_flag``).
    """
    rest = iter(args)
    for arg in rest:
        name, equals, value = arg.partition("=")
        if arg == "--":
            yield from (arg, *rest)
            return
        if arg.startswith("--"):
            name = _whole(name, known)
            yield name + equals + value
            takes_value = not equals and _takes_value(known.get(name))
        else:
            yield arg
            takes_value = arg[:1] == "-" and _takes_value(known.get(f"-{arg[-1]}"))
            takes_value = takes_value and not any(
                _takes_value(known.get(f"-{letter}")) for letter in arg[1:-1]
            )
        if takes_value:
            yield from (one for one in (next(rest, None),) if one is not None)


def _takes_value(param: Any) -> bool:
    return param is not None and not (param.is_flag or getattr(param, "count", False))


def _whole(name: str, known: Mapping[str, Any]) -> str:
    if name in known:
        return name
    fitting = sorted(one for one in known if one.startswith(name))
    if len(fitting) > 1:
        raise InputError(
            "{name} is the beginning of {fitting}",
            remedy="write one of them out",
            name=name,
            fitting=", ".join(fitting),
        )
    return fitting[0] if fitting else name


@dataclass(frozen=True)
class Command:
    """One command, or one group of them: what people type, what runs, where ``--help`` lists it.

    ``order`` sorts the list, the smallest first: commands in the order of a model's way from
    training to sign-off. ``runs`` takes the options as Typer reads them and returns the exit code;
    a Typer application is a group (``evenhand checks list``), which is listed before the commands.
    """

    name: str
    runs: Callable[..., int] | typer.Typer
    order: int

    def add_to(self, app: typer.Typer) -> None:
        """Makes it a command of ``app``."""
        if isinstance(self.runs, typer.Typer):
            for one in self.runs.registered_commands:
                one.cls = Abbreviating
                one.callback = spoken(opening(one.callback)) if one.callback else None
            app.add_typer(self.runs, name=self.name)
        else:
            app.command(self.name, cls=Abbreviating)(spoken(opening(self.runs)))
