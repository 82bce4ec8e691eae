"""The exit code of a set of verdicts, and their counts. There is no overall score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from evenhand.audit.errors import (
    ATTESTATIONS_PENDING,
    BAD_INPUT,
    FAILED,
    INCONCLUSIVE,
    OK,
    InputError,
    nearest,
    worst_exit_code,
)
from evenhand.policies.verdict import SEVERITIES, VERDICT_STATUSES, Verdict, VerdictStatus
from evenhand.policies.words import STATUS, Words, say

WhenInconclusive = Literal["report", "fail", "warn"]
WhenPending = Literal["require", "warn"]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """How the gate was set, and the exit code that it gave: see ``exit_code`` below.

    ``known`` names, as ``pack:item``, what was let go because it is no worse than in an earlier
    case; None where no earlier case was named. ``why`` says in each language why the exit code is
    not 0, and what would change it.
    """

    fail_on: str = "high"
    strict: bool = False
    inconclusive: str = "report"
    attestations: str = "require"
    known: tuple[str, ...] | None = None
    exit_code: int
    why: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, str | bool]:
        """The options that set it, in the order in which they are shown."""
        return {
            "fail_on": self.fail_on,
            "strict": self.strict,
            "inconclusive": self.inconclusive,
            "attestations": self.attestations,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; without ``known`` where no earlier case was named."""
        let_go = {} if self.known is None else {"known": list(self.known)}
        told = {"why": dict(self.why)} if self.why else {}
        return {**self.settings(), **let_go, "exit_code": self.exit_code, **told}


def exit_code(
    verdicts: Sequence[Verdict],
    *,
    fail_on: str = "high",
    strict: bool = False,
    inconclusive: str = "report",
    attestations: str = "require",
    allow_empty: bool = False,
    baseline: Sequence[Verdict] | None = None,
) -> int:
    """What the process returns for these verdicts.

    0 all required items pass; 1 a required item fails or its check crashed; 2 no item applies
    (unless ``allow_empty``); 3 a required item is inconclusive; 4 only attestations are pending.
    A pack of which nothing could be judged is never 0, whatever its items' obligations: 3, or 4.
    Required: obligation ``must`` and severity ``fail_on`` or worse.

    ``strict`` lets warnings of that severity fail too (of ``may`` items never).
    ``inconclusive``: report (code 3), fail (code 1) or warn (no code). ``attestations``: require
    (code 4) or warn (no code). With ``baseline``, the verdicts of an earlier case, only what got
    worse since blocks (see ``known``). Raises InputError for other values.
    """
    _check_choice("--fail-on", fail_on, SEVERITIES)
    _check_choice("--inconclusive", inconclusive, get_args(WhenInconclusive))
    _check_choice("--attestations", attestations, get_args(WhenPending))
    if not allow_empty and all(v.status == "not-applicable" for v in verdicts):
        return BAD_INPUT
    found = blocking(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
        baseline=baseline,
    )
    return worst_exit_code(one.code for one in found)


@dataclass(frozen=True)
class Blocking:
    """A verdict that blocks, with the exit code that it asks for; ``whole_pack`` where it does so
    because nothing of its pack could be judged."""

    code: int
    verdict: Verdict
    whole_pack: bool = False


def blocking(
    verdicts: Sequence[Verdict],
    *,
    fail_on: str = "high",
    strict: bool = False,
    inconclusive: str = "report",
    attestations: str = "require",
    baseline: Sequence[Verdict] | None = None,
) -> list[Blocking]:
    """What keeps the exit code from 0, most pressing first; the settings are ``exit_code``'s."""
    whole = _unjudged(verdicts, inconclusive, attestations)
    if baseline is not None:
        let_go = known(verdicts, baseline)
        verdicts = [v for v in verdicts if v not in let_go]
    grave = SEVERITIES[: [str(s) for s in SEVERITIES].index(fail_on) + 1]
    codes: dict[str, int] = {
        "fail": FAILED,
        "error": FAILED,
        "inconclusive": {"report": INCONCLUSIVE, "fail": FAILED, "warn": OK}[inconclusive],
        "needs-attestation": {"require": ATTESTATIONS_PENDING, "warn": OK}[attestations],
    }
    required = [
        Blocking(codes.get(v.status, OK), v)
        for v in verdicts
        if v.obligation == "must" and v.severity in grave
    ]
    if strict:
        required += [
            Blocking(FAILED, v)
            for v in verdicts
            if v.status == "warn" and v.obligation != "may" and v.severity in grave
        ]
    order = {name: place for place, name in enumerate(VERDICT_STATUSES)}
    blocks = [one for one in [*required, *whole] if one.code != OK]
    return sorted(
        blocks, key=lambda one: (order[one.verdict.status], SEVERITIES.index(one.verdict.severity))
    )


