"""Annotations: one command a line, nothing within it is a command; the summary beside them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.reports import render
from evenhand.audit.reports.github import MOST_BYTES, message, within_limit
from tests.audit.reports.dossiers import sample_dossier
from tests.audit.reports.verdict_samples import GATE, sample_verdicts, verdict

COMMAND = re.compile(r"::(error|warning|notice) ((?:file=[^:,]+,line=\d+,)?title=[^:,]+)::(.*)")


def _lines(case: Case, verdicts: Any = None, **options: Any) -> list[re.Match[str]]:
    given = {"gate": GATE, "dossier": sample_dossier(case), **options}
    told = render("github", case, verdicts or sample_verdicts(), **given).decode()
    found = [COMMAND.fullmatch(line) for line in told.splitlines()]
    assert all(found), told
    return [f for f in found if f]


def test_what_blocks_is_an_error_and_the_rest_a_warning(case: Case) -> None:
    told = {m[2].split("title=")[1].split("%3A")[0]: m[1] for m in _lines(case)}
    assert told == {
        "house-lending HL-02": "error",  # a blocker that fails
        "house-lending HL-07": "error",  # crashed
        "sample-law SL-01": "warning",
        "house-lending HL-04": "warning",
        "house-lending HL-03": "warning",
        "sample-law SL-04": "warning",  # it fails, and is a may
        "evenhand": "notice",
    }


def test_a_file_and_line_where_the_pack_is_in_the_repository(case: Case) -> None:
    lines = [m[2] for m in _lines(case)]
    assert lines[0].startswith("file=policies/house.yaml,line=21,title=house-lending HL-02")
    # an inherited item has no line of its own: the place is the line that says extends
    assert any(
        x.startswith("file=policies/house.yaml,line=7,title=house-lending HL-07") for x in lines
    )
    assert not [x for x in lines if "sample-law" in x and "file=" in x]


@pytest.mark.parametrize(
    "hostile",
    [
        "a\n::error::boom",
        "a\r\n::set-output name=x::y",
        "##[error]boom",
        "100%0A::error::x",
        "x,file=secrets.txt,line=1::y",
        "::stop-commands::t",
        "\u202e\u2066::error::",
        "x" * 5000,
        "<script>alert(1)</script>",
        "| a | `b`",
    ],
)
def test_hostile_text_stays_text(case: Case, hostile: str) -> None:
    bad = verdict("H-1", "fail", hostile, hostile, pack="house-lending")
    told = render("github", case, [bad], dossier=sample_dossier(case)).decode()
    first, last = told.splitlines()
    found = COMMAND.fullmatch(first)
    assert found and found[1] == "error" and last.startswith("::notice ")
    assert "##[" not in told and len(first) < 1600
    assert found[2].count("file=") <= 2 and "%0A" not in found[2].replace("%250A", "")


def test_escapes_can_be_read_back() -> None:
    assert message("50% off") == "50%25 off"
    # a runner turns %25 into % last, so what was written stands again
    assert message("%0A").replace("%25", "%") == "%0A"


def test_more_than_ten_of_a_kind_are_counted(case: Case) -> None:
    many = [verdict(f"M-{i}", "fail", f"title {i}", "because") for i in range(25)]
    told = _lines(case, many)
    assert [m[1] for m in told].count("error") == 10
    assert told[9][3] == "16 more are in the step summary"


def test_nothing_to_say_is_said(case: Case) -> None:
    told = _lines(case, [verdict("P-1", "pass", "t", "b")])
    assert [m[1] for m in told] == ["notice", "notice"]
    assert told[0][3] == "No item fails. No item is open."


def test_a_summary_that_is_too_large_is_cut_at_a_line() -> None:
    whole = ("línea\n" * 300_000).encode()
    cut = within_limit(whole, "zh")
    assert len(cut) <= MOST_BYTES and "摘要过长" in cut.decode()
    assert within_limit(b"short", "en") == b"short"
