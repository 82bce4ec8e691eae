"""Objects of a git repository, read without git, so that none of its helpers runs.

A repository that comes from a stranger configures programs that git runs (filters, monitors,
helpers, hooks). Here its files are data: loose objects and packs, within limits of size and time,
each object's hash checked. Nothing outside its own folder is read: no alternates, no links.

Source: git's documentation, gitrepository-layout(5).
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from evenhand.audit.files.git_packs import (
    KINDS,
    MAX_OBJECT,
    GitError,
    GitPack,
    changed,
    inflated,
    opened,
)

MAX_READ = 512 << 20  # bytes that are unpacked in all
MAX_SECONDS = 20.0
MAX_PACKS = 2_000
_MAX_TEXT = 64 << 20  # bytes of packed-refs, the longest of git's text files
_MAX_DEPTH = 4_095  # of deltas upon deltas: git's own
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]{1,1000}")


@dataclass(frozen=True)
class TreeEntry:
    """One name in a folder: ``mode`` as git writes it (0o100644), ``id`` in hexadecimal."""

    mode: int
    id: str


class Repository:
    """The folder that is called .git in a working tree; ``common`` is that of a linked one."""

    def __init__(self, folder: Path, common: Path | None = None) -> None:
        self._folder, self._common = folder.resolve(), (common or folder).resolve()
        self._deadline = time.monotonic() + MAX_SECONDS
        self._read_bytes = 0
        self._packs: list[GitPack] | None = None
        self._cut_off: frozenset[str] | None = None

    def head(self) -> str | None:
        """The id of the commit that is checked out; None before the first one."""
        name = "HEAD"
        for _ in range(5):
            text = self._text(name)
            if text is None:
                return self._packed_ref(name)
            if _ID.fullmatch(text.strip()):
                return text.strip()
            name = text.strip().removeprefix("ref:").strip()
            if not _REF.fullmatch(name) or ".." in name:
                raise GitError(f"{name[:80]!r} is no reference that is read here")
        raise GitError("its references go round in a circle")

    def is_cut_off_at(self, commit: str) -> bool:
        """Whether the history was cloned to this commit and no further back."""
        if self._cut_off is None:
            self._cut_off = frozenset((self._text("shallow") or "").split())
        return commit in self._cut_off

    def object(self, name: str, kind: bytes) -> bytes:
        """The content of the object with this id. Raises GitError."""
        found = self._loose(name) or self._packed(name)
        if found is None:
            raise GitError(f"its {kind.decode()} {name} is missing")
        is_a, content = found
        if is_a != kind or object_id(kind, content, len(name)) != name:
            raise GitError(f"its {kind.decode()} {name} is damaged")
        return content

    def entry(self, tree: str, name: bytes) -> TreeEntry | None:
        """What a folder (a tree object) holds under a name."""
        content, size, at = self.object(tree, b"tree"), len(tree) // 2, 0
        while at < len(content):
            space = content.find(b" ", at)
            end = content.find(b"\0", space)
            if space < 0 or end < 0 or end + size >= len(content) + 1:
                raise GitError(f"its tree {tree} is damaged")
            if content[space + 1 : end] == name:
                mode = content[at:space]
                if not re.fullmatch(rb"[0-7]{1,7}", mode):
                    raise GitError(f"its tree {tree} is damaged")
                return TreeEntry(int(mode, 8), content[end + 1 : end + 1 + size].hex())
            at = end + 1 + size
        return None

    def _text(self, name: str) -> str | None:
        """A text file of the repository; HEAD is a linked working tree's own."""
        place = (self._folder if name == "HEAD" else self._common) / name
        file = opened(place, self._folder if name == "HEAD" else self._common)
        if file is None:
            return None
        with file:
            raw = file.read(_MAX_TEXT + 1)
        if len(raw) > _MAX_TEXT:
            raise GitError(f"its {name} is over {_MAX_TEXT >> 20} MiB")
        return raw.decode("utf-8", "replace")

    def _packed_ref(self, name: str) -> str | None:
        for line in (self._text("packed-refs") or "").splitlines():
            known, _, what = line.partition(" ")
            if what == name and _ID.fullmatch(known):
                return known
        return None

    def spend(self, n_bytes: int) -> None:
        """Counts what was unpacked. Raises GitError past the limits."""
        self._read_bytes += n_bytes
        if self._read_bytes > MAX_READ or time.monotonic() > self._deadline:
            raise GitError(
                f"its history takes more than {MAX_SECONDS:g} seconds or {MAX_READ >> 20} MiB to "
                "follow"
            )

    def _loose(self, name: str) -> tuple[bytes, bytes] | None:
        file = opened(self._common / "objects" / name[:2] / name[2:], self._common)
        if file is None:
            return None
        with file:
            raw = inflated(file, MAX_OBJECT + 64)
        self.spend(len(raw))
        header, nul, content = raw.partition(b"\0")
        kind, _, size = header.partition(b" ")
        if not nul or not size.isdigit() or len(size) > 10 or int(size) != len(content):
            raise GitError(f"its object {name} is damaged, or over {MAX_OBJECT >> 20} MiB")
        return kind, content

    def _packed(self, name: str) -> tuple[bytes, bytes] | None:
        for pack in self._known_packs():
            at = pack.offset(name)
            if at is not None:
                return self._resolved(pack, at, len(name) // 2)
        return None

    def _known_packs(self) -> list[GitPack]:
        if self._packs is None:
            folder = self._common / "objects" / "pack"
            try:
                names = sorted(n for n in os.listdir(folder) if n.endswith(".idx"))
            except OSError:
                names = []
            if len(names) > MAX_PACKS:
                raise GitError(f"it has {len(names):,} packs, over {MAX_PACKS:,}")
            self._packs = [GitPack(folder / n, self._common) for n in names]
        return self._packs

    def _resolved(self, pack: GitPack, at: int, width: int) -> tuple[bytes, bytes]:
        """An object of a pack, the changes that it is kept as applied to what they change."""
        changes: list[bytes] = []
        while True:
            kind, content, base = pack.read(at, width)
            self.spend(len(content))
            if kind in KINDS:
                break
            changes.append(content)
            found = base if isinstance(base, int) else pack.offset(base)
            if found is None or len(changes) > _MAX_DEPTH or found in (at, 0):
                raise GitError("one of its packs is damaged")
            at = found
        for change in reversed(changes):
            content = changed(content, change)
            self.spend(len(content))
        return KINDS[kind], content


def repository_of(file: Path) -> tuple[Repository, tuple[bytes, ...]] | None:
    """The repository whose working tree holds ``file`` (links in its path followed), and the names
    that lead to the file in it. None where there is none. Raises GitError."""
    place = file.resolve()
    for folder in place.parents:
        inside = folder / ".git"
        names = tuple(os.fsencode(part) for part in place.relative_to(folder).parts)
        if inside.is_dir() and not inside.is_symlink():
            if (inside / "objects").is_dir() and (inside / "HEAD").exists():
                return Repository(inside), names
        elif os.path.lexists(inside):
            return _linked(inside), names
    return None


def object_id(kind: bytes, content: bytes, length: int = 40) -> str:
    """The id that git gives to content: of 40 digits (SHA-1) or 64 (SHA-256)."""
    made = b"%s %d\0%s" % (kind, len(content), content)
    if length == 64:
        return hashlib.sha256(made).hexdigest()
    return hashlib.sha1(made, usedforsecurity=False).hexdigest()


def _linked(pointer: Path) -> Repository:
    """The repository that a file called .git names: one of whose own folders says that the working
    tree is its own (git worktree), or that lies in a .git around it (a submodule)."""
    elsewhere = GitError(f"{pointer} names a repository elsewhere that knows nothing of it")
    named = _line(pointer, pointer.parent, "gitdir:")
    if named is None:
        raise elsewhere
    folder = (pointer.parent / named).resolve()
    modules = [p / ".git" / "modules" for p in pointer.parent.resolve().parents]
    if any(folder.is_relative_to(place) for place in modules):
        return Repository(folder)
    back, common = _line(folder / "gitdir", folder), _line(folder / "commondir", folder)
    if back is None or common is None or Path(back).resolve() != pointer.resolve():
        raise elsewhere
    shared = (folder / common).resolve()
    if folder.parent != shared / "worktrees":
        raise elsewhere
    return Repository(folder, shared)


def _line(path: Path, inside: Path, start: str = "") -> str | None:
    """The rest of a short text file's only line."""
    file = opened(path, inside.resolve())
    if file is None:
        return None
    with file:
        text = file.read(4_097).decode("utf-8", "replace").strip()
    if len(text) > 4_000 or not text.startswith(start) or "\n" in text or "\0" in text:
        return None
    return text.removeprefix(start).strip() or None
