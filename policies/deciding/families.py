"""The error family of one item: which tests share its alpha, and what that makes of each p-value.

An audit adjusts the p-values of all its checks together, for whoever reads them without a question.
A rule has a question, and asks it of few numbers: adding features or checks to an audit must not
change its answer. So an item's family is what its own evidence selects, and nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.testing import adjust
from evenhand.policies.deciding.decide import Demand
from evenhand.policies.deciding.selection import features_of


def with_tests(asked: Demand, findings: Sequence[Finding], controls: Sequence[str]) -> Demand:
    """The demand with the p-values of its family, where it has a companion test. ``controls`` are
    the features within whose levels groups are compared: each level has tables of its own."""
    test = asked.check.companion_test
    if test is None:
        return asked
    own = {f.id: f.own_p_value for f in findings}
    if test.family == "none":
        return replace(asked, tests={key: p for key, p in own.items() if p is not None})
    adjusted, size = family(findings, controls)
    return replace(asked, tests=adjusted, family=size)


def family(
    findings: Sequence[Finding], controls: Sequence[str] = ()
) -> tuple[Mapping[str, float], int]:
    """p-values by finding id, adjusted over ``findings`` alone, and the tests that share the error.

    A table whose check adjusted its groups' p-values already (``p_covers``) is one test: each of
    its p-values is multiplied by the number of tests (Bonferroni), since a table stays in the count
    while any of its groups may be a false alarm. Tests of their own step down after Holm, every
    such table counted at each step. Both keep the chance of any false alarm, however the tests
    depend on each other.

    Source: Holm 1979; the union bound over tables.
    """
    tests: dict[Hashable, dict[str, float]] = {}
    for finding in findings:
        p = finding.own_p_value
        if p is not None:
            table = (finding.measure, features_of(finding), _level(finding, controls))
            key = finding.id if finding.p_covers == 1 else table
            tests.setdefault(key, {})[finding.id] = p
    size = len(tests)
    alone = {key: ps for key, ps in tests.items() if isinstance(key, str)}
    adjusted = {
        finding_id: min(1.0, p * size)
        for key, ps in tests.items()
        if key not in alone
        for finding_id, p in ps.items()
    }
    singles = {finding_id: p for ps in alone.values() for finding_id, p in ps.items()}
    # a table counts as a test that is rejected never: behind all others, with p = 1
    stepped = adjust([*singles.values(), *[1.0] * (size - len(alone))])
    adjusted |= dict(zip(singles, stepped, strict=False))
    return adjusted, size


def _level(finding: Finding, controls: Sequence[str]) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in finding.group.items() if k in controls)
