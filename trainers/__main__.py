"""``python -m trainers recipe.yaml --out FOLDER``: what ``torchrun`` starts, once a process.

    torchrun --nproc-per-node 2 -m trainers recipe.yaml --out models/x

The first process prints the result as JSON and returns the exit code.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from audit.errors import INTERRUPTED, OK, EvenhandError
from trainers.progress import words


def main(arguments: list[str] | None = None) -> int:
    """Trains by a recipe, in this process alone or as one of several; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainers", description="Train by a recipe.")
    parser.add_argument("recipe", help="a recipe.yaml")
    parser.add_argument("--out", required=True, help="model folder to write")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--quiet", action="store_true", help="no line for each epoch")
    given = parser.parse_args(arguments)

    from trainers import distributed, job

    try:
        with distributed.processes():
            if distributed.rank() > 0:
                job.take_part(given.recipe, out=given.out, resume=given.resume)
                return OK
            result = job.train(
                given.recipe,
                out=given.out,
                resume=given.resume,
                progress=None if given.quiet else _say,
            )
            print(json.dumps(result.to_json(), indent=2))
            return OK
    except EvenhandError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stopped:
        if os.environ.get("RANK", "0") == "0":
            print("\n".join(["interrupted", *getattr(stopped, "__notes__", ())]), file=sys.stderr)
        return INTERRUPTED


def _say(epoch: int, epochs: int, *told: Any) -> None:
    print(f"train: {words(epoch, epochs, *told)} ({epoch}/{epochs})", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
