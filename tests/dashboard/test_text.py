"""Text from data shows its characters and does nothing."""

from __future__ import annotations

import pytest

from evenhand.dashboard.text import csv_cell, escape, in_language
from tests.samples import HOSTILE


@pytest.mark.parametrize("sign", list("\\`*_{}[]()#+-.!|~<>$:=&\"'"))
def test_every_sign_that_markdown_reads_is_escaped(sign: str) -> None:
    assert f"\\{sign}" in escape(f"a{sign}b")


@pytest.mark.parametrize(
    "text",
    ["https://evil.example", "www.evil.example", "a@evil.example", ":material/check:", ":red[x]"],
)
def test_links_and_icons_that_are_made_after_parsing_are_broken(text: str) -> None:
    unescaped = escape(text).replace("\\", "")
    assert unescaped != text or text == ":red[x]"
    assert unescaped.replace("\u2060", "") == text


def test_words_in_any_script_stay_as_they_are() -> None:
    assert escape("群体 Ärzte 3") == "群体 Ärzte 3"


def test_direction_and_control_characters_are_spelled_out() -> None:
    assert escape("a\u202eb\x00c\nd") == "a⟨U\\+202E⟩b⟨U\\+0000⟩c d"


def test_no_csv_cell_is_a_formula() -> None:
    for formula in ("=1", "+1", "-1", "@x", "\t=1", " =1", "\r=1"):
        assert str(csv_cell(formula)).startswith("'")
    assert csv_cell(HOSTILE) == HOSTILE  # begins with <, no formula
    assert csv_cell(-1.5) == -1.5


def test_a_text_falls_back_to_english_and_then_to_any_language() -> None:
    assert in_language({"en": "a", "zh": "b"}, "zh") == "b"
    assert in_language({"en": "a"}, "zh") == "a"
    assert in_language({"fr": "c"}, "zh") == "c"
    assert in_language({}, "en") == ""
