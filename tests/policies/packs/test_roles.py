"""An item about a trait of people binds it to a column, and is undecided without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from evenhand.audit.words.roles import NAMES, ROLES, lawful_reasons
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack, shipped_packs
from evenhand.policies.schema import Item, Pack
from tests.policies.build import DAY, check, item, make_case, make_pack, only
from tests.policies.packs.every_item import case_for, findings, verdict
from tests.samples import finding

# Words by which laws name traits of people, in titles, questions, texts and clauses.
TRAITS = re.compile(
    r"\b(sex|sexes|gender|race|racial|ethnic\w*|age|religio\w*|disabilit\w*|national origin|"
    r"marital|prohibited bas[ei]s|special categor\w*)\b|"
    "性别|种族|族裔|民族|年龄|宗教|残障|残疾|婚姻|禁止依据|特殊类别",
    re.IGNORECASE,
)


def measured() -> Iterator[tuple[Pack, Item]]:
    for pack in map(load_pack, shipped_packs()):
        yield from ((pack, item) for item in pack.items if item.selects is not None)


def texts(item: Item) -> list[str]:
    asked = [item.title, item.text or {}, item.clause, item.on_fail.fix]
    asked += [item.attest.question or {}] if item.attest else []
    notes = [item.note or "", (item.check.note if item.check else None) or ""]
    return [*notes, *(text for part in asked for text in part.values())]


def test_whoever_names_a_trait_binds_a_role() -> None:
    naming = [
        (pack.id, item)
        for pack, item in measured()
        if any(TRAITS.search(text) for text in texts(item))
    ]
    assert len(naming) >= 12
    assert [f"{p}:{i.id}" for p, i in naming if not (i.selects and i.selects.binds)] == []


def binding() -> list[Any]:
    return [
        pytest.param(pack, item, id=f"{pack.id}:{item.id}")
        for pack, item in measured()
        if item.selects is not None and item.selects.binds
    ]


@pytest.mark.parametrize(("pack", "item"), binding())
def test_without_its_roles_it_is_undecided(pack: Pack, item: Item) -> None:
    """The findings would pass; nobody said which column holds what the item is about."""
    case = case_for(pack, item, findings(item, "pass"))
    bound = case.plan.subject.model_copy(update={"roles": {}})
    plan = case.plan.model_copy(update={"subject": bound})
    found = verdict(pack, item, type(case)(**{**vars(case), "plan": plan}))
    assert (found.underlying, found.reason_code) == ("inconclusive", "role-missing")
    assert "--role" in found.because["en"] and "--role" in found.because["zh"]


def test_every_role_has_a_name_in_both_languages() -> None:
    assert list(NAMES) == list(ROLES)
    assert all(set(words) == {"en", "zh"} and all(words.values()) for words in NAMES.values())


def rule(**evidence: Any) -> Pack:
    return make_pack(
        item(
            evidence={"select": "fairness.selection_rate", **evidence},
            check=check("<=", 0.5, decision="point"),
        )
    )


def rate(value: float, **group: str) -> Any:
    return finding("fairness.group_rates", "selection_rate", value, group=group, n=500)


FOUND = [rate(0.4, SEX="2"), rate(0.9, age_band="60+"), rate(0.3, RAC1P="1", SEX="2")]


def test_roles_read_the_columns_that_hold_them_and_no_other() -> None:
    """Age's .9 would fail; the rule asks about sex alone."""
    case = make_case(*FOUND, roles={"sex": ["SEX"], "age": ["age_band"]})
    assert only(rule(group_by="each", roles=["sex"]), case).status == "pass"
    assert only(rule(group_by="each", roles=["sex", "age"]), case).status == "fail"


def test_a_crossing_of_roles_is_of_their_columns() -> None:
    case = make_case(*FOUND, roles={"sex": ["SEX"], "race": ["RAC1P"]})
    verdict = only(rule(group_by="crossing", roles=["sex", "race"]), case)
    assert (verdict.status, verdict.value) == ("pass", 0.3)


def test_what_fails_for_one_role_fails_though_another_is_missing() -> None:
    case = make_case(*FOUND, roles={"age": ["age_band"]})
    verdict = only(rule(group_by="each", roles=["sex", "age"]), case)
    assert (verdict.status, verdict.value) == ("fail", 0.9)


def test_any_role_asks_of_those_that_the_data_hold() -> None:
    special = rule(group_by="each", any_role=["race", "religion"])
    features = {"sensitive_features": ["SEX", "age_band"]}
    unsaid = make_case(*FOUND, **features, roles={"sex": ["SEX"]})
    assert only(special, unsaid).reason_code == "role-missing"  # age_band may be anything
    said = make_case(*FOUND, **features, roles={"sex": ["SEX"], "age": ["age_band"]})
    assert only(special, said).status == "not-applicable"
    other = make_case(*FOUND, **features, roles={"race": ["SEX"], "other": ["age_band"]})
    assert only(special, other).status == "pass"


def test_an_age_that_the_law_lets_in_may_be_told_and_no_other_trait() -> None:
    """12 CFR 1002.6(b)(2)(ii), (iii); comment 9(b)(2)-4: no principal reason is left out."""
    roles = {"age": ("years",), "sex": ("SEX",)}
    for use in ("sound-system", "judgmental"):
        assert lawful_reasons(roles, {"credit.age_use": use}) == ("years",)
    assert lawful_reasons(roles, {"credit.age_use": "none"}) == ()
    assert lawful_reasons(roles, {}) == ()


AGE = {"system.domain": "credit", "subject.sensitive_features": ["years"]}


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("none", ("fail", "not-applicable")),
        ("sound-system", ("not-applicable", "needs-attestation")),
        ("judgmental", ("not-applicable", "needs-attestation")),
    ],
)
def test_age_in_a_sound_system_is_for_a_person_to_answer(
    use: str, expected: tuple[str, str]
) -> None:
    found = finding("explanation.reasons", "sensitive_reason_rate", 0.4, column="years")
    case = make_case(
        found,
        facts={**AGE, "credit.age_use": use},
        sensitive_features=["years"],
        roles={"age": ["years"]},
    )
    told = {v.item: v.status for v in judge(case, load_pack("us-ecoa-reg-b"), (), as_of=DAY)}
    assert (told["ECOA-05a"], told["ECOA-05b"]) == expected
    assert told["ECOA-05"] == "not-applicable"  # the one sensitive feature is age
