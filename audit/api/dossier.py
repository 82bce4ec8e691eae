"""What a report says beside the case and its verdicts: the packs, the register, one person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evenhand.audit.artifacts.person import Explanation
    from evenhand.audit.case.case import Case
    from evenhand.audit.reports.parts.dossier import Dossier, PackFacts
    from evenhand.policies.pack import Pack


def dossier_of(
    case: Case,
    packs: Sequence[Pack],
    day: date,
    *,
    person: Explanation | None = None,
    of: str = "html",
    standing: str = "",
    appendix: bool = False,
    letter: Path | None = None,
) -> Dossier:
    """What a report of a case says of packs, register (and what came along) and one person."""
    from evenhand.audit.register.opening import entries_for
    from evenhand.audit.reports.letters.letter import read_letter
    from evenhand.audit.reports.parts.dossier import Dossier

    return Dossier(
        packs=tuple(_facts(p) for p in packs),
        entries=entries_for(case),
        as_of=day.isoformat(),
        person=person,
        of=of,
        standing=standing,
        appendix=appendix,
        letter=read_letter(letter) if letter else "",
    )


def _facts(pack: Pack) -> PackFacts:
    from evenhand.audit.reports.parts.dossier import ChangeRow, PackFacts
    from evenhand.policies.pack import shipped_packs
    from evenhand.policies.terms import role_zh
    from evenhand.policies.words import texts

    nowhere = pack.line()  # what has no line of its own is said to be where the file begins
    lines = {
        item.id: line
        for index, item in enumerate(pack.items)
        if (line := pack.line("items", index)) not in (None, nowhere)
    }
    made = pack.extended
    extends = pack.line("extends") if made else None
    is_shipped = pack.id in shipped_packs() and Path(pack.name).is_absolute()
    return PackFacts(
        id=pack.id,
        version=pack.version,
        digest=pack.digest,
        title=texts(pack.title),
        state=pack.legal_status.state,
        checked_on=pack.legal_status.checked_on.isoformat(),
        file="" if is_shipped else _from_here(pack.name),
        lines={**lines, **({"extends": extends} if extends else {})},
        extends=f"{made.id} {made.version} ({made.digest})" if made else "",
        changes=tuple(ChangeRow(c.item, c.part, c.before, c.after) for c in made.changes)
        if made
        else (),
        roles={
            item.id: {"en": item.attest.role, "zh": role_zh(item.attest.role)}
            for item in pack.items
            if item.attest is not None
        },
    )


def _from_here(name: str) -> str:
    """A file's path from the working folder (in a pipeline: the repository) if it lies there."""
    path = Path(name)
    if not path.is_absolute():
        return name
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else name
