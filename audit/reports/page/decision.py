"""The first page: the decision, its reason in a sentence, on what it rests, and what to do next.

Everything that says how a case stands is made here from the same verdicts, so that no sentence
contradicts another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.reports.page.hundredths import ends, is_share, whole
from evenhand.audit.reports.page.hundredths import floor as whole_below
from evenhand.audit.reports.page.keynumbers import KeyNumber, key_numbers, limit_of, side_of
from evenhand.audit.reports.page.ranking import Ranked, floor_of, in_order, proven, ranked
from evenhand.audit.reports.parts import outline, sentences
from evenhand.audit.reports.parts.dossier import Dossier, signatures
from evenhand.audit.reports.parts.figures import bounds, decided
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import moment
from evenhand.audit.words.people import GroupShare, telling_of, told
from evenhand.audit.words.text import short
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

Standing = Literal["fail", "inconclusive", "needs-attestation", "warn", "pass", "none", "unjudged"]
MOST_ITEMS, MOST_STEPS = 4, 4
_NOT_ASKED = ("not-applicable", "not-yet-applicable")
COLUMNS: tuple[tuple[str, frozenset[str]], ...] = (
    ("fail", frozenset({"fail", "error"})),
    ("inconclusive", frozenset({"inconclusive"})),
    ("needs-attestation", frozenset({"needs-attestation"})),
)


@dataclass(frozen=True)
class ListedItem:
    """An item of a pack in a list: its title, what is said of it, and where it stands in full."""

    title: str
    said: str
    anchor: str
    item: str


@dataclass(frozen=True)
class Column:
    """The items with one standing; ``more`` of them are not listed here."""

    status: str
    count: int
    items: tuple[ListedItem, ...]
    more: int


@dataclass(frozen=True)
class Step:
    """What to do, and the command that does it, if one does."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class Decision:
    """The first page of a case."""

    standing: Standing
    word: str
    counted: str
    sentences: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    numbers: tuple[KeyNumber, ...]
    columns: tuple[Column, ...]
    warnings: int
    steps: tuple[Step, ...]
    floor: int
    entries: tuple[Ranked, ...]


def decision(
    case: Case, verdicts: Sequence[Verdict], dossier: Dossier, gate: Gate | None, say: Words
) -> Decision:
    """What the first page says of a case."""
    entries, floor = ranked(case, verdicts), floor_of(case, verdicts)
    standing = standing_of(verdicts)
    applied = [v for v in verdicts if v.status not in _NOT_ASKED]
    columns = [_column(status, those, case, verdicts, dossier, say) for status, those in COLUMNS]
    return Decision(
        standing=standing,
        word=say(f"word.{standing}"),
        counted=_counted(standing, applied, say),
        sentences=tuple(headline(case, verdicts, entries, say)),
        facts=tuple(_facts(case, verdicts, dossier, gate, say)),
        numbers=tuple(key_numbers(case, verdicts, floor, say)),
        columns=tuple(columns) if verdicts else (),
        warnings=sum(v.status == "warn" for v in verdicts),
        steps=tuple(steps(case, verdicts, dossier, entries, say)[:MOST_STEPS]),
        floor=floor,
        entries=tuple(entries),
    )


def standing_of(verdicts: Sequence[Verdict]) -> Standing:
    """How the case as a whole stands: by the most pressing of its items."""
    if not verdicts:
        return "unjudged"
    found = {v.status for v in verdicts}
    if found & {"fail", "error"}:
        return "fail"
    for status in ("inconclusive", "needs-attestation", "warn"):
        if status in found:
            return status
    return "pass" if found - set(_NOT_ASKED) else "none"


def headline(
    case: Case, verdicts: Sequence[Verdict], entries: Sequence[Ranked], say: Words
) -> list[str]:
    """The reason of the decision in one or two sentences that a person can repeat."""
    standing = standing_of(verdicts)
    if standing in ("fail", "inconclusive"):
        statuses = dict(COLUMNS)[standing]
        first = next(v for v in in_order(verdicts) if v.status in statuses)
        return [reason_of(first, case, entries, say)]
    count = sum(v.status not in _NOT_ASKED for v in verdicts)
    pending = sum(v.status == "needs-attestation" for v in verdicts)
    warnings = sum(v.status == "warn" for v in verdicts)
    return [say(f"reason.{standing}", count=count, pending=pending, warnings=warnings)]


