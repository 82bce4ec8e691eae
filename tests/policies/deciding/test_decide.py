"""One number against one demand: relations, intervals at other levels, rows to settle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evenhand.audit.finding import Finding, Interval
from evenhand.audit.words.numbers import span
from evenhand.policies.deciding.decide import (
    Demand,
    Outcome,
    decide,
    interval_for,
    relation,
    worse,
)
from evenhand.policies.deciding.power import RowsNeeded, rows_by_width
from evenhand.policies.deciding.settling import rough
from evenhand.policies.demands import Comparator, ConfidenceInterval, Requirement
from tests.policies.build import check
from tests.samples import finding
from tests.shares import share_ends

ACCURACY = ("performance.classification", "accuracy_score")
COMPARATORS: list[Comparator] = [">=", "<=", ">", "<", "=="]


def demand(comparator: str = ">=", *thresholds: float, **changes: Any) -> Demand:
    asked: Any = thresholds[0] if len(thresholds) == 1 else list(thresholds)
    return Demand(Requirement.model_validate(check(comparator, asked, **changes)), thresholds)


def accuracy(value: float | None = 0.9, low: float = 0.87, high: float = 0.92, **f: Any) -> Finding:
    return finding(*ACCURACY, value, low, high, **f)


@pytest.mark.parametrize(
    ("comparator", "thresholds", "low", "high", "expected"),
    [
        (">=", (0.8,), 0.8, 0.9, "pass"),
        (">=", (0.8,), 0.7, 0.79, "fail"),
        (">=", (0.8,), 0.7, 0.8, "open"),
        (">", (0.8,), 0.8, 0.9, "open"),
        (">", (0.8,), 0.7, 0.8, "fail"),
        ("<=", (0.1,), 0.0, 0.1, "pass"),
        ("<=", (0.1,), 0.11, 0.2, "fail"),
        ("<=", (0.1,), 0.1, 0.2, "open"),
        ("<", (0.1,), 0.0, 0.1, "open"),
        ("<", (0.1,), 0.1, 0.2, "fail"),
        ("==", (1.0,), 1.0, 1.0, "pass"),
        ("==", (1.0,), 0.9, 1.0, "open"),
        ("==", (1.0,), 0.8, 0.9, "fail"),
        ("between", (0.8, 1.25), 0.8, 1.25, "pass"),
        ("between", (0.8, 1.25), 0.79, 1.0, "open"),
        ("between", (0.8, 1.25), 1.0, 1.3, "open"),
        ("between", (0.8, 1.25), 0.5, 0.7, "fail"),
        ("between", (0.8, 1.25), 1.3, 1.4, "fail"),
    ],
)
def test_relation(
    comparator: Comparator, thresholds: tuple[float, ...], low: float, high: float, expected: str
) -> None:
    assert relation(comparator, thresholds, low, high) == expected


def test_floating_point_noise_breaks_no_limit() -> None:
    # 0.4 - 0.3 is 0.10000000000000003 in binary
    assert 0.4 - 0.3 > 0.1
    assert relation("<=", (0.1,), 0.4 - 0.3, 0.4 - 0.3) == "pass"
    assert relation("<", (0.1,), 0.4 - 0.3, 0.4 - 0.3) == "fail"


numbers = st.floats(-10, 10)


@given(st.sampled_from(COMPARATORS), numbers, numbers, numbers)
def test_a_point_is_never_open(
    comparator: Comparator, t: float, value: float, other: float
) -> None:
    assert relation(comparator, (t,), value, value) in ("pass", "fail")
    low, high = min(value, other), max(value, other)
    both = {relation(comparator, (t,), end, end) for end in (low, high)}
    # a decided interval decides its ends alike
    decided = relation(comparator, (t,), low, high)
    assert decided == "open" or both == {decided}


@given(numbers, numbers, numbers, numbers)
def test_tightening_never_turns_a_fail_into_a_pass(a: float, b: float, c: float, d: float) -> None:
    low, high = min(a, b), max(a, b)
    loose, tight = min(c, d), max(c, d)
    order = ["fail", "open", "pass"]
    for comparator in (">=", ">"):
        before = order.index(relation(comparator, (loose,), low, high))
        assert order.index(relation(comparator, (tight,), low, high)) <= before
    for comparator in ("<=", "<"):
        before = order.index(relation(comparator, (tight,), low, high))
        assert order.index(relation(comparator, (loose,), low, high)) <= before


def test_bound_pass_fail_and_between() -> None:
    assert decide(accuracy(), demand(">=", 0.85)).status == "pass"
    assert decide(accuracy(), demand(">=", 0.93)).status == "fail"
    assert decide(accuracy(), demand(">=", 0.9)).status == "inconclusive"
    assert decide(accuracy(), demand("between", 0.8, 0.95)).status == "pass"


def test_the_sentence_of_an_open_bound() -> None:
    gap = finding(
        "fairness.gaps",
        "demographic_parity_difference",
        0.17,
        0.08,
        0.28,
        n=580,
        between=["race"],
        method="multinomial bootstrap",
    )
    outcome = decide(gap, demand("<=", 0.10))
    # see test_power; more rows are a second look, read at 99.5 %
    rows = rows_by_width(0.17, gap.interval, 580, 0.10, level=0.995)
    assert rows.zone is not None
    low, high = span(*rows.zone)
    assert outcome.rows_needed == rows.sure and rows.as_seen < rows.sure
    assert outcome.because["en"] == (
        "Demographic parity difference across race: 0.17 (0.08 to 0.28, n=580); "
        "at most 0.10 is asked (convention), which the interval crosses: "
        f"about {rough(rows.sure)} more rows settle it, 4 times in 5 "
        f"({rough(rows.as_seen)} if the truth is what was seen), "
        f"unless the truth lies from {low} to {high}"
    )
    assert outcome.because["zh"] == (
        "人口统计均等差（比较 race 各组）：0.17（0.08 至 0.28，n=580）；"
        "要求不超过 0.10（惯例），区间跨越该限值："
        f"约需再增加 {rough(rows.sure)} 行，五次中有四次可判定"
        f"（若真值即观测值，则为 {rough(rows.as_seen)} 行），除非真值在 {low} 至 {high} 之间"
    )


def test_a_point_rule_warns_where_the_bound_is_open() -> None:
    point = {"decision": "point"}
    outcome = decide(accuracy(), demand(">=", 0.9, **point))
    assert (outcome.status, outcome.code) == ("warn", "point-met-bound-open")
    assert "the interval reaches past it" in outcome.because["en"]
    assert decide(accuracy(), demand(">=", 0.85, **point)).status == "pass"
    assert decide(accuracy(), demand(">=", 0.91, **point)).status == "fail"
    rows = finding("data.quality", "row_count", 600.0, method="count")
    assert decide(rows, demand(">=", 600, **point)).status == "pass"


@pytest.mark.parametrize(
    ("comparator", "limit", "low", "high"), [("<=", 0.0, 0.0, 0.006), (">=", 1.0, 0.994, 1.0)]
)
def test_none_of_n_keeps_a_limit_of_none(
    comparator: Comparator, limit: float, low: float, high: float
) -> None:
    """The interval of 0 of 600 always reaches above 0: a bound that nobody can meet is no rule."""
    rate = finding("robustness.consistency", "inconsistent_answer_rate", limit, low, high, n=600)
    assert decide(rate, demand(comparator, limit, decision="point")).status == "pass"
    near = rate.model_copy(update={"value": abs(limit - 0.002)})
    assert decide(near, demand(comparator, limit, decision="point")).status == "fail"


def test_too_few_rows_never_pass() -> None:
    outcome = decide(accuracy(), demand(">=", 0.5, min_n=1000))
    assert (outcome.status, outcome.code, outcome.rows_needed) == (
        "inconclusive",
        "too-few-rows",
        400,
    )
    assert "at least 1,000 rows are asked for: 400 more" in outcome.because["en"]
    assert decide(accuracy(), demand(">=", 0.5, min_n=1000, on_small="fail")).status == "fail"
    assert decide(accuracy(), demand(">=", 0.5, min_n=600)).status == "pass"


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        ("undefined", "inconclusive", "undefined"),
        ("error", "error", "crashed"),
        ("not_applicable", "not-applicable", "no-question"),
        ("skipped", "inconclusive", "skipped"),
    ],
)
def test_findings_without_a_number(status: str, expected: str, code: str) -> None:
    outcome = decide(accuracy(None, status=status, reason="because of that"), demand(">=", 0.5))
    assert (outcome.status, outcome.code) == (expected, code)
    assert "because of that" in outcome.because["en"]
    assert "because of that" in outcome.because["zh"]


def ci(**changes: Any) -> ConfidenceInterval:
    return ConfidenceInterval.model_validate(changes)


def test_one_sided_levels_read_the_two_sided_interval() -> None:
    assert ci(level=0.95, sided="one").two_sided_level == 0.9
    assert ci(level=0.95).two_sided_level == 0.95


def test_a_stored_interval_is_taken_as_it_is() -> None:
    ninety = Interval(low=0.88, high=0.915, level=0.9, method="Wilson score")
    stored = accuracy(other_intervals=(ninety,))
    assert interval_for(stored, ci(level=0.95, sided="one")) == ninety
    assert interval_for(stored, ci(level=0.95)) == stored.interval
    assert interval_for(stored, ci(level=0.99)) is None


def test_another_level_or_method_is_worked_out_from_counts() -> None:
    rate = accuracy(0.9, 0.873, 0.922, counts={"k": 540, "n": 600})
    exact = stats.binomtest(540, 600).proportion_ci(0.99, method="exact")
    for method, expected in (
        ("wilson", share_ends(540, 600, 0.99)),
        ("clopper-pearson", (exact.low, exact.high)),
    ):
        found = interval_for(rate, ci(level=0.99, method=method))
        assert found is not None
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)
    # no method asked: the one that was measured
    found = interval_for(rate, ci(level=0.99))
    assert found is not None and found.method == "Wilson score, beta tails"
    exact = rate.model_copy(
        update={"interval": Interval(low=0.87, high=0.93, level=0.95, method="Clopper-Pearson")}
    )
    found = interval_for(exact, ci(level=0.99))
    assert found is not None and found.method == "Clopper-Pearson"


def test_where_the_audit_has_to_be_run_again() -> None:
    asked = ci(level=0.99)
    boot = finding("fairness.gaps", "x_difference", 0.1, 0.0, 0.2, method="max-t bootstrap")
    assert interval_for(boot, asked) is None
    assert interval_for(boot, ci(method="bootstrap")) == boot.interval
    assert interval_for(boot, ci(method="katz-log")) is None
    # k and n that are not the value's own are no basis
    other = accuracy(0.9, counts={"k": 10, "n": 600})
    assert interval_for(other, asked) is None
    # counts of a number that has another kind of interval are no plain rate's
    balanced = accuracy(0.9, counts={"k": 540, "n": 600}, method="bootstrap")
    assert interval_for(balanced, asked) is None
    outcome = decide(boot, demand("<=", 0.5, ci={"level": 0.99}))
    assert (outcome.status, outcome.code) == ("inconclusive", "audit-again")
    assert "audit again with this pack" in outcome.because["en"]
    bare = finding("data.quality", "row_count", 600.0, method="count")
    outcome = decide(bare, demand(">=", 100))
    assert (outcome.status, outcome.code) == ("inconclusive", "no-interval")


def test_rows_to_settle_takes_the_farther_of_two_thresholds() -> None:
    wide = accuracy(1.0, 0.7, 1.4, method="bootstrap")
    assert wide.interval is not None
    asked = demand("between", 0.8, 1.25)
    nearer, farther = (rows_by_width(1.0, wide.interval, 600, t, level=0.995) for t in (0.8, 1.25))
    assert farther.sure > nearer.sure and farther.as_seen > nearer.as_seen
    assert asked.rows_to_settle(wide, wide.interval) == farther
    # what the interval doesn't span is settled
    settled = replace(asked, thresholds=(0.5, 2.0))
    assert settled.rows_to_settle(wide, wide.interval) == RowsNeeded(None, None)


def test_where_no_number_can_be_named_it_says_so() -> None:
    # an end at 0 has no logarithm
    never = finding("data.quality", "share_ratio", 0.5, 0.0, 1.0, n=600, method="bootstrap")
    below = decide(never, demand("<=", 0.3))
    assert below.rows_needed is None
    assert "no number of rows can be named" in below.because["en"]


def test_rough_numbers_are_rounded_up() -> None:
    assert [rough(n) for n in (1, 99, 101, 1873, 9001)] == ["1", "99", "110", "1,900", "9,100"]


def test_the_worse_of_answers() -> None:
    def answer(status: Any) -> Outcome:
        return Outcome(status, "", {"en": "", "zh": ""})

    order = [
        "fail",
        "error",
        "inconclusive",
        "needs-attestation",
        "warn",
        "attested",
        "pass",
        "not-applicable",
    ]
    for i, bad in enumerate(order):
        for good in order[i:]:
            assert worse([answer(good), answer(bad)]).status == bad
