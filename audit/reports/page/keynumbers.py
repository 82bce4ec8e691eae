"""The three to five numbers of the first page, each held against what a pack allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.reports.page.hundredths import Strip, is_share, shown, strip
from evenhand.audit.reports.page.ranking import in_order, rates_behind
from evenhand.audit.reports.parts.groups import Apart, apart
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import at_most, in_percent, number
from evenhand.audit.words.subject import Sayings
from evenhand.policies.verdict import Verdict

MOST = 4
# Of each task, the number that says how well it works: the first that was measured.
_WORKS = (
    "accuracy_score",
    "mean_absolute_error",
    "root_mean_squared_error",
    "perplexity",
    "bits_per_character",
)
# Gaps that are shown where no item asks about one, those of the task at hand.
_GAPS = (
    "demographic_parity_difference",
    "equalized_odds_difference",
    "accuracy_score_difference",
    "mean_prediction_difference",
    "mean_absolute_error_difference",
)
_EPSILONS = ("composed_epsilon", "declared_epsilon")


@dataclass(frozen=True)
class KeyNumber:
    """A number with its interval on a line, the limit, and how it stands to it."""

    label: str
    value: str
    unit: str
    ends: str
    strip: Strip | None
    status: str
    against: str
    note: str


def key_numbers(case: Case, verdicts: Sequence[Verdict], floor: int, say: Words) -> list[KeyNumber]:
    """How well it works, the gaps that packs ask about (what fails first), what it promises."""
    made = [_works(case, verdicts, say), *_gaps(case, verdicts, floor, say)][:MOST]
    promised = [_judged(f, verdicts, say) for f in _promised(case, verdicts)]
    return [k for k in (*made, *promised) if k is not None]


def _promised(case: Case, verdicts: Sequence[Verdict]) -> list[Finding]:
    """The privacy budget: the one that an item asks about, else of all runs together."""
    found = [f for m in _EPSILONS if (f := _named(case, (m,))) is not None]
    asked = {name for v in verdicts for name in v.findings}
    return sorted(found, key=lambda f: f.id not in asked)[:1]


def commoner(case: Case) -> float | None:
    """How often always giving the commoner answer would be right, from the counts of the whole."""
    counts = next(
        (
            f.counts
            for f in case.findings
            if f.measure == "balanced_accuracy_score"
            and not f.group
            and {"tp", "fn"} <= set(f.counts)
        ),
        None,
    )
    if counts is None or not {"tn", "fp"} <= set(counts):
        return None
    positive, negative = counts["tp"] + counts["fn"], counts["tn"] + counts["fp"]
    return max(positive, negative) / (positive + negative) if positive + negative else None


def stands(finding: Finding, verdict: Verdict) -> str:
    """How one of the findings that an item reads stands to its threshold: pass, fail or
    inconclusive, by the item's own way of deciding."""
    limit, value = verdict.threshold, finding.value
    if limit is None or value is None or verdict.comparator not in ("<=", "<", ">=", ">"):
        return verdict.status
    own = finding.interval if verdict.decision == "bound" else None
    low, high = (own.low, own.high) if own else (value, value)
    kept = {
        "<=": (high <= limit, low > limit),
        "<": (high < limit, low >= limit),
        ">=": (low >= limit, high < limit),
        ">": (low > limit, high <= limit),
    }[verdict.comparator]
    return "pass" if kept[0] else "fail" if kept[1] else "inconclusive"


def limit_of(verdict: Verdict, finding: Finding) -> str:
    """The threshold in the unit in which the finding is shown."""
    limit = verdict.threshold or 0.0
    return f"{100 * limit:g}" if is_share(finding) else number(limit)


def side_of(verdict: Verdict) -> str:
    """What the threshold asks for: at most, below, at least or above it."""
    return {"<=": "most", "<": "below", ">=": "least", ">": "above"}.get(
        verdict.comparator, "equal"
    )


def _works(case: Case, verdicts: Sequence[Verdict], say: Words) -> KeyNumber | None:
    found = _named(case, _WORKS, family="performance.")
    if found is None:
        return None
    made = _judged(found, verdicts, say)
    guess = commoner(case) if found.measure == "accuracy_score" else None
    note = "" if guess is None else say("rp.guess", share=in_percent(guess))
    value, unit = made.value, made.unit
    if is_share(found):
        value, unit = in_percent(found.value or 0.0), ""
    label = Sayings(case.subject, say.lang).heading(found.measure) or made.label
    return KeyNumber(label, value, unit, made.ends, made.strip, made.status, made.against, note)


