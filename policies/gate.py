"""The exit code of a set of verdicts, and their counts. There is no overall score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

WhenInconclusive = Literal["report", "fail", "warn"]
WhenPending = Literal["require", "warn"]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """How the gate was set, and the exit code that it gave: see ``exit_code`` below.

    ``known`` names, as ``pack:item``, what was let go because it is no worse than in an earlier
    case; None where no earlier case was named.
    """

    fail_on: str = "high"
    strict: bool = False
    inconclusive: str = "report"
    attestations: str = "require"
    known: tuple[str, ...] | None = None
    exit_code: int

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
        return {**self.settings(), **let_go, "exit_code": self.exit_code}


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
    unjudged = _unjudged(verdicts, inconclusive, attestations)
    if baseline is not None:
        verdicts = [v for v in verdicts if v not in known(verdicts, baseline)]
    grave = SEVERITIES[: [str(s) for s in SEVERITIES].index(fail_on) + 1]
    codes = {
        "fail": FAILED,
        "error": FAILED,
        "inconclusive": {"report": INCONCLUSIVE, "fail": FAILED, "warn": OK}[inconclusive],
        "needs-attestation": {"require": ATTESTATIONS_PENDING, "warn": OK}[attestations],
    }
    found = [
        codes.get(v.status, OK) for v in verdicts if v.obligation == "must" and v.severity in grave
    ]
    if strict:
        found += [
            FAILED
            for v in verdicts
            if v.status == "warn" and v.obligation != "may" and v.severity in grave
        ]
    return worst_exit_code([*found, *unjudged])


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


def _unjudged(verdicts: Sequence[Verdict], inconclusive: str, attestations: str) -> list[int]:
    """A code for each pack of which nothing could be judged, whatever its items are worth: 3, even
    if the gate lets single undecided items be, or 4 where only answers of people are awaited."""
    packs: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.status not in ("not-applicable", "not-yet-applicable"):
            packs.setdefault(verdict.pack, []).append(verdict)
    codes = []
    for own in packs.values():
        reasons = {v.reason_code for v in own}
        if reasons <= _NOTHING_ATTESTED:
            codes.append(ATTESTATIONS_PENDING if attestations == "require" else OK)
        elif reasons <= _NOTHING_JUDGED | _NOTHING_ATTESTED:
            codes.append(FAILED if inconclusive == "fail" else INCONCLUSIVE)
    return codes


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
