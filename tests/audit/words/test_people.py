"""Rates told in people."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from evenhand.audit.words.people import TABLE, GroupShare, Telling, told
from evenhand.audit.words.subject import WORDS

BOTH = [GroupShare({"race": "Black"}, 0.25), GroupShare({"race": "White"}, 0.105)]


def telling(words: dict[str, dict[str, str]] | None = None, *, are_people: bool = True) -> Telling:
    subject = SimpleNamespace(words=words or {}, positive_is=None, positive_label=1)
    return Telling(subject, are_people=are_people)


def test_a_subject_has_its_own_words() -> None:
    own = telling(
        {
            "people": {"en": "defendants", "zh": "被告"},
            "positive": {"en": "flagged high-risk", "zh": "标为高风险"},
            "event": {"en": "reoffend", "zh": "再犯"},
        }
    )
    assert told("false_positive_rate", BOTH, own) == (
        "Of 100 defendants with race Black who did not reoffend, 25 are flagged high-risk; "
        "of 100 with race White, 10"
    )
    assert told("false_positive_rate", BOTH, own, "zh") == (
        "每 100 名未再犯的 race 为 Black 的被告中 25 名被标为高风险，"
        "每 100 名 race 为 White 的被告中 10 名"
    )
    women = [GroupShare({"sex": "F"}, 0.01), GroupShare({"sex": "M"}, 0.5)]
    assert told("selection_rate", women, own) == (
        "Of 100 female defendants, 1 is flagged high-risk; of 100 male defendants, 50"
    )


def test_rows_that_nobody_calls_people_are_rows() -> None:
    rows = telling(are_people=False)
    assert (
        told("accuracy_score", [GroupShare({}, 0.984)], rows)
        == "Of 100 rows 98 get the right answer"
    )
    assert told("accuracy_score", [GroupShare({}, 0.984)], rows, "zh").startswith(
        "每 100 行中 98 行"
    )


def test_shares_that_differ_look_different() -> None:
    near = [GroupShare({"sex": "F"}, 0.101), GroupShare({"sex": "M"}, 0.104)]
    assert told("selection_rate", near, telling()).endswith("10.1 are selected, of 100 men 10.4")


def test_every_rate_is_told_in_both_languages() -> None:
    table = json.loads(TABLE.read_text("utf-8"))
    assert len(table["rates"]) > 15
    for rate in table["rates"]:
        for lang in ("en", "zh"):
            text = told(rate, BOTH, telling(), lang)
            assert "{" not in text and "25" in text
            if lang == "zh":
                assert not {"Of", "are", "people"} & set(text.split())


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_a_subject_is_used(word: str) -> None:
    own = telling({word: {"en": "OWN", "zh": "OWN"}})
    rates = json.loads(TABLE.read_text("utf-8"))["rates"]
    assert any("OWN" in told(rate, BOTH, own) for rate in rates)
