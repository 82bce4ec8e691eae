"""Judges a case by a pack: a pure function of (case, pack, register, day, case to compare with).

No clock, no environment, no model: the same arguments give the same verdicts on any machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.register.binding import About, about
from evenhand.audit.register.register import Entry
from evenhand.audit.words.text import name, short
from evenhand.policies.attested import attest_again, attested
from evenhand.policies.deciding.automated import Measured, automated
from evenhand.policies.deciding.conditions import FactError, applies, defaults, facts_for
from evenhand.policies.deciding.decide import Outcome, worse
from evenhand.policies.facts import Origin, asked, heard, written
from evenhand.policies.schema import Condition, Item, Pack
from evenhand.policies.statements import (
    Statements,
    Waiver,
    read_statements,
    unheard_waiver,
    waiver_for,
    widest,
)
from evenhand.policies.verdict import Verdict
from evenhand.policies.words import STATUS, Words, say, texts

# Reasons that say what to do: what the pack advises is for an answer, which there is none of yet.
_SAYS_WHAT_TO_DO = frozenset(
    {
        "fact-missing",
        "fact-not-allowed",
        "undeclared",
        "not-measured",
        "role-missing",
        "audit-again",
        "no-comparison",
        "no-test",
    }
)
_WAIVED = ("fail", "warn", "inconclusive", "needs-attestation", "error")


def judge(
    case: Case,
    pack: Pack,
    register: Sequence[Entry],
    *,
    as_of: date,
    compare_to: Case | None = None,
) -> tuple[Verdict, ...]:
    """One verdict per item of ``pack``, in the pack's order.

    ``register`` holds attestations and waivers; ``as_of`` is the day on which they and the pack's
    dates are read; ``compare_to`` is the case for items that ask for no worsening.
    Raises InputError for an attestation or waiver for this pack that cannot be read.
    """
    statements = read_statements(register, pack)
    case, origins = heard(case, register)
    facts, problem = _facts(case, pack, origins)
    here = about(case)
    bench = _Bench(case, here, pack, statements, facts, origins, problem, as_of, compare_to)
    return tuple(bench.verdict(item) for item in pack.items)


def _facts(
    case: Case, pack: Pack, origins: Mapping[str, Origin]
) -> tuple[Mapping[str, Any], Outcome | None]:
    """The facts, and the outcome that every item has because of the pack's own conditions."""
    declared = case.plan.facts
    try:
        # whether the pack is meant at all comes before what else it needs to know
        known = {**defaults(pack), **declared}
        if not applies(pack.applies_when, known):
            by = _asked(pack.applies_when, known, origins)
            because = say(
                f"the pack does not apply to this subject, by {by['en']}",
                f"依{by['zh']}，规则包不适用于该审计对象",
            )
            return declared, Outcome("not-applicable", "pack-condition-false", because)
        return facts_for(pack, declared), None
    except FactError as error:
        return declared, _undecided(pack, error)


def _asked(
    condition: Condition | None, facts: Mapping[str, Any], origins: Mapping[str, Origin]
) -> Words:
    """The facts that a condition asks about with what is known of them, and who said so later."""
    names = sorted(condition.facts()) if condition else []

    def told(fact: str, language: str) -> str:
        known = f"{fact} = {short(written(facts[fact]))}" if fact in facts else fact
        return f"{known} ({origins[fact].words(language)})" if fact in origins else known

    en, zh = (", ".join(told(f, "en") for f in names), "、".join(told(f, "zh") for f in names))
    return say(f"its facts: {en}", f"事实 {zh}")


def _undecided(pack: Pack, error: FactError) -> Outcome:
    """Nobody knows whether it applies: undecided, with what to declare."""
    if not error.missing:
        because = say(
            f"cannot tell whether it applies: {error.words['en']}",
            f"无法判断是否适用：{error.words['zh']}",
        )
        return Outcome("inconclusive", "fact-not-allowed", because)
    ask = {one.fact: one for one in asked(pack)}
    lines = [ask[fact].line() if fact in ask else f"--fact {fact}=VALUE" for fact in error.missing]
    add = " ".join(lines)
    return Outcome(
        "inconclusive",
        "fact-missing",
        say(
            f"cannot tell whether it applies: {error.words['en']}: state it with evenhand judge "
            f"CASE {add} --by NAME, or audit with {add}",
            f"无法判断是否适用：{error.words['zh']}：请以 evenhand judge 案卷 {add} --by 姓名 "
            f"声明，或在审计时加 {add}",
        ),
    )


