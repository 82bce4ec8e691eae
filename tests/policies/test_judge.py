"""Items to verdicts: every status, thresholds, conditions, dates, comparison."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.policies.judge import judge
from evenhand.policies.schema import Pack
from tests.policies.build import (
    DAY,
    attestation,
    attestation_item,
    check,
    entries,
    item,
    make_case,
    make_pack,
    only,
    text,
    waiver,
)
from tests.samples import finding, sample_findings


def accuracy(value: float | None = 0.9, low: float = 0.87, high: float = 0.92, **f: Any) -> Finding:
    return finding("performance.classification", "accuracy_score", value, low, high, **f)


CASE = make_case(accuracy())


def test_a_verdict_carries_what_decided_it() -> None:
    pack = make_pack(item(clause={"house": "3(a)"}))
    verdict = only(pack, CASE)
    assert (verdict.status, verdict.underlying, verdict.reason_code) == (
        "pass",
        "pass",
        "bound-met",
    )
    assert verdict.findings == ("performance.classification/accuracy_score",)
    assert (verdict.value, verdict.comparator, verdict.threshold) == (0.9, ">=", 0.8)
    assert (verdict.threshold_origin, verdict.decision) == ("convention", "bound")
    assert verdict.interval is not None and verdict.interval.low == 0.87
    assert (verdict.pack, verdict.pack_version, verdict.item) == ("house-rules", "2026.11.0", "X-1")
    assert (verdict.clause, verdict.fix["en"]) == ({"house": "3(a)"}, "do this")
    assert verdict.because["en"] == (
        "Of 100 people 90 get the right answer: a rate of 0.90 (0.87 to 0.92, n=600), "
        "at least 0.80 (convention), as is the whole interval"
    )


@pytest.mark.parametrize(
    ("changes", "status", "underlying", "code"),
    [
        ({}, "pass", "pass", "bound-met"),
        ({"check": check(threshold=0.95)}, "fail", "fail", "bound-missed"),
        ({"check": check(threshold=0.9)}, "inconclusive", "inconclusive", "interval-spans"),
        (
            {"check": check(threshold=0.95), "obligation": "should"},
            "warn",
            "fail",
            "bound-missed",
        ),
        ({"check": check(threshold=0.95), "obligation": "may"}, "warn", "fail", "bound-missed"),
        (
            {"check": check(threshold=0.9), "obligation": "should"},
            "inconclusive",
            "inconclusive",
            "interval-spans",
        ),
        (
            {"check": check(threshold=0.9, decision="point")},
            "warn",
            "warn",
            "point-met-bound-open",
        ),
        (
            {"evidence": {"select": "performance.f1_score"}},
            "inconclusive",
            "inconclusive",
            "not-measured",
        ),
        (
            {"applies_when": {"fact": "subject.task", "eq": "regression"}},
            "not-applicable",
            "not-applicable",
            "condition-false",
        ),
        (
            {"applies_when": {"fact": "gone", "eq": 1}},
            "inconclusive",
            "inconclusive",
            "fact-missing",
        ),
        ({"applies_from": "2027-01-01"}, "not-yet-applicable", "pass", "not-yet"),
        ({"applies_from": "2026-11-22"}, "pass", "pass", "bound-met"),
    ],
)
def test_statuses(changes: dict[str, Any], status: str, underlying: str, code: str) -> None:
    verdict = only(make_pack(item(**changes)), CASE)
    assert (verdict.status, verdict.underlying, verdict.reason_code) == (status, underlying, code)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("error", "error"), ("not_applicable", "not-applicable"), ("undefined", "inconclusive")],
)
def test_findings_without_a_number(status: str, expected: str) -> None:
    case = make_case(accuracy(None, status=status, reason="no luck"))
    verdict = only(make_pack(item()), case)
    assert verdict.status == expected
    assert "no luck" in verdict.because["en"]


def test_not_measured_says_what_to_run() -> None:
    pack = make_pack(item(evidence={"select": "fairness.equalized_odds_difference"}))
    assert "--checks 'fairness.*'" in only(pack, CASE).because["en"]


def test_declared_thresholds() -> None:
    def verdict(threshold: str, declared: dict[str, Any]) -> Any:
        return only(
            make_pack(item(check=check(threshold=threshold, threshold_origin="declared"))),
            make_case(accuracy(), declared=declared),
        )

    declared = verdict("${declared.accuracy_min}", {"accuracy_min": 0.85})
    assert (declared.status, declared.threshold) == ("pass", 0.85)
    assert "at least 0.85 (declared)" in declared.because["en"]
    missing = verdict("${declared.accuracy_min}", {})
    assert (missing.status, missing.reason_code) == ("inconclusive", "undeclared")
    assert missing.threshold is None
    assert missing.findings == ("performance.classification/accuracy_score",)
    assert "declares no accuracy_min" in missing.because["en"]
    default = verdict("${declared.accuracy_min|0.5}", {})
    assert (default.status, default.threshold) == ("pass", 0.5)
    assert "the pack's default: nothing declared" in default.because["en"]
    for bad in ("high", True, [0.5]):
        wrong = verdict("${declared.accuracy_min|0.5}", {"accuracy_min": bad})
        assert (wrong.status, wrong.reason_code) == ("error", "declared-not-a-number")


def test_between_has_two_thresholds() -> None:
    limits = check("between", [0.8, "${declared.top|0.95}"])
    verdict = only(make_pack(item(check=limits)), CASE)
    assert (verdict.status, verdict.threshold) == ("pass", None)
    assert "between 0.80 and 0.95" in verdict.because["en"]


def test_a_pack_that_does_not_apply() -> None:
    pack = make_pack(item(), applies_when={"fact": "subject.task", "eq": "regression"})
    assert only(pack, CASE).status == "not-applicable"
    pack = make_pack(item(), applies_when={"fact": "gone", "eq": "x"})
    verdict = only(pack, CASE)
    assert (verdict.status, verdict.reason_code) == ("inconclusive", "fact-missing")
    assert "the fact gone is unknown" in verdict.because["en"]
    assert "事实 gone 未知" in verdict.because["zh"]
    # the reason says what to do; the item's own advice is for an answer that there is none of yet
    assert "--fact gone=VALUE --by NAME" in verdict.because["en"]
    assert verdict.fix == {}


def test_parameters() -> None:
    parameters = {"role": {"enum": ["provider", "deployer"], "required": True}}
    pack = make_pack(item(), parameters=parameters)
    assert only(pack, CASE).reason_code == "fact-missing"
    assert only(pack, make_case(accuracy(), facts={"role": "provider"})).status == "pass"
    friend = only(pack, make_case(accuracy(), facts={"role": "friend"}))
    assert (friend.status, friend.reason_code) == ("inconclusive", "fact-not-allowed")
    # a pack that is not meant at all needs to know nothing more
    elsewhere = make_pack(
        item(), parameters=parameters, applies_when={"fact": "subject.task", "eq": "x"}
    )
    assert only(elsewhere, CASE).status == "not-applicable"
    with_default = make_pack(
        item(applies_when={"fact": "role", "eq": "provider"}),
        parameters={"role": {"default": "deployer"}},
    )
    assert only(with_default, CASE).status == "not-applicable"


def test_dates_of_the_pack() -> None:
    legal = {"state": "adopted-not-yet-applicable", "checked_on": "2026-11-01"}
    pack = make_pack(
        item(check=check(threshold=0.95)), legal_status={**legal, "applies_from": "2027-12-02"}
    )
    early = only(pack, CASE)
    assert (early.status, early.underlying) == ("not-yet-applicable", "fail")
    assert early.because["en"].startswith("applies from 2027-12-02; today it fails: Of 100")
    assert only(pack, CASE, as_of=date(2027, 12, 2)).status == "fail"
    past = make_pack(
        item(),
        legal_status={"state": "withdrawn", "checked_on": "2026-11-01", "applies_to": "2026-05-12"},
    )
    verdict = only(past, CASE)
    assert (verdict.status, verdict.reason_code) == ("not-applicable", "no-longer-applies")
    assert only(past, CASE, as_of=date(2026, 5, 12)).status == "pass"


def test_no_worsening_against_another_case() -> None:
    limits = check(">=", -0.02, decision="point", against="compare_to")
    pack = make_pack(item(check=limits))
    alone = only(pack, CASE)
    assert (alone.status, alone.reason_code) == ("inconclusive", "no-comparison")
    # 0.90 - 0.91 = -0.01 keeps a limit of -0.02; 0.90 - 0.93 = -0.03 does not
    near = only(pack, CASE, compare_to=make_case(accuracy(0.91)))
    assert (near.status, near.value) == ("pass", pytest.approx(-0.01))
    assert "changed by -0.01 (n=600), from 0.91 to 0.9" in near.because["en"]
    assert only(pack, CASE, compare_to=make_case(accuracy(0.93))).status == "fail"
    # exactly at the limit, whatever binary fractions make of it
    assert only(pack, CASE, compare_to=make_case(accuracy(0.92))).status == "pass"
    lost = only(pack, CASE, compare_to=make_case())
    assert (lost.status, lost.reason_code) == ("inconclusive", "no-comparison")
    undefined = make_case(accuracy(None, reason="none"))
    assert only(pack, CASE, compare_to=undefined).status == "inconclusive"
    assert only(pack, undefined, compare_to=CASE).status == "inconclusive"


HYBRID = item(
    "A-1", kind="hybrid", attest={"role": "owner", "evidence_required": []}, check=check()
)


@pytest.mark.parametrize(
    ("threshold", "answer", "status"),
    [
        (0.8, None, "needs-attestation"),
        (0.8, "met", "attested"),
        (0.8, "not-met", "fail"),
        (0.9, "met", "inconclusive"),
        (0.9, None, "inconclusive"),
        (0.95, "met", "fail"),
        # nobody attests a measured failure away
        (0.95, "not-applicable", "fail"),
        (0.8, "not-applicable", "pass"),
    ],
)
def test_a_hybrid_item_takes_the_worse_half(
    threshold: float, answer: str | None, status: str
) -> None:
    pack = make_pack({**HYBRID, "check": check(threshold=threshold)})
    register = entries(attestation(answer=answer)) if answer else ()
    verdict = only(pack, CASE, register)
    assert verdict.status == status
    assert verdict.because["en"].startswith("measured: Of 100 people 90 get the right answer")
    assert "; attestation: " in verdict.because["en"]
    assert verdict.value == 0.9


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.3)), min_size=1, max_size=5),
    st.floats(0, 1),
    st.floats(0, 1),
    st.randoms(),
)
def test_laws_of_judging(
    spec: list[tuple[float, float]], first: float, second: float, random: Any
) -> None:
    rates = [
        finding(
            "fairness.group_rates",
            "selection_rate",
            value,
            max(0.0, value - half),
            min(1.0, value + half),
            group={"race": str(i)},
        )
        for i, (value, half) in enumerate(spec)
    ]
    shuffled = list(rates)
    random.shuffle(shuffled)

    def verdict(threshold: float, found: list[Finding]) -> Any:
        evidence = {"select": "fairness.selection_rate", "group_by": ["race"]}
        return only(
            make_pack(item(evidence=evidence, check=check(threshold=threshold))), make_case(*found)
        )

    loose, tight = verdict(min(first, second), rates), verdict(max(first, second), rates)
    # same inputs, same verdict, in whatever order they lie
    assert loose == verdict(min(first, second), rates)
    assert loose == verdict(min(first, second), shuffled)
    # tightening never turns a fail into anything better
    assert loose.status != "fail" or tight.status == "fail"
    assert tight.status != "pass" or loose.status == "pass"
    # a pass means that every lower bound keeps the limit, at the 96 % of a first look; 0 stays
    wider = stats.norm.ppf(0.98) / stats.norm.ppf(0.975)
    given = [(f.value or 0.0, f.interval.low) for f in rates if f.interval is not None]
    lows = [value - (value - low) * wider if low else low for value, low in given]
    limit = loose.threshold
    assert (loose.status == "pass") == all(low >= limit - 1e-12 for low in lows)
    assert 0 < len(loose.because["en"].splitlines()) == 1


def test_verdicts_come_in_the_order_of_the_pack_and_one_line_each() -> None:
    case = make_case(*sample_findings())
    pack = make_pack(
        item("X-2", title=text("line\nbreak")),
        attestation_item("A-1"),
        item("X-1", evidence={"select": "fairness.selection_rate", "group_by": "each"}),
    )
    verdicts = judge(case, pack, entries(waiver(item="X-2")), as_of=DAY)
    assert [v.item for v in verdicts] == ["X-2", "A-1", "X-1"]
    assert verdicts[0].title["en"] == "line break"
    for verdict in verdicts:
        assert set(verdict.because) == {"en", "zh"}
        assert all(text and "\n" not in text for text in verdict.because.values())


def test_judging_leaves_its_arguments_alone() -> None:
    case, pack = make_case(accuracy()), make_pack(item())
    before: tuple[Case, Pack] = (make_case(accuracy()), make_pack(item()))
    judge(case, pack, (), as_of=DAY)
    assert (case, pack) == before