def reason_of(verdict: Verdict, case: Case, entries: Sequence[Ranked], say: Words) -> str:
    """Why an item stands as it does: people in a hundred where it is about people and harm is
    shown, else the number that decided, else what the judge says."""
    harm = next((r for r in proven(entries) if r.verdict is verdict and r.apart), None)
    if harm is not None:
        people = compared(harm, case, say)
        known = {f.id: f for f in case.findings}
        gap = next((known[f] for f in verdict.findings if f in known), None)
        if gap is not None and verdict.threshold is not None and is_share(gap):
            return say.joined(people, say("rp.allowed", limit=limit_of(verdict, gap)))
        return people
    return short(_sentence(say.pick(verdict.because)), 300)


def compared(entry: Ranked, case: Case, say: Words) -> str:
    """A group against everybody else: people in a hundred, and how far apart at least."""
    apart = entry.apart
    assert apart is not None
    sides = [GroupShare(entry.finding.group, apart.a), GroupShare({}, apart.b)]
    said = told(apart.measure, sides, telling_of(case.subject), say.lang)
    said += "。" if say.lang == "zh" else "."
    least = whole_below(max(0.0, apart.low))
    return say.joined(said, say("rp.at_least", points=least)) if least > 0 else said


def listed(verdict: Verdict, case: Case, dossier: Dossier, say: Words) -> ListedItem:
    """An item in a list, with what is needed to settle it."""
    return ListedItem(
        short(say.pick(verdict.title), 100),
        _settles(verdict, case, dossier, say),
        anchor_of(verdict),
        verdict.item,
    )


def anchor_of(verdict: Verdict) -> str:
    """Where the item stands in full."""
    return outline.anchor("v", f"{verdict.pack}/{verdict.pack_version}/{verdict.item}")


def number_of(verdict: Verdict, case: Case, say: Words) -> str:
    """The number that decided, its interval and its limit, short; "" where no number did."""
    deciding = _deciding(verdict, case)
    if deciding is None or verdict.value is None or verdict.threshold is None:
        return ""
    place = (
        say.listed([*deciding.between])
        or deciding.column
        or say.listed(list(deciding.group.values()))
    )
    if is_share(deciding):
        value, between = whole(verdict.value), ends(verdict.interval)
        unit = say("rp.points") if deciding.between else say("rp.in_hundred")
    else:
        value, unit = decided(verdict), ""
        between = bounds(verdict.interval)[1:-1] if verdict.interval else ""
    shown = f"{value} {unit}".strip() + (f" ({between})" if between else "")
    if place:
        shown = say("rp.at_place", place=place, value=shown)
    return say(f"limit.{side_of(verdict)}", value=shown, limit=limit_of(verdict, deciding))


def _deciding(verdict: Verdict, case: Case) -> Finding | None:
    """The finding whose value decided."""
    known = {f.id: f for f in case.findings}
    found = [known[f] for f in verdict.findings if f in known]
    return next((f for f in found if f.value == verdict.value), found[0] if found else None)


def _settles(verdict: Verdict, case: Case, dossier: Dossier, say: Words) -> str:
    if verdict.status == "needs-attestation":
        role = dossier.role(verdict.pack, verdict.item, say.lang)
        return say("rp.by_role", role=role) if role else short(say.pick(verdict.because), 140)
    number = number_of(verdict, case, say)
    if verdict.status == "inconclusive" and verdict.rows_needed:
        return say.joined(number, say("rp.rows", rows=rough(verdict.rows_needed)))
    return number or _sentence(short(say.pick(verdict.because), 160))


