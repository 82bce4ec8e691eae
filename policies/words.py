"""The sentences of verdicts, in English and Chinese: numbers, places, one line each.

Names come from strangers' data: they are made visible here (``evenhand.audit.words.text``), markup
is escaped by the views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.audit.finding import Finding, Interval
from evenhand.audit.words.numbers import number, of_measure, span
from evenhand.audit.words.text import name, visible
from evenhand.policies.verdict import VerdictStatus

Words = dict[str, str]
ORIGIN = {
    "law": Words(en="law", zh="法律"),
    "standard": Words(en="standard", zh="标准"),
    "guidance": Words(en="guidance", zh="指南"),
    "convention": Words(en="convention", zh="惯例"),
    "declared": Words(en="declared", zh="自行声明"),
}


def say(en: str, zh: str) -> Words:
    """A sentence in both languages, each on one line."""
    return Words(en=visible(en).strip(), zh=visible(zh).strip())


def joined(*parts: Words) -> Words:
    """Parts of one sentence, as they stand."""
    return Words(**{lang: "".join(part[lang] for part in parts) for lang in ("en", "zh")})


def texts(text: Mapping[Any, str]) -> Words:
    """A pack's text as a plain mapping from language to one line."""
    return {str(lang): visible(line).strip() for lang, line in text.items()}


def count(value: int) -> str:
    """A count with thousands marked."""
    return f"{value:,}"


def measured(
    value: float, interval: Interval | None, n: int, thresholds: Sequence[float], measure: str = ""
) -> Words:
    """The value with its interval and n: ``0.17 (0.08 to 0.28, n=580)``."""
    shown = of_measure(measure, value, thresholds)
    if interval is None:
        return Words(en=f"{shown} (n={count(n)})", zh=f"{shown}（n={count(n)}）")
    low, high = span(interval.low, interval.high, thresholds)
    return Words(
        en=f"{shown} ({low} to {high}, n={count(n)})",
        zh=f"{shown}（{low} 至 {high}，n={count(n)}）",
    )


def place(finding: Finding) -> Words:
    """What the value is about: `` across race``, `` in the group race=black``; may be empty."""
    en, zh = "", ""
    if finding.between:
        features = " × ".join(name(f) for f in finding.between)
        en, zh = f" across {features}", f"（比较 {features} 各组）"
    if finding.group:
        group = ", ".join(f"{name(k)}={name(v)}" for k, v in sorted(finding.group.items()))
        en, zh = f"{en} in the group {group}", f"{zh}（组 {group}）"
    if finding.column:
        column = name(finding.column)
        en, zh = f"{en} in the column {column}", f"{zh}（列 {column}）"
    return Words(en=en, zh=zh)


def limit(value: float) -> str:
    """A threshold, as sentences have it."""
    return number(value, [value])


ANSWER_ZH = {
    "met": "满足",
    "met-by-other-means": "以其他方式满足",
    "not-met": "不满足",
    "not-applicable": "不适用",
}
# What people read for a status, as a predicate of an item.
STATUS: Mapping[VerdictStatus, Words] = {
    "pass": Words(en="passes", zh="通过"),
    "fail": Words(en="fails", zh="未通过"),
    "warn": Words(en="warns", zh="警告"),
    "inconclusive": Words(en="is undecided", zh="未定"),
    "needs-attestation": Words(en="waits for a person to attest it", zh="待声明"),
    "attested": Words(en="is attested", zh="已声明"),
    "not-applicable": Words(en="does not apply", zh="不适用"),
    "not-yet-applicable": Words(en="does not apply yet", zh="尚未适用"),
    "waived": Words(en="is waived", zh="已豁免"),
    "error": Words(en="is an error", zh="出错"),
}
