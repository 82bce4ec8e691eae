"""Safe text: what comes from data or packs, made fit for each kind of document.

Names in a column are written by strangers. Characters that are not seen (controls, bidirectional
overrides, zero-width joiners) are shown by their code point, so that two names which differ also
look different, and no name can reorder the line it stands in.
"""

from __future__ import annotations

import re

from evenhand.audit.words.text import visible

_MARKDOWN = re.compile(r"[\\`*_\[\]{}#|~$]|:(?=/)|(?<=www)\.|^[-+=]", re.I)
_ORDINAL = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_UNFIT_FOR_CODE = frozenset("|<>&")


def markdown(value: object) -> str:
    """Text with every sign that Markdown, HTML or a code host would act on made inert."""
    escaped = _ORDINAL.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\g<0>", visible(value)))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("@", "&#64;&#8288;")  # a word joiner: no one is mentioned by accident


def code(value: object) -> str:
    """Text as Markdown code; as escaped prose where code could not hold it.

    Inside code nothing can be escaped, so text with a table's bar or with the signs of HTML is
    written as prose: no reader, however simple, meets a tag.

    >>> code("a`b")
    '``a`b``'
    """
    line = visible(value)
    if not line.strip() or not _UNFIT_FOR_CODE.isdisjoint(line):
        return markdown(line)
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{fence}{pad}{line}{pad}{fence}"
