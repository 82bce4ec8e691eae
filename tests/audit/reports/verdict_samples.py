"""Verdicts of every status on the sample case, two packs, a hostile text among them."""

from __future__ import annotations

from typing import Any

from evenhand.audit.finding import Interval
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict
from tests.samples import HOSTILE

GAP_RACE = "fairness.gaps/demographic_parity_difference~race"
RATIO_RACE = "fairness.gaps/demographic_parity_ratio~race"
ODDS_RACE = "fairness.gaps/equalized_odds_difference~race"
ACCURACY = "performance.classification/accuracy_score"
EPSILON = "privacy.declared_budget/declared_epsilon"
CRASHED = "explanation.attribution/completeness_gap"
GATE = Gate(fail_on="medium", inconclusive="warn", exit_code=1)


def verdict(item: str, status: str, title: str, because: str, **fields: Any) -> Verdict:
    """A verdict with the fields that every one needs filled in."""
    given: dict[str, Any] = {
        "pack": "house-lending",
        "pack_version": "2026.11.0",
        "item": item,
        "title": {"en": title, "zh": f"（中文）{title}"},
        "kind": "automated",
        "severity": "high",
        "obligation": "must",
        "status": status,
        "underlying": status,
        "reason_code": f"{status}.sample",
        "because": {"en": because, "zh": f"理由：{because}"},
    }
    return Verdict.model_validate(given | fields)


def sample_verdicts() -> list[Verdict]:
    """One verdict of each status, and a second pack."""
    return [*_house_verdicts(), *_law_verdicts()]


def _house_verdicts() -> list[Verdict]:
    return [
        verdict(
            "HL-01",
            "pass",
            "Accuracy is at least what the maker declares",
            "The lower bound 0.873 is above 0.6.",
            findings=(ACCURACY,),
            value=0.9,
            interval=Interval(low=0.873, high=0.922, level=0.95, method="Wilson score"),
            comparator=">=",
            threshold=0.6,
            threshold_origin="declared",
            decision="bound",
        ),
        verdict(
            "HL-02",
            "fail",
            "Selection rates differ by at most 0.05 between races",
            "The lower bound 0.08 is above 0.05.",
            findings=(GAP_RACE,),
            value=0.17,
            interval=Interval(low=0.08, high=0.28, level=0.95, method="bootstrap"),
            comparator="<=",
            threshold=0.05,
            threshold_origin="convention",
            decision="bound",
            severity="blocker",
            clause={"act": "Art. 10(2)(f)", "policy": "4.2"},
            fix={
                "en": "Compare mitigations with: evenhand mitigate",
                "zh": "用 evenhand mitigate 比较缓解方法",
            },
        ),
        verdict(
            "HL-03",
            "warn",
            "Error rates are alike between races",
            "A should-item: the value 0.12 is above 0.1.",
            findings=(ODDS_RACE,),
            value=0.12,
            comparator="<=",
            threshold=0.1,
            threshold_origin="guidance",
            decision="point",
            severity="medium",
            obligation="should",
        ),
        verdict(
            "HL-04",
            "needs-attestation",
            "A person oversees refusals",
            "No attestation is on file.",
            kind="attestation",
            fix={"en": "Attest with: evenhand attest", "zh": "用 evenhand attest 声明"},
        ),
        verdict(
            "HL-05",
            "attested",
            "Applicants are told that a model is used",
            "Attested by the product owner.",
            kind="attestation",
            severity="medium",
        ),
        verdict(
            "HL-06",
            "waived",
            "The privacy budget is at most 1",
            "Waived until 2027-01-31: pilot with consent.",
            underlying="fail",
            findings=(EPSILON,),
            value=2.99,
            comparator="<=",
            threshold=1.0,
            threshold_origin="declared",
            decision="point",
        ),
        verdict(
            "HL-07",
            "error",
            "Attributions add up to the prediction",
            "The check crashed: out of memory.",
            findings=(CRASHED,),
            kind="hybrid",
        ),
    ]


def _law_verdicts() -> list[Verdict]:
    law = {"pack": "sample-law", "pack_version": "2026.1"}
    return [
        verdict(
            "SL-01",
            "inconclusive",
            "The impact ratio is at least 0.8",
            "The interval [0.7, 0.92] spans 0.8.",
            findings=(RATIO_RACE,),
            value=0.815,
            interval=Interval(low=0.7, high=0.92, level=0.95, method="bootstrap"),
            comparator=">=",
            threshold=0.8,
            threshold_origin="guidance",
            decision="bound",
            rows_needed=1450,
            **law,
        ),
        verdict(
            "SL-02",
            "not-applicable",
            "Generated text is marked",
            "The subject does not generate text.",
            severity="low",
            **law,
        ),
        verdict(
            "SL-03",
            "not-yet-applicable",
            "Logs are kept for six months",
            "Applies from 2027-08-02.",
            underlying="needs-attestation",
            **law,
        ),
        verdict(
            "SL-04",
            "fail",
            f"Hostile {HOSTILE}",
            f"Group {HOSTILE} | a\u202eb `x` [l](http://e.x) @all",
            findings=("no.such/finding",),
            severity="info",
            obligation="may",
            **law,
        ),
    ]
