"""evenhand doctor: what this machine has, what is missing, and what follows from it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.tables import show
from evenhand.audit.errors import BAD_INPUT, OK, EvenhandError
from evenhand.audit.words.numbers import number
from evenhand.audit.words.phrases import phrase

_PACKAGES = ("torch", "scikit-learn", "fairlearn", "captum", "opacus", "skops", "streamlit")


@dataclass(frozen=True)
class Symptom:
    """One thing looked at: ``problem`` stops work, ``note`` is good to know."""

    what: str
    state: Literal["ok", "note", "problem"]
    detail: str


def doctor(as_json: sh.Json = False) -> int:
    """Check the installation; exit 2 where something that commands need is broken."""
    symptoms = [
        _python(),
        *(_package(p) for p in _PACKAGES),
        _home(),
        _register(),
        _cut_off(),
        _leftovers(),
        _packs(),
    ]
    symptoms += [_isolation(), _memory(), _accelerator(), _browser()]
    code = BAD_INPUT if any(s.state == "problem" for s in symptoms) else OK
    if as_json:
        sh.print_json({"symptoms": [asdict(s) for s in symptoms], "exit_code": code})
        return code
    marks = {"ok": "✓", "note": "i", "problem": "✗"}
    for s in symptoms:
        show(phrase("{marks} {what}: {detail}", marks=marks[s.state], what=s.what, detail=s.detail))
    return code


def _python() -> Symptom:
    fine = sys.version_info >= (3, 11)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Symptom("python", "ok" if fine else "problem", detail + ("" if fine else "; needs 3.11"))


def _package(name: str) -> Symptom:
    try:
        return Symptom(name, "ok", version(name))
    except PackageNotFoundError:
        return Symptom(name, "problem", "not installed; run: pip install -e . -c constraints.txt")


def _home() -> Symptom:
    from evenhand.audit.register.register import home

    place = home()
    parent = next(p for p in (place.resolve(), *place.resolve().parents) if p.exists())
    if not os.access(parent, os.W_OK):
        return Symptom("EVENHAND_HOME", "problem", f"{place} cannot be written; set EVENHAND_HOME")
    free = shutil.disk_usage(parent).free / 1e9
    return Symptom("EVENHAND_HOME", "ok", f"{place.resolve()} ({number(free)} GB free)")


def _register() -> Symptom:
    from evenhand.audit.register.register import Register

    try:
        entries = Register().snapshot()
    except EvenhandError as error:
        return Symptom("register", "problem", f"{error.message}; {error.remedy}")
    return Symptom("register", "ok", f"{len(entries)} entries, the chain holds")


def _cut_off() -> Symptom:
    from evenhand.audit.commands.runs import unfinished_work

    found = unfinished_work()
    names = ", ".join(work["folder"] for work in found[:5])
    detail = f"{len(found)}: {names}; see: evenhand runs list" if found else "none"
    return Symptom("audits cut off", "note" if found else "ok", detail)


def _leftovers() -> Symptom:
    """Copies of models, archives and secrets that killed processes left in TMPDIR: removed."""
    from evenhand.audit.files.leftovers import leftovers, remove_folder

    found = leftovers()
    for left in found:
        remove_folder(left.place)
    there = [str(left.place) for left in found if left.place.exists()]
    size = f"{number(sum(left.size for left in found) / 1e6)} MB"
    names = ", ".join(left.place.name for left in found[:5]) + (" ..." if found[5:] else "")
    what = "left in TMPDIR by killed processes"
    if there:
        return Symptom(what, "problem", f"{', '.join(there)}; remove it: it can't be removed here")
    return (
        Symptom(what, "note", f"{names} ({size}): removed")
        if found
        else Symptom(what, "ok", "nothing")
    )


def _packs() -> Symptom:
    from evenhand.policies.pack import load_pack, shipped_packs

    try:
        packs = [load_pack(p) for p in shipped_packs()]
    except EvenhandError as error:
        return Symptom("policy packs", "problem", error.message)
    return Symptom("policy packs", "ok", ", ".join(f"{p.id} {p.version}" for p in packs))


def _isolation() -> Symptom:
    """The level that a worker reaches here, and every way out, tried from inside one."""
    from evenhand.audit.worker.escape import must_be_stopped, try_to_escape
    from evenhand.audit.worker.isolation.levels import LEAST, IsolationLevel

    what = "isolation of models"
    try:
        isolation, probes = try_to_escape()
    except EvenhandError as error:
        return Symptom(what, "problem", f"no model can be opened: {error.message}; {error.remedy}")
    got_through = {name for name, through, _ in probes if through}
    failed = sorted(got_through & must_be_stopped(isolation))
    user = "root" if getattr(os, "geteuid", lambda: 1)() == 0 else "an ordinary user"
    stopped = f"{len(probes) - len(got_through)} of {len(probes)} ways out stopped, as {user}"
    detail = f"{isolation}; {stopped}"
    if failed:
        return Symptom(what, "problem", f"{detail}; it should stop {', '.join(failed)}")
    if isolation.level is IsolationLevel.L3 and isolation.own_root:
        return Symptom(what, "ok", detail)
    if isolation.level is IsolationLevel.L3:
        seen = "a model can see whether a path exists, and its scratch folder is watched, not held"
        return Symptom(what, "note", f"{detail}; {seen} (SECURITY.md)")
    refused = sorted(trust for trust, least in LEAST.items() if least > isolation.level)
    return Symptom(
        what,
        "note",
        f"{detail}; models are refused whose format is {' or '.join(refused)} (evenhand formats)",
    )


def _memory() -> Symptom:
    """By what the memory of a model is held here."""
    from evenhand.audit.worker.memory_group import OWN_GROUP, groups

    what, found = "memory of models", groups()
    if found.base is not None:
        return Symptom(what, "ok", f"held by {OWN_GROUP}, by limits, and by looking every 0.1 s")
    by = "held by limits and by looking every 0.1 s; by no control group"
    return Symptom(what, "note", f"{by}: {found.why} (SECURITY.md)")


def _accelerator() -> Symptom:
    import torch

    if torch.cuda.is_available():
        return Symptom("accelerator", "ok", torch.cuda.get_device_name(0))
    return Symptom("accelerator", "note", f"none; torch uses {torch.get_num_threads()} CPU threads")


def _browser() -> Symptom:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    return Symptom("browser for tests", "ok" if found else "note", found or "no chromium found")


COMMANDS = (Command("doctor", doctor, order=200),)
