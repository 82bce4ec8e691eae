"""The static copy as a browser would read it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path


class Seen(HTMLParser):
    """What a page holds that could act or lead somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.sources: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc", "formaction"):
                self.handlers.append(f"{tag} {name}")
            if name == "href":
                self.links.append(value or "")
            if name == "src":
                self.sources.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(path: Path) -> Seen:
    seen = Seen()
    seen.feed(path.read_text("utf-8"))
    return seen
