"""A case handed on with what its verdicts rest on; ``audit.register.opening`` reads it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from evenhand.audit.case.case import Case
    from evenhand.audit.register.register import Entry
    from evenhand.policies.pack import Pack

_OF_THE_CASE = ("case", "signature", "sign-off")
_STATED = ("fact", "attestation", "waiver")


@dataclass(frozen=True)
class Handover:
    """An archive to hand on: its bytes, the entries in it, the evidence that it could not take
    along, and the name of the key that signed it."""

    archive: bytes
    entries: tuple[Entry, ...]
    evidence: int
    lacking: tuple[str, ...]
    key: str


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
    archive = archive_bytes(case, files)
    return Handover(archive, used, len(evidence), lacking, signer.public.id)


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
