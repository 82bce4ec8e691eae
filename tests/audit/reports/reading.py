"""How much there is to read in a page: words on the screen, details closed, and in all of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_VOID = {"meta", "br", "col", "link", "img", "input", "hr"}


class Reading(HTMLParser):
    """The texts of a page; ``shown`` are those that a reader sees who opens nothing."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.whole: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        is_closed = tag == "details" and "open" not in dict(attrs)
        self._open.append((tag, is_closed))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        names = [tag for tag, _ in self._open]
        if {"style", "script", "title"} & set(names[:3]) and "svg" not in names:
            return
        self.whole.append(data)
        hidden = [i for i, (_, is_closed) in enumerate(self._open) if is_closed]
        inside = names[hidden[0] + 1 :] if hidden else []
        if not hidden or (inside[:1] == ["summary"] and len(hidden) == 1):
            self.shown.append(data)


def words(texts: list[str]) -> int:
    """Words, parted by blanks; of Chinese, characters."""
    text = " ".join(texts)
    return len(_CHINESE.findall(text)) + len(_CHINESE.sub(" ", text).split())
