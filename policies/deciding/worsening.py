"""This case against another on the same rows, pair by pair: did any group get worse?"""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.comparing.compare import COMPARED, NotPairedError, Paired, paired_change
from evenhand.audit.errors import InputError
from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.looks import share_of_error
from evenhand.audit.reason import quoted
from evenhand.audit.words.measures import measure_name
from evenhand.audit.words.reasons import render
from evenhand.audit.words.text import name, short
from evenhand.policies.deciding.decide import Demand, Outcome, Relation, relation, without_number
from evenhand.policies.verdict import VerdictStatus
from evenhand.policies.words import Words, joined, measured, place, say


def row_by_row(
    finding: Finding, demand: Demand, case: Case, other: Case | None, siblings: Sequence[Finding]
) -> Outcome:
    """``no-group-worse`` fails what is shown to break the threshold, else it passes; ``bound``
    passes only what is shown to keep it.

    The change is this case's rate minus the other's, over the same rows of the finding's group,
    with Newcombe's paired interval; the level holds for all findings of the item together
    (Bonferroni). That nothing was shown is said as such: it is no proof that nothing happened.
    """
    if finding.value is None:
        return without_number(finding)
    if other is None:
        return no_comparison(finding)
    if finding.measure not in COMPARED or finding.between:
        because = say(
            f"{name(finding.measure)} is no rate that is compared row by row; those are "
            + ", ".join(COMPARED),
            f"{name(finding.measure)} 不是可逐行比较的比率；可比较的有：" + "、".join(COMPARED),
        )
        return Outcome("error", "not-pairable", because, (finding.id,))
    asking = sum(f.value is not None for f in siblings)
    level = 1 - (1 - demand.check.ci.two_sided_level) * share_of_error(demand.look) / max(1, asking)
    try:
        change = paired_change(case, other, finding.measure, finding.group, level)
    except InputError as error:
        why = error.reason if isinstance(error, NotPairedError) else quoted(error.message)
        because = say(
            f"the cases cannot be compared row by row: {short(render(why))}",
            f"两个案卷无法逐行比较：{short(render(why, 'zh'))}",
        )
        return Outcome("inconclusive", "no-comparison", because, (finding.id,))
    return _judged(finding, demand, change)


def no_comparison(finding: Finding) -> Outcome:
    """There is no other case to hold this one against."""
    because = say(
        "there is no case to compare with: judge with --compare-to CASE",
        "没有可比较的案卷：请以 --compare-to CASE 评判",
    )
    return Outcome("inconclusive", "no-comparison", because, (finding.id,))


def _judged(finding: Finding, demand: Demand, change: Paired) -> Outcome:
    value, interval = change.difference, change.interval
    if value is None or interval is None:
        because = say(
            f"no rows to compare: {short(render(change.reason))}",
            f"没有可比较的行：{short(render(change.reason, 'zh'))}",
        )
        return Outcome("inconclusive", "no-comparison", because, (finding.id,))
    held = relation(demand.comparator, demand.thresholds, interval.low, interval.high)
    status, code, ending = _ENDINGS[(held, demand.check.decision == "bound")]
    number = change_of(finding, measured(value, interval, change.n, demand.thresholds))
    by_row = Words(en=", row by row", zh="（逐行比较）")
    because = joined(number, by_row, demand.asks, ending)
    return Outcome(status, code, because, (finding.id,), value, interval)


def change_of(finding: Finding, shown: Words) -> Words:
    """How a change is told: ``Accuracy changed by -0.01 (-0.03 to 0.01, n=600)``."""
    en, zh = (short(measure_name(finding.measure, lang)) for lang in ("en", "zh"))
    where = place(finding)
    return say(
        f"{en}{where['en']} changed by {shown['en']}", f"{zh}{where['zh']}变化 {shown['zh']}"
    )


_NONE_SHOWN = say("; no worsening is shown", "；未显示变差")
_SHOWN: tuple[VerdictStatus, str, Words] = (
    "fail",
    "shown-worse",
    say("; it is shown to be worse", "；显示变差"),
)
# (how the interval stands to the threshold, whether keeping it must be shown)
_ENDINGS: dict[tuple[Relation, bool], tuple[VerdictStatus, str, Words]] = {
    ("fail", False): _SHOWN,
    ("fail", True): _SHOWN,
    ("open", False): ("pass", "none-shown-worse", _NONE_SHOWN),
    ("pass", False): ("pass", "none-shown-worse", _NONE_SHOWN),
    ("open", True): (
        "inconclusive",
        "interval-spans",
        say(
            ", which the interval crosses: more rows would settle it",
            "，区间跨越该限值：需更多数据行",
        ),
    ),
    ("pass", True): (
        "pass",
        "shown-no-worse",
        say("; it is shown to be no worse", "；显示未变差"),
    ),
}
