"""The measured half of an item: finds its numbers, minds small groups, and decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import more_is_better
from evenhand.audit.finding import Finding
from evenhand.audit.words.numbers import number, of_measure
from evenhand.audit.words.text import name, short
from evenhand.policies.deciding.behind import leads
from evenhand.policies.deciding.decide import (
    Demand,
    Outcome,
    badness,
    decide,
    interval_for,
    relation,
    told_number,
    with_note,
    without_number,
    worse,
)
from evenhand.policies.deciding.families import with_tests
from evenhand.policies.deciding.selection import Selection, features_of, select
from evenhand.policies.deciding.settling import Cells, cells_behind
from evenhand.policies.deciding.tables import divided_by_small
from evenhand.policies.deciding.worsening import change_of, no_comparison, row_by_row
from evenhand.policies.demands import Requirement, declared_reference
from evenhand.policies.schema import Evidence
from evenhand.policies.words import Words, count, joined, measured, say


@dataclass(frozen=True)
class Measured:
    """The answer with the thresholds it was held against (none where they are not declared)."""

    outcome: Outcome
    thresholds: tuple[float, ...] = ()


def automated(
    evidence: Evidence, check: Requirement, case: Case, compare_to: Case | None
) -> Measured:
    """Judges the findings that ``evidence`` selects by ``check``; never raises for missing ones."""
    asked = _demand(check, case.plan.declared)
    selection = select(case, evidence)
    if isinstance(asked, Outcome):
        return Measured(replace(asked, findings=tuple(f.id for f in selection.findings)))
    if selection.no_question is not None:
        return Measured(
            Outcome("not-applicable", "no-question", selection.no_question), asked.thresholds
        )
    outcome = _decide_all(selection, evidence, asked, case, compare_to)
    return Measured(outcome, asked.thresholds)


def _demand(check: Requirement, declared: Mapping[str, Any]) -> Demand | Outcome:
    """The demand with its thresholds, or why there is none: no limit is ever guessed."""
    values: list[float] = []
    is_default = False
    for threshold in check.thresholds:
        if isinstance(threshold, float | int):
            values.append(float(threshold))
            continue
        key, default = declared_reference(threshold)
        value = declared.get(key)
        if value is None:
            if default is None:
                because = say(
                    f"the subject declares no {key}: audit again with --declared {key}=NUMBER "
                    f"(in the subject's file declared: {{{key}: NUMBER}})",
                    f"审计对象未声明 {key}：请以 --declared {key}=数值 重新审计"
                    f"（对象文件中为 declared: {{{key}: 数值}}）",
                )
                return Outcome("inconclusive", "undeclared", because)
            is_default = True
            values.append(default)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            because = say(
                f"the declared {key} is {name(value)}, not a number",
                f"声明的 {key} 为 {name(value)}，不是数字",
            )
            return Outcome("error", "declared-not-a-number", because)
        else:
            values.append(float(value))
    return Demand(check, tuple(values), is_default)


def _decide_all(
    selection: Selection, evidence: Evidence, demand: Demand, case: Case, other: Case | None
) -> Outcome:
    values = sum(f.value is not None for f in selection.findings)
    demand = replace(demand, numbers=values, look=case.plan.look)
    judge = _Judge(demand, case, other, selection.findings)
    demand = replace(
        with_tests(demand, judge.tested(), case.subject.control_features),
        cells=_cells(selection, case),
        leads=leads(case, selection.findings),
    )
    judge = replace(judge, asked=demand)
    kept: list[tuple[Finding, Outcome]] = []
    left_out: list[Finding] = []
    for finding in sorted(selection.findings, key=lambda f: f.id):
        outcome = judge.one(finding)
        if outcome is None:
            left_out.append(finding)
        else:
            kept.append((finding, outcome))
    decisive = _decisive(kept, evidence, demand, case)
    decisive += [Outcome("inconclusive", one.code, one.words) for one in selection.missing]
    if not decisive:
        decisive = [_nothing_left(left_out)]
    decided = worse(decisive)
    others = sum(o.status == decided.status for o in decisive) - 1
    if others and decided.status in ("fail", "inconclusive", "error"):
        decided = with_note(decided, say(f"{others} more like it", f"另有 {others} 项相同"))
    if left_out and kept:
        decided = with_note(decided, _left_out_note(left_out))
    share = demand.check.min_group_share
    if share is not None and divided_by_small(selection.findings, left_out, share):
        decided = _measured_otherwise(decided)
    if demand.look > 1 and (told := looked_again(demand)) is not None:
        decided = with_note(decided, told)
    considered = [f.id for f, _ in kept] + [f.id for f in left_out]
    rest = (i for i in considered if i not in decided.findings)
    return replace(decided, findings=(*decided.findings, *rest))


def _cells(selection: Selection, case: Case) -> dict[str, tuple[Cells, ...]]:
    gaps = (f for f in selection.findings if f.between)
    return {gap.id: cells_behind(gap, case.findings) for gap in gaps}


def _measured_otherwise(decided: Outcome) -> Outcome:
    """Undecided: the ratios are to a group that the pack leaves out."""
    if decided.status not in ("pass", "fail", "warn"):
        return decided
    note = say(
        "the highest group is too small for this pack and others are divided by it: audit again "
        "with this pack",
        "最高组小于本规则包下限，其他组以其为分母：请以本规则包重新审计",
    )
    return with_note(replace(decided, status="inconclusive", code="audit-again"), note)


def _decisive(
    kept: Sequence[tuple[Finding, Outcome]], evidence: Evidence, demand: Demand, case: Case
) -> list[Outcome]:
    """The outcomes that count, the worst value first among equals; where any number will do, the
    one that is worst for people.

    With ``agg: min`` or ``max`` the one extreme decides; what has no number still counts, since
    the extreme could hide there.
    """
    asks = [(f, o) for f, o in kept if o.status != "not-applicable"]
    if not asks:
        return [o for _, o in kept]
    numbered = [o for _, o in asks if o.value is not None]
    blank = [o for _, o in asks if o.value is None]
    if demand.check.decision == "present":
        return _worst_for_people([(f, o) for f, o in asks if o.value is not None], case) + blank
    if evidence.agg == "all":
        numbered.sort(key=lambda o: -badness(demand.comparator, demand.thresholds, o.value or 0.0))
    elif numbered:
        pick = min if evidence.agg == "min" else max
        numbered = [pick(numbered, key=lambda o: o.value or 0.0)]
    return numbered + blank


def _worst_for_people(numbered: Sequence[tuple[Finding, Outcome]], case: Case) -> list[Outcome]:
    """The lowest number first where low is harm, the highest where high is; which one it is, said.
    A group of few people whose number is no worse never leads."""
    better = {more_is_better(f.measure, case.subject) for f, _ in numbered}
    if len(numbered) < 2 or len(better) > 1 or None in better:
        return [o for _, o in numbered]
    is_low = True in better
    ordered = sorted(
        numbered, key=lambda fo: ((fo[1].value or 0) * (1 if is_low else -1), -fo[0].n)
    )
    end = ("lowest", "最低") if is_low else ("highest", "最高")
    listed = f"{end[0]} of {count(len(numbered))}", f"{count(len(numbered))} 项中{end[1]}的一项"
    first = with_note(ordered[0][1], say(f"it is the {listed[0]}", listed[1]))
    return [first, *(o for _, o in ordered[1:])]


def looked_again(demand: Demand) -> Words | None:
    """Which look it is, and how strictly it is read; None where nothing hangs on luck."""
    if demand.check.companion_test is not None:
        read = f"p < {number(demand.alpha)}"
    elif demand.check.decision in ("bound", "no-group-worse"):
        read = f"{number(100 * demand.ci.two_sided_level)} %"
    else:
        return None
    return say(
        f"look {demand.look} at growing data: read at {read}",
        f"第 {demand.look} 次查看增长中的数据：按 {read} 判读",
    )


def _nothing_left(left_out: Sequence[Finding]) -> Outcome:
    if left_out:
        return Outcome("inconclusive", "small-groups", _left_out_note(left_out))
    because = say("no finding to decide by", "没有可供判定的结果")
    return Outcome("inconclusive", "not-measured", because)


def _left_out_note(left_out: Sequence[Finding], shown: int = 5) -> Words:
    def told(finding: Finding, language: str) -> str:
        """The group with its size; where the check left it out itself, with what it says."""
        group = "/".join(name(v) for _, v in sorted(finding.group.items()))
        why = short(finding.reason_text(language)) if finding.value is None else ""
        return f"{group} ({why})" if why else f"{group} (n={count(finding.n)})"

    en, zh = (", ".join(told(f, lang) for f in left_out[:shown]) for lang in ("en", "zh"))
    more = len(left_out) - shown
    en_more, zh_more = (f" and {more} more", f" 等另 {more} 组") if more > 0 else ("", "")
    return say(f"left out as too small: {en}{en_more}", f"因过小而未计入：{zh}{zh_more}")


@dataclass(frozen=True)
class _Judge:
    asked: Demand
    case: Case
    other: Case | None
    siblings: tuple[Finding, ...]

    def tested(self) -> list[Finding]:
        """The findings that the item judges: not those that it leaves out as too small."""
        if self.asked.check.on_small != "exclude-and-report":
            return list(self.siblings)
        return [f for f in self.siblings if not f.group or self._too_small(f) is None]

    def one(self, finding: Finding) -> Outcome | None:
        """The answer of one finding; None where its group is too small and is to be left out."""
        check = self.asked.check
        if finding.group and not finding.between:
            small = self._too_small(finding)
            if small is not None and finding.status in ("measured", "undefined"):
                if check.on_small == "exclude-and-report":
                    return None
                return self._small(finding, small)
        if check.paired:
            return row_by_row(finding, self.asked, self.case, self.other, self.siblings)
        if check.against is not None:
            return self._change(finding)
        outcome = decide(finding, self.asked)
        return self._minding_left_out(finding, outcome) if finding.between else outcome

    def _too_small(self, finding: Finding) -> Words | None:
        check = self.asked.check
        if check.min_group_n is not None and finding.n < check.min_group_n:
            least = count(check.min_group_n)
            return say(f"the minimum is {least} rows", f"下限为 {least} 行")
        if check.min_group_share is not None:
            keys = set(finding.group)
            siblings = sum(f.n for f in self.siblings if set(f.group) == keys)
            # a ratio has no finding for the highest group: the table counts everybody
            total = max(finding.counts.get("table", 0), siblings)
            if total and finding.n / total < check.min_group_share:
                least = number(check.min_group_share)
                return say(f"the minimum is a share of {least}", f"占比下限为 {least}")
        return None

    def _small(self, finding: Finding, why: Words) -> Outcome:
        """Too few people: never a pass. ``on_small: fail`` makes it a fail."""
        check = self.asked.check
        status = "fail" if check.on_small == "fail" else "inconclusive"
        rows = None
        if check.min_group_n is not None and finding.n < check.min_group_n:
            rows = check.min_group_n - finding.n
        if finding.value is None:
            shown, interval = without_number(finding).because, None
        else:
            interval = interval_for(finding, self.asked.ci) or finding.interval
            shown = told_number(finding, finding.value, interval, self.asked)
        small = say(
            f"; the group is too small to judge: {why['en']}",
            f"；该组过小，无法评判：{why['zh']}",
        )
        because = joined(shown, small)
        return Outcome(
            "fail" if status == "fail" else "inconclusive",
            "small-groups",
            because,
            (finding.id,),
            finding.value,
            interval,
            rows,
        )

    def _minding_left_out(self, finding: Finding, outcome: Outcome) -> Outcome:
        """A gap without its smallest groups is a gap among the rest: said, and no pass.

        A gap that fails without them fails with them too, since more groups only widen it.
        """
        check = self.asked.check
        left_out = finding.counts.get("groups_left_out", 0)
        within = self._small_within(finding)
        if (left_out == 0 and not within) or outcome.status in ("error", "not-applicable"):
            return outcome
        note = _gap_note(left_out, finding.counts.get("groups"), within)
        softened = outcome.status in ("pass", "warn")
        if check.on_small == "fail" and finding.value is not None:
            return with_note(replace(outcome, status="fail", code="small-groups"), note)
        if softened and (check.on_small == "inconclusive" or within):
            outcome = replace(outcome, status="inconclusive", code="small-groups", rows_needed=None)
        return with_note(outcome, note)

    def _small_within(self, finding: Finding) -> tuple[str, ...]:
        """Groups that the gap compares although the pack holds them to be too small.

        The check compares from its own minimum on; a pack may ask for more.
        """
        minimum = self.asked.check.min_group_n
        compared_from = self._compared_from(finding.check)
        if minimum is None or compared_from >= minimum:
            return ()
        family = finding.check.partition(".")[0]
        sizes: dict[tuple[tuple[str, str], ...], int] = {}
        for other in self.case.findings:
            same = other.check.partition(".")[0] == family and not other.between
            rate = other.unit == "rate" and other.status in ("measured", "undefined")
            if same and rate and other.group and features_of(other) == features_of(finding):
                key = tuple(sorted(other.group.items()))
                sizes[key] = max(sizes.get(key, 0), other.n)
        return tuple(
            "/".join(name(value) for _, value in key)
            for key, n in sorted(sizes.items())
            if compared_from <= n < minimum
        )

    def _compared_from(self, check_id: str) -> int:
        return self.case.plan.minimum_size(check_id, 1) or 1

    def _change(self, finding: Finding) -> Outcome:
        """This case's value minus the other case's, for the finding of the same id."""
        if finding.value is None:
            return without_number(finding)
        if self.other is None:
            return no_comparison(finding)
        before = next((f for f in self.other.findings if f.id == finding.id), None)
        if before is None or before.value is None:
            because = say(
                f"the case to compare with has no value for {name(finding.id)}",
                f"被比较的案卷没有 {name(finding.id)} 的数值",
            )
            return Outcome("inconclusive", "no-comparison", because, (finding.id,))
        return self._judged_change(finding, finding.value, before.value)

    def _judged_change(self, finding: Finding, now: float, before: float) -> Outcome:
        if self.asked.check.min_n is not None and finding.n < self.asked.check.min_n:
            return decide(finding, self.asked)
        thresholds, change = self.asked.thresholds, now - before
        kept = relation(self.asked.comparator, thresholds, change, change) == "pass"
        changed = change_of(finding, measured(change, None, finding.n, thresholds))
        was, is_now = (of_measure(finding.measure, v) for v in (before, now))
        ends = Words(en=f", from {was} to {is_now}", zh=f"，由 {was} 至 {is_now}")
        because = joined(changed, ends, self.asked.stands(keeps=kept))
        code = "point-met" if kept else "point-missed"
        return Outcome("pass" if kept else "fail", code, because, (finding.id,), change)


def _gap_note(left_out: int, groups: int | None, within: Sequence[str]) -> Words:
    parts_en, parts_zh = [], []
    if left_out:
        of_en, of_zh = (f" of {groups}", f"（共 {groups} 组）") if groups else ("", "")
        parts_en.append(f"groups too small to compare, which need rows too: {left_out}{of_en}")
        parts_zh.append(f"过小而未参与比较、亦须补充数据的组：{left_out}{of_zh}")
    if within:
        listed = ", ".join(within[:5])
        parts_en.append(f"compared although too small for this pack: {listed}")
        parts_zh.append(f"小于本规则包下限却参与了比较：{listed}")
    return say("; ".join(parts_en), "；".join(parts_zh))
