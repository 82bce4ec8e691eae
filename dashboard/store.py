"""The cases that the dashboard shows: where they are found, and in what state each is.

A case that cannot be trusted or read is kept in the list with what is wrong with it: an auditor
must see that evidence is missing, not merely not see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audit.canonical import digest_bytes
from audit.case import SEAL_FILE, Case, case_digest, find_cases, read_case, verify_case
from audit.errors import AlteredEvidenceError, EvenhandError
from audit.register import Entry, Register, home

State = Literal["sealed", "altered", "unreadable", "missing"]
_KEY_LENGTH = 16


@dataclass(frozen=True)
class StoredCase:
    """One case in the list. ``key`` names it in links: the seal's digest, not the place."""

    key: str
    path: Path
    state: State
    case: Case | None = None
    problem: str = ""
    remedy: str = ""

    @property
    def name(self) -> str:
        """The subject's name; the folder's where the case cannot be read."""
        return str(self.case.subject.get("name", "")) if self.case else self.path.name


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


def case_paths(
    given: Sequence[Path], entries: Iterable[Entry], *, at_home: bool = True
) -> list[Path]:
    """Every place where a case is or should be, each once: given, kept at home, registered."""
    folder = home() / "cases"
    paths = [p for path in given for p in _cases_at(path)]
    paths += find_cases([folder]) + _unsealed(folder) if at_home else []
    paths += [Path(str(e.body["path"])) for e in entries if e.kind == "case" and e.body.get("path")]
    return list({path.resolve(): path for path in reversed(paths)}.values())[::-1]


def _cases_at(path: Path) -> list[Path]:
    if (path / SEAL_FILE).exists() or (path / "plan.json").exists():
        return [path]
    return find_cases([path]) or [path]


def _unsealed(folder: Path) -> list[Path]:
    plans = folder.glob("*/plan.json") if folder.is_dir() else ()
    return sorted(
        p.parent
        for p in plans
        if not p.parent.name.startswith(".") and not (p.parent / SEAL_FILE).exists()
    )


def fingerprint(path: Path) -> tuple[object, ...]:
    """What changes when a case folder does: the seal's digest and every file's size and time.

    A case that was read under the same fingerprint need not be read again.
    """
    try:
        files = sorted(
            (str(p.relative_to(path)), p.lstat().st_size, p.lstat().st_mtime_ns)
            for p in path.rglob("*")
        )
        return (str(path.resolve()), case_digest(path), *files)
    except OSError as error:
        return (str(path), str(error))


def differences(path: Path) -> tuple[str, ...]:
    """How the bytes of a case differ from its seal, in words; empty where they do not."""
    try:
        return tuple(map(str, verify_case(path)))
    except (EvenhandError, OSError, ValueError) as error:
        return (str(error),)


def open_case(path: Path) -> StoredCase:
    """Reads and verifies one case; whatever is wrong with it is stated, never raised."""
    if not path.exists():
        return StoredCase(_place_key(path), path, "missing", problem=f"{path} does not exist")
    try:
        case = read_case(path)
        if not isinstance(case.plan.get("subject"), Mapping):
            raise ValueError("plan.json names no subject")
    except AlteredEvidenceError as error:
        return StoredCase(_seal_key(path), path, "altered", None, error.message, error.remedy)
    except EvenhandError as error:
        return StoredCase(_place_key(path), path, "unreadable", None, error.message, error.remedy)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        text = f"{path} cannot be read: {error}"
        return StoredCase(_place_key(path), path, "unreadable", problem=text)
    return StoredCase(_short(case.digest), path, "sealed", case)


def against_register(stored: StoredCase, entries: Iterable[Entry]) -> StoredCase:
    """The same case, marked altered where the register holds another digest for its folder.

    A seal can be made anew by whoever edits a case; the register remembers the first one.
    """
    if stored.case is None:
        return stored
    return checked([stored], entries)[0]


def checked(cases: Sequence[StoredCase], entries: Iterable[Entry]) -> list[StoredCase]:
    """``against_register`` for every case, reading the register once."""
    known: dict[Path, set[str]] = {}
    for e in entries:
        if e.kind == "case" and e.body.get("digest") and e.body.get("path"):
            place = Path(str(e.body["path"])).resolve()
            known.setdefault(place, set()).add(str(e.body["digest"]))
    return [_checked(stored, known.get(stored.path.resolve(), set())) for stored in cases]


def _checked(stored: StoredCase, known: set[str]) -> StoredCase:
    if stored.case is None:
        return stored
    if not known or stored.case.digest in known:
        return stored
    return StoredCase(
        stored.key,
        stored.path,
        "altered",
        problem=f"case {stored.path} was sealed anew: the register knows another digest for it",
        remedy="do not rely on it: restore the case from a copy, or audit again",
    )


def without_moved(cases: Sequence[StoredCase], entries: Iterable[Entry]) -> list[StoredCase]:
    """Leaves out registered places that are empty because the same case was found elsewhere."""
    found = {stored.case.digest for stored in cases if stored.case}
    moved = {
        Path(str(e.body.get("path"))).resolve()
        for e in entries
        if e.kind == "case" and e.body.get("digest") in found
    }
    return [s for s in cases if s.state != "missing" or s.path.resolve() not in moved]


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


def facts(case: Case) -> dict[str, str]:
    """What an auditor asks first: model, data, task, target, date and digest, as text."""
    subject = case.subject
    return {
        "model": _place(subject.get("model")),
        "data": _place(subject.get("data")),
        "task": str(subject.get("task") or ""),
        "target": str(subject.get("target") or ""),
        "date": moment(case.environment.get("finished_at")),
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
    sizes = {}
    for check in case.plan.get("checks") or ():
        options = check.get("options") if isinstance(check, Mapping) else None
        size = options.get("min_group_size") if isinstance(options, Mapping) else None
        if isinstance(size, int):
            sizes[str(check.get("id"))] = size
    return sizes


def _finished(stored: StoredCase) -> str:
    return str(stored.case.environment.get("finished_at") or "") if stored.case else "9"


def _place(described: Any) -> str:
    if isinstance(described, Mapping):
        return str(described.get("path") or described.get("name") or "")
    return str(described or "")


def _short(digest: str) -> str:
    return digest.rsplit(":", 1)[-1][:_KEY_LENGTH]


def _seal_key(path: Path) -> str:
    try:
        return _short(case_digest(path))
    except OSError:
        return _place_key(path)


def _place_key(path: Path) -> str:
    return "at-" + _short(digest_bytes(str(path.resolve()).encode()))
