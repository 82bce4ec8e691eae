"""What a subject's people and outcomes are called, declared and not, in both languages."""

from __future__ import annotations

import json
import string
from types import SimpleNamespace

import pytest

from evenhand.audit.words.subject import DENOMINATORS, LANGUAGES, TABLE, Sayings
from tests.samples import HOSTILE

COMPAS = {
    "positive": {"en": "flagged high-risk", "zh": "标为高风险"},
    "event": {"en": "reoffend", "zh": "再犯"},
}


def sayings(lang: str, words: dict[str, dict[str, str]], means: str | None = "burden") -> Sayings:
    return Sayings(SimpleNamespace(positive_is=means, positive_label=1, words=words), lang)


def test_people_come_first() -> None:
    group = {"race": "African-American"}
    en, zh = sayings("en", COMPAS), sayings("zh", COMPAS)
    assert en.compared("false_positive_rate", group, "45", "22") == (
        "Of 100 African-American people who did not reoffend, 45 were flagged high-risk; "
        "of 100 others, 22."
    )
    assert zh.compared("false_positive_rate", group, "45", "22") == (
        "每 100 名未再犯的African-American中有 45 人被标为高风险；其他人每 100 名中有 22 人。"
    )
    assert en.heading("false_positive_rate") == "Wrongly flagged high-risk"
    assert en.heading("false_negative_rate") == "Missed"
    assert en.of("false_negative_rate") == "of those who did reoffend"


def test_nothing_is_assumed_of_what_is_not_declared() -> None:
    told = sayings("en", {}, None)
    assert told.compared("selection_rate", {"sex": "2"}, "9", "39") == (
        "Of 100 people with sex = 2, 9 were given the answer “1”; of 100 others, 39."
    )
    assert told.of("false_positive_rate") == "of those whose true answer is not “1”"
    assert sayings("en", {}, "benefit").heading("false_negative_rate") == "Wrongly refused"
    assert told.compared("roc_auc_score", {}, "1", "2") is None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_rate_has_a_sentence(lang: str) -> None:
    for words in ({}, COMPAS, {"positive": {"fr": "{0} " + HOSTILE}}):
        for means in ("benefit", "burden", None):
            told = sayings(lang, words, means)
            for measure in DENOMINATORS:
                said = told.compared(measure, {"g": "a{b}\u202e"}, "1", "2")
                assert said and "\u202e" not in said and told.heading(measure)


def test_both_languages_have_the_same_values() -> None:
    names = string.Formatter()
    for key, texts in json.loads(TABLE.read_text("utf-8")).items():
        assert set(texts) == set(LANGUAGES), key
        fields = [{f for _, f, _, _ in names.parse(t) if f} for t in texts.values()]
        assert fields[0] == fields[1] or key.startswith("group."), key