@dataclass(frozen=True)
class _Bench:
    case: Case
    here: About
    pack: Pack
    statements: Statements
    facts: Mapping[str, Any]
    origins: Mapping[str, Origin]
    pack_outcome: Outcome | None
    as_of: date
    compare_to: Case | None

    def verdict(self, item: Item) -> Verdict:
        found = self._found(item)
        outcome = found.outcome
        shown = self._softened(item, outcome)
        check = item.check
        single = found.thresholds[0] if len(found.thresholds) == 1 else None
        return Verdict(
            pack=self.pack.id,
            pack_version=self.pack.version,
            item=item.id,
            title=texts(item.title),
            kind=item.kind,
            severity=item.severity,
            obligation=item.obligation,
            clause=dict(item.clause),
            status=shown.status,
            underlying=outcome.status,
            reason_code=shown.code,
            because=shown.because,
            findings=outcome.findings,
            value=outcome.value,
            interval=outcome.interval,
            comparator=(check.comparator or "") if check else "",
            threshold=single,
            threshold_origin=check.threshold_origin if check else None,
            decision=check.decision if check else None,
            rows_needed=outcome.rows_needed,
            fix={} if shown.code in _SAYS_WHAT_TO_DO else texts(item.on_fail.fix),
        )

    def _found(self, item: Item) -> Measured:
        """The answer before waivers and dates."""
        left_force = self.pack.legal_status.applies_to
        if left_force is not None and left_force < self.as_of:
            because = say(f"applied until {left_force}", f"适用至 {left_force} 止")
            return Measured(Outcome("not-applicable", "no-longer-applies", because))
        if self.pack_outcome is not None:
            return Measured(self.pack_outcome)
        try:
            if not applies(item.applies_when, self.facts):
                by = _asked(item.applies_when, self.facts, self.origins)
                because = say(
                    f"does not apply to this subject, by {by['en']}",
                    f"依{by['zh']}，不适用于该审计对象",
                )
                return Measured(Outcome("not-applicable", "condition-false", because))
        except FactError as error:
            return Measured(_undecided(self.pack, error))
        return self._judged(item)

    def _judged(self, item: Item) -> Measured:
        signed = self._attested(item)
        if item.selects is None or item.check is None:
            return Measured(signed or Outcome("error", "empty", say("an empty item", "空项")))
        found = automated(item.selects, item.check, self.case, self.compare_to)
        if signed is None:
            return found
        return replace(found, outcome=_both(found.outcome, signed))

    def _attested(self, item: Item) -> Outcome | None:
        if item.attest is None:
            return None
        on_file = self.statements.attestations.get(item.id, ())
        result = attested(self.pack, item, item.attest, on_file, self.here, self.as_of)
        unheard = self.statements.unvouched.get(("attestation", item.id))
        if not on_file and unheard:
            result = attest_again(item.attest, unheard)
        return Outcome(result.status, result.code, result.because)

    def _softened(self, item: Item, outcome: Outcome) -> Outcome:
        """What dates, waivers and obligations make of an answer; ``outcome`` is kept beside it."""
        if outcome.status == "not-applicable":
            return outcome
        starts = item.applies_from or self.pack.legal_status.applies_from
        if starts is not None and starts > self.as_of:
            return replace(
                outcome,
                status="not-yet-applicable",
                code="not-yet",
                because=_after(say(f"applies from {starts}", f"自 {starts} 起适用"), outcome),
            )
        if outcome.status in _WAIVED:
            on_file = self.statements.waivers.get(item.id, ())
            waiver = waiver_for(on_file, self.here, widest(item, "waiver"), self.as_of)
            if waiver is not None and item.can_be_waived:
                return replace(
                    outcome,
                    status="waived",
                    code="waived",
                    because=_waived(waiver, outcome, self.here),
                )
            if waiver is not None:
                refused = say(
                    "a waiver is on file, but this item cannot be waived",
                    "已有豁免，但该项不得豁免",
                )
                outcome = replace(outcome, because=_before(outcome, refused))
            unvouched = self.statements.unvouched.get(("waiver", item.id), ())
            unheard = unheard_waiver(on_file, unvouched, self.as_of)
            if waiver is None and unheard is not None:
                outcome = replace(outcome, because=_before(outcome, unheard))
        if outcome.status == "fail" and item.obligation != "must":
            return replace(outcome, status="warn")
        return outcome


def _both(measured: Outcome, signed: Outcome) -> Outcome:
    """The worse half of a hybrid item, with both halves in its reason."""
    decided = worse([measured, signed])
    return replace(
        measured,
        status=decided.status,
        code=decided.code,
        because=say(
            f"measured: {measured.because['en']}; attestation: {signed.because['en']}",
            f"测量：{measured.because['zh']}；声明：{signed.because['zh']}",
        ),
    )


def _after(first: Words, outcome: Outcome) -> Words:
    return say(
        f"{first['en']}; today it {STATUS[outcome.status]['en']}: {outcome.because['en']}",
        f"{first['zh']}；目前结果为“{STATUS[outcome.status]['zh']}”：{outcome.because['zh']}",
    )


def _before(outcome: Outcome, last: Words) -> Words:
    return say(f"{outcome.because['en']}; {last['en']}", f"{outcome.because['zh']}；{last['zh']}")


def _waived(waiver: Waiver, outcome: Outcome, here: About) -> Words:
    owner, approver, reason = name(waiver.owner), name(waiver.approved_by), short(waiver.reason)
    en, zh = (waiver.binds.words(lang, here) if waiver.binds else "" for lang in ("en", "zh"))
    return say(
        f"waived for {en} until {waiver.expires} (owner {owner}, approved by {approver}): "
        f"{reason}; underneath it {STATUS[outcome.status]['en']}: {outcome.because['en']}",
        f"就{zh}豁免至 {waiver.expires}（负责人 {owner}，批准人 {approver}）：{reason}；"
        f"实际结果为“{STATUS[outcome.status]['zh']}”：{outcome.because['zh']}",
    )
