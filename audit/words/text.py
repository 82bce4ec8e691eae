"""A stranger's text made visible: nothing in it is hidden, nothing in it is obeyed.

Names in a column, a model's own words and a pack's texts are written by strangers. Every view puts
them through this file: what is not seen (controls, marks of direction, joiners of no width) is
shown by its code point, and what a build runner would obey (``::command::`` at the start of a line,
``##[command]`` anywhere in one) is broken the same way. What is visible already stays as it is, so
that a text may pass here more than once. Markup is escaped by each view, since each has its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BREAKS = re.compile(r" *[\t\r\n\v\f][ \t\r\n\v\f]*")
_COMMAND = re.compile(r"(?:(?<=\s)|^):(?=:)|(?<=#)#(?=\[)", re.MULTILINE)
_DIGITS = 8  # of a digest: two cut names of one audit share them by chance once in four billion


def visible(value: object) -> str:
    """``value`` on one line, with what is hidden shown. Fit for XML 1.0.

    >>> visible("a\\tb\\u202ec"), visible("a\\n::error::b"), visible("##[group]")
    ('a b⟨U+202E⟩c', 'a ⟨U+003A⟩:error::b', '#⟨U+0023⟩[group]')
    """
    return _shown(_BREAKS.sub(" ", str(value)))


def name(value: object, most: int = 120) -> str:
    """A name of at most ``most`` characters (at least 16); two that differ look different.

    Line breaks and unusual spaces are shown too, and a name that is cut ends in digits of its
    digest, whatever else it shares with another.

    >>> name("a\\nb"), name("x" * 40, 20)
    ('a⟨U+000A⟩b', 'xxxxxxxxxxx…bd913ff6')
    """
    text = str(value)
    line = text
    if not (text.isascii() and text.isprintable()):
        line = "".join(_point(c) if c.isspace() and c != " " else c for c in text)
    line = _shown(line)
    if len(line) <= most:
        return line
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{line[: max(most, 2 * _DIGITS) - _DIGITS - 1]}…{digest}"


def short(value: object, most: int = 120) -> str:
    """A visible sentence of at most about ``most`` characters; what is cut is counted.

    >>> short("abcdefgh", 5)
    'abcde… (+3)'
    """
    line = visible(value)
    return line if len(line) <= most else f"{line[:most]}… (+{len(line) - most})"


def lines(value: object) -> str:
    """``value`` with its own line breaks, each line visible; for messages that we wrote.

    A later line is indented, so that no data can pass a line of its own off as one of ours.

    >>> lines("rows of a\\nevenhand: fine\\n  -> look")
    'rows of a\\n  evenhand: fine\\n  -> look'
    """
    first, *later = str(value).replace("\r\n", "\n").split("\n")
    kept = [line if line[:1] in ("", " ") else f"  {line}" for line in later]
    return "\n".join(_shown(line.expandtabs(4)) for line in (first, *kept))


def obeyed_by_none(text: str) -> str:
    """Whole lines of a text that is laid out already (a table): no runner takes one as a command.

    >>> obeyed_by_none("a  b\\n ::error::x")
    'a  b\\n ⟨U+003A⟩:error::x'
    """
    return _COMMAND.sub(lambda found: _point(found[0]), text)


def as_json(text: str) -> str:
    """JSON that says the same and moves no terminal: what isn't printable is escaped, and what a
    runner would obey, which stands within a string, too.

    >>> as_json('["##[x]\\u009b"]')
    '["#\\\\u0023[x]\\\\u009b"]'
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    return text.replace("##[", "#\\u0023[")


def document(data: bytes) -> bytes:
    """A document on its way to stdout, which a terminal or a build runner may read: its text with
    nothing in it hidden or obeyed. Archives and bytes that are no text stay as they are.

    >>> document(b"a\\n ::error::x").decode()
    'a\\n ⟨U+003A⟩:error::x'
    """
    if data.startswith(b"PK\x03\x04"):
        return data
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    if text[:1] in ("{", "["):
        return as_json(text).encode()
    return "\n".join(map(_shown, text.expandtabs(4).split("\n"))).encode()


def _shown(line: str) -> str:
    if not (line.isascii() and line.isprintable()):
        line = "".join(_point(c) if unicodedata.category(c) in _HIDDEN else c for c in line)
    return obeyed_by_none(line) if "::" in line or "##[" in line else line


def _point(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"
