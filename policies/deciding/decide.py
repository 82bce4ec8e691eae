"""Decides one number against one demand, and several such answers together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from evenhand.audit.finding import Finding, Interval
from evenhand.audit.measure.uncertainty import intervals
from evenhand.audit.measure.uncertainty.looks import level_at, share_of_error, with_room
from evenhand.audit.words.measures import measure_name
from evenhand.audit.words.numbers import number
from evenhand.audit.words.text import name, short
from evenhand.policies.deciding.power import RowsNeeded
from evenhand.policies.deciding.sentence import BY_TEST, asked, number_of, source, stands
from evenhand.policies.deciding.settling import (
    Cells,
    rate_counts,
    rows_in_words,
    rows_to_settle,
)
from evenhand.policies.demands import ANY_UNIT, Comparator, ConfidenceInterval, Requirement
from evenhand.policies.verdict import VerdictStatus
from evenhand.policies.words import Words, count, joined, place, say

Relation = Literal["pass", "fail", "open"]
# from the worst: of two answers the one further left counts
_WORST_FIRST: tuple[VerdictStatus, ...] = (
    "fail",
    "error",
    "inconclusive",
    "needs-attestation",
    "warn",
    "attested",
    "pass",
    "not-applicable",
)
# reasons of findings for which the subject's file only has to say what a prediction means
_TO_DECLARE = frozenset({"adverse-not-declared"})
_METHODS = {
    "wilson": "wilson",
    "clopper-pearson": "clopper",
    "katz-log": "katz",
    "newcombe": "newcombe",
    "bootstrap": "bootstrap",
}


@dataclass(frozen=True)
class Demand:
    """What an item asks of a number: its check with the thresholds worked out."""

    check: Requirement
    thresholds: tuple[float, ...]
    is_default: bool = False
    numbers: int = 1  # how many numbers share the item's error
    tests: Mapping[str, float] = field(default_factory=dict)  # finding id -> p in the item's family
    family: int = 1  # how many tests that family holds
    cells: Mapping[str, tuple[Cells, ...]] = field(default_factory=dict)  # what a gap is made of
    leads: Mapping[str, Words] = field(default_factory=dict)  # finding id -> who, in a hundred
    look: int = 1  # at growing data

    @property
    def ci(self) -> ConfidenceInterval:
        """The interval that is read, at the level that holds for all numbers of the item."""
        ci, parts = self.check.ci, 1
        if self.check.multiple != "none" and self.numbers > 1:
            parts = self.numbers
        if self.look < 2 and parts < 2:
            return ci
        level = 1 - (1 - level_at(ci.level, self.look)) / parts
        return ci.model_copy(update={"level": level})

    @property
    def alpha(self) -> float:
        """The error of the companion test at this look."""
        assert self.check.companion_test is not None
        return self.check.companion_test.alpha * share_of_error(self.look)

    def rows_to_settle(self, finding: Finding, interval: Interval) -> RowsNeeded:
        """Further rows until the interval leaves every threshold that it spans."""
        cells = self.cells.get(finding.id, ())
        return rows_to_settle(finding, interval, self.thresholds, cells, self.look)

    @property
    def comparator(self) -> Comparator:
        """How the number stands to the thresholds; only for decisions that compare."""
        assert self.check.comparator is not None
        return self.check.comparator

    @property
    def source(self) -> Words:
        """Where the limit comes from: ``(convention)``."""
        return source(self.check.threshold_origin, is_default=self.is_default)

    def stands(self, *, keeps: bool) -> Words:
        """How a number that keeps or breaks the demand stands to it: ``, below 0.80 (law)``."""
        how = stands(self.comparator, self.thresholds, keeps=keeps)
        return say(f", {how['en']} {self.source['en']}", f"，{how['zh']}{self.source['zh']}")

    @property
    def asks(self) -> Words:
        """What is asked of a number of which it is open: ``; at least 0.80 is asked (law)``."""
        if self.check.comparator is None:
            en, zh = "; a number is all that is asked", "；只要求有数值"
        else:
            how = asked(self.comparator, self.thresholds)
            en, zh = f"; {how['en']} is asked", f"；要求{how['zh']}"
        return say(f"{en} {self.source['en']}", f"{zh}{self.source['zh']}")


@dataclass(frozen=True)
class Outcome:
    """One answer, before waivers and dates: a status, why, and the numbers behind it."""

    status: VerdictStatus
    code: str
    because: Words
    findings: tuple[str, ...] = ()
    value: float | None = None
    interval: Interval | None = None
    rows_needed: int | None = None


def worse(outcomes: Sequence[Outcome]) -> Outcome:
    """The worst of several answers; the first of equals. ``outcomes`` must not be empty."""
    return min(outcomes, key=lambda o: _WORST_FIRST.index(o.status))


def relation(
    comparator: Comparator, thresholds: Sequence[float], low: float, high: float
) -> Relation:
    """How everything between ``low`` and ``high`` stands to the demand; ``open`` if it is mixed.

    Ends within 1e-12 of a threshold count as equal to it: 0.4 - 0.3 keeps a limit of 0.1.
    """
    first, last = thresholds[0], thresholds[-1]
    low, high = _snapped(low, thresholds), _snapped(high, thresholds)
    holds, breaks = {
        ">=": (low >= first, high < first),
        ">": (low > first, high <= first),
        "<=": (high <= first, low > first),
        "<": (high < first, low >= first),
        "==": (low == high == first, first < low or first > high),
        "between": (low >= first and high <= last, high < first or low > last),
    }[comparator]
    return "pass" if holds else "fail" if breaks else "open"


def _snapped(value: float, thresholds: Sequence[float]) -> float:
    for threshold in thresholds:
        if math.isclose(value, threshold, rel_tol=1e-12, abs_tol=1e-12):
            return threshold
    return value


def badness(comparator: Comparator, thresholds: Sequence[float], value: float) -> float:
    """How far ``value`` lies towards the wrong side: the largest decides."""
    if comparator in (">=", ">"):
        return -value
    if comparator in ("<=", "<"):
        return value
    return max(thresholds[0] - value, value - thresholds[-1])


def interval_for(finding: Finding, wanted: ConfidenceInterval) -> Interval | None:
    """The finding's interval at the level and by the method that a pack asks for.

    Taken from those measured, or worked out from the counts of a plain rate; None where the audit
    would have to be run again.
    """
    level = wanted.two_sided_level
    kept = [i for i in (finding.interval, *finding.other_intervals) if i is not None]
    for one in kept:
        fits = wanted.method is None or _METHODS[wanted.method] in one.method.lower()
        if fits and math.isclose(one.level, level, abs_tol=1e-9):
            return one
    rate = rate_counts(finding)
    if rate is None:
        return None
    exact = wanted.method == "clopper-pearson"
    if wanted.method is None and kept:
        exact = _METHODS["clopper-pearson"] in kept[0].method.lower()
        if not exact and _METHODS["wilson"] not in kept[0].method.lower():
            return None
    elif wanted.method not in (None, "wilson", "clopper-pearson"):
        return None
    return (intervals.clopper_pearson if exact else intervals.share)(*rate, level)


def without_number(finding: Finding) -> Outcome:
    """The answer of a finding that is not measured: undefined never passes."""
    where = place(finding)
    reason, zh_reason = (short(finding.reason_text(lang)) for lang in ("en", "zh"))
    name, zh_name = (short(measure_name(finding.measure, lang)) for lang in ("en", "zh"))
    if finding.status == "error":
        status: VerdictStatus = "error"
        code = "crashed"
        en = f"{name}{where['en']}: the check {finding.check} crashed"
        zh = f"{zh_name}{where['zh']}：检查 {finding.check} 运行出错"
    elif any(r.code in _TO_DECLARE for r in finding.reason):
        # a question that waits for a declaration is open: it doesn't go away unanswered
        status = "inconclusive"
        code, en, zh = "undeclared", f"{name} waits for a declaration", f"{zh_name}待声明"
    elif finding.status == "not_applicable":
        status = "not-applicable"
        code, en, zh = "no-question", f"{name} does not apply", f"{zh_name}不适用"
    elif finding.status == "skipped":
        status = "inconclusive"
        code, en, zh = "skipped", f"{name} was skipped", f"{zh_name}已跳过"
    else:
        status = "inconclusive"
        code, en, zh = "undefined", f"undefined{where['en']}", f"无定义{where['zh']}"
    return Outcome(status, code, say(f"{en}: {reason}", f"{zh}：{zh_reason}"), (finding.id,))


def decide(finding: Finding, demand: Demand) -> Outcome:
    """The answer of one finding: pass, fail, warn, inconclusive, error or not-applicable."""
    check = demand.check
    if finding.value is None:
        blank = without_number(finding)
        if check.decision == "present" and finding.status == "undefined":
            return replace(blank, status="fail", code="absent")
        return blank
    if check.unit not in (None, ANY_UNIT, finding.unit):
        return _other_unit(finding, demand, str(check.unit))
    if check.min_n is not None and finding.n < check.min_n:
        return _too_few(finding, demand, check.min_n)
    interval = interval_for(finding, demand.ci)
    if check.decision == "present":
        return _answer("pass", "present", finding, demand, interval, demand.asks)
    if check.decision == "bound":
        if interval is None:
            return _no_interval(finding, demand)
        return _by_bound(finding, demand, interval)
    return _by_point(finding, demand, interval or finding.interval)


def _by_bound(finding: Finding, demand: Demand, interval: Interval) -> Outcome:
    held = relation(demand.comparator, demand.thresholds, interval.low, interval.high)
    if held == "open":
        rows = demand.rows_to_settle(finding, interval)
        crosses = say(", which the interval crosses", "，区间跨越该限值")
        how = joined(demand.asks, crosses, Words(en=": ", zh="："), rows_in_words(rows))
        return _answer("inconclusive", "interval-spans", finding, demand, interval, how, rows.sure)
    if held == "pass" and demand.look < 2:
        wider = with_room(finding.value, interval)
        if relation(demand.comparator, demand.thresholds, wider.low, wider.high) != "pass":
            return _by_a_hair(finding, demand, interval, wider)
    whole = say(", as is the whole interval", "，整个区间亦然")
    how = joined(demand.stands(keeps=held == "pass"), whole)
    code = "bound-met" if held == "pass" else "bound-missed"
    return _answer(held, code, finding, demand, interval, how)


def _by_a_hair(finding: Finding, demand: Demand, interval: Interval, wider: Interval) -> Outcome:
    rows = demand.rows_to_settle(finding, wider)
    level = number(100 * wider.level)
    kept = say(
        f", kept by the interval, though not by the one of {level} % that leaves room for looks to "
        "come",
        f"，该区间符合，但为后续查看留出余地的 {level}% 区间不符合",
    )
    how = joined(demand.asks, kept, Words(en=": ", zh="："), rows_in_words(rows))
    return _answer("inconclusive", "interval-near", finding, demand, interval, how, rows.sure)


def _by_point(finding: Finding, demand: Demand, interval: Interval | None) -> Outcome:
    comparator, value = demand.comparator, finding.value
    if value is None:
        return without_number(finding)
    if demand.check.companion_test is not None:
        return _by_test(finding, demand, value, interval, demand.alpha)
    if relation(comparator, demand.thresholds, value, value) != "pass":
        how = demand.stands(keeps=False)
        return _answer("fail", "point-missed", finding, demand, interval, how)
    how = demand.stands(keeps=True)
    if interval is not None and comparator != "==":
        held = relation(comparator, demand.thresholds, interval.low, interval.high)
        if held != "pass" and not _is_the_end(demand.thresholds, value, interval):
            rows = demand.rows_to_settle(finding, interval)
            reaches = say(
                ", which is all that is asked, though the interval reaches past it",
                "，规则只问数值，但区间越过该限值",
            )
            how = joined(how, reaches)
            return _answer(
                "warn", "point-met-bound-open", finding, demand, interval, how, rows.sure
            )
    return _answer("pass", "point-met", finding, demand, interval, how)


def _is_the_end(thresholds: Sequence[float], value: float, interval: Interval) -> bool:
    """Whether the limit is the best that there is: 0 of n, where none may be. The interval of a
    sample always reaches past it, and a bound that nobody can meet is no rule."""
    limit = _snapped(value, thresholds)
    return limit in thresholds and limit in (
        _snapped(interval.low, thresholds),
        _snapped(interval.high, thresholds),
    )


def _by_test(
    finding: Finding, demand: Demand, value: float, interval: Interval | None, alpha: float
) -> Outcome:
    """A point estimate with a significance test: neither alone condemns or clears."""
    kept = relation(demand.comparator, demand.thresholds, value, value) == "pass"
    p_value = demand.tests.get(finding.id)
    if p_value is None:
        untested = say(
            "; the finding carries no test: audit again with this pack",
            "；该结果未附检验：请以本规则包重新审计",
        )
        how = joined(demand.asks, untested)
        return _answer("inconclusive", "no-test", finding, demand, interval, how)
    significant = p_value < alpha
    p, a, shared = number(p_value, [alpha]), number(alpha), demand.family > 1
    test = say(
        f"p = {p}, {'below' if significant else 'not below'} {a}"
        + (f", Holm over the {demand.family} tests of this item" if shared else ""),
        f"p = {p}，{'低于' if significant else '不低于'} {a}"
        + (f"，按本项的 {demand.family} 个检验作 Holm 校正" if shared else ""),
    )
    status, code, beyond = BY_TEST[(kept, significant)]
    brackets = Words(en=f" ({test['en']})", zh=f"（{test['zh']}）")
    how = joined(demand.stands(keeps=kept), beyond, brackets)
    return _answer(status, code, finding, demand, interval, how)


def _too_few(finding: Finding, demand: Demand, minimum: int) -> Outcome:
    rows = minimum - finding.n
    least = say(
        f"; at least {count(minimum)} rows are asked for: {count(rows)} more",
        f"；至少须有 {count(minimum)} 行：还差 {count(rows)} 行",
    )
    status: VerdictStatus = "fail" if demand.check.on_small == "fail" else "inconclusive"
    interval = interval_for(finding, demand.ci) or finding.interval
    how = joined(demand.asks, least)
    return _answer(status, "too-few-rows", finding, demand, interval, how, rows)


def _other_unit(finding: Finding, demand: Demand, unit: str) -> Outcome:
    """The pack's mistake: its limit is about something else than what was measured."""
    differs = say(
        f"; the pack's limit is in {name(unit)}, the finding in {name(finding.unit or 'no unit')}: "
        "an error of the pack, see evenhand policies lint",
        f"；规则包限值的单位为 {name(unit)}，测量结果的单位为 {name(finding.unit or '无')}："
        "规则包有误，见 evenhand policies lint",
    )
    how = joined(demand.asks, differs)
    return _answer("error", "unit-differs", finding, demand, finding.interval, how)


