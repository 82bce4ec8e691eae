"""The cases that the dashboard shows: where they are found, and in what state each is.

A case that cannot be trusted or read is kept in the list with what is wrong with it: an auditor
must see that evidence is missing, not merely not see it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from evenhand.audit.case.case import (
    SEAL_FILE,
    Case,
    case_digest,
    find_cases,
    read_case,
    read_environment,
    read_plan,
    read_seal,
)
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.plan import Plan, PlannedSubject
from evenhand.audit.errors import AlteredEvidenceError, EvenhandError
from evenhand.audit.files.canonical import digest_bytes, digest_json
from evenhand.audit.register.register import Entry, Register, home
from evenhand.audit.words.phrases import phrase
from evenhand.dashboard.cases import archives

State = Literal["sealed", "altered", "unreadable", "missing"]
_KEY_LENGTH = 16


@dataclass(frozen=True)
class Cover:
    """What a list says of a sealed case: all of it but the findings, of which there are many."""

    path: Path
    plan: Plan
    environment: Environment
    digest: str
    files: Mapping[str, str]

    @property
    def subject(self) -> PlannedSubject:
        """What was audited, as the plan has it."""
        return self.plan.subject


@dataclass(frozen=True)
class StoredCase:
    """One case in the list. ``key`` names it in links: the seal's digest, not the place.

    Only a case that can be trusted has a ``cover``, and ``read`` to get the whole of it.
    """

    key: str
    path: Path
    state: State
    cover: Cover | None = None
    problem: str = ""
    remedy: str = ""
    read: Callable[[], Case] | None = field(default=None, compare=False, repr=False)

    @property
    def case(self) -> Case | None:
        """The whole case; None where there is none to trust. May take seconds: lists of many use
        ``cover``. Raises AlteredEvidenceError where its findings are none."""
        return self.read() if self.read else None

    @property
    def name(self) -> str:
        """The subject's name; the folder's where the case cannot be read."""
        return self.cover.subject.name if self.cover else self.path.name


@dataclass(frozen=True)
class RegisterView:
    """What the register says, or why it cannot be used (then nothing is judged)."""

    entries: tuple[Entry, ...] = ()
    problem: str = ""
    remedy: str = ""


def read_register() -> RegisterView:
    """The register with its chain checked; an altered or unreachable one is a stated problem."""
    try:
        return RegisterView(Register().snapshot())
    except EvenhandError as error:
        return RegisterView((), error.message, error.remedy)


def register_stamp() -> tuple[object, ...] | None:
    """What changes when the register does; None where that cannot be told without reading it."""
    register = Register()
    try:
        stamp = register.stamp()
    except (EvenhandError, OSError):
        return None
    return None if stamp is None else (register.url, *stamp)


def case_paths(
    given: Sequence[Path], entries: Iterable[Entry], *, at_home: bool = True
) -> list[Path]:
    """Every place where a case is or should be, each once: given, kept at home, registered."""
    paths = [str(p) for path in given for p in _cases_at(path)]
    if at_home:
        paths += [*_kept(home() / "cases"), *map(str, archives.received())]
    paths += [path for path, _ in registered(entries)]
    names = dict.fromkeys(map(os.path.abspath, paths))
    return [Path(n) for n in {_folder(n): n for n in reversed(names)}.values()][::-1]


def _cases_at(path: Path) -> list[Path]:
    if path.is_file():
        return [archives.place_of(path)]
    if (path / SEAL_FILE).exists() or (path / "plan.json").exists():
        return [path]
    return find_cases([path]) or [path]


def _kept(folder: Path) -> list[str]:
    """Every case below ``folder``, and what has lost its seal."""
    try:
        with os.scandir(folder) as found:
            names = sorted(entry.path for entry in found if not entry.name.startswith("."))
    except OSError:
        return []
    marks = (SEAL_FILE, "plan.json")
    return [n for n in names if any(os.path.exists(f"{n}/{mark}") for mark in marks)]


def _folder(path: str) -> object:
    """What two names of one folder have in common, where there is one."""
    try:
        told = os.stat(path)
    except OSError:
        return path
    return (told.st_dev, told.st_ino)


def fingerprint(path: Path) -> tuple[object, ...]:
    """What changes when a case folder does: every file's name, size and time.

    A case that was read under the same fingerprint need not be read again.
    """
    try:
        return tuple(sorted(_files(path, "")))
    except OSError as error:
        return (str(error),)


def _files(folder: str | Path, below: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, f"{below}{entry.name}/")
            else:
                told = entry.stat(follow_symlinks=False)
                yield f"{below}{entry.name}", told.st_size, told.st_mtime_ns


def open_case(path: Path) -> StoredCase:
    """Reads and verifies one case; whatever is wrong with it is stated, never raised."""
    stored = open_cover(path)
    if stored.cover is None:
        return stored
    try:
        case = read_case(path)
    except EvenhandError as error:
        return unfit(stored, error)
    return replace(stored, read=lambda: case)


def open_cover(path: Path) -> StoredCase:
    """Verifies one case and reads all but its findings; what is wrong is stated, never raised."""
    if path.is_file() and (problem := archives.problem_of(path)):
        state: State = "altered" if isinstance(problem, AlteredEvidenceError) else "unreadable"
        return _unfit(_place_key(path), path, state, problem)
    if not path.exists():
        gone = phrase("{path} does not exist", path=path)
        return StoredCase(_place_key(path), path, "missing", problem=gone)
    try:
        seal = read_seal(path)
        cover = Cover(
            path=path,
            plan=read_plan(path),
            environment=read_environment(path),
            digest=digest_json(seal),
            files=seal["files"],
        )
    except AlteredEvidenceError as error:
        return _unfit(_seal_key(path), path, "altered", error)
    except EvenhandError as error:
        return _unfit(_place_key(path), path, "unreadable", error)
    except (OSError, ValueError) as error:
        text = phrase("{path} cannot be read: {why}", path=path, why=error)
        return StoredCase(_place_key(path), path, "unreadable", problem=text)
    return StoredCase(_short(cover.digest), path, "sealed", cover)


def unfit(stored: StoredCase, error: EvenhandError) -> StoredCase:
    """The same case, marked altered: its seal holds, and it is still none that can be read."""
    return _unfit(stored.key, stored.path, "altered", error)


def _unfit(key: str, path: Path, state: State, error: EvenhandError) -> StoredCase:
    return StoredCase(key, path, state, problem=error.message, remedy=error.remedy)


def against_register(stored: StoredCase, entries: Iterable[Entry]) -> StoredCase:
    """The same case, marked altered where the register holds another digest for its folder.

    A seal can be made anew by whoever edits a case; the register remembers the first one.
    """
    return checked([stored], entries)[0]


def checked(cases: Sequence[StoredCase], entries: Iterable[Entry]) -> list[StoredCase]:
    """``against_register`` for every case, reading the register once."""
    known: dict[object, set[str]] = {}
    for path, digest in registered(entries):
        known.setdefault(_folder(path), set()).add(digest)
    return [_checked(s, known.get(_folder(str(s.path)), set())) for s in cases]


def registered(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """The place and the digest of every case that was entered in the register."""
    bodies = [e.body for e in entries if e.kind == "case" and e.vouched and e.body.get("path")]
    return [(str(body["path"]), str(body.get("digest") or "")) for body in bodies]


def _checked(stored: StoredCase, known: set[str]) -> StoredCase:
    if stored.cover is None or not known - {""} or stored.cover.digest in known:
        return stored
    return StoredCase(
        stored.key,
        stored.path,
        "altered",
        problem=phrase(
            "case {path} was sealed anew: the register knows another digest for it",
            path=stored.path,
        ),
        remedy=phrase("do not rely on it: restore the case from a copy, or audit again"),
    )


def without_moved(cases: Sequence[StoredCase], entries: Iterable[Entry]) -> list[StoredCase]:
    """Leaves out registered places that are empty because the same case was found elsewhere."""
    missing = [s for s in cases if s.state == "missing"]
    if not missing:
        return list(cases)
    found = {s.cover.digest for s in cases if s.cover}
    moved = {os.path.abspath(path) for path, digest in registered(entries) if digest in found}
    return [s for s in cases if s.state != "missing" or str(s.path) not in moved]


def unique(cases: Iterable[StoredCase]) -> list[StoredCase]:
    """Each case once, newest first; an altered copy is never hidden by a sound one."""
    kept: dict[tuple[str, State], StoredCase] = {}
    for stored in cases:
        kept.setdefault((stored.key, stored.state), stored)
    return sorted(kept.values(), key=lambda s: (_finished(s), s.path.name), reverse=True)


def find(cases: Sequence[StoredCase], key: str) -> StoredCase | None:
    """The case with this key; where a sound and an altered copy share it, the altered one."""
    same = [stored for stored in cases if stored.key == key]
    return next((s for s in same if s.state != "sealed"), same[0] if same else None)


def facts(case: Case | Cover) -> dict[str, str]:
    """What an auditor asks first: model, data, task, target, date and digest, as text."""
    subject = case.subject
    return {
        "model": (subject.model and subject.model.path) or "",
        "data": subject.data.path or "",
        "task": subject.task or "",
        "target": subject.target or "",
        "date": moment(case.environment.finished_at),
        "digest": case.digest,
    }


def moment(text: Any) -> str:
    """An ISO time as ``2026-11-22 10:00 UTC``; as it is where it does not look like one.

    >>> moment("2026-11-22T10:00:20+00:00")
    '2026-11-22 10:00 UTC'
    """
    shown = str(text or "")
    is_utc = len(shown) >= 16 and shown[10] == "T" and shown.endswith(("Z", "+00:00"))
    return f"{shown[:10]} {shown[11:16]} UTC" if is_utc else shown


def minimum_sizes(case: Case) -> dict[str, int]:
    """The smallest group that each check compares, by check id, as the plan fixed it."""
    sizes = {c.id: c.options.get("min_group_size") for c in case.plan.checks}
    return {check: size for check, size in sizes.items() if isinstance(size, int)}


def _finished(stored: StoredCase) -> str:
    return (stored.cover.environment.finished_at or "") if stored.cover else "9"


def _short(digest: str) -> str:
    return digest.rsplit(":", 1)[-1][:_KEY_LENGTH]


def _seal_key(path: Path) -> str:
    try:
        return _short(case_digest(path))
    except OSError:
        return _place_key(path)


def _place_key(path: Path) -> str:
    return "at-" + _short(digest_bytes(str(path.resolve()).encode()))
