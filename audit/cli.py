"""The command line: parse, call, print, return the exit code.

Results go to stdout, messages and progress to stderr. Commands are the files of
``evenhand.audit.commands``, which are found there; heavy libraries load inside the command that
needs them.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from evenhand.audit import surroundings
from evenhand.audit.commands import commands
from evenhand.audit.commands.parts.remedies import for_command
from evenhand.audit.commands.parts.shared import print_json, say
from evenhand.audit.errors import BAD_INPUT, INTERRUPTED, OK, OUR_BUG, EvenhandError
from evenhand.audit.interrupts import termination_as_interrupt
from evenhand.audit.words.phrases import (
    current_language,
    in_language,
    language_of,
    phrase,
    speaking,
)
from evenhand.audit.words.reasons import render

# What the system says of a path that somebody named, wherever it is first touched.
_OF_A_PATH = frozenset(
    (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS)
)
app = typer.Typer(
    name="evenhand",
    help="Train models plainly or privately, audit them, and judge the evidence.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in commands():
    _command.add_to(app)


def _version(show: bool) -> None:
    if show:
        from evenhand.audit.run.run import own_version

        print(f"evenhand {own_version()}")
        raise typer.Exit(OK)


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train models plainly or privately, audit them, and judge the evidence.

    Exit codes: 0 all required items pass, or nothing was judged; 1 a required item fails; 2 bad
    command or input; 3 something required is inconclusive; 4 attestations are pending; 5 model
    refused as unsafe; 6 limit reached; 7 evidence altered; 70 a bug of ours; 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> None:
    """The console script: runs a command and exits with its code."""
    surroundings.settle()
    with termination_as_interrupt():
        code = run(sys.argv[1:] if arguments is None else arguments)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs one command line; every failure becomes a message with a remedy and an exit code.

    Messages are in the language of the surroundings (LANG), or of ``--lang``, which every command
    takes.
    """
    with speaking(language_of()):
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        result = app(arguments, standalone_mode=False)
        sys.stdout.flush()
        if result == INTERRUPTED:  # Typer's answer to Ctrl-C, of which it says nothing
            raise KeyboardInterrupt
        return result if isinstance(result, int) else OK
    except EvenhandError as error:
        remedy = for_command(
            in_language(error.remedy), next(iter(arguments), ""), options_by_command()
        )
        notes = tuple(render((note,), current_language()) for note in error.notes)
        return _failed(error.message, remedy, error.exit_code, as_json=as_json, notes=notes)
    except (typer.Abort, KeyboardInterrupt):
        left = phrase("nothing half-done was left")
        return _failed(phrase("interrupted"), left, INTERRUPTED, as_json=as_json)
    except TyperException as error:
        message = getattr(error, "format_message", error.__str__)()
        return _failed(message, _usage(error), BAD_INPUT, as_json=as_json)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is wrong with the result.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_A_PATH and error.filename:
            return _failed(
                phrase("cannot use {path}: {why}", path=error.filename, why=error.strerror),
                phrase("check the path, and the rights on it"),
                BAD_INPUT,
                as_json=as_json,
            )
        if os.environ.get("EVENHAND_TRACEBACK"):
            traceback.print_exc()
        return _failed(
            phrase("a bug of ours: {kind}: {error}", kind=type(error).__name__, error=error),
            phrase(
                "please report it with the output of the same command under EVENHAND_TRACEBACK=1"
            ),
            OUR_BUG,
            as_json=as_json,
        )


def options_by_command() -> dict[str, frozenset[str]]:
    """Each command's options as they are written; a group's are those of all its commands."""

    def options(command: Any) -> Iterator[str]:
        for part in getattr(command, "commands", {}).values():
            yield from options(part)
        for parameter in command.params:
            yield from (*parameter.opts, *parameter.secondary_opts)

    whole: Any = typer.main.get_command(app)
    return {name: frozenset(options(command)) for name, command in whole.commands.items()}


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    command = "evenhand" if context is None else context.command_path
    return phrase("see: {command} --help", command=command)


def _failed(
    message: str, remedy: str, code: int, *, as_json: bool, notes: tuple[str, ...] = ()
) -> int:
    message, remedy = in_language(message), in_language(remedy)
    if as_json:
        noted = {"notes": list(notes)} if notes else {}
        error = {"message": message, "remedy": remedy, **noted}
        print_json({"error": error, "exit_code": code})
    noted_lines = "".join("\n  " + in_language(phrase("note: {note}", note=note)) for note in notes)
    say(f"evenhand: {message}{noted_lines}" + (f"\n  -> {remedy}" if remedy else ""))
    return code
