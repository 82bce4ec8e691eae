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


def test_declared_words_are_used() -> None:
    en, zh = sayings("en", COMPAS), sayings("zh", COMPAS)
    assert en.heading("false_positive_rate") == "Wrongly flagged high-risk"
    assert zh.heading("false_positive_rate") == "错误地被标为高风险"
    assert en.heading("false_negative_rate") == "Missed"
    assert en.of("false_negative_rate") == "of those who did reoffend"
    assert zh.of("false_positive_rate") == "占未再犯者"


def test_nothing_is_assumed_of_what_is_not_declared() -> None:
    told = sayings("en", {}, None)
    assert told.heading("selection_rate") == "Selected"
    assert told.of("false_positive_rate") == "of those whose true answer is not “1”"
    assert sayings("en", {}, "benefit").heading("false_negative_rate") == "Wrongly refused"
    assert told.of("roc_auc_score") is None and told.heading("roc_auc_score") is None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_rate_has_a_name_and_people(lang: str) -> None:
    for words in ({}, COMPAS, {"positive": {"fr": "{0} \u202e" + HOSTILE}}):
        for means in ("benefit", "burden", None):
            told = sayings(lang, words, means)
            for measure in DENOMINATORS:
                said = f"{told.of(measure)} {told.heading(measure)}"
                assert "None" not in said and "\u202e" not in said


def test_both_languages_have_the_same_values() -> None:
    names = string.Formatter()
    for key, texts in json.loads(TABLE.read_text("utf-8")).items():
        assert set(texts) == set(LANGUAGES), key
        fields = [{f for _, f, _, _ in names.parse(t) if f} for t in texts.values()]
        assert fields[0] == fields[1], key
