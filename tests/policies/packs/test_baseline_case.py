"""The gate with an earlier case: only what got worse blocks."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.audit.finding import Interval
from evenhand.policies.gate import exit_code, known
from evenhand.policies.verdict import Verdict


def verdict(
    status: Any, value: float | None = None, comparator: str = ">=", half: float = 0.05, **more: Any
) -> Verdict:
    interval = None
    if value is not None:
        interval = Interval(low=value - half, high=value + half, level=0.95, method="m")
    fields: dict[str, Any] = {
        "pack": "p",
        "pack_version": "2026.12.0",
        "item": "X-1",
        "title": {},
        "kind": "automated",
        "severity": "high",
        "obligation": "must",
        "status": status,
        "underlying": status,
        "reason_code": "r",
        "because": {},
        "value": value,
        "interval": interval,
        "comparator": comparator,
    }
    return Verdict(**{**fields, **more})


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        ("fail", "fail", 0),
        ("pass", "fail", 1),
        ("inconclusive", "fail", 1),
        ("fail", "inconclusive", 0),
        ("pass", "inconclusive", 3),
        ("inconclusive", "inconclusive", 0),
        ("attested", "needs-attestation", 4),
        ("needs-attestation", "needs-attestation", 0),
        ("error", "error", 1),  # a crash hides whatever happened
        ("pass", "error", 1),
        ("error", "fail", 1),
        ("error", "pass", 0),
    ],
)
def test_statuses(before: str, now: str, code: int) -> None:
    assert exit_code([verdict(now)], baseline=[verdict(before)]) == code


@pytest.mark.parametrize(
    ("comparator", "before", "now", "code"),
    [
        # the earlier interval is the value plus or minus 0.05
        (">=", 0.70, 0.66, 0),
        (">=", 0.70, 0.64, 1),
        (">=", 0.70, 0.90, 0),
        ("<=", 0.20, 0.24, 0),
        ("<=", 0.20, 0.26, 1),
        ("between", 0.20, 0.10, 1),
    ],
)
def test_a_number_that_fails_in_both(comparator: str, before: float, now: float, code: int) -> None:
    found = exit_code(
        [verdict("fail", now, comparator)], baseline=[verdict("fail", before, comparator)]
    )
    assert found == code


def test_a_new_item_counts_and_a_waiver_hides_no_worsening() -> None:
    new = verdict("fail", item="X-2")
    assert exit_code([verdict("pass"), new], baseline=[verdict("pass")]) == 1
    # waived before, fails now: the status underneath is the same
    waived = verdict("waived", underlying="fail")
    assert known([verdict("fail")], [waived]) == [verdict("fail")]
