"""Thresholds written down before the audit: the file, its digest, and when it was committed.

"Fixed in advance" can be checked only where somebody else keeps the time. Git does as far as its
commit dates are trusted; the reports say that much and no more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError
from evenhand.audit.files import git_objects, safe_yaml
from evenhand.audit.files.canonical import digest_bytes
from evenhand.audit.files.git_packs import GitError
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.words.phrases import phrase
from evenhand.audit.words.reasons import render

NAME = "declared.yaml"  # what the copy in the case is called
_FOLDER, _FILES = 0o40000, (0o100644, 0o100755)


@dataclass(frozen=True)
class DeclaredFile:
    """The file as it was read. ``committed_at`` is the date of the commit that holds these very
    bytes; None where there is none, and then ``problem`` says why."""

    path: str
    raw: bytes
    values: dict[str, Any]
    committed_at: datetime | None
    commit: str
    problem: Reasons

    def to_json(self) -> dict[str, Any]:
        """What the plan keeps of it."""
        at = self.committed_at
        return {
            "path": self.path,
            "digest": digest_bytes(self.raw),
            "committed_at": at.isoformat() if at else None,
            "commit": self.commit,
            "problem": render(self.problem),
        }


def read_declared(path: Path) -> DeclaredFile:
    """Reads a mapping of names to numbers or texts. Raises InputError for anything else."""
    raw = safe_yaml.read_bytes(path)
    document = safe_yaml.parse(raw, str(path))
    if not isinstance(document.data, dict):
        raise InputError(
            "{path} holds no mapping", remedy="write lines such as accuracy_min: 0.8", path=path
        )
    for key, value in document.data.items():
        if not isinstance(value, str | int | float | bool):
            line = document.line((key,))
            raise InputError(
                "{path} line {line}: {key!r} is {value!r}, neither a number nor a text",
                remedy="write one value per name, such as accuracy_min: 0.8",
                path=path,
                line=line,
                key=key,
                value=value,
            )
    committed_at, commit, problem = _committed(path, raw)
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
            "{twice!r} is declared in {found_path} and beside it",
            remedy="keep it in the file, where it has a date",
            twice=twice[0],
            found_path=found.path,
        )
    declared = {**spec.declared, **found.values}
    return spec.model_copy(update={"declared": declared}), found


def _committed(path: Path, raw: bytes) -> tuple[datetime | None, str, Reasons]:
    """Date and id of the commit that last changed the file, if ``raw`` is what it holds.

    Read by ``git_objects``: git itself would obey what the folder's configuration says.
    """
    try:
        found = git_objects.repository_of(path)
        if found is None:
            return None, "", because("no-git-repository")
        repository, names = found
        head = repository.head()
        if head is None:
            return None, "", because("never-committed")
        held = _held(repository, head, names)
        if held is None:
            return None, "", because("never-committed")
        if held != git_objects.object_id(b"blob", raw, len(held)):
            return None, "", because("changed-since-commit")
        commit = _last_change(repository, head, names, held)
        return commit.at, commit.id, ()
    except GitError as error:
        return None, "", because("git-unreadable", error=error)


@dataclass(frozen=True)
class _Commit:
    id: str
    tree: str
    parents: tuple[str, ...]
    at: datetime


_HEADER = re.compile(
    rb"tree ([0-9a-f]{40,64})\n((?:parent [0-9a-f]{40,64}\n)*)author [^\n]*\n"
    rb"committer [^\n]*> ([0-9]{1,12}) ([+-])([0-9]{2})([0-9]{2})\n"
)


def _commit(repository: git_objects.Repository, name: str) -> _Commit:
    match = _HEADER.match(repository.object(name, b"commit"))
    if match is None:
        raise GitError(phrase("its commit {name} is not as git writes it", name=name))
    tree, parents, seconds, sign, hours, minutes = match.groups()
    east = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == b"+" else -1)
    try:
        at = datetime.fromtimestamp(int(seconds), timezone(east))
    except (OverflowError, ValueError, OSError):
        raise GitError(phrase("its commit {name} has no date that is one", name=name)) from None
    return _Commit(name, tree.decode(), tuple(parents.decode().split()[1::2]), at)


def _held(repository: git_objects.Repository, commit: str, names: tuple[bytes, ...]) -> str | None:
    """The id of what a commit holds at the file's place; None where that is no file."""
    at = _commit(repository, commit).tree
    for name in names[:-1]:
        folder = repository.entry(at, name)
        if folder is None or folder.mode != _FOLDER:
            return None
        at = folder.id
    file = repository.entry(at, names[-1])
    return file.id if file is not None and file.mode in _FILES else None


def _last_change(
    repository: git_objects.Repository, head: str, names: tuple[bytes, ...], held: str
) -> _Commit:
    """The commit from which on the file is what it is: the first, going back from ``head``, whose
    parents all hold something else there (git log's own way through merges)."""
    at = head
    while True:
        commit = _commit(repository, at)
        if repository.is_cut_off_at(at):
            return commit
        same = (p for p in commit.parents if _held(repository, p, names) == held)
        before = next(same, None)
        if before is None:
            return commit
        at = before
