"""Pictures of explanations: right places, safe names, a table beside each, nobody in public."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from evenhand.audit.artifacts.person import Explanation
from evenhand.audit.files.shapes import parsed
from evenhand.audit.reports import render
from evenhand.audit.reports.drawing import charts
from evenhand.audit.reports.drawing.pictures import pictures
from evenhand.audit.reports.drawing.pixels import coloured_words, heat_map
from evenhand.audit.reports.parts.explained import lines
from evenhand.audit.reports.parts.words import words
from tests.audit.reports.explained_cases import (
    ATTRIBUTION,
    attributions,
    case_with,
)
from tests.audit.reports.html_page import Page
from tests.samples import HOSTILE, finding, sample_plan

TABLE = attributions(
    "tabular",
    values={HOSTILE: [-0.4, 0.2, 0.0], "age": [0.1, None, 0.05]},
    inputs={HOSTILE: ["<b>", "x", None], "age": [30.0, 41.0, 52.0]},
    numeric=["age"],
)
TEXT = attributions(
    "text",
    texts=[
        {"words": ["<script>", "fine", "dull"], "values": [0.5, -0.25, 0.0], "continuation": None}
    ]
    * 3,
    words=[],
)
IMAGE = attributions(
    "image",
    height=2,
    width=2,
    colours=1,
    images=[base64.b64encode(bytes(4)).decode()] * 3,
    maps=[{"scale": 0.3, "levels": base64.b64encode(bytes([127, 129, 0, 0])).decode()}] * 3,
)


def test_bars_stand_where_the_numbers_say() -> None:
    drawn = str(charts.bars("t", "d", [charts.Bar("a", 2.0, 1.0, 4.0), charts.Bar("b", 1.0)]))
    tree = ElementTree.fromstring(drawn)
    marks = [p for p in tree if p.get("class") == "bar"]
    # the axis runs from 0 at 8 to 4 at 312: 76 units each
    assert [re.findall(r"[\d.]+", p.get("d") or "")[::2] for p in marks] == [
        ["8", "160"],
        ["8", "84"],
    ]
    (whisker,) = [p for p in tree if p.get("class") == "whisker"]
    assert re.match(r"M84 [\d.]+H312M84", whisker.get("d") or "")
    assert [tree.find("title").text, tree.find("desc").text] == ["t", "d"]  # type: ignore[union-attr]


def test_dots_are_all_there_and_on_their_side() -> None:
    dots = charts.Dots("a", [-1.0, 1.0, 1.0, 0.5], [1, 5, 5, 0])
    tree = ElementTree.fromstring(str(charts.beeswarm("t", "d", [dots])))
    places = {
        p.get("class"): [float(x) for x in re.findall(r"M([\d.]+) ", p.get("d") or "")]
        for p in tree
        if "dots" in (p.get("class") or "")
    }
    # -1 at 10, 1 at 310: the middle is 160
    assert places == {"dots t0": [235.0], "dots t1": [10.0], "dots t5": [310.0, 310.0]}


def test_tones_are_ranks() -> None:
    assert charts.tones([10.0, 1000.0, 20.0, 30.0, 40.0]) == [1, 5, 2, 3, 4]
    assert charts.tones([None, 7.0]) == [0, 1]


def test_axes_without_width_or_end_are_handled() -> None:
    assert "<svg" in str(charts.bars("t", "d", [charts.Bar("a", 0.0)]))
    assert "<svg" in str(charts.scatter("t", "d", "x", [1.0], [0.0]))
    with pytest.raises(ValueError, match="finite"):
        charts.bars("t", "d", [charts.Bar("a", float("inf"))])


def test_a_heat_map_is_a_png_with_the_colours_of_the_levels() -> None:
    drawn = str(heat_map("t", "d", IMAGE["maps"][0]["levels"], None, height=2, width=2, colours=1))
    raw = base64.b64decode(re.findall(r"base64,([^\"]+)", drawn)[0])
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", raw[16:24]) == (2, 2)
    start = raw.index(b"IDAT")
    size = struct.unpack(">I", raw[start - 4 : start])[0]
    pixels = zlib.decompress(raw[start + 4 : start + 4 + size])
    # +127 is all blue, -127 all orange, 0 the white of a missing image behind (128 + 255 // 2)
    assert pixels == b"\0" + bytes([0, 114, 178, 213, 94, 0]) + b"\0" + bytes([255] * 6)
    with pytest.raises(ValueError, match="expected 9"):
        heat_map("t", "d", IMAGE["maps"][0]["levels"], None, height=3, width=3, colours=1)


def test_words_are_coloured_by_size_and_side() -> None:
    drawn = str(coloured_words(["<b>", "fine", "dull", "gone"], [0.5, -0.25, 0.0, None]))
    assert drawn == (
        '<span class="word up s4">&lt;b&gt;</span> <span class="word down s2">fine</span> dull gone'
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("attribution", "count"), [(TABLE, 5), (TEXT, 6), (IMAGE, 6)])
def test_the_page_stays_safe_and_every_picture_has_words_and_a_table(
    tmp_path: Path, lang: str, attribution: dict[str, Any], count: int
) -> None:
    case = case_with(tmp_path, attribution)
    html = render("html", case, [], lang=lang).decode()
    page = Page(html)
    names = [t for t, _ in page.tags]
    assert names.count("figure") == names.count("figcaption") == count
    assert not set(names) & {"iframe", "object", "img", "foreignobject"}
    assert not {k for _, a in page.tags for k in a if k.startswith("on") or k == "style"}
    for value in page.attributes("href"):
        assert value.startswith(("#", "data:image/png;base64,"))
    drawings = [a for t, a in page.tags if t == "svg" and a.get("class") in ("chart", "heat")]
    assert all(a["role"] == "img" for a in drawings)
    assert names.count("title") - 1 == names.count("desc") == len(drawings)
    assert "<script>alert" not in html


def test_the_tables_hold_the_numbers(tmp_path: Path) -> None:
    shown = {p.title: p for p in pictures(case_with(tmp_path, TABLE), words("en")).shown}
    bars = shown["How far each input moves the output"]
    assert bars.rows == ((HOSTILE, "0.20", "[0.10, 0.40]", "-0.10"), ("age", "0.05", "–", "0.05"))
    swarm = shown["Attributions row by row"]
    assert swarm.rows[1] == ("age", "0.05", "0.10", "0.10")  # the missing one is no zero
    age = shown["Attribution of age by its value"]
    assert age.rows == (("30", "0.10", "0.10"), ("52", "0.05", "0.05"))
    reasons = shown["How often each column is a principal reason"]
    assert reasons.rows == ((HOSTILE, "0.75", "<i>", "no"), ("age", "0.25", "40", "yes"))
    assert shown["Taking columns away, strongest first"].rows[1] == ("1", "0.10", "0.10", "0.10")


def test_what_is_published_shows_nobodys_row(tmp_path: Path) -> None:
    for kind, attribution in (("t", TABLE), ("w", TEXT), ("i", IMAGE)):
        (tmp_path / kind).mkdir()
        case = case_with(tmp_path / kind, attribution)
        html = render("html", case, [], public=True).decode()
        assert "Attributions row by row" not in html
        assert "data:image" not in html and 'class="word' not in html
        assert "Attribution of age" not in html and "777" not in html
        assert "How often each column is a principal reason" in html


def test_an_artifact_of_another_version_is_named_and_not_drawn(tmp_path: Path) -> None:
    case = case_with(tmp_path, {**TABLE, "schema": "evenhand-attributions/9"})
    found = pictures(case, words("en"))
    assert found.unreadable == (f"{ATTRIBUTION}.json",)
    assert "written by another version" in render("html", case, []).decode()


def test_the_words_for_one_person_say_what_is_missing() -> None:
    told = {
        "schema": "evenhand-explanation/1",
        "case": "c",
        "digest": "sha256:1",
        "row": 3,
        "data": "d.csv",
        "is_adverse": True,
        "score": 0.2,
        "needed": 0.5,
        "values_from": "data",
        "reasons": {
            "from": "case",
            "sensitive": [],
            "reference": {
                "declared": ["a"],
                "favourable_rows": 9,
                "is_favourable": False,
                "score": 0.3,
            },
            "listed": [
                {
                    "column": "a",
                    "push": 0.1,
                    "rise": -0.05,
                    "compared": "missing",
                    "value": None,
                    "reference": 4.0,
                    "proxy": {"feature": "sex", "group": "f", "auc": 0.9},
                }
            ],
        },
        "change": {"from": "now", "is_found": False},
    }
    text = "\n".join(lines(parsed(told, Explanation), words("en")))
    assert "the reference applicant itself is refused" in text
    assert "a has no value; the reference's is 4. It lowers the score by 0.10" in text
    assert "the score does not rise (0.05 lower). Careful: it stands in for sex" in text
    assert "No change was found" in text
    assert "declared for a; otherwise median" in text


@pytest.mark.parametrize(
    ("task", "kind", "told"),
    [
        ("binary", "text", "text-classification"),
        ("regression", "tabular", "tabular-regression"),
        ("multiclass", "generation", "multiclass"),  # nothing that a hub knows
        ("generation", "generation", "text-generation"),
    ],
)
def test_the_card_names_the_task_as_hubs_do(
    tmp_path: Path, task: str, kind: str, told: str
) -> None:
    subject = sample_plan(task=task).subject
    case = case_with(tmp_path, attributions(kind), subject=subject)
    known = replace(case, findings=(finding("performance.classification", "accuracy_score", 0.9),))
    assert f"type: {told}\n" in render("model-card", known, []).decode()
