"""Which groups an item reads, which finding decides, and what small groups do."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.audit.finding import Finding
from evenhand.policies.verdict import Verdict
from tests.policies.build import check, item, make_case, make_pack, only
from tests.samples import finding

RATE = ("fairness.group_rates", "selection_rate")
GAP = ("fairness.gaps", "demographic_parity_difference")


def rate(value: float | None, half: float = 0.05, n: int = 100, **group: str) -> Finding:
    if value is None:
        return finding(*RATE, None, n=n, group=group, reason="no rows")
    return finding(*RATE, value, value - half, value + half, n=n, group=group)


def gap(value: float | None, low: float, high: float, *between: str, **f: Any) -> Finding:
    bounds = (low, high) if value is not None else (None, None)
    return finding(*GAP, value, *bounds, between=between, method="max-t bootstrap", **f)


def rates_item(comparator: str = ">=", threshold: float = 0.5, **limits: Any) -> dict[str, Any]:
    evidence = {"select": "fairness.selection_rate", "group_by": limits.pop("group_by", "each")}
    evidence["agg"] = limits.pop("agg", "all")
    return item(evidence=evidence, check=check(comparator, threshold, **limits))


def gap_item(between: Any = "each", threshold: float = 0.1, **limits: Any) -> dict[str, Any]:
    evidence = {"select": "fairness.demographic_parity_difference", "between": between}
    return item(evidence=evidence, check=check("<=", threshold, **limits))


def judged(one: dict[str, Any], *findings: Finding, **case: Any) -> Verdict:
    return only(make_pack(one), make_case(*findings, **case))


RACE, SEX = gap(0.05, 0.0, 0.08, "race"), gap(0.02, 0.0, 0.06, "sex")
CROSSED = gap(0.3, 0.2, 0.4, "race", "sex")


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("each", ["race", "sex"]),
        (["race"], ["race"]),
        ([["race"], ["sex"]], ["race", "sex"]),
    ],
)
def test_features_that_pass(between: Any, expected: list[str]) -> None:
    verdict = judged(gap_item(between), RACE, SEX, CROSSED)
    assert verdict.status == "pass"
    prefix = "fairness.gaps/demographic_parity_difference~"
    # the worst value first: race with 0.05
    assert verdict.findings == tuple(prefix + name for name in expected)


@pytest.mark.parametrize(
    "between", ["crossing", ["race", "sex"], [["race"], ["sex", "race"]], None]
)
def test_features_that_fail_in_the_crossing(between: Any) -> None:
    verdict = judged(gap_item(between), RACE, SEX, CROSSED)
    assert (verdict.status, verdict.value) == ("fail", 0.3)
    assert "across race × sex" in verdict.because["en"]


def test_a_feature_that_was_not_measured_keeps_the_item_open() -> None:
    verdict = judged(gap_item(), RACE)
    assert (verdict.status, verdict.reason_code) == ("inconclusive", "not-measured")
    assert "was not measured for sex" in verdict.because["en"]
    # a failure elsewhere is a failure all the same
    assert judged(gap_item(threshold=0.01), gap(0.05, 0.02, 0.08, "race")).status == "fail"
    assert judged(gap_item("crossing"), RACE, SEX).status == "inconclusive"
    assert judged(gap_item(["age"]), RACE, SEX).reason_code == "not-measured"


def test_nothing_to_compare() -> None:
    single = judged(gap_item("crossing"), RACE, sensitive_features=["race"])
    assert (single.status, single.reason_code) == ("not-applicable", "no-question")
    none = judged(gap_item("each"), RACE, sensitive_features=[])
    assert none.status == "inconclusive"
    assert "names no sensitive feature" in none.because["en"]


@pytest.mark.parametrize(
    ("status", "expected"), [("error", "error"), ("not_applicable", "not-applicable")]
)
def test_a_check_that_gave_nothing_speaks_for_every_group(status: str, expected: str) -> None:
    crashed = finding(*GAP, None, status=status, n=0, reason="RuntimeError: boom")
    for between in ("each", ["race"], "crossing", None):
        verdict = judged(gap_item(between), crashed)
        assert verdict.status == expected
        assert "boom" in verdict.because["en"]


def test_columns() -> None:
    def missing(column: str, value: float) -> Finding:
        return finding("data.quality", "missing_rate", value, column=column)

    limits = check("<=", 0.05, decision="point")
    pair = (missing("age", 0.01), missing("job", 0.2))
    every = item(evidence={"select": "data.missing_rate"}, check=limits)
    assert judged(every, *pair).status == "fail"
    assert "in the column job" in judged(every, *pair).because["en"]
    one = item(evidence={"select": "data.missing_rate", "columns": ["age"]}, check=limits)
    assert judged(one, *pair).status == "pass"
    lost = item(evidence={"select": "data.missing_rate", "columns": ["age", "zip"]}, check=limits)
    assert judged(lost, *pair).reason_code == "not-measured"


def test_the_worst_group_decides_by_default() -> None:
    groups = [rate(0.9, race="a"), rate(0.6, race="b"), rate(0.7, race="c")]
    above = judged(rates_item(">=", 0.5, group_by=["race"]), *groups)
    assert (above.status, above.value) == ("pass", 0.6)
    below = judged(rates_item("<=", 0.98, group_by=["race"]), *groups)
    assert (below.status, below.value) == ("pass", 0.9)
    # 0.6 is open against 0.62 (0.55 to 0.65); 0.7 and 0.9 pass: open counts
    assert judged(rates_item(">=", 0.62, group_by=["race"]), *groups).status == "inconclusive"
    # a wide interval decides although its value is not the worst
    wide = [rate(0.6, 0.02, race="a"), rate(0.7, 0.25, race="b")]
    verdict = judged(rates_item(">=", 0.5, group_by=["race"]), *wide)
    assert (verdict.status, verdict.value) == ("inconclusive", 0.7)


def test_min_and_max_pick_one() -> None:
    groups = [rate(0.9, race="a"), rate(0.4, race="b")]
    best = judged(rates_item(">=", 0.5, group_by=["race"], agg="max"), *groups)
    assert (best.status, best.value) == ("pass", 0.9)
    worst = judged(rates_item(">=", 0.5, group_by=["race"], agg="min"), *groups)
    # 0.35 to 0.45 lies below 0.5 as a whole
    assert (worst.status, worst.value) == ("fail", 0.4)
    # the extreme could hide in a group without a number
    hidden = [*groups, rate(None, n=0, race="c")]
    assert judged(rates_item(">=", 0.5, group_by=["race"], agg="max"), *hidden).status == (
        "inconclusive"
    )


def test_several_alike_are_counted() -> None:
    groups = [rate(0.1, race="a"), rate(0.2, race="b"), rate(0.9, race="c")]
    verdict = judged(rates_item(">=", 0.5, group_by=["race"]), *groups)
    assert verdict.value == 0.1
    assert verdict.because["en"].endswith("; 1 more like it")


def test_an_undefined_group_keeps_the_item_open() -> None:
    groups = [rate(0.9, race="a"), rate(None, n=0, race="b")]
    verdict = judged(rates_item(">=", 0.5, group_by=["race"]), *groups)
    assert (verdict.status, verdict.reason_code) == ("inconclusive", "undefined")
    assert "race=b" in verdict.because["en"]


SMALL = [rate(0.9, n=100, race="a"), rate(0.9, n=12, race="b")]


@pytest.mark.parametrize(
    ("on_small", "status"),
    [("inconclusive", "inconclusive"), ("fail", "fail"), ("exclude-and-report", "pass")],
)
def test_small_groups(on_small: str, status: str) -> None:
    one = rates_item(">=", 0.5, group_by=["race"], min_group_n=30, on_small=on_small)
    verdict = judged(one, *SMALL)
    assert verdict.status == status
    if on_small == "exclude-and-report":
        assert verdict.because["en"].endswith("left out as too small: b (n=12)")
        assert verdict.findings[0].endswith("race=a") and len(verdict.findings) == 2
    else:
        assert verdict.reason_code == "small-groups"
        assert verdict.rows_needed == 18
        assert "the group is too small to judge: the minimum is 30 rows" in verdict.because["en"]


def test_a_small_group_by_its_share() -> None:
    # 12 of 112 rows are 0.107
    def verdict(share: float) -> Verdict:
        one = rates_item(group_by=["race"], min_group_share=share, on_small="exclude-and-report")
        return judged(one, *SMALL)

    assert "left out" in verdict(0.11).because["en"]
    assert "left out" not in verdict(0.10).because["en"]


def test_where_every_group_is_small_nothing_passes() -> None:
    one = rates_item(group_by=["race"], min_group_n=500, on_small="exclude-and-report")
    verdict = judged(one, *SMALL)
    assert (verdict.status, verdict.reason_code) == ("inconclusive", "small-groups")
    assert "left out as too small: a (n=100), b (n=12)" in verdict.because["en"]


LEFT_OUT = {"groups": 3, "groups_left_out": 1}


@pytest.mark.parametrize(
    ("on_small", "threshold", "status"),
    [
        # 0.05 (0.00 to 0.08) among the two groups that were compared
        ("inconclusive", 0.1, "inconclusive"),
        ("exclude-and-report", 0.1, "pass"),
        ("fail", 0.1, "fail"),
        ("inconclusive", 0.06, "inconclusive"),
        ("exclude-and-report", 0.06, "inconclusive"),
    ],
)
def test_a_gap_without_its_smallest_group(on_small: str, threshold: float, status: str) -> None:
    partial = gap(0.05, 0.0, 0.08, "race", counts=LEFT_OUT)
    verdict = judged(gap_item(["race"], threshold, on_small=on_small), partial)
    assert verdict.status == status
    assert "groups too small to compare, which need rows too: 1 of 3" in verdict.because["en"]


def test_a_gap_that_fails_without_a_group_fails_with_it() -> None:
    partial = gap(0.3, 0.2, 0.4, "race", counts=LEFT_OUT)
    assert judged(gap_item(["race"]), partial).status == "fail"


def test_a_point_rule_does_not_pass_a_partial_gap_either() -> None:
    partial = gap(0.05, 0.0, 0.2, "race", counts=LEFT_OUT)
    assert judged(gap_item(["race"], decision="point"), partial).status == "inconclusive"


def test_an_undefined_gap_never_fails_for_being_small() -> None:
    undefined = gap(None, 0, 0, "race", counts=LEFT_OUT, reason="fewer than two groups", n=0)
    verdict = judged(gap_item(["race"], on_small="fail"), undefined)
    assert verdict.status == "inconclusive"


def test_a_pack_may_ask_for_larger_groups_than_the_check_compared() -> None:
    checks = [{"id": "fairness.gaps", "options": {"min_group_size": 10}}]
    findings = [
        RACE,
        rate(0.9, n=100, race="a"),
        rate(0.9, n=12, race="b"),
        rate(0.9, n=5, race="c"),
    ]

    def verdict(minimum: int, on_small: str = "inconclusive") -> Verdict:
        one = gap_item(["race"], min_group_n=minimum, on_small=on_small)
        return judged(one, *findings, checks=checks)

    assert verdict(10).status == "pass"
    assert verdict(12).status == "pass"
    assert verdict(13).status == "inconclusive"
    # b was compared and cannot be taken out of a gap that is measured already
    assert verdict(13, "exclude-and-report").status == "inconclusive"
    assert verdict(13).because["en"].endswith("compared although too small for this pack: b")
