"""What laws call the traits of people, apart from what a data file calls its columns.

A subject says once which column holds which (``roles: {race: RAC1P}``); items of packs ask for
roles, so that nothing is judged of a trait that nobody named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Role = Literal[
    "sex",
    "race",
    "age",
    "national_origin",
    "religion",
    "marital_status",
    "disability",
    "health",
    "sexual_orientation",
    "political_opinion",
    "union_membership",
    "public_assistance",
    "other",
]
ROLES: tuple[Role, ...] = get_args(Role)
NAMES: Mapping[Role, Mapping[str, str]] = {
    "sex": {"en": "sex", "zh": "性别"},
    "race": {"en": "race or ethnicity", "zh": "种族或民族"},
    "age": {"en": "age", "zh": "年龄"},
    "national_origin": {"en": "national origin", "zh": "国籍或来源国"},
    "religion": {"en": "religion or belief", "zh": "宗教或信仰"},
    "marital_status": {"en": "marital status", "zh": "婚姻状况"},
    "disability": {"en": "disability", "zh": "残障"},
    "health": {"en": "health", "zh": "健康"},
    "sexual_orientation": {"en": "sexual orientation", "zh": "性取向"},
    "political_opinion": {"en": "political opinion", "zh": "政治观点"},
    "union_membership": {"en": "membership of a trade union", "zh": "工会成员身份"},
    "public_assistance": {"en": "income from public assistance", "zh": "公共援助收入"},
    "other": {"en": "another trait", "zh": "其他特征"},
}


AGE_USE = "credit.age_use"  # the fact by which a creditor says how age enters


def lawful_reasons(
    roles: Mapping[str, tuple[str, ...]], facts: Mapping[str, object]
) -> tuple[str, ...]:
    """Columns that are sensitive features and may all the same be a reason that is told: age, where
    a creditor declares the lawful use of it (12 CFR 1002.6(b)(2)(ii), (iii)). A principal reason
    may not be left out of the letter (comment 9(b)(2)-4)."""
    is_lawful = facts.get(AGE_USE) in ("sound-system", "judgmental")
    return tuple(roles.get("age", ())) if is_lawful else ()


def role_name(role: str, lang: str = "en") -> str:
    """A role in words; one that this version does not know as it is written.

    >>> role_name("race"), role_name("race", "zh")
    ('race or ethnicity', '种族或民族')
    """
    return next((words[lang] for known, words in NAMES.items() if known == role), role)
