"""A case handed on with what its verdicts rest on, and read again by whoever it is handed to."""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from evenhand.audit.case.case import Case
    from evenhand.audit.case.signing import PublicKey
    from evenhand.audit.register.handover import HandedOver
    from evenhand.audit.register.register import Entry
    from evenhand.audit.register.standing import Standing
    from evenhand.policies.pack import Pack

_OF_THE_CASE = ("case", "signature", "sign-off")
_STATED = ("fact", "attestation", "waiver")
_opened: dict[Path, UnpackedCase] = {}


@dataclass(frozen=True)
class UnpackedCase:
    """An archive that this process unpacked: where its case lies, its signatures by name, and what
    came along (None in an archive of an older version)."""

    case: Path
    signatures: dict[str, bytes]
    handed: HandedOver | None


@dataclass(frozen=True)
class Handover:
    """An archive to hand on: its bytes, the entries in it, and what it could not take along."""

    archive: bytes
    entries: tuple[Entry, ...]
    evidence: int
    lacking: tuple[str, ...]


def hand_over(case: Case, packs: Sequence[Pack], as_of: date | None = None) -> Handover:
    """The archive of a case with the entries that its verdicts by ``packs`` use.

    Raises LimitError for over 256 MiB, InputError where the register can't be used.
    """
    from evenhand.audit.case.signing import own_key
    from evenhand.audit.register.archive import archive_bytes
    from evenhand.audit.register.handover import pieces
    from evenhand.audit.register.register import Register, home
    from evenhand.audit.register.vouching import known_keys

    signer = own_key(home() / "keys")
    heard = [e for e in Register().snapshot() if e.vouched and e.voucher.key]
    day = as_of or datetime.now(UTC).date()
    used = entries_used(case, packs, heard, day)
    evidence, lacking = _evidence(used, home() / "evidence")
    keys = {k.id: k for k in known_keys(home() / "keys")}
    files = pieces(case.digest, used, keys, evidence, signer)
    return Handover(archive_bytes(case, files), used, len(evidence), lacking)


def entries_used(
    case: Case, packs: Sequence[Pack], entries: Iterable[Entry], day: date
) -> tuple[Entry, ...]:
    """The entries about this very case, and of those that are bound to what it is about the fewest
    that give the same verdicts: what was stated of other models is nobody else's business."""
    from evenhand.audit.register.binding import about, binding_of
    from evenhand.policies.judge import judge

    entries = tuple(entries)
    here = about(case, entries)

    def verdicts(stated: Sequence[Entry]) -> list[Any]:
        return [v for pack in packs for v in judge(case, pack, stated, as_of=day)]

    own, stated = [], []
    for entry in entries:
        of_case = case.digest in (entry.body.get("case"), entry.body.get("digest"))
        if entry.kind in _OF_THE_CASE and of_case:
            own.append(entry)
        elif entry.kind in _STATED and (binds := binding_of(entry)) and binds.holds(here):
            stated.append(entry)
    wanted = verdicts(stated)
    for entry in list(stated):
        without = [e for e in stated if e is not entry]
        if verdicts(without) == wanted:
            stated = without
    return tuple(sorted([*own, *stated], key=lambda e: e.seq))


def _evidence(entries: Iterable[Entry], folder: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    found: dict[str, bytes] = {}
    lacking = []
    for entry in entries:
        for file in entry.body.get("evidence") or ():
            name = "sha256:" + str(file.get("sha256", "")).removeprefix("sha256:")
            place = folder / name.removeprefix("sha256:")
            if place.is_file():
                found[name] = place.read_bytes()
            else:
                lacking.append(f"{file.get('path')} of entry {entry.seq}")
    return found, tuple(lacking)


def open_archive(path: Path, keys: Sequence[PublicKey] = ()) -> UnpackedCase:
    """Unpacks an archive for as long as this process lives; ``keys`` are known beside those of
    this home.

    Raises InputError for what is none, AlteredEvidenceError for one that was changed.
    """
    from evenhand.audit.case.case import case_digest
    from evenhand.audit.files.leftovers import make_folder, remove_folder
    from evenhand.audit.register.archive import read_archive, unpack
    from evenhand.audit.register.handover import read_handover
    from evenhand.audit.register.register import home
    from evenhand.audit.register.vouching import known_keys

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
    opened = UnpackedCase(place, signatures, handed)
    _opened[place.resolve()] = opened
    return opened


def handed_with(case: Case) -> HandedOver | None:
    """What came along with a case that was opened from an archive; None for any other."""
    opened = _opened.get(case.path.resolve())
    return opened.handed if opened else None


def entries_for(case: Case) -> tuple[Entry, ...]:
    """The entries that a case is judged by: those that came along with it, then this register's."""
    from evenhand.audit.register.register import Register

    here = Register().snapshot()
    handed = handed_with(case)
    if handed is None:
        return here
    came = {e.digest for e in handed.entries}
    return (*handed.entries, *(e for e in here if e.digest not in came))


def standing_of(case: Case) -> Standing:
    """How a case from an archive stands: with this register, or else with the sender's."""
    from evenhand.audit.register.register import Register
    from evenhand.audit.register.standing import Standing, standing

    here = standing(case.path, case.digest, case.environment.run, Register().snapshot())
    handed = handed_with(case)
    if here.state != "unknown" or handed is None:
        return here
    cases = (e for e in reversed(handed.entries) if e.kind == "case")
    theirs = next((e.seq for e in cases if e.body.get("digest") == case.digest), None)
    but = "" if theirs is None else f" but entry {theirs} of the sender's"
    said = "; ".join([f"not in this register{but}", *handed.said()])
    return Standing("unknown", None, said)
