"""Thresholds written down before the audit: the file, its digest, and when it was committed.

"Fixed in advance" can be checked only where somebody else keeps the time. Git does as far as its
commit dates are trusted; the reports say that much and no more.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError
from evenhand.audit.files import safe_yaml
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.subject.spec import SubjectSpec

NAME = "declared.yaml"  # what the copy in the case is called
_SECONDS = 20


@dataclass(frozen=True)
class DeclaredFile:
    """The file as it was read. ``committed_at`` is the date of the commit that holds these very
    bytes; None where there is none, and then ``problem`` says why."""

    path: str
    raw: bytes
    values: dict[str, Any]
    committed_at: datetime | None
    commit: str
    problem: str

    def to_json(self) -> dict[str, Any]:
        """What the plan keeps of it."""
        at = self.committed_at
        return {
            "path": self.path,
            "digest": digest_bytes(self.raw),
            "committed_at": at.isoformat() if at else None,
            "commit": self.commit,
            "problem": self.problem,
        }


def read_declared(path: Path) -> DeclaredFile:
    """Reads a mapping of names to numbers or texts. Raises InputError for anything else."""
    raw = safe_yaml.read_bytes(path)
    document = safe_yaml.parse(raw, str(path))
    if not isinstance(document.data, dict):
        raise InputError(f"{path} holds no mapping", remedy="write lines such as accuracy_min: 0.8")
    for key, value in document.data.items():
        if not isinstance(value, str | int | float | bool):
            line = document.line((key,))
            raise InputError(
                f"{path} line {line}: {key!r} is {value!r}, neither a number nor a text",
                remedy="write one value per name, such as accuracy_min: 0.8",
            )
    committed_at, commit, problem = _committed(path)
    values = {str(key): value for key, value in document.data.items()}
    return DeclaredFile(str(path), raw, values, committed_at, commit, problem)


def with_declared(spec: SubjectSpec) -> tuple[SubjectSpec, DeclaredFile | None]:
    """The spec with the values of its ``declared_file`` among those that it declares itself."""
    if spec.declared_file is None:
        return spec, None
    found = read_declared(Path(spec.declared_file))
    twice = sorted(set(found.values) & set(spec.declared))
    if twice:
        raise InputError(
            f"{twice[0]!r} is declared in {found.path} and beside it",
            remedy="keep it in the file, where it has a date",
        )
    declared = {**spec.declared, **found.values}
    return spec.model_copy(update={"declared": declared}), found


def _committed(path: Path) -> tuple[datetime | None, str, str]:
    """Date and id of the commit that last changed the file, if the file is still as committed."""
    folder, name = path.resolve().parent, path.name
    try:
        status = _git(folder, "status", "--porcelain", "--ignored", "--", name)
        if status is None:
            return None, "", "the file is in no git repository"
        if status:
            return None, "", "the file was changed since its last commit, or never committed"
        shown = _git(folder, "log", "-1", "--format=%cI %H", "--", name)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, "", f"git can't be asked: {error}"
    if not shown:
        return None, "", "the file was never committed"
    at, commit = shown.split()
    return datetime.fromisoformat(at), commit, ""


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None where it refuses. No hooks, pagers or helpers of the repository."""
    done = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None
