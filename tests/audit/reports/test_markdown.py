"""Markdown summary and model card: names cannot act, and nothing that is missing is left out."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.reports import render
from evenhand.audit.reports.parts.text import code, markdown
from tests.audit.reports.verdict_samples import GATE, sample_verdicts, verdict
from tests.samples import write_sample_case

HOSTILE_TEXTS = [
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://e.x/i.png)",
    "http://e.x and https://e.x and www.e.x",
    "a | b | c",
    "`x` *b* _i_ ~s~ $m$",
    "# heading",
    "- item",
    "1. item",
    "---",
    "&lt;b&gt;",
]


def _rendered(text: str) -> str:
    """The text as an independent CommonMark reader with tables turns it into HTML."""
    import markdown_it

    reader = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return str(reader.render(text))


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_a_reader_shows_hostile_text_as_it_is(hostile: str) -> None:
    import html

    prose = _rendered(markdown(hostile))
    assert re.sub(r"^<p>|</p>\s*$", "", prose) == html.escape(hostile, quote=True).replace(
        "&#x27;", "'"
    )
    cell = _rendered(f"| h | i |\n| --- | --- |\n| {markdown(hostile)} | {code(hostile)} |")
    assert cell.count("<td>") == 2
    assert not re.search(r"<(img|a|script|em|strong|s|h1|li|hr)\b", prose + cell)


def test_no_one_is_mentioned() -> None:
    # a word joiner between the sign and the name
    assert markdown("@all") == "&#64;&#8288;all"


def test_code_keeps_backticks() -> None:
    assert _rendered(code("a``b`")) == "<p><code>a``b`</code></p>\n"


def test_summary(case: Case) -> None:
    text = render("markdown", case, sample_verdicts(), gate=GATE).decode()
    assert "| house-lending 2026.11.0 | 1 | 1 | 0 | 1 | 1 | 1 | 1 | 1 | 0 | 0 |" in text
    assert "Fail: Selection rates differ by at most 0.05 between races" in text
    assert "The lower bound 0.08 is above 0.05." in text
    assert "medium (moved; the default is high)" in text and case.digest in text
    assert "4 findings have no number" in text
    assert "compliant" not in text


def test_a_long_list_is_cut_and_counted(case: Case) -> None:
    many = [verdict(f"M-{i}", "fail", f"title {i}", "because") for i in range(40)]
    text = render("markdown", case, many).decode()
    assert text.count("❌") == 15 and "and 25 more" in text


def _front(card: str) -> tuple[dict[str, Any], str]:
    _, front, body = card.split("---\n", 2)
    return yaml.safe_load(front), body


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_card_front_matter(case: Case, lang: str) -> None:
    front, _ = _front(render("model_card", case, sample_verdicts(), lang=lang).decode())
    [entry] = front["model-index"]
    [result] = entry["results"]
    metrics = {m["type"]: m for m in result["metrics"]}
    assert set(metrics) == {"accuracy", "balanced_accuracy", "log_loss"}
    assert metrics["accuracy"]["value"] == 0.9
    assert metrics["accuracy"]["args"]["interval"] == [0.873, 0.922]
    assert result["dataset"]["name"] == "test.csv" and result["task"]["type"] == "binary"


def test_a_hostile_name_cannot_leave_the_front_matter(case: Case) -> None:
    name = "x\n---\nlicense: !!python/object/apply:os.system [id]\n- a: &b *c \u202e"
    other = write_sample_case(case.path.parent / "hostile", name=name)
    card = render("model_card", other, []).decode()
    front, body = _front(card)
    assert set(front) == {"model_name", "tags", "evenhand_case", "model-index"}
    assert front["model_name"].startswith("x --- license: !!python")
    assert "\u202e" not in card and body.lstrip().startswith("# Model card")


def test_card_states_what_is_missing(case: Case) -> None:
    _, card = _front(render("model_card", case, sample_verdicts()).decode())
    assert "The maker declared no intended use" in card
    for finding in case.findings:
        if finding.status != "measured":
            assert markdown(finding.reason_text()) in card
    assert "compliant" not in card


def test_card_gives_every_group_its_interval_and_n(case: Case) -> None:
    card = _rendered(_front(render("model_card", case, []).decode())[1])
    rows = [re.sub(r"<[^>]+>", "|", r) for r in re.findall(r"<tr>(.*?)</tr>", card, re.S)]
    white = next(r for r in rows if "white" in r)
    # 460 of 500: 92 in 100 (89.3 to 94.1, rounded outward), with its mark on the scale
    assert all(part in white for part in ("92 (89–95)", "500", "●"))


def test_group_findings_are_findings(case: Case) -> None:
    # the sample's own shape, on which the tests above rest
    assert sum(isinstance(f, Finding) and bool(f.group) for f in case.findings) == 7
