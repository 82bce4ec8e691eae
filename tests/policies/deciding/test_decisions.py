"""Decisions beside bound and point: present, companion tests, many numbers, paired bounds."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.measure.uncertainty.intervals import share
from evenhand.policies.verdict import Verdict
from tests.policies.build import (
    DAY,
    MODEL,
    OTHER_MODEL,
    attestation,
    attestation_item,
    check,
    entries,
    item,
    make_case,
    make_pack,
    only,
    to_model,
)
from tests.samples import finding
from tests.shares import share_ends

RATIO = {"select": "fairness.adverse_impact_ratio", "group_by": ["sex"]}


def ratio(value: float | None, p: float | None, group: str = "f") -> Any:
    return finding(
        "fairness.four_fifths",
        "adverse_impact_ratio",
        value,
        None if value is None else value - 0.05,
        None if value is None else value + 0.05,
        group={"sex": group},
        p_value=p,
        n=400,
    )


def judged(*found: Any, **changes: Any) -> Verdict:
    demand = check(decision="point", companion_test={"alpha": 0.05}, **changes)
    pack = make_pack(item("R", evidence=RATIO, check=demand))
    return only(pack, make_case(*found, sensitive_features=["sex"]))


@pytest.mark.parametrize(
    ("value", "p", "status", "code"),
    [
        # the four cells of 29 CFR 1607.4(D): below four fifths or not, beyond chance or not
        (0.70, 0.01, "fail", "point-missed-test-significant"),
        (0.70, 0.20, "inconclusive", "point-missed-by-chance"),
        (0.90, 0.01, "warn", "point-met-test-significant"),
        (0.90, 0.20, "pass", "point-met"),
        (0.70, 0.05, "inconclusive", "point-missed-by-chance"),  # p = alpha is not below it
        (0.70, None, "inconclusive", "no-test"),
    ],
)
def test_companion_test(value: float, p: float | None, status: str, code: str) -> None:
    verdict = judged(ratio(value, p))
    assert (verdict.status, verdict.reason_code) == (status, code)
    if p is not None:
        assert f"p = {p:.2g}" in verdict.because["en"].replace("0.010", "0.01").replace(
            "0.20", "0.2"
        ).replace("0.050", "0.05")


def test_the_worst_group_decides_with_a_companion_test() -> None:
    verdict = judged(ratio(0.9, 0.5), ratio(0.7, 0.001, group="m"))
    assert verdict.status == "fail"


def test_present_asks_only_for_the_number() -> None:
    demand = {"decision": "present", "threshold_origin": "law"}
    pack = make_pack(item("R", evidence=RATIO, check=demand, clause={"house": "1"}))
    there = make_case(ratio(0.1, None), sensitive_features=["sex"])
    verdict = only(pack, there)
    assert (verdict.status, verdict.reason_code) == ("pass", "present")
    assert verdict.because["en"].endswith("a number is all that is asked (law)")
    assert (verdict.comparator, verdict.threshold) == ("", None)
    absent = only(pack, make_case(sensitive_features=["sex"]))
    assert (absent.status, absent.reason_code) == ("inconclusive", "not-measured")
    undefined = finding(
        "fairness.four_fifths", "adverse_impact_ratio", None, group={"sex": "f"}, reason="no rows"
    )
    blank = only(pack, make_case(ratio(0.1, None, "m"), undefined, sensitive_features=["sex"]))
    assert (blank.status, blank.reason_code) == ("fail", "absent")


def rate(k: int, n: int, group: str) -> Any:
    low, high = share(k, n, 0.95).low, share(k, n, 0.95).high
    return finding(
        "fairness.group_rates",
        "selection_rate",
        k / n,
        low,
        high,
        group={"sex": group},
        n=n,
        counts={"k": k, "n": n},
        method="Wilson",
    )


def test_bonferroni_splits_the_error_over_the_numbers_of_the_item() -> None:
    # 61 of 100 has the lower end 0.5096 at 95 %; split over two numbers (97.5 %) it is 0.4956
    found = [rate(61, 100, "f"), rate(90, 100, "m")]
    case = make_case(*found, sensitive_features=["sex"])
    evidence = {"select": "fairness.selection_rate", "group_by": ["sex"]}

    def status(**changes: Any) -> Verdict:
        return only(
            make_pack(item("R", evidence=evidence, check=check(">=", 0.5, **changes))), case
        )

    assert status().status == "pass"
    split = status(multiple="bonferroni")
    assert split.status == "inconclusive"
    assert split.interval is not None
    assert split.interval.level == pytest.approx(0.975)
    assert split.interval.low == pytest.approx(share_ends(61, 100, 0.975)[0], abs=1e-9)


def test_external_evidence_is_an_attestation() -> None:
    pack = make_pack({**attestation_item(), "evidence": "external"})
    case = make_case()
    assert only(pack, case).status == "needs-attestation"
    assert only(pack, case, entries(attestation())).status == "attested"


class TestCrosswalk:
    """One attestation answers every item that crosswalks to it."""

    def verdict(self, *bodies: Any, crosswalk: tuple[str, ...], **attest: Any) -> Verdict:
        one = {**attestation_item("H-1", **attest), "crosswalk": list(crosswalk)}
        return only(make_pack(one), make_case(), entries(*bodies), DAY)

    def test_of_another_pack(self) -> None:
        signed = attestation(pack="nist-ai-rmf", item="GOVERN-1.1", pack_version="2025.1.0")
        verdict = self.verdict(signed, crosswalk=("nist-ai-rmf:GOVERN-1.1",))
        assert verdict.status == "attested"
        assert "[nist-ai-rmf:GOVERN-1.1]" in verdict.because["en"]
        assert self.verdict(signed, crosswalk=("nist-ai-rmf:GOVERN-1.2",)).status == (
            "needs-attestation"
        )

    def test_the_items_own_demands_hold(self) -> None:
        signed = attestation(pack="other", item="A-1")
        there = ("other:A-1",)
        assert self.verdict(signed, crosswalk=there, evidence_required=["plan"]).status == (
            "needs-attestation"
        )
        assert self.verdict(signed, crosswalk=there, role="auditor").reason_code == (
            "no-attestation"
        )
        elsewhere = attestation(pack="other", item="A-1", binds=to_model(OTHER_MODEL))
        assert self.verdict(elsewhere, crosswalk=there).reason_code == "attestation-elsewhere"

    def test_the_latest_of_both_counts(self) -> None:
        own = attestation(item="H-1", answer="not-met")
        other = attestation(pack="other", item="A-1", answer="met")
        assert self.verdict(own, other, crosswalk=("other:A-1",)).status == "attested"
        assert self.verdict(other, own, crosswalk=("other:A-1",)).status == "fail"


def test_a_new_version_of_the_pack_reopens_what_it_asks_otherwise() -> None:
    from evenhand.policies.statements import item_digest

    old = make_pack(attestation_item("A-1"), version="2025.1.0")
    digest = item_digest(old.items[0])
    bare = attestation(pack_version="2025.1.0")
    bound = attestation(pack_version="2025.1.0", item_digest=digest)
    same = make_pack(attestation_item("A-1"))
    case: Case = make_case()
    assert only(same, case, entries(bare)).reason_code == "attestation-other-version"
    assert only(same, case, entries(bound)).status == "attested"
    stricter = make_pack(attestation_item("A-1", valid_for="P180D"))
    assert only(stricter, case, entries(bound)).reason_code == "attestation-other-version"
    assert MODEL != OTHER_MODEL
