"""Where in a file the reader finds what a verdict is about: the item's line in its pack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts.dossier import Dossier, PackFacts
from evenhand.policies.verdict import Verdict


@dataclass(frozen=True)
class Place:
    """A line of a file. ``file`` is relative to the repository where ``is_in_repository``, else to
    the case folder."""

    file: str
    line: int
    is_in_repository: bool


def place_of(case: Case, verdict: Verdict, dossier: Dossier) -> Place | None:
    """The item's line in the pack that was read; None where its file is not at hand.

    Of a house pack the file holds what was added or tightened: an item that is only inherited has
    no line there, and the place is the line at which the pack says what it extends, or the first.
    """
    pack = dossier.pack(verdict.pack)
    if pack is None or pack.version != verdict.pack_version:
        return None
    line = pack.lines.get(verdict.item) or pack.lines.get("extends") or 1
    file = PurePosixPath(pack.file)
    if pack.file and not file.is_absolute() and ".." not in file.parts:
        return Place(file.as_posix(), line, True)
    return _copy_in_case(case, pack, line)


def _copy_in_case(case: Case, pack: PackFacts, line: int) -> Place | None:
    """The copy that the case keeps, if it is this very pack."""
    name = f"packs/{pack.id}.yaml"
    if case.files.get(name) != pack.digest:
        return None
    inside = in_repository(case, name)
    return Place(inside or name, line, inside is not None)


def in_repository(case: Case, name: str) -> str | None:
    """A file of the case named from the repository's root, where the case lies below it."""
    folder = case.path
    if folder.is_absolute() or ".." in folder.parts:
        return None
    return f"{folder.as_posix()}/{name}"
