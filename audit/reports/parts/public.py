"""A case and its verdicts as they may be published: without what is about very small groups.

Withheld are groups under ten people and the further groups whose numbers would give a small one's
size away (``measure.suppression``). Notes, counts and verdicts that tell of them go as well. The
sealed case stays as it is; its digest in the report says which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from audit.case import Case
from audit.finding import Finding
from audit.measure.suppression import Group, group_of, suppressed
from policies.verdict import Verdict

MINIMUM = 10
_SIZES = ("count", "group_count")
_WITHHELD = (
    f"withheld from publication: under {MINIMUM} people, or its number would give such a group away"
)
_NO_NOTE = (
    f"notes and numbers of rows withheld: groups under {MINIMUM} people are among those compared"
)
_BECAUSE = {
    "en": "The numbers behind this are withheld: they are about groups under "
    f"{MINIMUM} people, or would give their size away.",
    "zh": f"相关数字不予公布：涉及不足 {MINIMUM} 人的组，或可由此推算出其人数。",
}


def for_the_public(case: Case, verdicts: Sequence[Verdict]) -> tuple[Case, list[Verdict]]:
    """The case and verdicts to publish; the plan then says that something may be withheld."""
    withheld = _withheld(case.findings)
    findings = tuple(_finding(f, withheld) for f in case.findings)
    before = {f.id: f for f in case.findings}
    touched = {f.id for f in findings if f.status != before[f.id].status or f.reason == _NO_NOTE}
    plan = {**case.plan, "published": f"groups under {MINIMUM} people are withheld"}
    shown = [_verdict(v) if touched & set(v.findings) else v for v in verdicts]
    return replace(case, findings=findings, plan=plan), shown


def _withheld(findings: Sequence[Finding]) -> frozenset[Group]:
    sizes: dict[Group, int] = {}
    for f in findings:
        if f.measure in _SIZES and f.unit == "row" and f.value is not None:
            sizes[group_of(f.group)] = int(f.value)
        elif f.measure == "row_count" and not f.group and f.value is not None:
            sizes[frozenset()] = int(f.value)
    if not any(0 < n < MINIMUM for group, n in sizes.items() if group):
        return frozenset()
    try:
        return suppressed(sizes, minimum=MINIMUM)
    except ArithmeticError:  # sizes that do not add up: nothing can be shown to be safe
        return frozenset(g for g in sizes if g)


def _finding(finding: Finding, withheld: frozenset[Group]) -> Finding:
    if finding.group and _is_withheld(finding, withheld):
        return _emptied(finding)
    if finding.between and any(_compared(g, finding) for g in withheld):
        # a number of people left out of a comparison is the size of a group
        if finding.unit in ("row", "person"):
            return _emptied(finding)
        return finding.model_copy(update={"n": 0, "counts": {}, "reason": _NO_NOTE})
    if finding.group and withheld:
        # counts beside a published group tell of others: the highest group, the whole table
        return finding.model_copy(update={"counts": {}})
    return finding


def _is_withheld(finding: Finding, withheld: frozenset[Group]) -> bool:
    own = group_of(finding.group)
    return 0 < finding.n < MINIMUM or any(group <= own for group in withheld)


def _compared(group: Group, finding: Finding) -> bool:
    """Whether the group is one of those that the finding compares."""
    features = {feature for feature, _ in group}
    return features <= {*finding.between, *finding.group}


def _emptied(finding: Finding) -> Finding:
    kept: Mapping[str, object] = {
        name: getattr(finding, name)
        for name in ("id", "check", "measure", "unit", "group", "between", "column")
    }
    return Finding.model_validate({**kept, "status": "skipped", "reason": _WITHHELD})


def _verdict(verdict: Verdict) -> Verdict:
    nothing = {"value": None, "interval": None, "rows_needed": None}
    return verdict.model_copy(update={**nothing, "because": _BECAUSE})
