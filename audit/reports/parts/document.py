"""A document of sections, as one self-contained HTML page: what every handed-over text is made of.

A format builds a ``ReportDocument`` from a case; nothing here knows what it is about. Every part of
it is text: the template escapes it, and shows characters that would not be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts import pages
from evenhand.audit.reports.parts.dossier import Dossier, sources
from evenhand.audit.reports.parts.words import Words


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Facts:
    """Names and values."""

    pairs: tuple[tuple[str, str], ...]
    kind: str = "facts"


@dataclass(frozen=True)
class Bullets:
    """A list; numbered where the order matters."""

    items: tuple[str, ...]
    is_numbered: bool = False
    kind: str = "bullets"


@dataclass(frozen=True)
class TextTable:
    """Rows of text; the first cell of a row is its heading."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: str = "table"


@dataclass(frozen=True)
class Gap:
    """What the case does not hold, and what would fill it."""

    what: str
    fill: str
    kind: str = "gap"


@dataclass(frozen=True)
class Letter:
    """Text that is meant to be copied as it stands."""

    lines: tuple[str, ...]
    kind: str = "letter"


Block = Text | Facts | Bullets | TextTable | Gap | Letter


@dataclass(frozen=True)
class Section:
    """A numbered part: its title, what it is asked to hold (our words), and what it holds."""

    title: str
    blocks: tuple[Block, ...]
    asks: str = ""
    parts: tuple[Section, ...] = ()

    @property
    def gaps(self) -> int:
        """How many gaps it and its parts have."""
        own = sum(isinstance(b, Gap) for b in self.blocks)
        return own + sum(p.gaps for p in self.parts)


@dataclass(frozen=True)
class ReportDocument:
    """``kind`` says what sort of document it is, ``title`` what it is about, ``lead`` the whole in
    plain words; ``notice`` is what nobody may overlook."""

    kind: str
    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]
    notice: str = ""

    @property
    def gaps(self) -> int:
        """How many gaps there are in all."""
        return sum(s.gaps for s in self.sections)


def page(document: ReportDocument, case: Case, dossier: Dossier, say: Words) -> bytes:
    """The document as HTML, UTF-8, with the sources that it was made from."""
    return pages.render(
        "document.html.j2",
        say,
        document=document,
        sources=sources(case, dossier, say),
        published=case.plan.published,
    )


def filled(blocks: Sequence[Block], gap: Gap) -> tuple[Block, ...]:
    """The blocks, or the gap where there are none."""
    return tuple(blocks) or (gap,)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Block]:
    """A table, or nothing where it would have no rows."""
    if not rows:
        return []
    return [TextTable(caption, tuple(heads), tuple(tuple(str(c) for c in r) for r in rows))]


def facts(pairs: Sequence[tuple[str, object]]) -> list[Block]:
    """Those of the pairs that have a value, or nothing."""
    known = tuple((name, str(value)) for name, value in pairs if value not in (None, "", [], {}))
    return [Facts(known)] if known else []
