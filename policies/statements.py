"""What people put on the register: attestations and waivers, read and checked.

An entry that cannot be read stops the judging (exit code 2): a judge that passes over it would
decide on half of the record. As the register is never edited, a later readable entry of the same
kind for the same item takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evenhand.audit.case.plan import PlannedSubject
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import digest_json
from evenhand.audit.register.register import Entry
from evenhand.audit.words.text import name, short
from evenhand.policies.schema import Answer, Attest, Item, Pack, add_duration
from evenhand.policies.terms import evidence_zh, role_zh
from evenhand.policies.words import ANSWER_ZH, Words, say

MAX_WAIVER_DAYS = 180
Filled = Annotated[str, Field(min_length=1, pattern=r"\S")]
Sha256 = Annotated[str, Field(pattern=r"^(sha256:)?[0-9a-f]{64}$")]
AnyDigest = Annotated[str, Field(pattern=r"^(\*|sha256:[0-9a-f]{64})$")]


class _Statement(BaseModel):
    # other keys (a ticket, a signature) are kept in the register and do not concern the judge
    model_config = ConfigDict(frozen=True, extra="ignore")

    pack: Filled
    item: Filled
    model_digest: AnyDigest


class EvidenceFile(BaseModel):
    """A file that an attestation leans on; ``kind`` says which of the required ones it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: Filled
    sha256: Sha256
    kind: str | None = None


class Attestation(_Statement):
    """A signed answer to one item. It is valid through the day ``expires``.

    ``item_digest`` (see ``item_digest``) lets it outlive a new version of the pack that asks the
    same; without it, it counts for ``pack_version`` alone.
    """

    pack_version: Filled
    item_digest: str | None = None
    answer: Answer
    statement: Filled
    by: Filled
    role: Filled
    signed_at: datetime
    expires: date | None = None
    evidence: tuple[EvidenceFile, ...] = ()

    @property
    def signed_on(self) -> date:
        """The day of signing, in UTC where a time zone is given."""
        at = self.signed_at
        return (at.astimezone(UTC) if at.tzinfo else at).date()


class Waiver(_Statement):
    """A limited permission to go on in spite of an item. It never changes what was found."""

    reason: Filled
    owner: Filled
    approved_by: Filled
    created: date
    expires: date
    compensating: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _limited(self) -> Waiver:
        if self.owner.strip().casefold() == self.approved_by.strip().casefold():
            raise ValueError("a waiver is approved by somebody else than its owner")
        if not self.created <= self.expires <= self.created + timedelta(days=MAX_WAIVER_DAYS):
            raise ValueError(
                f"a waiver ends after it starts and lasts at most {MAX_WAIVER_DAYS} days"
            )
        return self


@dataclass(frozen=True)
class Statements:
    """A pack's attestations and waivers by item, oldest first.

    An attestation of another pack's item stands with every item that crosswalks to it. What nobody
    known vouches for (put into the database by hand, or by an older version) is not heard.
    """

    attestations: Mapping[str, tuple[Attestation, ...]]
    waivers: Mapping[str, tuple[Waiver, ...]]
    unvouched: Mapping[str, tuple[int, ...]]  # entries that say something and are not heard


def read_statements(register: Sequence[Entry], pack: Pack) -> Statements:
    """The statements about one pack. Raises InputError for entries that cannot be read."""
    answers = _crosswalks(pack)
    attestations: dict[str, list[Attestation]] = {}
    waivers: dict[str, list[Waiver]] = {}
    unvouched: dict[str, list[int]] = {}
    problems: dict[tuple[str, object], str] = {}
    for entry in register:
        body = entry.body
        if entry.kind not in ("attestation", "waiver"):
            continue
        other = isinstance(body.get("pack"), str) and body["pack"] not in ("", pack.id)
        about = f"{body.get('pack')}:{body.get('item')}"
        if other and (entry.kind == "waiver" or about not in answers):
            continue
        if not entry.vouched:
            for item in answers.get(about, ()) if other else (str(body.get("item")),):
                unvouched.setdefault(item, []).append(entry.seq)
            continue
        key = (entry.kind, about if isinstance(body.get("item"), str) else entry.seq)
        try:
            if entry.kind == "attestation":
                attestation = Attestation.model_validate(body)
                for item in answers[about] if other else (attestation.item,):
                    attestations.setdefault(item, []).append(attestation)
            else:
                waiver = Waiver.model_validate(body)
                waivers.setdefault(waiver.item, []).append(waiver)
        except ValidationError as error:
            problems[key] = f"register entry {entry.seq} ({entry.kind}): {first_problem(error)}"
        else:
            problems.pop(key, None)
    if problems:
        raise InputError(
            "malformed " + "; ".join(problems.values()),
            remedy="put a corrected entry for the same pack and item on the register",
        )
    return Statements(
        {item: tuple(found) for item, found in attestations.items()},
        {item: tuple(found) for item, found in waivers.items()},
        {item: tuple(found) for item, found in unvouched.items()},
    )


