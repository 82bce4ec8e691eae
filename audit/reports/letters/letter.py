"""A letter to one person: a creditor's own text, or ours, with places that are filled.

``{reasons}`` is where the reasons stand. A place of which nothing is known is left for whoever
sends the letter, in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import datum

PLACES = (
    "creditor",
    "date",
    "applicant",
    "decision",
    "reasons",
    "report",
    "notice",
    "agency",
    "contact",
)
_PLACE = re.compile(r"\{([^{}\n]*)\}")
_MOST_BYTES = 1 << 16
_TEMPLATES = Path(__file__).parents[1] / "templates"
# A value that is a code to its reader: A121, X3, 0042.
_CODE = re.compile(r"[A-Za-z]{0,3}[0-9]{2,}[A-Za-z]?|[A-Za-z]{1,3}[0-9]+")


def read_letter(path: str | Path) -> str:
    """The text of a creditor's letter, checked. Raises InputError for a file that is none, a place
    that there is not, and a letter without reasons."""
    try:
        raw = Path(path).read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the letter {path} can't be read: {error}",
            remedy="name a text file in UTF-8",
            path=path,
            error=error,
        ) from error
    if len(raw) > _MOST_BYTES:
        raise InputError(
            "the letter {path} has {n} bytes", remedy="a letter is short", path=path, n=len(raw)
        )
    for place in _PLACE.findall(text):
        if place not in PLACES:
            raise InputError(
                "the letter {path} has a place {place} that nothing is known of",
                remedy=nearest(place, PLACES),
                path=path,
                place="{" + place + "}",
            )
    if "{reasons}" not in text:
        raise InputError(
            "the letter {path} has no place for the reasons",
            remedy="write {place} on a line of its own where they belong",
            path=path,
            place="{reasons}",
        )
    return text


def default_letter(lang: str) -> str:
    """Our own letter in a language."""
    return (_TEMPLATES / f"adverse_action.{lang}.txt").read_text("utf-8")


def filled(
    text: str, reasons: Sequence[str], known: Mapping[str, str], say: Words
) -> tuple[str, ...]:
    """The letter's paragraphs; places that are not ``known`` say in brackets what belongs there."""

    def meant(found: re.Match[str]) -> str:
        place = found[1]
        return known.get(place) or f"[{say.texts[f'aa_place.{place}']}]"

    paragraphs: list[str] = []
    for line in text.strip().splitlines():
        before, here, after = line.partition("{reasons}")
        if not here:
            paragraphs.append(_PLACE.sub(meant, line).strip())
            continue
        parts = (_PLACE.sub(meant, before).strip(), *reasons, _PLACE.sub(meant, after).strip())
        paragraphs += [part for part in parts if part]
    return tuple(paragraph for paragraph in paragraphs if paragraph)


def column_in_words(column: str) -> str:
    """A column's name as a person reads it, where nobody declared one.

    >>> column_in_words("credit_amount"), column_in_words("yearsAtJob")
    ('Credit amount', 'Years at job')
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).replace("_", " ").strip()
    is_name = re.fullmatch(r"[A-Za-z0-9 ]+", parted) is not None
    return parted[:1].upper() + parted[1:].lower() if is_name and parted else column


def is_code(text: str) -> bool:
    """Whether a value says nothing to whoever has no key to it.

    >>> is_code("A121"), is_code("own"), is_code("0042")
    (True, False, True)
    """
    return _CODE.fullmatch(text) is not None


def as_coarse_as(reference: float, own: float) -> float:
    """A typical value with as many digits as the person's own: nobody has 2.5 children.

    >>> as_coarse_as(2.5, 4.0), as_coarse_as(33.25, 43.5), as_coarse_as(0.4, 0.0)
    (2.0, 33.2, 0.4)
    """
    if float(own).is_integer() and abs(reference) >= 1:
        return float(round(reference))
    digits = len(datum(own).partition(".")[2])
    rounded = round(reference, digits) if digits else reference
    return rounded if rounded != own else reference
