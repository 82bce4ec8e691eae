"""The comparison of two models as a document: what it says, in both languages, and safely."""

from __future__ import annotations

from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.cli import run
from evenhand.audit.comparing.compare import compare
from evenhand.audit.reports.parts.comparison import FORMATS, render_comparison
from tests.audit.comparing.pairs import case_of
from tests.audit.subjects import rows

HOSTILE = "<script>alert(1)</script>|@all"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """In the group with the hostile name A is wrong about 30 people whom B got right."""
    folder = tmp_path_factory.mktemp("compare")
    table = rows(
        ({"g": HOSTILE, "y": 1, "new": 0, "old": 1}, 30),
        ({"g": HOSTILE, "y": 1, "new": 1, "old": 1}, 30),
        ({"g": HOSTILE, "y": 0, "new": 0, "old": 0}, 40),
        ({"g": "b", "y": 1, "new": 1, "old": 1}, 50),
        ({"g": "b", "y": 0, "new": 0, "old": 0}, 50),
    )
    return case_of(folder, "new", table).path, case_of(folder, "old", table).path


@pytest.fixture(scope="module")
def found(cases: tuple[Path, Path]) -> dict[str, Any]:
    from evenhand.audit.case.case import read_case

    return compare(*(read_case(c) for c in cases)).to_json()


class Page(HTMLParser):
    """The tags and the texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.strip("\n")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_is_self_contained_and_shows_every_result(
    found: dict[str, Any], lang: str
) -> None:
    raw = render_comparison(found, "html", lang=lang).decode()
    page = Page(raw)
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "img"} & {*page.tags}
    assert "default-src 'none'" in unescape(raw)
    assert page.tags.count("tr") == 1 + len(found["results"])
    # what got worse stands first: 30 of 60 positives of the group are found under A, all under B
    first = page.cells[8:16]
    assert f"g={HOSTILE}" in [page.cells[8 * i] for i in range(1, 5)]
    assert first[7].strip().endswith("worse under A" if lang == "en" else "A 下变差")
    recall = next(
        page.cells[i : i + 6]
        for i in range(8, len(page.cells), 8)
        if page.cells[i].startswith("g=<") and "0.50" in page.cells[i + 3]
    )
    assert recall[2:5] == ["60", "0.50", "1"]


def test_markdown_has_a_row_for_every_result_and_nothing_that_acts(found: dict[str, Any]) -> None:
    text = render_comparison(found, "markdown").decode()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(found["results"])
    assert all(line.replace("\\|", "").count("|") == 9 for line in lines)
    assert "<script" not in text
    assert "@all" not in text
    assert text.splitlines()[2].startswith(f"{found['n_worse']} results are worse under model A")


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_comparison_gives_the_same_bytes(found: dict[str, Any], format: str) -> None:
    assert render_comparison(found, format) == render_comparison(found, format)


def test_the_command_writes_what_is_handed_over(
    cases: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["compare", *map(str, cases)]
    out = tmp_path / "comparison.html"
    assert run([*asked, "--format", "html", "--out", str(out), "-l", "zh"]) == 0
    assert 'lang="zh-Hans"' in out.read_text("utf-8")
    assert run([*asked, "--format", "markdown"]) == 0
    assert "worse under model A" in capsys.readouterr().out
    for wrong in (
        ["--format", "pdf"],
        ["--format", "html", "-l", "fr"],
        ["--out", str(out)],
        ["--format", "html", "--out", str(cases[0] / "x.html")],
        ["--format", "html", "--out", str(cases[1] / "x.html")],
    ):
        assert run([*asked, *wrong]) == 2
