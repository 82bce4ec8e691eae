"""Findings and verdicts as tables: what a page lists, a chart draws and a download holds.

Pure: nothing here knows Streamlit. Column names are the same in every language; a page puts
translated headings over them. Numbers stay numbers, so that a table sorts; a number that does not
exist is missing (never 0) and its status says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from evenhand.audit.finding import Finding, measure_of
from evenhand.audit.words.numbers import (
    GUARANTEES,
    level_said,
    number,
    of_measure,
    rounded_up,
    span,
)
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.axes import axis
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import finding_word, verdict_word
from evenhand.dashboard.text import csv_cell
from evenhand.policies.verdict import Verdict

FINDING_COLUMNS = (
    "status",
    "measure_name",
    "about",
    "value",
    "low",
    "high",
    "level",
    "n",
    "unit",
    "note",
    "family",
    "check",
    "measure",
    "id",
)
GROUP_COLUMNS = (
    "group",
    "label",
    "mark",
    "remark",
    "value",
    "low",
    "high",
    "level",
    "n",
    "note",
    "id",
)
CHECKLIST_COLUMNS = (
    "status",
    "item",
    "title",
    "severity",
    "obligation",
    "value",
    "low",
    "high",
    "requirement",
    "origin",
    "because",
    "findings",
)
# How a chart draws a group, with the sign that stands for it in a table.
MARKS = {"measured": "●", "noted": "▲", "small": "◆", "undefined": "∅"}
# The measure of each group that a gap between groups is made of.
BEHIND_GAP = {
    "demographic_parity_difference": "selection_rate",
    "demographic_parity_ratio": "selection_rate",
    "equalized_odds_difference": "true_positive_rate",
    "equalized_odds_ratio": "true_positive_rate",
    "equal_opportunity_difference": "true_positive_rate",
    "equal_opportunity_ratio": "true_positive_rate",
}


# What a rate is, as a formula over the four counts of a group.
FORMULAS = {
    "selection_rate": "(TP + FP) / (TP + FP + FN + TN)",
    "true_positive_rate": "TP / (TP + FN)",
    "false_positive_rate": "FP / (FP + TN)",
    "true_negative_rate": "TN / (FP + TN)",
    "false_negative_rate": "FN / (TP + FN)",
    "precision_score": "TP / (TP + FP)",
    "false_discovery_rate": "FP / (TP + FP)",
    "negative_predictive_value": "TN / (TN + FN)",
    "false_omission_rate": "FN / (TN + FN)",
    "accuracy_score": "(TP + TN) / (TP + FP + FN + TN)",
    "prevalence": "(TP + FN) / (TP + FP + FN + TN)",
}


def formula(measure: str) -> str:
    """The formula of a rate; empty where the method says it all."""
    return FORMULAS.get(measure, "")


def gaps_of(measure: str, scale: str) -> list[str]:
    """The measures that tell the gap of ``measure`` between groups; ``scale`` as in their names.

    >>> gaps_of("selection_rate", "ratio")
    ['demographic_parity_ratio']
    """
    told = [g for g, behind in BEHIND_GAP.items() if behind == measure]
    return [g for g in told if g.endswith(f"_{scale}")] or [f"{measure}_{scale}"]


def family(finding: Finding) -> str:
    """The family of a finding's check: ``fairness`` of ``fairness.gaps``."""
    return finding.check.partition(".")[0]


def about(finding: Finding, t: Translator) -> str:
    """In words, which rows, groups or column a finding is about."""
    parts = []
    if finding.group:
        parts.append(", ".join(f"{k} = {v}" for k, v in sorted(finding.group.items())))
    if finding.between:
        parts.append(t("about.between", features=" × ".join(finding.between)))
    if finding.column:
        parts.append(t("about.column", column=finding.column))
    return visible("; ".join(parts)) if parts else t("about.all")