def _sentence(text: str) -> str:
    """With a capital and a full stop, as our own sentences have them."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "。", "…", ")")) or not whole.isascii() else f"{whole}."


def rough(rows: int) -> str:
    """A number of rows with two digits that count, rounded up."""
    step = 10 ** max(0, len(str(rows)) - 2)
    return f"{-(-rows // step) * step:,}"


def _column(
    status: str,
    statuses: frozenset[str],
    case: Case,
    verdicts: Sequence[Verdict],
    dossier: Dossier,
    say: Words,
) -> Column:
    those = [v for v in in_order(verdicts) if v.status in statuses]
    shown = tuple(listed(v, case, dossier, say) for v in those[:MOST_ITEMS])
    return Column(status, len(those), shown, len(those) - len(shown))


def _counted(standing: Standing, applied: Sequence[Verdict], say: Words) -> str:
    if standing in ("unjudged", "none"):
        return ""
    statuses = dict(COLUMNS).get(standing, frozenset({standing}))
    count = sum(v.status in statuses for v in applied)
    if standing == "pass":
        return say("rp.all_items", count=len(applied))
    return say("rp.of_items", count=count, all=len(applied))


def _facts(
    case: Case, verdicts: Sequence[Verdict], dossier: Dossier, gate: Gate | None, say: Words
) -> list[tuple[str, str]]:
    """Model, data, rows, date, auditor, packs, who signed, gate, seal."""
    subject = case.subject
    model = say("rp.stored") if subject.model is None else str(subject.model.format or "")
    if subject.threshold is not None:
        model = say("rp.at_threshold", model=model, threshold=f"{subject.threshold:g}")
    rows = outline.counted(case, "row_count")
    data = sentences.data_name(case) or "–"
    signed = signatures(case, dossier, say)
    auditors = [s.who for s in signed if "audit" in s.who.lower()]
    offs = [
        say("rp.signed_on", who=s.who, when=s.when[:10]) for s in signed if s.kind == "sign-off"
    ]
    packs = [f"{p.id} {p.version}" for p in outline.packs(verdicts)]
    facts = [
        (say("fact_model"), model),
        (
            say("fact_data"),
            data if rows is None else say("rp.rows_of", data=data, rows=f"{rows:,}"),
        ),
        *sentences.cohort_facts(case, say),
        (say("rp.audited"), moment(case.environment.finished_at or "") or "–"),
        (say("rp.auditor"), say.listed(list(dict.fromkeys(auditors))) or say("rp.nobody_named")),
        (say("rp.rules"), say.listed(packs) or say("rp.no_rules")),
        (say("rp.signed"), say.listed(offs) or say("rp.nobody_yet")),
    ]
    if gate is not None:
        facts.append((say("rp.gate"), say("rp.exit", code=gate.exit_code)))
    return [*facts, (say("fact_seal"), case.digest.removeprefix("sha256:")[:12])]


def steps(
    case: Case,
    verdicts: Sequence[Verdict],
    dossier: Dossier,
    entries: Sequence[Ranked],
    say: Words,
) -> list[Step]:
    """What to do next, most pressing first."""
    order = in_order(verdicts)
    next_steps: list[Step] = []
    failing = [v for v in order if v.status in ("fail", "error")]
    if failing and any(r.verdict in failing for r in proven(entries)):
        next_steps.append(Step(say("rp.do_not_rely", count=len(failing))))
    fixes = [Step(_sentence(short(say.pick(v.fix), 220))) for v in failing if v.fix]
    next_steps += fixes[:1]
    rows = [v for v in order if v.status == "inconclusive" and v.rows_needed]
    if rows:
        most = max(v.rows_needed or 0 for v in rows)
        next_steps.append(Step(say("rp.more_rows", rows=rough(most), count=len(rows))))
    undeclared = [v for v in order if v.reason_code == "undeclared"]
    next_steps += [Step(_sentence(short(say.pick(v.because), 160))) for v in undeclared[:1]]
    pending = [v for v in order if v.status == "needs-attestation"]
    if pending:
        items = say.listed([v.item for v in pending[:4]])
        text = say("rp.attest", count=len(pending), items=items)
        next_steps.append(Step(text, f"evenhand attest CASE {pending[0].item}"))
    if not verdicts:
        next_steps.append(Step(say("rp.judge"), "evenhand judge CASE --policy baseline"))
    next_steps += fixes[1:2]
    if standing_of(verdicts) in ("pass", "warn") and not dossier.sign_offs(case):
        next_steps.append(Step(say("rp.sign_off"), "evenhand sign-off CASE"))
    return next_steps
