"""What a browser would find in an HTML report, read without one."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from evenhand.audit.reports.parts.outline import anchor

VOID = {"meta", "br", "col", "line", "circle", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Tags with their attributes, the visible text, and the style sheet."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.style = ""
        self.script = ""
        self.rows: dict[str, list[str]] = {}
        self._row = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        self.tags.append((tag, given))
        if tag == "tr":
            self._row = given.get("id", "")
        if tag in ("td", "th") and self._row:
            self.rows.setdefault(self._row, []).append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes its own element"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            own = self.open[-1]
            setattr(self, own, getattr(self, own) + data)
            return
        self.texts.append(data)
        if self._row and "tr" in self.open and self.rows.get(self._row):
            self.rows[self._row][-1] += data

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def row(self, kind: str, name: str) -> list[str]:
        """The cells of the row about a finding or an item."""
        return [re.sub(r"\s+", " ", cell).strip() for cell in self.rows[anchor(kind, name)]]

    def attributes(self, name: str) -> list[str]:
        return [a[name] for _, a in self.tags if name in a]
