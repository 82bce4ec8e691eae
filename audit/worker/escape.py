"""Trying every way out of a worker: which of them each level has to stop, and what it did."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evenhand.audit.errors import UnsafeModelError
from evenhand.audit.files.leftovers import own_folder
from evenhand.audit.worker.isolation.levels import Isolation, Rules
from evenhand.audit.worker.isolation.probes import PROBES
from evenhand.audit.worker.isolation.probes_calls import ENDED
from evenhand.audit.worker.isolation.probes_names import BY_NAME
from evenhand.audit.worker.session import WorkerSession

# Ways that a level has to stop; a higher level stops those of the lower ones too.
STOPPED_BY_L1 = frozenset(
    {
        "read the environment",
        "read what the parent has open",
        "take 1 TiB",
        "use the processor without end",
        "write a file past the size of its scratch folder",
        "make a file of 1 TiB",
        "open a thousand files",
        "leave a memory dump",
        "print to the parent's terminal",
    }
)
STOPPED_BY_L3_ALONE = frozenset(
    {
        "read /etc/passwd",
        "list /",
        "list the user's home",
        "read the parent's environment",
        "read the parent's memory map",
        "see which program the parent is",
        "list other processes",
        "list the control groups",
        "read the mounts",
        "write outside the scratch folder",
        "change the model",
        "remove a file outside",
        "make a folder outside",
        "move a file into the scratch folder",
        "read a file beside the model",
        *BY_NAME,
    }
)
# Landlock lets a process ask whether a name exists; where the worker has a root folder of its own,
# the names are not there.
STOPPED_BY_A_ROOT_OF_ITS_OWN = frozenset(
    {
        "see that a file of a closed folder exists",
        "see that a program is installed",
        "see a process by its number",
    }
)


def must_be_stopped(isolation: Isolation) -> frozenset[str]:
    """Names of the probes that a worker locked like this has to stop."""
    if isolation.level.name == "L1":
        return STOPPED_BY_L1
    found = frozenset(PROBES)
    if isolation.level.name == "L2":
        found -= STOPPED_BY_L3_ALONE
    return found if isolation.own_root else found - STOPPED_BY_A_ROOT_OF_ITS_OWN


def try_to_escape(rules: Rules | None = None) -> tuple[Isolation, list[list[Any]]]:
    """Runs every probe in new workers; how they were locked, and what each probe did.

    The probes get a folder with a secret file, a place beside the model to write to, and the pid
    of this process. Those that end a worker get one each.
    """
    with own_folder() as folder:
        (folder / "scratch").mkdir()
        (folder / "outside").mkdir()
        for file in ("secret", "model", "removable", "movable"):
            (folder / file).write_text("a secret")
        told = {f: str(folder / f) for f in ("secret", "removable", "movable", "outside", "model")}
        told |= {"parent": str(os.getpid()), "home": str(Path.home())}
        isolation, found = _tried(folder, told, [n for n in PROBES if n not in ENDED], rules)
        for each in ENDED:
            try:
                found += _tried(folder, told, [each], rules)[1]
            except UnsafeModelError as error:
                found.append([each, False, error.message[-200:]])
        return isolation, found


def _tried(
    folder: Path, told: Mapping[str, str], names: Iterable[str], rules: Rules | None
) -> tuple[Isolation, list[list[Any]]]:
    session = WorkerSession("the probe", folder / "model", folder / "scratch", rules or Rules())
    try:
        facts = {"do": "probe", "told": told, "names": list(names)}
        answer = session.ask("try to escape", facts, seconds=60)
        return session.isolation, list(answer.facts["probes"])
    finally:
        session.close()