def findings_frame(findings: Iterable[Finding], t: Translator) -> pd.DataFrame:
    """One row a finding, with FINDING_COLUMNS."""
    rows = [
        {
            "status": finding_word(f.status, t),
            "measure_name": t.measure(f.measure),
            "about": about(f, t),
            "value": f.value,
            **_interval(f),
            "n": f.n,
            "unit": visible(t.term("unit", f.unit)),
            "note": visible(f.reason_text(t.lang)),
            "family": t.term("family", visible(family(f))),
            "check": visible(f.check),
            "measure": visible(f.measure),
            "id": visible(f.id),
        }
        for f in findings
    ]
    return _numeric(pd.DataFrame(rows, columns=list(FINDING_COLUMNS)))


def select(
    findings: Iterable[Finding],
    *,
    family_name: str = "",
    measure: str = "",
    status: str = "",
    text: str = "",
) -> list[Finding]:
    """The findings that meet every filter given; ``text`` is looked for in groups and columns."""
    wanted = text.casefold()
    if not (family_name or measure or status or wanted):
        return list(findings)
    return [
        f
        for f in findings
        if (not family_name or family(f) == family_name)
        and (not measure or f.measure == measure)
        and (not status or f.status == status)
        and (not wanted or wanted in _searched(f))
    ]


def group_frame(
    findings: Iterable[Finding], key: str, minimums: Mapping[str, int], t: Translator
) -> pd.DataFrame:
    """One row a group (or column) of one measure, with GROUP_COLUMNS.

    ``mark`` is what the chart draws: ``measured``, ``noted`` (measured, with a remark), ``small``
    (fewer rows than the check's minimum) or ``undefined`` (no number; drawn as words alone).
    ``label`` holds the group, its n and the mark in words.
    """
    rows = []
    for finding in findings:
        if axis(finding) != key:
            continue
        parts = [finding.group[k] for k in sorted(finding.group)]
        name = visible(" × ".join(parts + [finding.column] * bool(finding.column)))
        mark = _mark(finding, minimums.get(finding.check, 0))
        word = _mark_word(finding, mark, t)
        words = "" if mark == "measured" else f" · {word}"
        rows.append(
            {
                "group": name,
                "label": f"{_cut(name)} (n={finding.n}){words}",
                "mark": mark,
                "remark": f"{MARKS[mark]} {word}",
                "value": finding.value,
                **_interval(finding),
                "n": finding.n,
                "note": visible(finding.reason_text(t.lang)),
                "id": visible(finding.id),
            }
        )
    frame = pd.DataFrame(rows, columns=list(GROUP_COLUMNS))
    frame = frame.sort_values(["group", "id"], kind="stable").reset_index(drop=True)
    frame["label"] = _distinct(frame["label"])
    return _numeric(frame)