def _judged(finding: Finding, verdicts: Sequence[Verdict], say: Words) -> KeyNumber:
    """A number of the whole, with the item that reads it, if one does."""
    verdict = next((v for v in in_order(verdicts) if finding.id in v.findings), None)
    status, against, limit = "", "", None
    if verdict is not None:
        status = stands(finding, verdict) if verdict.status != "waived" else "waived"
        against = _against(finding, verdict, status, say)
        limit = verdict.threshold
    value, between = shown(finding)
    if finding.measure in _EPSILONS:
        value = at_most(finding.value or 0.0)
    drawn = strip(finding, limit=limit, tone=_tone(status)) if is_share(finding) else None
    if finding.measure in _EPSILONS:
        most = max(10.0, limit or 0.0, finding.value or 0.0)
        drawn = strip(finding, axis=(0.0, most), limit=limit, tone=_tone(status))
    unit = (
        "" if is_share(finding) or finding.measure in _EPSILONS else say.term("unit", finding.unit)
    )
    return KeyNumber(say.measure(finding.measure), value, unit, between, drawn, status, against, "")


def _against(finding: Finding, verdict: Verdict, status: str, say: Words) -> str:
    if verdict.threshold is None:
        return say("rp.no_limit")
    side = side_of(verdict)
    key = f"against.{status}.{side}"
    if key not in say.texts:
        return say.term("status", status)
    return say(key, limit=limit_of(verdict, finding))


def _gaps(
    case: Case, verdicts: Sequence[Verdict], floor: int, say: Words
) -> list[KeyNumber | None]:
    known = {f.id: f for f in case.findings}
    judged: list[tuple[Finding, Verdict | None]] = []
    for verdict in in_order(verdicts):
        for name in verdict.findings:
            found = known.get(name)
            if found is not None and _is_gap(found) and all(found is not f for f, _ in judged):
                judged.append((found, verdict))
    judged += [
        (f, None)
        for measure in _GAPS
        for f in case.findings
        if f.measure == measure and _is_gap(f) and all(f is not known for known, _ in judged)
    ]
    order = {"fail": 0, "error": 0, "inconclusive": 1, "warn": 2}
    placed = sorted(judged, key=lambda a: order.get(stands(a[0], a[1]), 3) if a[1] else 4)
    seen: dict[str, int] = {}
    turns = []  # the worst gap of each feature before a second one of any
    for gap in placed:
        [feature] = gap[0].between
        turns.append((seen.setdefault(feature, 0), *gap))
        seen[feature] += 1
    turns.sort(key=lambda t: t[0])
    return [_gap(case, f, v, floor, say) for _, f, v in turns]


def _is_gap(finding: Finding) -> bool:
    return (
        len(finding.between) == 1
        and finding.measure.endswith("_difference")
        and finding.value is not None
        and finding.check.startswith("fairness.")
        and not finding.column
    )


def _gap(
    case: Case, finding: Finding, verdict: Verdict | None, floor: int, say: Words
) -> KeyNumber:
    told = Sayings(case.subject, say.lang)
    [feature] = finding.between
    rates = rates_behind(finding.measure)
    name = say("rp.errors") if len(rates) > 1 else told.rate(rates[0]) or say.measure(rates[0])
    status = stands(finding, verdict) if verdict else ""
    value, between = shown(finding)
    is_points = is_share(finding)
    drawn = None
    if is_points:
        limit = verdict.threshold if verdict else None
        drawn = strip(finding, tone=_tone(status), limit=limit)
    return KeyNumber(
        say("rp.gap_by", rate=name, feature=feature),
        value,
        say("rp.points") if is_points else say.term("unit", finding.unit),
        between,
        drawn,
        status,
        _against(finding, verdict, status, say) if verdict else "",
        _between(case, finding, feature, rates, floor, say),
    )


def _between(
    case: Case, finding: Finding, feature: str, rates: Sequence[str], floor: int, say: Words
) -> str:
    """Which two groups the gap lies between, and that one of them is small."""
    apart_by = [apart(case, feature, _named_gap(rate)) for rate in rates]
    pairs = [p for p in apart_by if p and p.highest and p.lowest and _makes(p, finding)]
    if not pairs or pairs[0].highest is None or pairs[0].lowest is None:
        return ""
    one, other = pairs[0].highest, pairs[0].lowest
    told = say(
        "rp.between",
        one=one.group[feature],
        n_one=f"{one.n:,}",
        other=other.group[feature],
        n_other=f"{other.n:,}",
    )
    return say.joined(told, say("rp.small_end")) if min(one.n, other.n) < floor else told


def _named_gap(rate: str) -> str:
    """The rate under which the same gap is measured by group."""
    return "false_negative_rate" if rate == "true_positive_rate" else rate


def _makes(pair: Apart, finding: Finding) -> bool:
    return abs((pair.gap.value or 0.0) - (finding.value or 0.0)) < 1e-9


def _tone(status: str) -> str:
    return "bad" if status in ("fail", "error") else "mark"


def _named(case: Case, measures: Sequence[str], family: str = "") -> Finding | None:
    for measure in measures:
        for f in case.findings:
            is_whole = not f.group and not f.column and not f.between
            if (
                f.measure == measure
                and is_whole
                and f.check.startswith(family)
                and f.value is not None
            ):
                return f
    return None
