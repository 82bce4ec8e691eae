"""The sentence of a verdict: who, how many of 100, the number, and how it stands to the limit.

There is no other: terminal, reports, dashboard and what runners read show it as it is. How the
number stands to the limit is worked out from the number alone, so that no sentence contradicts its
verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.finding import Finding, Interval
from evenhand.audit.words.measures import measure_name
from evenhand.audit.words.text import short
from evenhand.policies.demands import Comparator
from evenhand.policies.verdict import VerdictStatus
from evenhand.policies.words import ORIGIN, Words, joined, limit, measured, place, say

# comparator -> what keeps it, what breaks it; {0} and {1} are the limits
_STANDS: dict[Comparator, tuple[Words, Words]] = {
    ">=": (say("at least {0}", "不低于 {0}"), say("below {0}", "低于 {0}")),
    ">": (say("above {0}", "高于 {0}"), say("not above {0}", "不高于 {0}")),
    "<=": (say("at most {0}", "不超过 {0}"), say("above {0}", "高于 {0}")),
    "<": (say("below {0}", "低于 {0}"), say("not below {0}", "不低于 {0}")),
    "==": (say("exactly {0}", "恰为 {0}"), say("not {0}", "不等于 {0}")),
    "between": (
        say("between {0} and {1}", "在 {0} 与 {1} 之间"),
        say("not between {0} and {1}", "不在 {0} 与 {1} 之间"),
    ),
}


def stands(comparator: Comparator, thresholds: Sequence[float], *, keeps: bool) -> Words:
    """How a number that keeps a demand, or breaks it, stands to its limits: ``below 0.80``."""
    shown = [limit(t) for t in thresholds]
    words = _STANDS[comparator][0 if keeps else 1]
    return say(*(words[lang].format(*shown) for lang in ("en", "zh")))


def asked(comparator: Comparator, thresholds: Sequence[float]) -> Words:
    """What a demand asks of a number that neither keeps nor breaks it: ``at least 0.80``."""
    return stands(comparator, thresholds, keeps=True)


def source(origin: str, *, is_default: bool) -> Words:
    """Where a limit comes from, in brackets."""
    en, zh = ORIGIN[origin]["en"], ORIGIN[origin]["zh"]
    if is_default:
        en, zh = f"{en}, the pack's default: nothing declared", f"{zh}，规则包默认值：未声明"
    return Words(en=f"({en})", zh=f"（{zh}）")


def number_of(
    finding: Finding,
    value: float,
    interval: Interval | None,
    thresholds: Sequence[float],
    lead: Words | None,
) -> Words:
    """Who and how many, and the number: ``Of 100 women 9 are selected, of 100 men 39: a ratio of
    0.229 (0.21 to 0.25, n=900)``; without people ``Accuracy: 0.90 (0.87 to 0.92, n=600)``."""
    shown = measured(value, interval, finding.n, thresholds, finding.measure)
    if lead is None:
        en, zh = (short(measure_name(finding.measure, lang)) for lang in ("en", "zh"))
        where = place(finding)
        return say(f"{en}{where['en']}: {shown['en']}", f"{zh}{where['zh']}：{shown['zh']}")
    kind = _kind(finding.measure)
    begun = Words(en=f"{lead['en']}: a {kind['en']} of ", zh=f"{lead['zh']}：{kind['zh']} ")
    return joined(begun, shown)


def _kind(measure: str) -> Words:
    if measure.endswith("_ratio"):
        return Words(en="ratio", zh="比值")
    if "_difference" in measure:
        return Words(en="difference", zh="差距")
    return Words(en="rate", zh="比率")


# (whether the value keeps the demand, whether the groups differ beyond chance)
BY_TEST: dict[tuple[bool, bool], tuple[VerdictStatus, str, Words]] = {
    (True, False): (
        "pass",
        "point-met",
        say(", and the groups differ no more than by chance", "，且组间差异可能出于偶然"),
    ),
    (True, True): (
        "warn",
        "point-met-test-significant",
        say(", yet the groups differ beyond chance", "，但组间差异显著"),
    ),
    (False, True): (
        "fail",
        "point-missed-test-significant",
        say(", beyond chance", "，且差异显著"),
    ),
    (False, False): (
        "inconclusive",
        "point-missed-by-chance",
        say(", which may be chance", "，但可能出于偶然"),
    ),
}