def _no_interval(finding: Finding, demand: Demand) -> Outcome:
    ci = demand.ci
    level = number(ci.two_sided_level)
    if finding.interval is None:
        bare = say("; the number has no interval to decide by", "；该数值没有可供判定的区间")
        how = joined(demand.asks, bare)
        return _answer("inconclusive", "no-interval", finding, demand, None, how)
    method = f", {ci.method}" if ci.method else ""
    other = say(
        f"; the interval that the item asks for ({level}{method}) was not measured: "
        "audit again with this pack",
        f"；未测量该项要求的区间（{level}{method}）：请以本规则包重新审计",
    )
    how = joined(demand.asks, other)
    return _answer("inconclusive", "audit-again", finding, demand, finding.interval, how)


def _answer(
    status: VerdictStatus,
    code: str,
    finding: Finding,
    demand: Demand,
    interval: Interval | None,
    how: Words,
    rows: int | None = None,
) -> Outcome:
    """``how`` is the rest of the sentence: how the number stands to the demand."""
    value = finding.value
    if value is None:
        return without_number(finding)
    number = told_number(finding, value, interval, demand)
    return Outcome(status, code, joined(number, how), (finding.id,), value, interval, rows)


def told_number(finding: Finding, value: float, interval: Interval | None, demand: Demand) -> Words:
    """Who, how many of a hundred, and the number: how every sentence about a number begins."""
    return number_of(finding, value, interval, demand.thresholds, demand.leads.get(finding.id))


def with_note(outcome: Outcome, note: Words) -> Outcome:
    """The same answer with something more to say."""
    because = say(
        f"{outcome.because['en']}; {note['en']}", f"{outcome.because['zh']}；{note['zh']}"
    )
    return replace(outcome, because=because)
