"""An exported archive opened for as long as this process lives, read as a case folder is read."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evenhand.audit.case.case import Case, case_digest
from evenhand.audit.case.signing import PublicKey
from evenhand.audit.errors import InputError
from evenhand.audit.files.leftovers import make_folder, remove_folder
from evenhand.audit.register.archive import read_archive, unpack
from evenhand.audit.register.handover import HandedOver, read_handover
from evenhand.audit.register.register import Entry, Register, home
from evenhand.audit.register.standing import Standing, standing
from evenhand.audit.register.vouching import known_keys

_opened: dict[Path, UnpackedCase] = {}


@dataclass(frozen=True)
class UnpackedCase:
    """An ``archive`` that this process unpacked: where its ``case`` lies, its signatures by name,
    and what came along (None in an archive of an older version)."""

    archive: Path
    case: Path
    signatures: dict[str, bytes]
    handed: HandedOver | None


def open_archive(path: Path, keys: Sequence[PublicKey] = ()) -> UnpackedCase:
    """Unpacks an archive for as long as this process lives; ``keys`` are known beside those of
    this home.

    Raises InputError for what is none, AlteredEvidenceError for one that was changed.
    """
    files = read_archive(path)
    folder = make_folder()
    atexit.register(remove_folder, folder)
    place = unpack(files, folder)
    if not (place / "seal.json").is_file():
        raise InputError(
            "{path} holds no sealed case", remedy="`evenhand export CASE` writes one", path=path
        )
    known = {k.id: k for k in (*known_keys(home() / "keys"), *keys)}
    handed = read_handover(files, case_digest(place), known, path)
    signatures = {
        n.removeprefix("signatures/"): d for n, d in files.items() if n.startswith("signatures/")
    }
    opened = UnpackedCase(path, place, signatures, handed)
    _opened[place.resolve()] = opened
    return opened


def archive_of(place: Path) -> UnpackedCase | None:
    """The archive that the case at ``place`` was opened from; None for any other case."""
    return _opened.get(place.resolve())


def handed_with(case: Case) -> HandedOver | None:
    """What came along with a case that was opened from an archive; None for any other."""
    opened = archive_of(case.path)
    return opened.handed if opened else None


def entries_for(case: Case) -> tuple[Entry, ...]:
    """The entries that a case is judged by: those that came along with it, then this register's."""
    return entries_at(case.path, Register().snapshot())


def entries_at(place: Path, here: Sequence[Entry]) -> tuple[Entry, ...]:
    """Those of the case at ``place``; ``here`` are the entries of this register."""
    opened = archive_of(place)
    if opened is None or opened.handed is None:
        return tuple(here)
    came = {e.digest for e in opened.handed.entries}
    return (*opened.handed.entries, *(e for e in here if e.digest not in came))


def standing_of(case: Case) -> Standing:
    """How a case from an archive stands: with this register, or else with the sender's."""
    here = standing(case.path, case.digest, case.environment.run, Register().snapshot())
    handed = handed_with(case)
    if here.state != "unknown" or handed is None:
        return here
    cases = (e for e in reversed(handed.entries) if e.kind == "case")
    theirs = next((e.seq for e in cases if e.body.get("digest") == case.digest), None)
    but = "" if theirs is None else f" but entry {theirs} of the sender's"
    said = "; ".join([f"not in this register{but}", *handed.said()])
    return Standing("unknown", None, said)