def _crosswalks(pack: Pack) -> dict[str, list[str]]:
    """``pack:item`` of other packs -> the items of this one that their attestations answer."""
    found: dict[str, list[str]] = {}
    for item in pack.items:
        for other in item.crosswalk if item.attest is not None else ():
            found.setdefault(other, []).append(item.id)
    return found


def item_digest(item: Item) -> str:
    """SHA-256 of what an item asks, of whom and with which threshold: not of its remedies."""
    asked = item.model_dump(mode="json", by_alias=True, exclude={"on_fail", "note", "crosswalk"})
    return digest_json(asked)


def first_problem(error: ValidationError) -> str:
    """The first thing wrong, as ``key: message``."""
    one = error.errors()[0]
    where = ".".join(str(part) for part in one["loc"])
    message = one["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def subject_digest(subject: PlannedSubject) -> str:
    """What statements are bound to: the model's digest, or the data's where there is no model."""
    return subject.digests.get("model") or subject.data_digest


@dataclass(frozen=True)
class Attested:
    """What the attestation half of an item says."""

    status: Literal["attested", "needs-attestation", "fail", "not-applicable"]
    code: str
    because: Words


def attested(
    pack: Pack,
    item: Item,
    attest: Attest,
    found: Sequence[Attestation],
    digest: str,
    as_of: date,
) -> Attested:
    """How an item's attestations stand on the day ``as_of``; of one person the latest counts."""
    found = [a for a in found if a.pack == pack.id or _has_role(a, attest)]
    of_model = [a for a in found if attest.scope != "model" or a.model_digest == digest]
    bound = [a for a in of_model if _asks_the_same(a, pack, item)]
    if not bound:
        return _missing(attest, other_model=bool(found), other_version=bool(of_model))
    newest = bound[-1]
    problem = _problem(newest, attest, as_of)
    if problem is not None:
        return problem
    latest = {a.by.strip().casefold(): a for a in bound}
    valid = [a for a in latest.values() if _problem(a, attest, as_of) is None]
    # where two people answer, one valid "not met" is enough; else the newest answer counts
    heard = valid if attest.two_person else [newest]
    against = next((a for a in heard if a.answer == "not-met"), None)
    if against is not None:
        return Attested("fail", "attested-not-met", _signature(against, attest, item.id))
    signature = _signature(newest, attest, item.id)
    if attest.two_person and sum(a.answer == newest.answer for a in valid) < 2:
        return Attested(
            "needs-attestation",
            "second-person-missing",
            say(
                f"{signature['en']}; a second person has to attest the same",
                f"{signature['zh']}；还须另一人作出相同声明",
            ),
        )
    if newest.answer == "not-applicable":
        return Attested("not-applicable", "attested-not-applicable", signature)
    return Attested("attested", "attested", signature)


def _has_role(attestation: Attestation, attest: Attest) -> bool:
    return attestation.role.strip().casefold() == attest.role.strip().casefold()


def _asks_the_same(attestation: Attestation, pack: Pack, item: Item) -> bool:
    """Whether the attested item still asks what was answered."""
    if attestation.pack != pack.id or attestation.pack_version == pack.version:
        return True
    return attestation.item_digest == item_digest(item)


def _missing(attest: Attest, *, other_model: bool, other_version: bool) -> Attested:
    role, zh_role = name(attest.role), name(role_zh(attest.role))
    if other_version:
        return Attested(
            "needs-attestation",
            "attestation-other-version",
            say(
                "the attestation on file answers another version of this item; to be attested "
                f"by: {role}",
                f"现有声明针对该项的另一版本；须由以下角色重新声明：{zh_role}",
            ),
        )
    if other_model:
        return Attested(
            "needs-attestation",
            "attestation-other-model",
            say(
                f"the attestation on file was signed for another model; to be attested by: {role}",
                f"现有声明针对另一模型；须由以下角色重新声明：{zh_role}",
            ),
        )
    return Attested(
        "needs-attestation",
        "no-attestation",
        say(
            f"no attestation on file; to be attested by: {role}",
            f"尚无声明；须由以下角色声明：{zh_role}",
        ),
    )


def attest_again(attest: Attest, entries: Sequence[int]) -> Attested:
    """What an item says whose only statements are ``entries`` that nobody known vouches for."""
    listed = ", ".join(map(str, entries))
    role, zh_role = name(attest.role), name(role_zh(attest.role))
    return Attested(
        "needs-attestation",
        "attestation-unvouched",
        say(
            f"nobody known vouches for what the register has on file (entry {listed}): attest "
            f"again; to be attested by: {role}",
            f"登记簿中的记录（第 {listed} 条）无人可证：须重新声明；由以下角色声明：{zh_role}",
        ),
    )


def _problem(attestation: Attestation, attest: Attest, as_of: date) -> Attested | None:
    """Why an attestation does not count on the day ``as_of``; None if it does."""

    def pending(code: str, en: str, zh: str) -> Attested:
        return Attested("needs-attestation", code, say(en, zh))

    # a day's grace: the signer's clock may be in another time zone
    if attestation.signed_on > as_of + timedelta(days=1):
        day = attestation.signed_on
        return pending(
            "attestation-later",
            f"the attestation was signed on {day}, after the day of judging {as_of}",
            f"声明签署于 {day}，晚于评判日 {as_of}",
        )
    end = valid_until(attestation, attest)
    if end < as_of:
        return pending(
            "attestation-expired",
            f"the attestation by {name(attestation.by)} expired on {end}",
            f"{name(attestation.by)} 的声明已于 {end} 到期",
        )
    if attestation.answer not in attest.answers:
        return pending(
            "answer-not-offered",
            f"the attestation answers {attestation.answer}, which the item does not offer",
            f"声明的回答“{ANSWER_ZH[attestation.answer]}”不在该项允许之列",
        )
    lacking = lacking_evidence([file.kind for file in attestation.evidence], attest)
    if lacking and attestation.answer in ("met", "met-by-other-means"):
        listed = ", ".join(name(kind) for kind in lacking)
        zh_listed = "、".join(name(evidence_zh(kind)) for kind in lacking)
        return pending(
            "attestation-evidence-missing",
            f"the attestation by {name(attestation.by)} lacks evidence: {listed}",
            f"{name(attestation.by)} 的声明缺少证据：{zh_listed}",
        )
    return None


def valid_until(attestation: Attestation, attest: Attest) -> date:
    """The last valid day: the earlier of ``expires`` and signing plus the item's ``valid_for``."""
    end = add_duration(attestation.signed_on, attest.valid_for)
    return end if attestation.expires is None else min(end, attestation.expires)


def lacking_evidence(kinds: Sequence[str | None], attest: Attest) -> list[str]:
    """Required kinds without a file; a file that names no kind stands for any one of them."""
    lacking = [kind for kind in attest.evidence_required if kind not in kinds]
    return lacking[sum(kind is None for kind in kinds) :]


def _signature(attestation: Attestation, attest: Attest, item_id: str) -> Words:
    by, role, end = name(attestation.by), name(attestation.role), valid_until(attestation, attest)
    asked = name(attest.role)
    fits = _has_role(attestation, attest)
    en_role = role if fits else f"{role}; the item asks for {asked}"
    zh_role = name(role_zh(attestation.role))
    zh_role = zh_role if fits else f"{zh_role}；该项要求{name(role_zh(attest.role))}"
    statement = short(attestation.statement)
    if attestation.item != item_id:
        statement = f"{statement} [{name(attestation.pack)}:{name(attestation.item)}]"
    return say(
        f'answered "{attestation.answer}" by {by} ({en_role}) on {attestation.signed_on}, '
        f"valid until {end}: {statement}",
        f"{by}（{zh_role}）于 {attestation.signed_on} 回答“{ANSWER_ZH[attestation.answer]}”，"
        f"有效期至 {end}：{statement}",
    )


def waiver_for(found: Sequence[Waiver], digest: str, as_of: date) -> Waiver | None:
    """The latest waiver for this model, if it is in force on the day ``as_of``."""
    bound = [w for w in found if w.model_digest in ("*", digest)]
    if not bound:
        return None
    newest = bound[-1]
    starts = newest.created - timedelta(days=1)
    return newest if starts <= as_of <= newest.expires else None