def ends(frame: pd.DataFrame, most: int = 60) -> pd.DataFrame:
    """The rows that a chart draws: all of them, or those with the lowest and highest values, half
    each, in the order of the table; the chosen group is always among them."""
    if len(frame) <= most:
        return frame
    known = frame.dropna(subset=["value"]).sort_values("value", kind="stable")
    kept = set(known.index[: most // 2]) | set(known.index[-(most // 2) :])
    if "chosen" in frame.columns:
        kept |= set(frame.index[frame["chosen"]])
    return frame.loc[sorted(kept)]


def how_computed(finding: Finding, t: Translator) -> list[tuple[str, str]]:
    """What somebody needs to compute the number again: pairs of a heading and plain text."""
    interval = finding.interval
    pairs = [
        ("check", finding.check),
        ("measure_id", finding.measure),
        ("method", finding.method),
        ("n", f"{finding.n:,}"),
        ("level", level_said(interval.level) if interval else ""),
        ("interval_method", interval.method if interval else ""),
        ("counts", ", ".join(f"{k} = {v}" for k, v in sorted(finding.counts.items()))),
        ("p_value", "" if finding.p_value is None else number(finding.p_value)),
        ("seed", "" if finding.seed is None else str(finding.seed)),
        ("reproducible", t("yes") if finding.reproducible else t("no")),
        ("note", finding.reason_text(t.lang)),
        ("artifacts", ", ".join(finding.artifacts)),
        ("id", finding.id),
    ]
    return [(t(f"column.{name}"), visible(text)) for name, text in pairs if text]


def checklist_frame(verdicts: Iterable[Verdict], t: Translator) -> pd.DataFrame:
    """One row an item, with CHECKLIST_COLUMNS."""
    rows = [
        {
            "status": verdict_word(v.status, t),
            "item": visible(v.item),
            "title": visible(t.pick(v.title)),
            "severity": t.term("severity", v.severity),
            "obligation": t.term("obligation", v.obligation),
            "value": _decided(v),
            "low": v.interval.low if v.interval else None,
            "high": v.interval.high if v.interval else None,
            "requirement": requirement(v),
            "origin": t.term("origin", v.threshold_origin) if v.threshold_origin else "",
            "because": visible(t.pick(v.because)),
            "findings": visible(" ; ".join(v.findings)),
        }
        for v in verdicts
    ]
    frame = pd.DataFrame(rows, columns=list(CHECKLIST_COLUMNS))
    for column in ("value", "low", "high"):
        frame[column] = frame[column].astype("float64")
    return frame


def _decided(verdict: Verdict) -> float | None:
    measures = {measure_of(finding) for finding in verdict.findings}
    is_bound = verdict.value is not None and bool(measures & GUARANTEES)
    return rounded_up(verdict.value) if is_bound and verdict.value is not None else verdict.value


def requirement(verdict: Verdict) -> str:
    """The comparison that decided, e.g. ``≤ 0.1``; empty where no single number is asked for."""
    if not verdict.comparator or verdict.threshold is None:
        return ""
    sign = {"<=": "≤", ">=": "≥", "==": "="}.get(verdict.comparator, verdict.comparator)
    return f"{sign} {number(verdict.threshold)}"


def rounded(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table as it is shown: values, ends of intervals and ``columns`` to four significant
    digits; a guarantee is rounded up."""
    shown = frame.copy()
    for column in {"value", "low", "high", "epsilon", *columns} & set(frame.columns):
        shown[column] = [v if abs(v) >= 1000 else float(f"{v:.4g}") for v in frame[column]]
    if "epsilon" in frame.columns:
        shown["epsilon"] = [rounded_up(v) for v in frame["epsilon"]]
    if "measure" in frame.columns and "value" in frame.columns:
        pairs = zip(frame["measure"], frame["value"], shown["value"], strict=True)
        shown["value"] = [rounded_up(v) if m in GUARANTEES else near for m, v, near in pairs]
    return shown


def value_text(finding: Finding, t: Translator) -> str:
    """The value with its interval and unit, or the word for its absence; plain text."""
    if finding.value is None:
        return t(f"finding.{finding.status}")
    parts = [of_measure(finding.measure, finding.value)]
    if finding.interval:
        low, high = span(finding.interval.low, finding.interval.high)
        parts.append(f"[{low}, {high}]")
    return visible(" ".join([*parts, t.term("unit", finding.unit)]).strip())


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """The table as CSV for spreadsheets: UTF-8 with a mark, and no cell that is a formula."""
    safe = frame.map(csv_cell)
    safe.columns = [str(csv_cell(str(column))) for column in frame.columns]
    text: str = safe.to_csv(index=False)
    return text.encode("utf-8-sig")


def _interval(finding: Finding) -> dict[str, Any]:
    interval = finding.interval
    return {
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "level": interval.level if interval else None,
    }


def _mark(finding: Finding, minimum: int) -> str:
    if finding.status != "measured":
        return "undefined"
    if finding.n < minimum:
        return "small"
    return "noted" if finding.reason else "measured"


def _mark_word(finding: Finding, mark: str, t: Translator) -> str:
    return t(f"finding.{finding.status}") if mark == "undefined" else t(f"mark.{mark}")


def _searched(finding: Finding) -> str:
    parts = [*finding.group, *finding.group.values(), *finding.between, finding.column]
    return "\n".join(parts).casefold()


def _cut(name: str, longest: int = 22) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _distinct(labels: pd.Series) -> list[str]:
    """The labels with a number behind those that are alike, or two groups would share a row."""
    seen: dict[str, int] = {}
    distinct = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        distinct.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return distinct


def _numeric(frame: pd.DataFrame) -> pd.DataFrame:
    for column in ("value", "low", "high", "level"):
        frame[column] = frame[column].astype("float64")
    frame["n"] = frame["n"].astype("int64")
    return frame
