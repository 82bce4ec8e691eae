"""What a report knows beside a case and its verdicts: packs, register, and one person's reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evenhand.audit.artifacts.person import Explanation
from evenhand.audit.case.case import Case
from evenhand.audit.register.binding import UNBOUND, about, binding_of
from evenhand.audit.register.register import Entry
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import moment

WITHHELD = "withheld"
_NAMES = ("by", "owner", "approved_by", "subject")


@dataclass(frozen=True)
class ChangeRow:
    """One part of an item that a house pack changed, as text."""

    item: str
    part: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class PackFacts:
    """A pack that judged: what a reader must know to find it and to trust it.

    ``file`` is the file that was read, ``lines`` the line of each item in it (items that a house
    pack only inherits have none), ``extends`` the pack that it was made of, with its version,
    ``roles`` who is asked by each item that asks people, by language.
    """

    id: str
    version: str
    digest: str
    title: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    checked_on: str = ""
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    extends: str = ""
    changes: tuple[ChangeRow, ...] = ()
    roles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Dossier:
    """``entries`` is the register as it stands; ``person`` an explanation of one row
    (``evenhand.audit.run.one_person``); ``of`` the format whose page a PDF holds,
    ``appendix`` whether with all that is folded on the screen; ``letter`` the creditor's own text
    (``letters.letter``); ``standing``
    how the case stands with the register ("registered", "unknown"; "" where nobody looked)."""

    packs: tuple[PackFacts, ...] = ()
    entries: tuple[Entry, ...] = ()
    as_of: str = ""
    person: Explanation | None = None
    of: str = "html"
    standing: str = ""
    appendix: bool = False
    letter: str = ""

    def for_the_public(self) -> Dossier:
        """Without the names of people who signed: their roles stay."""
        return replace(self, entries=tuple(_nameless(e) for e in self.entries))

    def pack(self, pack_id: str) -> PackFacts | None:
        """The facts of a pack, if it is among those that judged."""
        return next((p for p in self.packs if p.id == pack_id), None)

    def role(self, pack_id: str, item: str, lang: str) -> str:
        """Who has to answer an item; "" where the pack is not at hand, or asks nobody."""
        pack = self.pack(pack_id)
        asked = pack.roles.get(item, {}) if pack else {}
        return asked.get(lang) or asked.get("en", "")

    def statements(self, case: Case, kind: str) -> list[Entry]:
        """Attestations or waivers of items of the packs that judged, bound to what the case is
        about; whether one counts is the verdict's to say."""
        here = about(case, self.entries)
        return [
            e
            for e in self._said(kind)
            if (binds := binding_of(e)) is not None and binds.holds(here)
        ]

    def unbound(self, case: Case, kind: str) -> list[Entry]:
        """Those of an older version, made of the case's model: they are bound to nothing."""
        digests = {*case.subject.digests.values(), "*"}
        return [
            e
            for e in self._said(kind)
            if binding_of(e) is None and e.body.get("model_digest") in digests
        ]

    def _said(self, kind: str) -> list[Entry]:
        judged = {p.id for p in self.packs}
        return [
            e for e in self.entries if e.kind == kind and e.vouched and e.body.get("pack") in judged
        ]

    def sign_offs(self, case: Case) -> list[Entry]:
        """Who accepted this very case."""
        return [
            e
            for e in self.entries
            if e.kind == "sign-off" and e.vouched and e.body.get("case") == case.digest
        ]

    def run_on_this_data(self, case: Case) -> tuple[int, int] | None:
        """(k, n): this case is the k-th of n on the same data that the register knows."""
        data = case.subject.digests.get("data")
        known = [
            str(e.body.get("digest"))
            for e in self.entries
            if e.kind == "case" and data and _mapping(e.body.get("digests")).get("data") == data
        ]
        same = list(dict.fromkeys(known))
        return (same.index(case.digest) + 1, len(same)) if case.digest in same else None

    def used(self, case: Case) -> list[Entry]:
        """The register entries that a report on the case rests on, in order."""
        own = [e for e in self.entries if e.kind == "case" and e.body.get("digest") == case.digest]
        found = [*own, *self.sign_offs(case)]
        for kind in ("attestation", "waiver"):
            found += self.statements(case, kind)
        return sorted(found, key=lambda e: e.seq)


