"""The first page for a terminal: at most MOST_LINES lines of 80 columns, the decision first.

The same decision, numbers, order and words as the report has (``page.decision``); a bar of signs in
place of a drawing.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.reports.page.decision import Decision, decision
from evenhand.audit.reports.page.hundredths import Strip
from evenhand.audit.reports.page.panels import Panel, panels
from evenhand.audit.reports.page.ranking import in_order, proven
from evenhand.audit.reports.parts import sentences
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.audit.reports.parts.pages import sign_of
from evenhand.audit.reports.parts.words import words
from evenhand.audit.words.text import name, visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import VERDICT_STATUSES, Verdict

WIDTH = 80
MOST_LINES = 33
_VALUE, _LABEL, _BAR = (
    17,
    20,
    41,
)  # columns of a group's name, and of its bar: a hundred in steps of 2.5
_MOST_ROWS, _MOST_REASON = 7, 4
_MOST_OF_A_STATUS = {"fail": 3}  # 2 of any other
_LEAST_ROOM = 5  # lines: a head, two rows, what they are
_FOLDED = frozenset({"pass", "attested", "not-applicable", "not-yet-applicable"})


def brief(
    case: Case, verdicts: Sequence[Verdict], gate: Gate | None, lang: str = "en"
) -> list[str]:
    """The lines, each at most WIDTH columns wide; wide characters count for two."""
    say = words(lang)
    page = decision(case, verdicts, Dossier(), gate, say)
    lines = [f" {sign_of(page.standing)} {page.word.upper()}  {page.counted}".rstrip(), ""]
    for told in page.sentences:
        lines += _wrapped(told, 3)[:_MOST_REASON]
    lines += ["", *_numbers(page), ""]
    below = ["", *_items(verdicts, lang)] if verdicts else []
    if gate is not None:
        below += ["", *_wrapped(sentences.gate_outcome(gate, say), 1)[:2]]
    room = MOST_LINES - len(lines) - len(below)
    lines += [*_chart(case, page, room, lang), *below]
    return [fitted(line, WIDTH) for line in _once(lines)]


def _numbers(page: Decision) -> list[str]:
    """A number a line: what, how much, and how it stands to what is allowed."""
    lines = []
    for n in page.numbers:
        between = f" ({n.ends})" if n.ends else ""
        value = f"{n.value} {n.unit}".strip() + between
        value = value if width(value) <= _VALUE else f"{n.value}{between}"
        sign = f"{sign_of(n.status)} " if n.status else ""
        lines.append(
            f"   {_padded(n.label, 31)} {_padded(value, _VALUE)} {sign}{n.against or n.note}"
        )
    return lines


def _chart(case: Case, page: Decision, room: int, lang: str) -> list[str]:
    """The panel of the rate that leads, its largest groups."""
    say = words(lang)
    drawn = panels(case, page.entries, page.floor, say)
    leads = next((r.apart.measure for r in proven(page.entries) if r.apart), None)
    shares = [p for p in drawn if p.ticks == ("0", "25", "50", "75", "100")]
    if not shares or room < _LEAST_ROOM:
        return []
    panel: Panel = next((p for p in shares if p.measure == leads), shares[0])
    head = "0" + "25".rjust(10) + "50".rjust(10) + "75".rjust(10) + "100".rjust(10)
    lines = [f"   {_padded(say('rp.rate'), _LABEL)} {head}"]
    rows = [r for block in panel.blocks for r in block.rows]
    seen = [r for r in rows if r.tone != "small" and r.strip]
    seen = seen[: min(_MOST_ROWS, room - 3)]
    lines += [f"   {_padded(r.name, _LABEL)} {bar(r.strip)} {r.value:>4}  n={r.n}" for r in seen]
    unseen = len(rows) - len(seen)
    caption = [say.listed([t for t in (panel.title, panel.of) if t])]
    if unseen:
        caption.append(say("rp.not_drawn", count=unseen, floor=page.floor))
    return [*lines, *_wrapped("; ".join(caption), 3)[:2]]


def bar(strip: Strip | None, cells_wide: int = _BAR) -> str:
    """The interval as a line with a dot on a hundred, a dot at every quarter; "" for none."""
    if strip is None:
        return ""

    def at(place: float) -> int:
        return round((place - 2) / 96 * (cells_wide - 1))

    cells = ["·" if i % ((cells_wide - 1) // 4) == 0 else " " for i in range(cells_wide)]
    if strip.low is not None and strip.high is not None:
        for i in range(at(strip.low), at(strip.high) + 1):
            cells[i] = "─"
    cells[at(strip.value)] = "●"
    return "".join(cells)


def _items(verdicts: Sequence[Verdict], lang: str) -> list[str]:
    """A line a status; what is not settled with its items and their titles."""
    say = words(lang)
    order, lines = in_order(verdicts), []
    for status in VERDICT_STATUSES:
        those = [v for v in order if v.status == status]
        if not those:
            continue
        counted = f"{len(those)} {say.term('status', status)}"
        head = f"   {sign_of(status)} {_padded(counted, 21)} "
        told = [v.item if status in _FOLDED else f"{v.item} {say.pick(v.title)}" for v in those]
        room = WIDTH - width(head)
        if status in _FOLDED:
            lines.append(head + fitted(say.listed([name(t, 40) for t in told]), room))
            continue
        most = _MOST_OF_A_STATUS.get(status, 2)
        for i, text in enumerate(told[:most]):
            lines.append((head if not i else " " * width(head)) + fitted(visible(text), room))
        if len(told) > most:
            lines[-1] = fitted(lines[-1], WIDTH - 8) + f" (+{len(told) - most})"
    return lines


def _wrapped(text: str, indent: int) -> list[str]:
    """The text in lines that fit; Chinese is broken between any two characters."""
    pad, room = " " * indent, WIDTH - indent
    text = visible(text)
    if text.isascii():
        return [pad + line for line in textwrap.wrap(text, room)]
    lines, line = [], ""
    for word in _pieces(text):
        if width(line + word) > room:
            lines.append(pad + line.rstrip())
            line = word.lstrip()
        else:
            line += word
    return [*lines, pad + line] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for character in text:
        joins = pieces and width(character) == 1 and character != " " and pieces[-1][-1:] != " "
        if joins and width(pieces[-1][-1]) == 1:
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def width(text: str) -> int:
    """Columns that a text takes.

    >>> width("ab"), width("公平")
    (2, 4)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fitted(text: str, most: int) -> str:
    """The text, cut where it is wider.

    >>> fitted("公平性", 5), fitted("abc", 3)
    ('公平…', 'abc')
    """
    if width(text) <= most:
        return text
    kept = ""
    for character in text:
        if width(kept + character) > most - 1:
            break
        kept += character
    return f"{kept}…"


def _padded(text: str, columns: int) -> str:
    shown = fitted(visible(text), columns)
    return shown + " " * (columns - width(shown))


def _once(lines: Sequence[str]) -> list[str]:
    """Without empty lines at the end, or two in a row."""
    kept: list[str] = []
    for line in lines:
        if line.strip() or (kept and kept[-1].strip()):
            kept.append(line.rstrip())
    while kept and not kept[-1].strip():
        kept.pop()
    return kept
