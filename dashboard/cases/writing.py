"""What people write from the dashboard: attestations, waivers and sign-offs; nothing else.

Each write asks ``identity`` again who is there, reads the case and the register anew from the disk,
and goes through ``evenhand.policies.recording``, which refuses what the command line would refuse
too. What a form was drawn for (case, pack) must still be so: nobody signs what they were not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from evenhand.audit.case.case import Case, read_case
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.register.binding import REACHES, About, Binding, Reach, about, bind, is_within
from evenhand.audit.register.register import Entry, Register, home
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import archives, store
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.server.identity import RefusedError, SignedIn
from evenhand.policies import recording
from evenhand.policies.facts import statement
from evenhand.policies.judge import judge
from evenhand.policies.pack import Pack
from evenhand.policies.recording import EvidenceContent
from evenhand.policies.schema import Item
from evenhand.policies.statements import widest
from evenhand.policies.verdict import Verdict

SETTLED = ("pass", "attested", "not-applicable", "not-yet-applicable")


@dataclass(frozen=True)
class Bound:
    """Where a form says that a statement answers: what ``audit.register.binding.bind`` takes."""

    to: Reach | None = None
    system: str = ""
    organisation: str = ""

    def binding(self, here: About, item: Item, kind: str) -> Binding:
        """What that is for a statement of ``kind`` on ``item``. Raises InputError as ``bind``."""
        names = {"system": self.system, "organisation": self.organisation}
        return bind(here, widest(item, kind), to=self.to, **names)


def reaches(item: Item, kind: str) -> tuple[Reach, ...]:
    """Where statements of ``kind`` on an item may answer, the narrowest first."""
    return tuple(reach for reach in REACHES if is_within(reach, widest(item, kind)))


def attest(
    person: SignedIn,
    shown: Case,
    pack: Pack,
    item: Item,
    *,
    answer: str,
    statement: str,
    bound: Bound | None = None,
    evidence: Sequence[EvidenceContent] = (),
    expires: date | None = None,
) -> Entry:
    """Records that ``person`` answers ``item``; the evidence files are kept beside the register.

    ``bound`` is where the answer holds; None for what the item is about.

    Raises RefusedError for a person whose role, or whose list of pack roles, does not allow it, and
    InputError for what ``recording.attestation`` refuses.
    """
    person.require("attest")
    if item.attest is None:
        raise InputError(
            "{item} is measured: nobody attests it", remedy="waive it instead", item=item.id
        )
    if not person.may_sign_as(item.attest.role):
        raise RefusedError(
            "{person!r} may not sign as {role!r}",
            remedy="have the {role} sign, or add signs_as to dashboard.yaml",
            person=person.name,
            role=item.attest.role,
        )
    case, register, entries = _as_shown(shown)
    here, now = about(case, entries), datetime.now(UTC)
    signer = person.signer(item.attest.role)
    binds = (bound or Bound()).binding(here, item, "attestation")
    body = recording.attestation(
        case,
        pack,
        item,
        answer=answer,
        statement=statement,
        signer=signer,
        binds=binds,
        evidence=evidence,
        expires=expires,
        at=now,
    )
    naming = recording.naming(case, here, binds, signer, now)
    recording.keep_evidence(home() / "evidence", evidence)
    if naming is not None:
        register.append("fact", naming)
    return register.append("attestation", body)


def waive(
    person: SignedIn,
    shown: Case,
    pack: Pack,
    item: Item,
    *,
    reason: str,
    owner: str,
    expires: date,
    compensating: Sequence[str],
    bound: Bound | None = None,
) -> Entry:
    """Records that ``person`` allows ``owner`` to live with ``item`` for a while.

    Raises RefusedError for a person who is no approver, InputError for what ``recording.waiver``
    refuses: an approver who is the owner among it.
    """
    person.require("waive")
    case, register, entries = _as_shown(shown)
    here, now = about(case, entries), datetime.now(UTC)
    approver = person.signer("approver")
    binds = (bound or Bound()).binding(here, item, "waiver")
    body = recording.waiver(
        case,
        pack,
        item,
        reason=reason,
        owner=owner,
        approver=approver,
        binds=binds,
        expires=expires,
        compensating=[line.strip() for line in compensating if line.strip()],
        at=now,
    )
    naming = recording.naming(case, here, binds, approver, now)
    if naming is not None:
        register.append("fact", naming)
    return register.append("waiver", body)


def sign_off(
    person: SignedIn, shown: Case, packs: Sequence[Pack], *, statement: str, accepts: Sequence[str]
) -> Entry:
    """Records that ``person`` accepts the case with every item that is open at this moment.

    Raises RefusedError for a person who is no approver, InputError where ``accepts`` does not name
    every open item (one may have opened since the page was drawn).
    """
    person.require("sign-off")
    case, register, entries = _as_shown(shown)
    now = datetime.now(UTC)
    verdicts = [v for pack in packs for v in judge(case, pack, entries, as_of=now.date())]
    body = recording.sign_off(
        case,
        packs,
        verdicts,
        statement=statement,
        signer=person.signer("approver"),
        accepts=accepts,
        at=now,
    )
    return register.append("sign-off", body)


def state_facts(
    person: SignedIn, shown: Case, packs: Sequence[Pack], facts: Mapping[str, object]
) -> Entry:
    """Records facts of the case that packs ask for; nothing is measured again for them.

    Raises RefusedError for who may not attest, InputError for none, and for what
    ``policies.facts.statement`` refuses.
    """
    person.require("attest")
    if not facts:
        raise InputError("no fact is stated", remedy="answer at least one of the questions")
    case, register, _ = _as_shown(shown)
    body = statement(
        case,
        packs,
        facts=facts,
        roles={},
        by=person.name,
        at=datetime.now(UTC),
        known_by=person.known_by,
        subject=person.signer("").subject,
    )
    return register.append("fact", body)


def evidence_file(name: str, content: bytes, kind: str | None) -> EvidenceContent:
    """An uploaded file as evidence. Its name is a stranger's: no path is kept of it.

    >>> evidence_file("../a/b.txt", b"x", None).name
    'b.txt'
    """
    plain = visible(name.replace("\\", "/").rsplit("/", 1)[-1]).strip() or "unnamed"
    if len(content) > recording.MOST_BYTES:
        raise InputError(
            "{plain} has {n_content} bytes, more than {most_bytes}",
            remedy="attest with a smaller file that names where the large one is kept",
            plain=plain,
            n_content=len(content),
            most_bytes=recording.MOST_BYTES,
        )
    return EvidenceContent(plain[:200], content, kind)


def open_items(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What a sign-off has to name: what neither passes nor is attested (a waived item too)."""
    return [v for v in verdicts if v.status not in SETTLED]


def sign_offs(case: Case, entries: Sequence[Entry]) -> list[Entry]:
    """The sign-offs of this case, oldest first."""
    heard = [e for e in entries if e.kind == "sign-off" and e.vouched]
    return [e for e in heard if e.body.get("case") == case.digest]


def signed(entry: Entry, t: Translator) -> str:
    """One sign-off in a sentence, as plain text."""
    body = entry.body
    return t(
        "checklist.signed",
        name=visible(body.get("by", "")),
        date=store.moment(body.get("signed_at")),
        number=len(body.get("accepted") or ()),
        known=t(f"login.known_by.{body.get('known_by') or 'stated'}"),
    )


def _as_shown(shown: Case) -> tuple[Case, Register, tuple[Entry, ...]]:
    """The case as it is on the disk now, and the register with its entries, both checked."""
    archives.require_folder(shown.path)
    case = read_case(shown.path)
    if case.digest != shown.digest:
        raise AlteredEvidenceError(
            "case {shown_path} is not the one that the page showed",
            remedy="open the page again, and look at what it shows now",
            shown_path=shown.path,
        )
    register = Register()
    return case, register, register.snapshot()
