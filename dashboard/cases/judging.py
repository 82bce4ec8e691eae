"""Which packs a case can be judged by, and the verdicts of one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.audit.register.register import Entry
from evenhand.audit.words.phrases import as_is
from evenhand.dashboard.cases.store import Cover
from evenhand.policies.judge import judge
from evenhand.policies.pack import Pack, load_pack, shipped_packs
from evenhand.policies.verdict import VERDICT_STATUSES, Verdict, VerdictStatus


@dataclass(frozen=True)
class PackChoice:
    """A pack on offer. ``planned``: it was asked for before anything was measured."""

    ref: str
    pack: Pack | None
    planned: bool = False
    problem: str = ""

    @property
    def title(self) -> Mapping[str, str]:
        """The pack's title by language; its id where it cannot be loaded."""
        return dict(self.pack.title.items()) if self.pack else {"en": self.ref}


def planned(case: Case | Cover) -> list[PackChoice]:
    """The packs as they were when the audit was planned, read from the case."""
    names = [name for name in case.files if name.startswith("packs/")]
    return [_load(case.path / name, planned=True) for name in names]


def shipped() -> list[PackChoice]:
    """The packs that come with evenhand."""
    return [_load(ref) for ref in shipped_packs()]


def choices(own: Sequence[PackChoice], others: Sequence[PackChoice]) -> list[PackChoice]:
    """Planned packs first, then the shipped ones; a shipped pack that the plan has in another
    version is offered as ``id@version``, so that a link says which of the two it means."""
    taken = {choice.ref: choice for choice in own}
    offered = list(own)
    for choice in others:
        same = taken.get(choice.ref)
        if same is None:
            offered.append(choice)
        elif choice.pack and same.pack and choice.pack.digest != same.pack.digest:
            offered.append(replace(choice, ref=f"{choice.ref}@{choice.pack.version}"))
    return offered


def verdicts(
    case: Case, choice: PackChoice, entries: Sequence[Entry], as_of: date
) -> tuple[Verdict, ...]:
    """The verdicts of one pack on one case. Raises EvenhandError where it cannot be judged."""
    if choice.pack is None:
        raise EvenhandError(as_is(choice.problem))
    return judge(case, choice.pack, entries, as_of=as_of)


def last_statement(entries: Sequence[Entry]) -> str:
    """The digest of the last entry that a judge reads; the chain makes it tell all before it."""
    told = (e.digest for e in reversed(entries) if e.kind in ("fact", "attestation", "waiver"))
    return next(told, "")


def total(parts: Sequence[Mapping[VerdictStatus, int]]) -> dict[VerdictStatus, int]:
    """The counts of several packs added up."""
    added: Counter[VerdictStatus] = Counter()
    for part in parts:
        added.update(part)
    return {status: added[status] for status in VERDICT_STATUSES}


def _load(ref: str | Path, *, planned: bool = False) -> PackChoice:
    try:
        pack = load_pack(ref)
    except EvenhandError as error:
        return PackChoice(Path(ref).stem, None, planned, str(error))
    return PackChoice(pack.id, pack, planned)
