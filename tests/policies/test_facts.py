"""Facts: what packs ask, what hangs on it, and what is stated later of a sealed case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from evenhand.audit.errors import InputError
from evenhand.policies.facts import (
    AskedFact,
    asked,
    heard,
    missing,
    request,
    require_known,
    statement,
)
from evenhand.policies.gate import exit_code
from evenhand.policies.judge import judge
from evenhand.policies.pack import Pack, load_pack, shipped_packs
from tests.policies.build import DAY, entries, item, make_case, make_pack, only
from tests.samples import sample_findings

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
PACK = make_pack(
    item("X-1"),
    item("X-2", clause={"house": "2"}, applies_when={"fact": "system.role", "eq": "provider"}),
    parameters={
        "system.domain": {"required": True, "text": {"en": "What for?", "zh": "用途？"}},
        "system.role": {"enum": ["provider", "deployer"], "text": {"en": "Who?", "zh": "何人？"}},
    },
    applies_when={"fact": "system.domain", "in": ["hiring", "promotion"]},
)


def of(fact: str, pack: Pack = PACK) -> AskedFact:
    return next(one for one in asked(pack) if one.fact == fact)


def test_each_fact_has_its_question_its_values_and_what_hangs_on_it() -> None:
    domain, role = of("system.domain"), of("system.role")
    assert domain.answers() == "hiring, promotion, another"
    assert (domain.hangs(), role.hangs()) == ("the whole pack", "X-2")
    assert role.answers("zh") == "provider、deployer"
    assert role.line() == "--fact system.role=provider"


@pytest.mark.parametrize("pack_id", shipped_packs())
def test_every_fact_of_every_pack_can_be_given_and_has_a_question(pack_id: str) -> None:
    pack = load_pack(pack_id)
    conditions = [pack.applies_when, *(i.applies_when for i in pack.items)]
    used = {fact for c in conditions if c is not None for fact in c.facts()}
    assert {f for f in used if not f.startswith("subject.")} <= {a.fact for a in asked(pack)}
    for one in asked(pack):
        assert set(one.question) == {"en", "zh"}
        assert one.values, f"{one.fact}: no value to choose from"


def test_all_that_is_missing_is_said_at_once_with_the_line_to_add() -> None:
    lines = request(PACK, missing(PACK, {}))
    assert len(lines) == 2
    assert "--fact system.domain=hiring" in lines[0] and "What for?" in lines[0]
    assert "X-2 stays undecided: add --fact system.role=provider" in lines[1]
    assert "用途？" in request(PACK, missing(PACK, {}), "zh")[0]
    assert [a.fact for a in missing(PACK, {"system.domain": "hiring"})] == ["system.role"]
    assert missing(PACK, {"system.domain": "credit"}) == ()  # the pack is not meant


def test_a_value_that_the_pack_does_not_know_is_refused() -> None:
    with pytest.raises(InputError, match=r"system\.role is 'friend'"):
        require_known(PACK, {"system.role": "friend"})
    require_known(PACK, {"system.domain": "credit", "system.role": "friend"})  # not meant


@pytest.mark.parametrize("pack_id", shipped_packs())
def test_no_pack_is_an_error_or_0_out_of_the_box(pack_id: str) -> None:
    """Judged without any fact of ours: what can't be told is undecided, and the gate says so."""
    found = [f for f in sample_findings() if f.status != "error"]
    verdicts = judge(make_case(*found), load_pack(pack_id), (), as_of=DAY)
    assert "error" not in {v.status for v in verdicts}
    reasons = {v.reason_code for v in verdicts}
    if "fact-missing" in reasons and len(reasons) == 1:
        assert exit_code(verdicts) == 3
        assert all("--fact" in v.because[lang] for v in verdicts for lang in ("en", "zh"))


def fact(**body: Any) -> Any:
    whole = {
        "case": make_case().digest,
        "facts": {"system.domain": "hiring", "system.role": "provider"},
        "by": "Ada",
        "signed_at": AT.isoformat(),
    }
    return ("fact", {**whole, **body})


CASE = make_case(*sample_findings())


def test_a_fact_that_is_stated_later_decides_and_says_who_stated_it() -> None:
    assert {v.reason_code for v in judge(CASE, PACK, (), as_of=DAY)} == {"fact-missing"}
    stated = judge(CASE, PACK, entries(fact()), as_of=DAY)
    assert "fact-missing" not in {v.reason_code for v in stated}
    credit = entries(fact(facts={"system.domain": "credit"}))
    elsewhere = judge(CASE, PACK, credit, as_of=DAY)[0]
    assert elsewhere.status == "not-applicable"
    assert (
        "system.domain = credit (stated by Ada on 2026-11-20, register entry 1)"
        in (elsewhere.because["en"])
    )
    assert "Ada 于 2026-11-20 声明" in elsewhere.because["zh"]


def test_of_two_statements_the_last_counts_and_the_sealed_plan_before_both() -> None:
    twice = entries(fact(), fact(facts={"system.domain": "credit"}))
    assert judge(CASE, PACK, twice, as_of=DAY)[0].status == "not-applicable"
    sealed = make_case(facts={"system.domain": "hiring"})
    told, origins = heard(sealed, twice)
    assert told.plan.facts["system.domain"] == "hiring" and "system.domain" not in origins


def test_what_is_stated_of_another_case_is_not_heard() -> None:
    other = entries(fact(case="sha256:" + "9" * 64))
    assert {v.reason_code for v in judge(CASE, PACK, other, as_of=DAY)} == {"fact-missing"}


def test_roles_can_be_stated_later_too() -> None:
    pack = make_pack(
        item(
            evidence={"select": "fairness.selection_rate", "group_by": "each", "roles": ["race"]},
            check={"decision": "present", "threshold_origin": "convention", "note": "x"},
        )
    )
    assert only(pack, CASE).reason_code == "role-missing"
    register = entries(fact(facts={}, roles={"race": ["race"]}))
    assert only(pack, CASE, register).reason_code != "role-missing"


def test_what_cannot_be_stated() -> None:
    given: dict[str, Any] = {"roles": {}, "by": "Ada", "at": AT}
    with pytest.raises(InputError, match=r"no pack asks for the fact system\.colour"):
        statement(CASE, [PACK], facts={"system.colour": "red"}, **given)
    sealed = make_case(facts={"system.domain": "hiring"})
    with pytest.raises(InputError, match=r"the sealed case says that system\.domain is hiring"):
        statement(sealed, [PACK], facts={"system.domain": "credit"}, **given)
    with pytest.raises(InputError, match=r"system\.role is 'friend'"):
        statement(CASE, [PACK], facts={"system.role": "friend"}, **given)
    with pytest.raises(InputError, match="the column 'zip', said to hold race, was not compared"):
        statement(CASE, [PACK], facts={}, roles={"race": ["zip"]}, by="Ada", at=AT)
    with pytest.raises(InputError, match="no name is given"):
        statement(CASE, [PACK], facts={}, roles={}, by=" ", at=AT)
    body = statement(CASE, [PACK], facts={"system.domain": "hiring"}, **given)
    assert (body["by"], body["facts"]) == ("Ada", {"system.domain": "hiring"})
