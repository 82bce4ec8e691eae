"""Terms in texts that may be swapped."""

from __future__ import annotations

from evenhand.audit.measure.swaps import HOLE, template_of


def test_terms_are_whole_words_in_any_case() -> None:
    terms = ["he", "she"]
    assert template_of("the theme", terms) is None
    found = template_of("She said she would", terms)
    assert found is not None
    assert found.text == f"{HOLE} said {HOLE} would"
    assert found.term == "she"
