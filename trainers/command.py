"""Trains by a recipe, as one process of several: what ``python -m evenhand.trainers`` runs.

The first process prints the result as JSON and returns the exit code.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from typing import Any, NoReturn

from evenhand.audit.errors import INTERRUPTED, OK, OUR_BUG, EvenhandError
from evenhand.audit.interrupts import termination_as_interrupt
from evenhand.audit.words.text import lines
from evenhand.trainers.fitting.progress import words


class _Parser(argparse.ArgumentParser):
    """Says what was given wrongly without obeying the control characters in it."""

    def error(self, message: str) -> NoReturn:
        super().error(lines(message))


def main(arguments: list[str] | None = None) -> int:
    """Trains by a recipe, in this process alone or as one of several; returns the exit code."""
    parser = _Parser(prog="python -m evenhand.trainers", description="Train by a recipe.")
    parser.add_argument("recipe", help="a recipe.yaml")
    parser.add_argument("--out", required=True, help="model folder to write")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--quiet", action="store_true", help="no line for each epoch")
    parsed = parser.parse_args(arguments)

    from evenhand.trainers import distributed, job

    try:
        with termination_as_interrupt(), distributed.processes():
            if distributed.rank() > 0:
                job.take_part(parsed.recipe, out=parsed.out, resume=parsed.resume)
                return OK
            result = job.train(
                parsed.recipe,
                out=parsed.out,
                resume=parsed.resume,
                progress=None if parsed.quiet else _say,
            )
            print(json.dumps(result.to_json(), indent=2))
            return OK
    except EvenhandError as error:
        _tell(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt as stopped:
        if os.environ.get("RANK", "0") == "0":
            _tell("\n".join(["interrupted", *getattr(stopped, "__notes__", ())]))
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("EVENHAND_TRACEBACK"):
            traceback.print_exc()
        _tell(
            f"error: a bug of ours: {type(error).__name__}: {error}\n"
            "  -> please report it with the output of the same command under EVENHAND_TRACEBACK=1"
        )
        return OUR_BUG


def _tell(message: str) -> None:
    """A message on stderr: what comes from names and cells in it is shown, not obeyed."""
    print(lines(message), file=sys.stderr)


def _say(epoch: int, epochs: int, *told: Any) -> None:
    _tell(f"train: {words(epoch, epochs, *told)} ({epoch}/{epochs})")