def sources(case: Case, dossier: Dossier, say: Words) -> list[tuple[str, str]]:
    """Where everything in a report is from: the case, the packs, the register, the day."""
    rows = [(say("src_case"), case.digest)]
    if dossier.standing == "unknown":
        rows.insert(0, (say("src_standing"), say("src_unknown")))
    for pack in dossier.packs:
        rows.append((say("src_pack", pack=pack.id, version=pack.version), pack.digest))
    used = dossier.used(case)
    told = say.listed([f"{e.seq} ({say.term('entry', e.kind)})" for e in used])
    rows.append((say("src_register"), told or say("src_no_entry")))
    if used:
        rows.append((say("src_last_entry", seq=used[-1].seq), used[-1].digest))
    if dossier.as_of:
        rows.append((say("src_as_of"), dossier.as_of))
    place = dossier.run_on_this_data(case)
    if place is not None:
        rows.append((say("src_run"), say("src_run_of", k=place[0], n=place[1])))
    rows.append((say("src_evenhand"), case.environment.evenhand or "–"))
    return rows


@dataclass(frozen=True)
class StatementRow:
    """A statement of a person, ready to be shown: a row of a table."""

    seq: int
    kind: str
    what: str
    who: str
    when: str
    until: str
    said: str
    more: str
    counts: bool = True  # False for what is bound to nothing


def signatures(case: Case, dossier: Dossier, say: Words) -> list[StatementRow]:
    """Attestations, waivers and sign-offs about the case, oldest first."""
    entries: list[Entry] = dossier.sign_offs(case)
    for kind in ("attestation", "waiver"):
        entries += [*dossier.statements(case, kind), *dossier.unbound(case, kind)]
    makers = {"attestation": _attestation, "waiver": _waiver, "sign-off": _sign_off}
    here = about(case, dossier.entries)
    made = []
    for entry in sorted(entries, key=lambda e: e.seq):
        binds, row = binding_of(entry), makers[entry.kind](entry, say)
        bound = binds.words(say.lang, here) if binds else UNBOUND[say.lang]
        told = say.joined(say("sig_for", what=bound), row.more)
        made.append(replace(row, more=told, counts=binds is not None))
    return made


def _attestation(entry: Entry, say: Words) -> StatementRow:
    body = entry.body
    evidence = [
        f"{e.get('kind') or say('sig_file')}: {e.get('path')} ({e.get('sha256')})"
        for e in body.get("evidence") or ()
    ]
    return StatementRow(
        seq=entry.seq,
        kind=entry.kind,
        what=f"{body['pack']}:{body['item']}",
        who=_who(body.get("by"), body.get("role"), say),
        when=moment(body.get("signed_at")),
        until=str(body.get("expires") or ""),
        said=f"{say.term('attest', str(body.get('answer')))}: {body.get('statement')}",
        more=say.listed(evidence),
    )


def _waiver(entry: Entry, say: Words) -> StatementRow:
    body = entry.body
    who = say(
        "sig_owner",
        owner=_name(body.get("owner"), say),
        approver=_name(body.get("approved_by"), say),
    )
    meanwhile = [str(c) for c in body.get("compensating") or ()]
    return StatementRow(
        seq=entry.seq,
        kind=entry.kind,
        what=f"{body['pack']}:{body['item']}",
        who=who,
        when=str(body.get("created") or ""),
        until=str(body.get("expires") or ""),
        said=str(body.get("reason") or ""),
        more=say("sig_meanwhile", measures=say.listed(meanwhile)) if meanwhile else "",
    )


def _sign_off(entry: Entry, say: Words) -> StatementRow:
    body = entry.body
    accepted = [
        f"{a.get('pack')}:{a.get('item')} ({say.term('status', str(a.get('status')))})"
        for a in body.get("accepted") or ()
    ]
    return StatementRow(
        seq=entry.seq,
        kind=entry.kind,
        what=say("sig_case"),
        who=_who(body.get("by"), body.get("role"), say),
        when=moment(body.get("signed_at")),
        until="",
        said=str(body.get("statement") or ""),
        more=say("sig_accepted", items=say.listed(accepted)) if accepted else "",
    )


def _who(name: object, role: object, say: Words) -> str:
    return f"{_name(name, say)} ({role})" if role else _name(name, say)


def _name(name: object, say: Words) -> str:
    return say("sig_withheld") if name == WITHHELD else str(name or "–")


def _nameless(entry: Entry) -> Entry:
    body = {k: WITHHELD if k in _NAMES and v else v for k, v in entry.body.items()}
    return replace(entry, body=body)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
