"""Trying every way out of a worker: which of them each level has to stop, and what it did."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from evenhand.audit.worker.isolation.probes import PROBES

# Ways that a level has to stop; a higher level stops those of the lower ones too.
STOPPED_BY_L1 = frozenset({"read the environment", "read what the parent has open", "take 1 TiB"})


STOPPED_BY_L3_ALONE = frozenset(
    {
        "read /etc/passwd",
        "list /",
        "list the user's home",
        "read the parent's environment",
        "read the parent's memory map",
        "list other processes",
        "write outside the scratch folder",
        "change the model",
        "remove a file outside",
        "make a folder outside",
        "move a file into the scratch folder",
        "read a file beside the model",
    }
)


def must_be_stopped(level: str) -> frozenset[str]:
    """Names of the probes that a level has to stop."""
    if level == "L3":
        return frozenset(PROBES)
    if level == "L2":
        return frozenset(PROBES) - STOPPED_BY_L3_ALONE
    return STOPPED_BY_L1


def try_to_escape(rules: Any = None) -> tuple[Any, list[list[Any]]]:
    """Runs every probe in a new worker; how it was locked, and what each probe did.

    The probes get a folder with a secret file, a place beside the model to write to, and the pid
    of this process.
    """
    from evenhand.audit.worker.isolation.levels import Rules
    from evenhand.audit.worker.session import Session

    with tempfile.TemporaryDirectory(prefix="evenhand-probes-") as name:
        folder = Path(name)
        (folder / "scratch").mkdir()
        (folder / "outside").mkdir()
        for file in ("secret", "model", "removable", "movable"):
            (folder / file).write_text("a secret")
        told = {f: str(folder / f) for f in ("secret", "removable", "movable", "outside", "model")}
        told |= {"parent": str(os.getpid()), "home": str(Path.home())}
        session = Session("the probe", folder / "model", folder / "scratch", rules or Rules())
        try:
            answer = session.ask("try to escape", {"do": "probe", "told": told}, seconds=60)
            return session.isolation, list(answer.facts["probes"])
        finally:
            session.close()
