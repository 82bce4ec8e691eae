"""A stranger's text made visible: nothing in it is hidden, and nothing in it is obeyed."""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


_BLANK = re.compile(r"[ \t\r\n\v\f]+")


def plain(value: object) -> str:
    """One line of visible text; hidden characters become ``⟨U+202E⟩``. Fit for XML 1.0.

    >>> plain("a\\tb\\u202ec")
    'a b⟨U+202E⟩c'
    """
    line = _BLANK.sub(" ", str(value))
    if line.isascii() and line.isprintable():
        return line
    return "".join(f"⟨U+{ord(c):04X}⟩" if _is_hidden(c) else c for c in line)


def _is_hidden(character: str) -> bool:
    noncharacter = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    return noncharacter or unicodedata.category(character) in _HIDDEN
