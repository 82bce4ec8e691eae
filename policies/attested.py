"""How an item's attestations stand on a day: which one counts, and why none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from evenhand.audit.register.binding import UNBOUND, About, Binding, Reach, is_within
from evenhand.audit.words.text import name, short
from evenhand.policies.schema import Attest, Item, Pack, add_duration
from evenhand.policies.statements import Attestation, item_digest, widest
from evenhand.policies.terms import evidence_zh, role_zh
from evenhand.policies.words import ANSWER_ZH, Words, say


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
    here: About,
    as_of: date,
) -> Attested:
    """How an item's attestations stand on the day ``as_of``; of one person the latest counts."""
    found = [a for a in found if a.pack == pack.id or _has_role(a, attest)]
    reaching = [a for a in found if a.answers_for(here, widest(item, "attestation"))]
    bound = [a for a in reaching if _asks_the_same(a, pack, item)]
    if not bound:
        return _missing(item, attest, found, here, other_version=bool(reaching))
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
        return Attested("fail", "attested-not-met", _signature(against, attest, item.id, here))
    signature = _signature(newest, attest, item.id, here)
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


def _missing(
    item: Item,
    attest: Attest,
    attestations: Sequence[Attestation],
    here: About,
    *,
    other_version: bool,
) -> Attested:
    """What an item says that nobody attested for this case; ``found`` answer for others."""
    role, zh_role = name(attest.role), name(role_zh(attest.role))
    en = f"to be attested by: {role}"
    zh = f"由以下角色声明：{zh_role}"
    named = [a.binds for a in attestations if a.binds is not None]
    if other_version:
        code = "attestation-other-version"
        why = say(
            "the attestation on file answers another version of this item",
            "现有声明针对该项的另一版本",
        )
    elif named:
        code, other, reach = "attestation-elsewhere", named[-1], widest(item, "attestation")
        if not is_within(other.to, reach):
            why = say(
                f"the attestation on file is bound to {other.words('en')}, and the item is about "
                f"the {reach}",
                f"现有声明绑定到{other.words('zh')}，而该项针对{_REACH_ZH[reach]}",
            )
        else:
            why = say(
                f"the attestation on file is bound to {other.words('en')}, not to "
                f"{_mine(here, other.to, 'en')}",
                f"现有声明绑定到{other.words('zh')}，而非{_mine(here, other.to, 'zh')}",
            )
    elif attestations:
        code = "attestation-unbound"
        why = say(f"the attestation on file is {UNBOUND['en']}", f"现有声明{UNBOUND['zh']}")
    else:
        code, why = "no-attestation", say("no attestation on file", "尚无声明")
    return Attested("needs-attestation", code, say(f"{why['en']}; {en}", f"{why['zh']}；须{zh}"))


_REACH_ZH = {"case": "案卷", "model": "模型", "system": "系统", "organisation": "组织"}


def _mine(here: About, to: Reach, language: str) -> str:
    """What of this case a statement could be bound to in that way, in words."""
    if to in ("case", "model"):
        own = Binding(to=to, digest=here.case if to == "case" else here.model)
        return own.words(language, here)
    if here.name(to):
        return Binding(to=to, name=here.name(to)).words(language)
    zh = language == "zh"
    return f"本案卷（未声明{_REACH_ZH[to]}）" if zh else f"this case, which names no {to}"


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


def _signature(attestation: Attestation, attest: Attest, item_id: str, here: About) -> Words:
    by, role, end = name(attestation.by), name(attestation.role), valid_until(attestation, attest)
    asked = name(attest.role)
    fits = _has_role(attestation, attest)
    en_role = role if fits else f"{role}; the item asks for {asked}"
    zh_role = name(role_zh(attestation.role))
    zh_role = zh_role if fits else f"{zh_role}；该项要求{name(role_zh(attest.role))}"
    statement = short(attestation.statement)
    if attestation.item != item_id:
        statement = f"{statement} [{name(attestation.pack)}:{name(attestation.item)}]"
    en_for, zh_for = _for(attestation, here)
    return say(
        f'answered "{attestation.answer}" by {by} ({en_role}) on {attestation.signed_on}{en_for}, '
        f"valid until {end}: {statement}",
        f"{by}（{zh_role}）于 {attestation.signed_on} {zh_for}"
        f"回答“{ANSWER_ZH[attestation.answer]}”，有效期至 {end}：{statement}",
    )


def _for(statement: Attestation, here: About) -> tuple[str, str]:
    binds = statement.binds
    if binds is None:
        return "", ""
    return f" for {binds.words('en', here)}", f"就{binds.words('zh', here)}"
