"""Tables of ratios to the highest group: which group that was, as far as findings tell."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.finding import Finding


def divided_by_small(
    findings: Sequence[Finding], left_out: Sequence[Finding], share: float
) -> bool:
    """Whether the highest group of a table, by which all others are divided, is under ``share`` of
    its people, although the pack leaves such groups out.

    A table either lists its highest group, with a ratio of 1, or all groups but the highest: that
    one then has the people whom no other has.
    """
    if any(f.value == 1.0 and f.measure.endswith("_ratio") for f in left_out):
        return True
    tables: dict[tuple[str, frozenset[str]], list[Finding]] = {}
    for finding in findings:
        if finding.counts.get("table") and finding.group:
            tables.setdefault((finding.measure, frozenset(finding.group)), []).append(finding)
    for listed in tables.values():
        total = max(f.counts["table"] for f in listed)
        one_table = all(f.counts["table"] == total for f in listed)
        rest = total - sum(f.n for f in listed)
        if one_table and 0 < rest < share * total:
            return True
    return False
