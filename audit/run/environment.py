"""What a rerun of an audit may differ in: versions, machine, times, isolation."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from evenhand.audit.case.environment import AnnouncedRun, Environment
from evenhand.audit.data.formats.database import without_secrets
from evenhand.audit.subject.subject import Subject
from evenhand.audit.worker.isolation.levels import Isolation, IsolationLevel

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "fairlearn",
    "captum",
    "opacus",
    "skops",
    "safetensors",
)
# Libraries that open models of some formats: named in the environment where they are installed.
_WITH_EXTRAS = ("onnxruntime", "xgboost-cpu", "lightgbm", "transformers")


def environment(
    started: datetime,
    subject: Subject,
    *,
    run: AnnouncedRun | None,
    from_cache: Sequence[str],
    resumed: Sequence[str],
    not_taken: Sequence[str] = (),
) -> Environment:
    """What the audit ran on and with; ``run``, the checks that it did not measure itself, and those
    whose kept answer was not this home's (``not_taken``)."""
    values = {
        "evenhand": own_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": packages(),
        "started_at": started.isoformat(timespec="seconds"),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command(),
        **_opening(subject),
        "run": run,
        "from_cache": tuple(from_cache),
        "resumed": tuple(resumed),
        **({"not_taken": tuple(not_taken)} if not_taken else {}),
    }
    return Environment.model_validate(values)


def packages() -> dict[str, str]:
    """The versions of the libraries that what is measured may depend on."""
    found = {}
    for name in (*_PACKAGES, *_WITH_EXTRAS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name not in _WITH_EXTRAS:
                found[name] = "not installed"
    return found


def _opening(subject: Subject) -> dict[str, Any]:
    """How far the model was isolated, in words, and how it was opened."""
    if subject.model is None:
        return {"isolation": "there was no model to open"}
    opening = dict(subject.model.opening)
    level = str(opening.get("level", "none"))
    if level in IsolationLevel.__members__:
        means = tuple(opening.get("means", ()))
        return {
            "isolation": str(
                Isolation(IsolationLevel[level], means, tuple(opening.get("lacking", ())))
            ),
            "opening": opening,
        }
    if opening.get("trust") == "endpoint":
        said = f"none: not opened, it answered over HTTP ({opening['identity']})"
        return {"isolation": said, "opening": opening}
    return {"isolation": "none: the model was opened in this process", "opening": opening}


def command() -> list[str]:
    """The command line, its program by name alone, without the secrets of URLs in it."""
    return [Path(sys.argv[0]).name, *(without_secrets(a) for a in sys.argv[1:])]


def own_version() -> str:
    """The version of evenhand that is installed."""
    try:
        return version("evenhand")
    except PackageNotFoundError:
        return "not installed"
