"""The order in which a report says things: verdicts by pack, findings by family and measure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.finding import STATUSES, Finding, Status
from evenhand.audit.words.numbers import FRACTIONS
from evenhand.policies.verdict import SEVERITIES, VERDICT_STATUSES, Verdict, VerdictStatus

FAILING: frozenset[VerdictStatus] = frozenset({"fail", "error"})
OPEN: frozenset[VerdictStatus] = frozenset({"inconclusive", "needs-attestation", "warn"})
MOST_LINKED = 6  # findings beside a verdict that are seen at once
FAMILIES = (
    "performance",
    "fairness",
    "robustness",
    "energy",
    "explanation",
    "privacy",
    "data",
)


@dataclass(frozen=True)
class PackVerdicts:
    """The verdicts of one version of one pack, in the pack's order."""

    id: str
    version: str
    verdicts: tuple[Verdict, ...]

    @property
    def counts(self) -> list[tuple[VerdictStatus, int]]:
        """How many items have each status, most pressing first; statuses with none left out."""
        counted = Counter(v.status for v in self.verdicts)
        return [(s, counted[s]) for s in VERDICT_STATUSES if counted[s]]


@dataclass(frozen=True)
class FindingTable:
    """Findings of one check that are read together.

    ``kind`` is "overall" (several measures of all rows, gaps included), "group" (one measure, a
    row for each group of ``features``) or "column" (one measure, a row for each input column).
    ``axis`` is the range that intervals are drawn on; None where values share no scale.
    """

    kind: str
    check: str
    measure: str
    features: tuple[str, ...]
    findings: tuple[Finding, ...]
    axis: tuple[float, float] | None

    @property
    def has_gaps(self) -> bool:
        """True where some of the values compare groups with each other."""
        return any(f.between for f in self.findings)


def packs(verdicts: Sequence[Verdict]) -> list[PackVerdicts]:
    """Verdicts by pack and version, in the order in which packs first appear."""
    grouped: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        grouped.setdefault((verdict.pack, verdict.pack_version), []).append(verdict)
    return [PackVerdicts(p, version, tuple(vs)) for (p, version), vs in grouped.items()]


def present(packs: Sequence[PackVerdicts]) -> list[VerdictStatus]:
    """The statuses that occur in any of the packs, most pressing first."""
    return [s for s in VERDICT_STATUSES if any(s in dict(p.counts) for p in packs)]


def pressing(
    verdicts: Sequence[Verdict], statuses: frozenset[VerdictStatus] | set[VerdictStatus]
) -> list[Verdict]:
    """The verdicts with one of ``statuses``: must before should, then by status and severity."""
    obligations = ("must", "should", "may")
    return sorted(
        (v for v in verdicts if v.status in statuses),
        key=lambda v: (
            obligations.index(v.obligation),
            VERDICT_STATUSES.index(v.status),
            SEVERITIES.index(v.severity),
        ),
    )


def families(findings: Sequence[Finding]) -> dict[str, list[FindingTable]]:
    """Finding tables by family, families in reading order; every finding is in exactly one."""
    found = sorted({_family(f) for f in findings}, key=_family_order)
    return {
        name: _tables([f for f in findings if _family(f) == name]) for name in found if findings
    }


def status_counts(findings: Sequence[Finding]) -> list[tuple[Status, int]]:
    """How many findings have each status; statuses with none left out."""
    counted = Counter(f.status for f in findings)
    return [(s, counted[s]) for s in STATUSES if counted[s]]


def unmeasured(findings: Sequence[Finding]) -> list[Finding]:
    """Every finding without a number, crashed checks first."""
    order = ("error", "undefined", "skipped", "not_applicable")
    return sorted(
        (f for f in findings if f.status != "measured"), key=lambda f: (order.index(f.status), f.id)
    )


def counted(case: Case, measure: str) -> int | None:
    """A count of rows over all groups, such as ``row_count``; None where the case has none."""
    for finding in case.findings:
        if finding.measure == measure and not finding.group and finding.value is not None:
            return int(finding.value)
    return None


def deciding(case: Case, verdict: Verdict) -> list[tuple[str, Finding | None]]:
    """The findings a verdict points to; None for an id that this case does not hold."""
    known: Mapping[str, Finding] = {f.id: f for f in case.findings}
    return [(name, known.get(name)) for name in verdict.findings]


def anchor(kind: str, name: str) -> str:
    """A fragment name that is safe in a URL and the same in every report on the same thing."""
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Plain JSON as (dotted name, text) pairs, for tables of facts."""
    if isinstance(value, Mapping):
        pairs: list[tuple[str, str]] = []
        for key in sorted(value, key=str):
            pairs += flat(value[key], f"{prefix}.{key}" if prefix else str(key))
        return pairs
    if isinstance(value, (list, tuple)) and any(isinstance(v, (Mapping, list)) for v in value):
        return [p for i, v in enumerate(value, start=1) for p in flat(v, f"{prefix}.{i}")]
    if isinstance(value, (list, tuple)):
        return [(prefix, ", ".join(_scalar(v) for v in value))]
    return [(prefix, _scalar(value))]


def _scalar(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _family(finding: Finding) -> str:
    return finding.check.split(".", 1)[0]


def _family_order(name: str) -> tuple[int, str]:
    return (FAMILIES.index(name) if name in FAMILIES else len(FAMILIES), name)


def _tables(findings: Sequence[Finding]) -> list[FindingTable]:
    grouped: dict[tuple[str, str, str, tuple[str, ...]], list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(_place(finding), []).append(finding)
    order = ("overall", "group", "column")
    return [
        FindingTable(kind, check, measure, features, tuple(_ranked(kind, rows)), _axis(kind, rows))
        for (kind, check, measure, features), rows in sorted(
            grouped.items(), key=lambda item: (item[0][1], order.index(item[0][0]), item[0])
        )
    ]


def _place(finding: Finding) -> tuple[str, str, str, tuple[str, ...]]:
    if finding.column:  # about a column, perhaps for one group or one set of features
        features = tuple(sorted(finding.group)) or finding.between
        return ("column", finding.check, finding.measure, features)
    if finding.group:
        return ("group", finding.check, finding.measure, tuple(sorted(finding.group)))
    return ("overall", finding.check, "", ())


def _ranked(kind: str, findings: list[Finding]) -> list[Finding]:
    if kind != "column":
        return findings
    return sorted(findings, key=lambda f: (f.value is None, -abs(f.value or 0), f.id))


def _axis(kind: str, findings: list[Finding]) -> tuple[float, float] | None:
    ends = [f.value for f in findings if f.value is not None]
    ends += [e for f in findings if f.interval for e in (f.interval.low, f.interval.high)]
    units = {f.unit for f in findings if f.value is not None}
    if not ends:
        return None
    if kind != "column" and units & FRACTIONS and (kind == "overall" or units <= FRACTIONS):
        return (0.0, 1.0)
    if kind == "overall" or len(units) > 1:
        return None
    low, high = min(0.0, *ends), max(0.0, *ends)
    return (low, high) if low < high else None
