"""How many more rows would settle a number, by what it was made of, and in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from evenhand.audit.finding import Finding, Interval
from evenhand.audit.measure.uncertainty.looks import share_of_error
from evenhand.audit.words.numbers import span
from evenhand.policies.deciding import power
from evenhand.policies.deciding.power import RowsNeeded
from evenhand.policies.deciding.selection import features_of
from evenhand.policies.words import Words, count, say

Cells = tuple[tuple[int, int], ...]  # k and n of each group

RATES = "fairness.group_rates"
# Gaps by a name of their own; every other is named for its rate.
_BEHIND = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
}


def cells_behind(gap: Finding, findings: Iterable[Finding]) -> tuple[Cells, ...]:
    """For each rate that the gap takes the largest difference (smallest ratio) of, the groups' k
    and n; () for a gap of anything else than plain rates."""
    features = features_of(gap)
    of_groups = [f for f in findings if f.check == RATES and f.group and features_of(f) == features]
    tables = []
    for rate in rates_of(gap):
        counts = [rate_counts(f) for f in of_groups if f.measure == rate and f.value is not None]
        known = tuple(c for c in counts if c is not None)
        compared = gap.counts.get("groups", len(known)) - gap.counts.get("groups_left_out", 0)
        if not known or len(known) != compared:
            return ()
        tables.append(known)
    return tuple(tables)


def rates_of(gap: Finding) -> tuple[str, ...]:
    """The rates that a gap takes the largest difference (smallest ratio) of; () for no gap.

    >>> from evenhand.audit.finding import Finding
    >>> gap = {"id": "", "check": "", "between": ["sex"], "status": "measured", "value": 0.1}
    >>> rates_of(Finding(measure="equalized_odds_difference", **gap))
    ('true_positive_rate', 'false_positive_rate')
    """
    stem = gap.measure.removesuffix("_difference").removesuffix("_ratio")
    if stem == gap.measure or not gap.between:
        return ()
    return _BEHIND.get(stem, (stem,))


def rate_counts(finding: Finding) -> tuple[int, int] | None:
    """k and n, if the finding's value is that plain rate."""
    if "units" in finding.counts:  # persons with several rows: rows are not what is drawn
        return None
    k, n = finding.counts.get("k"), finding.counts.get("n")
    if k is None or n is None or not 0 <= k <= n or n == 0 or finding.value is None:
        return None
    return (k, n) if math.isclose(finding.value, k / n, abs_tol=1e-9) else None


def rows_to_settle(
    finding: Finding,
    interval: Interval,
    thresholds: Sequence[float],
    cells: Sequence[Cells] = (),
    look: int = 1,
) -> RowsNeeded:
    """Further rows until the interval leaves every threshold that it spans; ``cells`` are those
    behind a gap (``cells_behind``). More rows are another look, which is read at its own level."""
    needed: list[RowsNeeded] = []
    stricter = share_of_error(look + 1) / share_of_error(look)
    level = round(1 - (1 - interval.level) * stricter, 12)
    for threshold in thresholds:
        if finding.value is not None and interval.low <= threshold <= interval.high:
            needed += _rows(finding, finding.value, interval, cells, threshold, level)
    if not needed:
        return power.NOTHING
    as_seen, sure = [r.as_seen for r in needed], [r.sure for r in needed]
    most = None if None in sure else max(r for r in sure if r is not None)
    return RowsNeeded(
        None if None in as_seen else max(r for r in as_seen if r is not None),
        most,
        # beyond it the slowest of them has the chance, and the others with its rows more than that
        next((r.zone for r in needed if most is not None and r.sure == most), None),
    )


def _rows(
    finding: Finding,
    value: float,
    interval: Interval,
    cells: Sequence[Cells],
    threshold: float,
    level: float,
) -> list[RowsNeeded]:
    rate = rate_counts(finding)
    is_ratio = finding.measure.endswith("_ratio")
    if rate is not None:
        return [power.rows_for_rate(*rate, threshold, level)]
    if cells:
        tables = [
            power.rows_for_gap(c, threshold, level, ratio=is_ratio, now=interval.level)
            for c in cells
        ]
        # a rate that is settled already needs none; of a gap over two rates the slower one decides
        known = [t for t in tables if t != power.NOTHING]
        if len(known) == len(tables):
            return known
    rows = power.rows_by_width(value, interval, finding.n, threshold, ratio=is_ratio, level=level)
    return [rows]


def rows_in_words(rows: RowsNeeded) -> Words:
    """About how many settle it with four chances in five, and how many if all is as seen."""
    if rows.sure is None:
        return say("no number of rows can be named that would settle it", "无法估计需再增加多少行")
    en = f"about {rough(rows.sure)} more rows settle it, 4 times in 5"
    zh = f"约需再增加 {rough(rows.sure)} 行，五次中有四次可判定"
    is_fewer = rows.as_seen is not None and rows.as_seen < rows.sure
    if rows.as_seen is not None and is_fewer and rough(rows.as_seen) != rough(rows.sure):
        en += f" ({rough(rows.as_seen)} if the truth is what was seen)"
        zh += f"（若真值即观测值，则为 {rough(rows.as_seen)} 行）"
    if rows.zone is not None:
        low, high = span(*rows.zone)
        en += f", unless the truth lies from {low} to {high}"
        zh += f"，除非真值在 {low} 至 {high} 之间"
    return say(en, zh)


def rough(rows: int) -> str:
    """A number of rows with two digits that count, rounded up: it is an estimate.

    >>> rough(1873)
    '1,900'
    """
    step = 10 ** max(0, len(str(rows)) - 2)
    return count(math.ceil(rows / step) * step)
