"""Words, figures and order: what all formats rest on."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import string
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import evenhand.audit.reports.parts as parts
from evenhand.audit.case.case import Case
from evenhand.audit.finding import STATUSES, Finding, Interval
from evenhand.audit.reports.parts import figures, interval, outline
from evenhand.audit.reports.parts.words import LANGUAGES, words
from evenhand.audit.words.text import visible
from evenhand.policies.verdict import VERDICT_STATUSES, VerdictStatus
from tests.audit.reports.verdict_samples import sample_verdicts

OUTLINED = {f"{kind}{part}" for kind in ("tf", "ia", "ds") for part in ("", "_asks", "_fill")} | {
    "ll",
    "ll_rate",
    "ll_people",
    "aa_people",
}
ROOT = Path(__file__).parents[4] / "audit" / "reports"
DASHBOARD = ROOT.parents[1] / "dashboard"


def _texts(lang: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((ROOT / "locales" / f"{lang}.json").read_text("utf-8"))
    return found


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_both_languages_say_the_same_things() -> None:
    english, chinese = _texts("en"), _texts("zh")
    assert english.keys() == chinese.keys()
    for key, template in english.items():
        assert _fields(template) == _fields(chinese[key]), key
        assert template.strip() and chinese[key].strip(), key


def test_no_text_claims_compliance_or_is_left_in_english() -> None:
    # ... but in the notice that a law words itself (12 CFR 1002.9(b)(1))
    claims = [k for k, t in _texts("en").items() if "complian" in t.lower()]
    assert claims == ["aa_notice_ecoa"]
    # what is the same word in both languages
    same = {k for k, t in _texts("en").items() if t == _texts("zh")[k]}
    assert same == {"fact_version"}, same


def test_no_text_is_left_over() -> None:
    source = "".join(
        p.read_text("utf-8")
        for folder in (ROOT, DASHBOARD)
        for p in folder.rglob("*")
        if p.suffix in {".py", ".j2", ".css"}
    )
    # texts that are looked up by the name of a measure, a status, a family ...
    named = {
        "aa_place",
        "about",
        "against",
        "answer",
        "caption",
        "column",
        "decision",
        "exit",
        "family",
        "fill",
        "finding",
        "gate",
        "intro",
        "kind",
        "limit",
        "means",
        "measure",
        "obligation",
        "origin",
        "outcome",
        "positive",
        "reason",
        "says",
        "severity",
        "status",
        "task",
        "absent_data",
        "absent_explanation",
        # kinds of register entries and answers, states of law; outlines: see test_documents
        "entry",
        "attest",
        "state",
        "unit",
        "word",
        "parts",
        *OUTLINED,
    }
    keys = {k for k in _texts("en") if k.split(".")[0] not in named}
    assert not {k for k in keys if f'"{k}"' not in source and f"'{k}'" not in source}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_status_has_a_word_and_a_meaning(lang: str) -> None:
    say = words(lang)
    assert all(say.known("status", s) and say.known("means", s) for s in VERDICT_STATUSES)
    assert all(say.known("finding", s) for s in STATUSES)
    assert set(get_args(VerdictStatus)) == set(VERDICT_STATUSES)


def test_a_value_is_not_read_as_a_template() -> None:
    assert words("en")("page_title", name="{boom} {0}") == "Audit report: {boom} {0}"


def test_an_unknown_measure_still_reads() -> None:
    assert words("zh").measure("brand_new_rate") == "Brand new rate"
    assert words("zh").pick({"en": "only English"}) == "only English"


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(parts.__path__)])
def test_doctests(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"evenhand.audit.reports.parts.{module}"))
    assert result.failed == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.9996, "0.9996"),  # not 1.000: it is not one
        (0.0004, "0.0004"),  # not 0.000: it is not nothing
        (1e-7, "1.00e-07"),
        (0.12345, "0.123"),
        (2.0, "2"),
        (1234.56, "1,234.6"),
        (-0.5, "-0.50"),
    ],
)
def test_numbers_keep_what_matters(value: float, shown: str) -> None:
    assert figures.number(value) == shown


def test_levels_are_not_rounded_away() -> None:
    def level(of: float) -> str:
        return figures.level(Interval(low=0, high=1, level=of, method="m"))

    assert [level(0.95), level(0.975), level(0.999)] == ["95%", "97.5%", "99.9%"]


def test_every_finding_is_in_exactly_one_table(case: Case) -> None:
    tables = [t for ts in outline.families(case.findings).values() for t in ts]
    ids = [f.id for t in tables for f in t.findings]
    assert sorted(ids) == sorted(f.id for f in case.findings)


def test_what_presses_comes_first() -> None:
    items = [v.item for v in outline.pressing(sample_verdicts(), outline.FAILING)]
    # must before may: the blocker, then the crash, then the failing may-item
    assert items == ["HL-02", "HL-07", "SL-04"]


def test_marks_lie_where_the_numbers_say(case: Case) -> None:
    [table] = [
        t
        for t in outline.families(case.findings)["fairness"]
        if t.measure == "selection_rate" and t.features == ("race",)
    ]
    assert table.axis == (0.0, 1.0)
    black = next(f for f in table.findings if f.group["race"] == "black")
    place = interval.mark(black, table)
    assert place == interval.Mark(value=75.0, zero=0.0, low=64.0, high=83.0)
    undefined = next(f for f in case.findings if f.measure == "true_positive_rate")
    assert interval.mark(undefined, table) is None


def test_a_value_off_the_axis_is_not_drawn() -> None:
    loss = Finding(
        id="l", check="performance.x", measure="loss", status="measured", value=3.0, unit="nat"
    )
    rate = loss.model_copy(update={"id": "r", "unit": "rate", "value": 0.5})
    [table] = outline.families([loss, rate])["performance"]
    assert table.axis == (0.0, 1.0)
    assert interval.mark(loss, table) is None and interval.mark(rate, table)


def test_two_names_that_differ_look_different() -> None:
    names = ["ab", "a\u200bb", "a\u202eb", "a\u2066b", "a\u00adb", "a\ud800b", "a\ufeffb"]
    shown = {visible(n) for n in names}
    assert len(shown) == len(names)
    assert visible("Ünï 中文 🙂") == "Ünï 中文 🙂"


def test_reports_load_no_heavy_library() -> None:
    script = (
        "import sys, evenhand.audit.reports; "
        "print(sorted({'jinja2', 'matplotlib', 'yaml', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT.parents[1],
    )
    assert run.stdout.strip() == "[]"
