"""Numbers of a case worked out again from the counts in it, without model or data.

What can be: rates and their Wilson intervals (from k of n), impact ratios and Katz intervals,
balanced accuracy and F1 (from tp, fp, tn, fn), and the gaps between groups that ``fairness.gaps``
takes from ``fairness.group_rates``. The rest needs the rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import as_selected
from evenhand.audit.finding import Finding, Interval, is_known
from evenhand.audit.measure.uncertainty.intervals import SHARE, clopper_pearson, katz_log, share

TOLERANCE = 1e-9  # numbers went through RFC 8785 and back, which keeps every bit
_RATES, _GAPS = "fairness.group_rates", "fairness.gaps"
_STEMS = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
}


@dataclass(frozen=True)
class Recomputed:
    """One number worked out again: ``said`` in the case, ``found`` here."""

    finding: str
    part: str
    said: float
    found: float

    @property
    def agrees(self) -> bool:
        """Whether both are the same to 1e-9."""
        return math.isclose(self.said, self.found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)

    def __str__(self) -> str:
        return (
            f"{self.finding} {self.part}: the case says {self.said!r}, counts give {self.found!r}"
        )


def recompute(case: Case) -> list[Recomputed]:
    """Every number of the case that its own counts determine."""
    recomputed: list[Recomputed] = []
    sizes = _group_sizes(case.findings)
    rates = _rates(case.findings)
    is_weighted = case.subject.weight is not None
    for finding in case.findings:
        if finding.status != "measured" or finding.value is None:
            continue
        value = _from_counts(finding)
        if value is None and finding.check == _GAPS and not is_weighted:
            value = _gap(finding, rates, sizes, _minimum(case))
        if value is not None:
            recomputed.append(Recomputed(finding.id, "value", finding.value, value))
        for interval in (finding.interval, *finding.other_intervals):
            again = _interval(finding, interval) if interval else None
            if interval is not None and again is not None:
                part = f"{interval.level:g} interval"
                recomputed.append(Recomputed(finding.id, f"{part}, low", interval.low, again.low))
                recomputed.append(
                    Recomputed(finding.id, f"{part}, high", interval.high, again.high)
                )
    return recomputed


def _from_counts(finding: Finding) -> float | None:
    c = as_selected(finding.counts)
    if set(c) == {"k", "n"} and finding.unit == "rate" and c["n"] and not _is_weighted(finding):
        return c["k"] / c["n"]
    if {"tp", "fp", "tn", "fn"} == set(c):
        positives, negatives = c["tp"] + c["fn"], c["tn"] + c["fp"]
        if finding.measure == "balanced_accuracy_score" and positives and negatives:
            return (c["tp"] / positives + c["tn"] / negatives) / 2
        if finding.measure == "f1_score" and c["tp"] + c["fp"] + c["fn"]:
            return 2 * c["tp"] / (2 * c["tp"] + c["fp"] + c["fn"])
    if (
        finding.measure.endswith(("impact_ratio", "flip_one_ratio"))
        and {"selected", "assessed", "highest_selected", "highest_assessed"} <= set(c)
        and c["assessed"]
        and c["highest_selected"]
    ):
        return (c["selected"] / c["assessed"]) / (c["highest_selected"] / c["highest_assessed"])
    return None


def _is_weighted(finding: Finding) -> bool:
    return "weight" in finding.method or "effective" in finding.method


def _interval(finding: Finding, interval: Interval) -> Interval | None:
    c = as_selected(finding.counts)
    if set(c) == {"k", "n"} and c["n"] and not _is_weighted(finding):
        if interval.method == SHARE:
            return share(c["k"], c["n"], interval.level)
        if interval.method.startswith("Clopper-Pearson"):
            return clopper_pearson(c["k"], c["n"], interval.level)
    if interval.method == "Katz log" and "highest_assessed" in c:
        return katz_log(
            c["selected"],
            c["assessed"],
            c["highest_selected"],
            c["highest_assessed"],
            interval.level,
        )
    return None


_Group = frozenset[tuple[str, str]]


def _rates(findings: Sequence[Finding]) -> dict[tuple[str, _Group], tuple[int, int]]:
    """(rate, group) -> k and n, of every group; n may be 0."""
    found = {}
    for f in findings:
        if f.check == _RATES and set(f.counts) == {"k", "n"}:
            found[f.measure, frozenset(f.group.items())] = (f.counts["k"], f.counts["n"])
    return found


def _group_sizes(findings: Sequence[Finding]) -> Mapping[_Group, int]:
    return {
        g: n for (measure, g), (_, n) in _rates(findings).items() if measure == "selection_rate"
    }


def _minimum(case: Case) -> int:
    return case.plan.minimum_size(_GAPS, 10)


def _gap(
    finding: Finding,
    rates: Mapping[tuple[str, _Group], tuple[int, int]],
    sizes: Mapping[_Group, int],
    minimum: int,
) -> float | None:
    stem, _, scale = finding.measure.rpartition("_")
    measures = _STEMS.get(stem, (stem,))
    if scale not in ("difference", "ratio") or finding.group:
        return None
    gaps = []
    for measure in measures:
        groups = [g for g in sizes if {k for k, _ in g} == set(finding.between)]
        groups = [g for g in groups if is_known(dict(g))]
        counted = [
            rates[measure, g] for g in groups if sizes[g] >= minimum and (measure, g) in rates
        ]
        values = [k / n for k, n in counted if n]
        if len(values) < 2:
            return None
        low, high = min(values), max(values)
        gaps.append(high - low if scale == "difference" else (low / high if high else 1.0))
    return max(gaps) if scale == "difference" else min(gaps)
