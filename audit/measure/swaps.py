"""Words swapped for other words in a text: what a counterfactual person would have written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

HOLE = "\N{WHITE SQUARE}"


@dataclass(frozen=True)
class Template:
    """A text with a hole where an identity term stood. ``term`` is the term that stood there."""

    text: str
    term: str


def template_of(text: str, terms: Sequence[str]) -> Template | None:
    """The text with every occurrence of the first term found (as a whole word, in any case)
    made a hole; None where no term occurs.

    >>> template_of("A gay man and a gay woman", ["straight", "gay"])
    Template(text='A □ man and a □ woman', term='gay')
    """
    found = _pattern(terms).search(text)
    if found is None:
        return None
    term = next(t for t in terms if t.lower() == found.group().lower())
    return Template(_pattern([term]).sub(HOLE, text), term)


def _pattern(terms: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted(terms, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
