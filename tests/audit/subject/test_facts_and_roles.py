"""Roles and facts: from a subject file and from options, into the plan."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.run.run import audit
from evenhand.audit.subject.facts import parse_facts, parse_roles, parse_words, with_options
from evenhand.audit.subject.spec import make_spec
from tests.audit.subjects import confusion_rows, stored_spec


def test_a_role_makes_its_column_a_sensitive_feature() -> None:
    spec = make_spec(
        {"predictions": "p.csv", "sensitive_features": ["SEX"], "roles": {"race": "RAC1P"}}
    )
    assert spec.sensitive_features == ("SEX", "RAC1P")
    assert spec.roles == {"race": ("RAC1P",)}


def test_an_unknown_role_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown role 'rase'") as refused:
        make_spec({"predictions": "p.csv", "roles": {"rase": "RAC1P"}})
    assert "race" in str(refused.value.remedy)
    with pytest.raises(InputError, match="unknown role 'gendr'"):
        parse_roles(["gendr=SEX"])
    with pytest.raises(InputError, match="is not ROLE=COLUMN"):
        parse_roles(["sex"])


def test_options_read_facts_as_a_file_would() -> None:
    assert parse_facts(
        ["system.domain=credit", "system.places=[US-NY-NYC, US-CA]", "a.b=true", "a.n=3", "t=a,b"]
    ) == {
        "system.domain": "credit",
        "system.places": ["US-NY-NYC", "US-CA"],
        "a.b": True,
        "a.n": 3,
        "t": "a,b",
    }
    assert parse_facts(["a=True", "b=FALSE", "c=tRUE"]) == {"a": True, "b": False, "c": "tRUE"}
    with pytest.raises(InputError, match="is not KEY=VALUE"):
        parse_facts(["system.domain"])
    with pytest.raises(InputError, match="given twice"):
        parse_facts(["a=1", "a=2"])
    assert parse_roles(["race=RAC1P", "race=ETH", "sex=SEX"]) == {
        "race": ("RAC1P", "ETH"),
        "sex": ("SEX",),
    }


def test_an_option_adds_a_fact_and_keeps_the_others_of_the_file() -> None:
    base = {"facts": {"a": 1, "b": 2}, "roles": {"sex": ("S",)}, "seed": 1}
    assert with_options(base, {"facts": {"b": 3}, "seed": 4}) == {
        "facts": {"a": 1, "b": 3},
        "roles": {"sex": ("S",)},
        "seed": 4,
    }


def test_the_plan_carries_the_roles(tmp_path: Path) -> None:
    frame = pd.concat([confusion_rows({"SEX": s}, tp=30, fp=5, fn=5, tn=70) for s in ("1", "2")])
    spec = stored_spec(frame, tmp_path, roles={"sex": "SEX"}, checks=["data.groups"])
    case = audit(spec, tmp_path / "case")
    assert case.subject.roles == {"sex": ("SEX",)}
    assert case.subject.sensitive_features == ("SEX",)


def test_words_are_a_text_for_all_languages_or_one_for_each() -> None:
    spec = make_spec(
        {
            "predictions": "p.csv",
            "words": {"positive": {"en": "approved", "zh": "批准"}, "event": "repay"},
        }
    )
    assert spec.words.to_json() == {
        "positive": {"en": "approved", "zh": "批准"},
        "event": {"en": "repay", "zh": "repay"},
    }
    assert parse_words(["positive=approved", "positive.zh=批准", "people=a, b = c"]) == {
        "positive": {"en": "approved", "zh": "批准"},
        "people": {"en": "a, b = c", "zh": "a, b = c"},
    }
    with pytest.raises(InputError, match="unknown word 'postive'") as refused:
        parse_words(["postive=approved"])
    assert "positive" in str(refused.value.remedy)
    with pytest.raises(InputError, match="unknown language 'fr'"):
        parse_words(["people.fr=gens"])
    with pytest.raises(InputError, match="is not WORD=TEXT"):
        parse_words(["positive"])
    with pytest.raises(InputError, match="words"):
        make_spec({"predictions": "p.csv", "words": {"positive": "x" * 81}})
