"""One person's reasons: fit for a letter, never a sensitive feature, never public."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.artifacts.person import Explanation
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.files.shapes import parsed
from evenhand.audit.reports import Dossier, render
from evenhand.audit.reports.letters.letter import read_letter
from tests.audit.reports.dossiers import PERSON, sample_dossier
from tests.audit.reports.html_page import Page
from tests.samples import HOSTILE, write_sample_case


def _letter(case: Case, person: dict[str, Any] = PERSON, lang: str = "en") -> tuple[str, str]:
    """The letter's text, and the whole page's."""
    dossier = Dossier(person=parsed(person, Explanation))
    html = render("adverse-action", case, [], lang=lang, dossier=dossier).decode()
    [box] = re.findall(r'<div class="letter">.*?</div>', html, re.S)
    return Page(box).text, Page(html).text


def test_the_strongest_reasons_stand_in_the_letter(case: Case) -> None:
    letter, _ = _letter(case)
    assert "1. Obrat is 43.5, higher than in typical favourable decisions (33)." in letter
    assert "2. Cosign was not given; in typical favourable decisions it is 1." in letter
    assert "3. C5 is 1, lower than" in letter
    assert "4. C6 is" in letter and "5. " not in letter


def test_a_sensitive_feature_is_never_a_reason(case: Case) -> None:
    # the record lists race second; it is left out, and the others move up
    letter, page = _letter(case)
    assert "race" not in letter and "black" not in letter
    assert "Never named as a reason: race, sex." in page


def test_proxies_and_reasons_that_work_only_together_are_told_to_staff_alone(case: Case) -> None:
    letter, page = _letter(case)
    assert f"{HOSTILE} is tied to a sensitive feature and is left out of the letter" in page
    assert HOSTILE not in letter and "tied to" not in letter
    assert "raise the score" not in letter


def test_chinese(case: Case) -> None:
    letter, page = _letter(case, lang="zh")
    assert "1. Obrat 为 43.5，高于典型有利决定中的水平（33）。" in letter
    assert "供发送人参考，不写入信函" in page


def test_without_the_data_no_value_is_named(case: Case) -> None:
    listed = [{k: v for k, v in r.items() if k != "value"} for r in PERSON["reasons"]["listed"]]
    reasons = {**PERSON["reasons"], "listed": listed}
    bare = {**PERSON, "values_from": "nowhere", "score": None, "reasons": reasons}
    letter, page = _letter(case, bare)
    assert "Obrat is higher than in typical favourable decisions (33)." in letter
    assert "43.5" not in letter and "Pass --model and --data" in page


def test_a_column_may_have_a_name_for_people(case: Case) -> None:
    from dataclasses import replace

    declared = {"document.column.obrat": "Your monthly debt compared with your income"}
    letter, _ = _letter(replace(case, plan=case.plan.model_copy(update={"declared": declared})))
    assert "1. Your monthly debt compared with your income is 43.5, higher" in letter


def test_it_is_refused_where_it_may_not_be(case: Case) -> None:
    dossier = sample_dossier(case)
    with pytest.raises(InputError, match="never public"):
        render("adverse-action", case, [], public=True, dossier=dossier)
    with pytest.raises(InputError, match="none was named"):
        render("adverse-action", case, [])
    favourable = {**PERSON, "is_adverse": False, "reasons": None}
    with pytest.raises(InputError, match="row 4 was decided favourably"):
        _letter(case, favourable)
    only_race = {**PERSON["reasons"], "listed": [PERSON["reasons"]["listed"][1]]}
    with pytest.raises(InputError, match="no reason can be named for row 4") as caught:
        _letter(case, {**PERSON, "reasons": only_race})
    assert "have a person review" in caught.value.remedy
    with pytest.raises(InputError, match="keeps no reasons for row 4"):
        _letter(write_sample_case(case.path.parent / "none"), {**PERSON, "reasons": None})


def _declaring(case: Case, facts: dict[str, Any], declared: dict[str, Any]) -> Case:
    from dataclasses import replace

    whole = {"declared": declared, "facts": {**case.plan.facts, **facts}}
    return replace(case, plan=case.plan.model_copy(update=whole))


def test_it_is_a_letter_with_the_notice_of_its_law(case: Case) -> None:
    letter, _ = _letter(case)
    assert "[name and address of the creditor]" in letter
    assert "[the notice that your law requires]" in letter
    told = {"document.aa.creditor": "Example Bank", "document.aa.agency": "the CFPB"}
    credit = _declaring(case, {"system.domain": "credit"}, told)
    letter, _ = _letter(credit)
    assert "Equal Credit Opportunity Act prohibits" in letter
    assert "concerning this creditor is the CFPB." in letter
    assert letter.count("Example Bank") == 2 and "[name and address of the creditor]" not in letter
    letter, _ = _letter(_declaring(case, {"system.personal_data_of_cn": True}, {}), lang="zh")
    assert "《个人信息保护法》第二十四条" in letter and "[授信人名称与地址]" in letter


def test_codes_are_put_into_words_or_left_out(case: Case) -> None:
    own = PERSON["reasons"]["listed"][0]
    coded = {**own, "column": "property", "value": "A123", "reference": "A121"}
    coded["compared"] = "different"
    person = {**PERSON, "reasons": {**PERSON["reasons"], "listed": [coded]}}
    letter, page = _letter(case, person)
    assert "A12" not in letter and "1. Property: what you stated counts less" in letter
    assert "document.value.property.CODE" in page
    words = {"document.value.property.A123": "a car", "document.value.property.A121": "a house"}
    letter, page = _letter(_declaring(case, {}, words), person)
    assert "1. Property is “a car”; in typical favourable decisions it is “a house”." in letter
    assert "are codes" not in page


def test_the_creditors_own_letter(case: Case, tmp_path: Path) -> None:
    own = tmp_path / "letter.txt"
    own.write_text("Our file {date}\n{reasons}\nWrite to {contact}")
    dossier = Dossier(person=parsed(PERSON, Explanation), letter=read_letter(own))
    html = render("adverse-action", case, [], lang="en", dossier=dossier).decode()
    [box] = re.findall(r'<div class="letter">.*?</div>', html, re.S)
    assert Page(box).text.startswith("Our file [date]") and "Dear applicant" not in box
    own.write_text("{reasons} {creditr}")
    with pytest.raises(InputError, match="creditr"):
        read_letter(own)
    own.write_text("Dear {applicant}")
    with pytest.raises(InputError, match="no place for the reasons"):
        read_letter(own)


@pytest.mark.parametrize(
    ("use", "is_told"),
    [("sound-system", True), ("judgmental", True), ("none", False), (None, False)],
)
def test_an_age_that_the_law_lets_in_is_told_with_the_others(
    case: Case, use: str | None, is_told: bool
) -> None:
    """12 CFR 1002.6(b)(2)(ii), (iii), and comment 9(b)(2)-4: no principal reason is left out."""
    from dataclasses import replace

    own = PERSON["reasons"]["listed"][0]
    years = {**own, "column": "years", "value": 19.0, "reference": 41.0, "compared": "below"}
    of_sex = {"auc": 0.9, "feature": "sex", "group": "f"}
    # what stands in for the sex is left out; a lawful age is not
    proxy = {**years, "column": "months", "value": 228.0, "reference": 492.0, "proxy": of_sex}
    listed = [years, own, proxy]
    person = {**PERSON, "reasons": {**PERSON["reasons"], "listed": listed, "sensitive": ["years"]}}
    facts = {"system.domain": "credit", **({"credit.age_use": use} if use else {})}
    about = case.plan.subject.model_copy(
        update={"sensitive_features": ("race", "sex", "years"), "roles": {"age": ("years",)}}
    )
    plan = case.plan.model_copy(update={"facts": {**case.plan.facts, **facts}, "subject": about})
    letter, _ = _letter(replace(case, plan=plan), person)
    assert ("Years is 19, lower than" in letter) == is_told
    assert "Months" not in letter and "Obrat is 43.5" in letter
    assert ("2. " in letter) == is_told