# Reasons of answers for which nothing was held against the rule: what it needs is not there.
_NOTHING_JUDGED = frozenset(
    {
        "fact-missing",
        "fact-not-allowed",
        "role-missing",
        "not-measured",
        "undeclared",
        "declared-not-a-number",
        "skipped",
        "crashed",
        "empty",
        "audit-again",
        "no-comparison",
        "no-interval",
        "no-test",
        "unit-differs",
    }
)
_NOTHING_ATTESTED = frozenset(
    {"no-attestation", "attestation-unvouched", "attestation-unbound", "attestation-elsewhere"}
)


def _unjudged(verdicts: Sequence[Verdict], inconclusive: str, attestations: str) -> list[Blocking]:
    """A code for each pack of which nothing could be judged, whatever its items are worth: 3, even
    if the gate lets single undecided items be, or 4 where only answers of people are awaited."""
    packs: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.status not in ("not-applicable", "not-yet-applicable"):
            packs.setdefault(verdict.pack, []).append(verdict)
    found = []
    for own in packs.values():
        reasons = {v.reason_code for v in own}
        first = next((v for v in own if v.reason_code in _NOTHING_JUDGED), own[0])
        if reasons <= _NOTHING_ATTESTED:
            code = ATTESTATIONS_PENDING if attestations == "require" else OK
            found.append(Blocking(code, first, whole_pack=True))
        elif reasons <= _NOTHING_JUDGED | _NOTHING_ATTESTED:
            code = FAILED if inconclusive == "fail" else INCONCLUSIVE
            found.append(Blocking(code, first, whole_pack=True))
    return found


def why(verdicts: Sequence[Verdict], setting: Gate, blocks: Sequence[Blocking]) -> Words | None:
    """Why the exit code is not 0, and what would change it: one line; None where it is 0."""
    code = setting.exit_code
    if code == OK:
        return None
    first = next((one for one in blocks if one.code == code), None)
    if first is None:  # no item applies
        because = verdicts[0].because if verdicts else Words(en="no item", zh="没有条目")
        return say(
            f"exit {code}: no item applies: {because['en']}; name another pack with --policy",
            f"退出码 {code}：没有适用的条目：{because['zh']}；请以 --policy 指定其他规则包",
        )
    deciding, more = first.verdict, sum(one.code == code for one in blocks) - 1
    named = f"{deciding.pack}:{deciding.item}"
    how = STATUS[deciding.status]
    begun = {lang: f"{named} {how[lang]}" for lang in ("en", "zh")}
    if first.whole_pack:
        begun = {
            "en": f"nothing of {deciding.pack} could be judged ({deciding.item})",
            "zh": f"规则包 {deciding.pack} 无一可判（{deciding.item}）",
        }
    rest = (
        {"en": f" (and {more} more)", "zh": f"（另有 {more} 项）"}
        if more > 0
        else {"en": "", "zh": ""}
    )
    change = _change(deciding)
    return say(
        f"exit {code}: {begun['en']}{rest['en']}: {deciding.because['en']}; {change['en']}",
        f"退出码 {code}：{begun['zh']}{rest['zh']}：{deciding.because['zh']}；{change['zh']}",
    )


def _change(found: Verdict) -> Words:
    """What would turn a verdict that blocks."""
    if found.status == "needs-attestation":
        asked = f"evenhand attest CASE {found.item} --policy {found.pack} --answer met ..."
        return say(
            f"attest it with {asked}, or --attestations warn",
            f"请以 {asked} 声明，或加 --attestations warn",
        )
    if found.fix:
        return say(f"to change it: {found.fix['en']}", f"改变办法：{found.fix['zh']}")
    if found.rows_needed:
        return say("audit again on more rows", "请以更多数据行重新审计")
    return say("do what it says and judge again", "请照此补充后重新评判")


def known(verdicts: Sequence[Verdict], baseline: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts that are no worse than the earlier case's on the same item.

    A number that fails in both cases is worse if it lies beyond the earlier interval, on the wrong
    side. Crashes, waived and not yet applicable items go by the status that lies underneath.
    """
    before = {(v.pack, v.item): v for v in baseline}
    return [
        v
        for v in verdicts
        if (old := before.get((v.pack, v.item))) is not None and not _is_worse(v, old)
    ]


def _is_worse(now: Verdict, before: Verdict) -> bool:
    if "error" in (now.underlying, before.underlying):
        return now.underlying != before.underlying or now.underlying == "error"
    if now.underlying != before.underlying:
        order = [str(s) for s in VERDICT_STATUSES]
        return order.index(now.underlying) < order.index(before.underlying)
    if now.value is None or before.interval is None:
        return False
    if now.comparator in (">=", ">"):
        return now.value < before.interval.low
    if now.comparator in ("<=", "<"):
        return now.value > before.interval.high
    return not before.interval.low <= now.value <= before.interval.high


def counts(verdicts: Iterable[Verdict]) -> dict[VerdictStatus, int]:
    """How many verdicts have each of the ten statuses; every status is there, in fixed order."""
    totals: dict[VerdictStatus, int] = dict.fromkeys(VERDICT_STATUSES, 0)
    for verdict in verdicts:
        totals[verdict.status] += 1
    return totals


def _check_choice(option: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise InputError(
            "{option} {given!r} is unknown",
            remedy=nearest(given, known),
            option=option,
            given=given,
        )
