"""A stranger's text is shown whole, and obeyed by nobody."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from evenhand.audit.words.text import lines, name, obeyed_by_none, short, visible

# What a build runner reads as a command: the first at a line's start, the second anywhere in one.
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)
# Texts that are likely to meet a rule: signs of commands, breaks, marks of direction.
TEXT = st.text(st.sampled_from([*":#[ \n\r\t\x1b\x85\u2028\u202e\u200b\u3000a"]), max_size=30) | (
    st.text(max_size=40)
)


@given(TEXT)
def test_nothing_is_hidden_and_nothing_is_obeyed(text: str) -> None:
    for shown in (visible(text), name(text), short(text), lines(text)):
        hidden = {c for c in shown if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"}
        assert hidden <= ({"\n"} if shown == lines(text) else set())
        assert not COMMAND.search(shown), shown
    assert not COMMAND.search(obeyed_by_none(text))


@given(TEXT)
def test_what_is_visible_stays_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert lines(lines(text)) == lines(text)
    assert visible(name(text)) == name(text)


@given(TEXT, TEXT, st.integers(16, 60))
def test_names_that_differ_look_different(one: str, other: str, most: int) -> None:
    for a, b in ((one, other), ("x" * most + one, "x" * most + other)):
        if a != b:
            assert name(a, most) != name(b, most)
        assert len(name(a, most)) <= most


@given(TEXT, TEXT)
def test_a_line_of_data_is_never_a_line_of_ours(ours: str, data: str) -> None:
    later = lines(f"rows of {data}").split("\n")[1:]
    assert all(line == "" or line.startswith(" ") for line in later)


def test_words_in_any_script_stay_as_they_are() -> None:
    for text in ("群体 Ärzte 3", "std::vector", "a ## b", "12:30:00", "‐ – — ∅ 👍"):
        assert visible(text) == name(text) == lines(text) == text


def test_by_hand() -> None:
    assert visible("a\u202egnp.exe\nb\u2028c\x1b[31m") == "a⟨U+202E⟩gnp.exe b⟨U+2028⟩c⟨U+001B⟩[31m"
    assert name("a\u3000b") == "a⟨U+3000⟩b" != name("a b")
    assert lines("no column 'a\n::stop-commands::x'\n  -> look") == (
        "no column 'a\n  ⟨U+003A⟩:stop-commands::x'\n  -> look"
    )
