"""Tables of the fairness page: stored counts along the threshold, bins of scores, worst groups.

Pure. Rates here are stored counts divided by stored counts; nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from evenhand.audit.artifacts.fairness import Calibration, Thresholds, WorstGroups
from evenhand.audit.words.numbers import number
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.index import group_axis, group_key, group_name
from evenhand.dashboard.i18n import Translator

EXPLORER_COLUMNS = (
    "group",
    "threshold",
    "from",
    "to",
    "value",
    "low",
    "high",
    "cases",
    "n",
    "told",
    "chosen",
)
CALIBRATION_COLUMNS = ("group", "score", "value", "low", "high", "cases", "n", "chosen")
HEAT_COLUMNS = ("first", "second", "value", "errors", "n", "told")
TESTED_COLUMNS = ("group", "value", "errors", "n", "elsewhere", "p_value", "adjusted")


def swept_axes(groups: Iterable[Mapping[str, str]]) -> list[str]:
    """The sets of features by which ``groups`` are named."""
    found = {group_axis(group_key(group)) for group in groups} - {""}
    return sorted(found, key=lambda key: (key.count("&"), key))


def explorer_frame(
    document: Thresholds, features: str, rate: str, who: str, t: Translator
) -> pd.DataFrame:
    """One row a group and threshold, with EXPLORER_COLUMNS.

    ``from`` and ``to`` are halfway to the neighbouring thresholds: a row stands for every place of
    the slider between them. ``value`` is missing where a rate has no rows.
    """
    thresholds = [float(x) for x in document.thresholds]
    starts, ends = _halfways(thresholds)
    parts = document.rates[rate]
    rows = []
    for member in document.groups:
        key = group_key(member.group)
        if group_axis(key) != features:
            continue
        band = member.bands[rate]
        for i, threshold in enumerate(thresholds):
            cases, n = member.sum_at(parts.cases, i), member.sum_at(parts.rows, i)
            value = cases / n if n else None
            name = _name(member.group)
            sentence = t("explorer.told", value=number(value or 0.0), cases=cases, n=n)
            rows.append(
                (
                    name,
                    threshold,
                    starts[i],
                    ends[i],
                    value,
                    band.low[i],
                    band.high[i],
                    cases,
                    n,
                    f"{name}{t('colon')}{sentence if n else t('explorer.no_rows')}",
                    key == who,
                )
            )
    return _numbers(pd.DataFrame(rows, columns=list(EXPLORER_COLUMNS)))


def _halfways(thresholds: Sequence[float]) -> tuple[list[float], list[float]]:
    middles = [(a + b) / 2 for a, b in pairwise(thresholds)]
    far = 1e300
    return [-far, *middles], [*middles, far]


def calibration_frame(document: Calibration, features: str, who: str) -> pd.DataFrame:
    """One row a group and bin of scores, with CALIBRATION_COLUMNS; "" are all rows."""
    rows = []
    for curve in document.curves:
        key = group_key(curve.group)
        if group_axis(key) != features:
            continue
        rows += [
            (
                _name(curve.group),
                float(each.mean_score),
                each.positives / each.n if each.n else None,
                each.rate_low,
                each.rate_high,
                each.positives,
                each.n,
                key == who,
            )
            for each in curve.bins
        ]
    return _numbers(pd.DataFrame(rows, columns=list(CALIBRATION_COLUMNS)))


def tree_frame(document: WorstGroups, t: Translator) -> pd.DataFrame:
    """One row a node of the error tree, in reading order, with its place in the drawing."""
    nodes = {node.id: node for node in document.tree}
    depths: dict[int, int] = {}
    rows: list[dict[str, Any]] = []
    for line, (node_id, node) in enumerate(nodes.items()):
        parent = node.parent
        depths[node_id] = 0 if parent is None else depths[parent] + 1
        n, errors = node.rows, node.errors
        share = errors / n if n else None
        sign = "=" if node.is_level else "≠"
        name = f"{node.column} {sign} {node.level}" if node.column else t("about.all")
        rows.append(
            {
                "group": visible(name),
                "value": share,
                "errors": errors,
                "n": n,
                "depth": depths[node_id],
                "line": line,
                "above": next((r["line"] for r in rows if r["id"] == parent), None),
                "id": node_id,
                "short": f"{visible(name)} · {number(share or 0.0)} ({errors}/{n})",
                "told": f"{visible(name)}{t('colon')}"
                + t("worst.told", errors=errors, n=n, share=number(share or 0.0)),
            }
        )
    return pd.DataFrame(rows)


def heat_frame(document: WorstGroups, first: str, second: str, t: Translator) -> pd.DataFrame:
    """One row a crossing of the levels of two columns, with HEAT_COLUMNS; empty ones left out."""
    levels = {one.column: one.levels for one in document.columns}
    pair = next(p for p in document.pairs if set(p.columns) == {first, second})
    is_turned = pair.columns[0] != first
    rows = []
    for i, ones in enumerate(pair.rows):
        for j, n in enumerate(ones):
            if not n:
                continue
            a, b = (j, i) if is_turned else (i, j)
            errors = pair.errors[i][j]
            told = t("worst.told", errors=errors, n=n, share=number(errors / n))
            a_name, b_name = levels[first][a], levels[second][b]
            rows.append((visible(a_name), visible(b_name), errors / n, errors, n, told))
    return pd.DataFrame(rows, columns=list(HEAT_COLUMNS))


def tested_frame(document: WorstGroups) -> pd.DataFrame:
    """One row a group that was tested on the half of the rows that was not searched."""
    rows = [
        (
            group_name(group_key(each.group)),
            each.errors / each.rows if each.rows else None,
            each.errors,
            each.rows,
            each.other_errors / each.other_rows if each.other_rows else None,
            each.p_value,
            each.adjusted,
        )
        for each in document.tested
    ]
    return pd.DataFrame(rows, columns=list(TESTED_COLUMNS))


def _name(group: Mapping[str, str]) -> str:
    return visible(" × ".join(str(group[k]) for k in sorted(group))) or "–"


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    for column in ("value", "low", "high"):
        frame[column] = frame[column].astype("float64")
    return frame
