"""Both languages say the same things, and every text is used."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import get_args

import pytest

import evenhand.dashboard as dashboard
from evenhand.audit.finding import STATUSES
from evenhand.dashboard.frames.findings import MARKS
from evenhand.dashboard.i18n import LANGUAGES, Translator, language, texts
from evenhand.policies.schema import LegalStatus
from evenhand.policies.verdict import (
    VERDICT_STATUSES,
    Decision,
    ItemKind,
    Obligation,
    Severity,
    ThresholdOrigin,
)

FOLDER = Path(dashboard.__file__).parent
FILES = sorted([*FOLDER.rglob("*.py"), *FOLDER.rglob("*.j2")])
SOURCE = "\n".join(file.read_text("utf-8") for file in FILES)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_languages_have_the_same_keys() -> None:
    assert set(texts("en")) == set(texts("zh"))


@pytest.mark.parametrize("key", sorted(texts("en")))
def test_languages_have_the_same_fields(key: str) -> None:
    assert fields(texts("en")[key]) == fields(texts("zh")[key])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_is_empty(lang: str) -> None:
    # Chinese sentences follow each other without a space
    empty = {key for key, text in texts(lang).items() if not text}
    assert empty <= {"sentence.space"}


def literal_keys() -> set[str]:
    """Keys written out in the source, as whole strings."""
    return set(re.findall(r"""["']([a-z_]+(?:\.[a-z_]+)+)["']""", SOURCE)) | {"yes", "no", "colon"}


def prefixes() -> set[str]:
    """What stands before a field in ``f"prefix.{...}"`` or first in ``term("prefix", ...)``."""
    made = set(re.findall(r'f"([a-z_.]+\.)\{', SOURCE))
    return made | {f"{kind}." for kind in re.findall(r"""\.term\(\s*["']([a-z]+)["']""", SOURCE)}


def test_every_text_is_used() -> None:
    known, starts = literal_keys(), tuple(prefixes())
    unused = {
        key
        for key in texts("en")
        if key not in known
        and key.removesuffix(".one").removesuffix(".other") not in known
        and not key.startswith(starts)
    }
    assert not unused


def test_every_key_that_the_source_names_exists() -> None:
    called = re.findall(r"""\bt(?:\.md)?\(\s*["']([a-z_.]+)["']""", SOURCE)
    counted = re.findall(r"""\bt\.count\(\s*["']([a-z_.]+)["']""", SOURCE)
    assert called and counted
    assert not set(called) - set(texts("en"))
    assert not {f"{key}.{n}" for key in counted for n in ("one", "other")} - set(texts("en"))


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("verdict", VERDICT_STATUSES),
        ("finding", STATUSES),
        ("severity", get_args(Severity)),
        ("obligation", get_args(Obligation)),
        ("origin", get_args(ThresholdOrigin)),
        ("decision", get_args(Decision)),
        ("kind", get_args(ItemKind)),
        ("legal", get_args(LegalStatus.model_fields["state"].annotation)),
        ("mark", [mark for mark in MARKS if mark != "undefined"]),
        ("state", ("sealed", "altered", "unreadable", "missing")),
    ],
)
def test_every_status_has_a_word(prefix: str, names: tuple[str, ...]) -> None:
    assert not {f"{prefix}.{name}" for name in names} - set(texts("zh"))


def test_the_link_wins_over_the_browser() -> None:
    assert language("en", "zh-CN") == "en"
    assert language(None, "zh-Hant-TW") == "zh"
    assert language(None, "de-DE") == "en"
    assert language("<script>", "zh") == "zh"


def test_fields_are_escaped_in_markdown_only() -> None:
    t = Translator("en")
    assert t("finding.unknown", id="a*b") == "This case has no finding a*b."
    assert t.md("finding.unknown", id="a*b") == "This case has no finding a\\*b."
    assert t.md("finding.unknown", id="{0.__class__}").count("class") == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_status_is_called_as_reports_call_it(lang: str) -> None:
    from evenhand.audit.reports.parts.words import words

    own, theirs = texts(lang), words(lang)
    assert {s: own[f"verdict.{s}"] for s in VERDICT_STATUSES} == {
        s: theirs.term("status", s) for s in VERDICT_STATUSES
    }
