"""Reasons: every code that is used has its words in both languages, and every word is used."""

from __future__ import annotations

import ast
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter

import numpy as np
import pytest
from pydantic import ValidationError

from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.reason import (
    QUOTED,
    Reason,
    because,
    listed,
    named,
    quoted,
    reasons_json,
    sentences,
)
from evenhand.audit.words.reasons import render, render_json, table
from tests.source import modules

ROOT = Path(__file__).parents[3]
LANGUAGES = ("en", "zh")
KINDS = {"", "text", "word", "sentences"}
# Codes that the constructors of ``audit/reason.py`` make, beside ``because``.
MADE = {QUOTED}
TABLE = table()["reasons"]
WORDS = table()["words"]


def uses() -> Iterator[tuple[str, ast.Call]]:
    """(place, call) of every ``because(...)`` of ours."""
    for room in ("audit", "policies", "trainers", "dashboard"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "because":
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def parameters(template: str) -> dict[str, str]:
    return {name: kind or "" for _, name, kind, _ in Formatter().parse(template) if name}


def test_every_code_that_is_used_is_in_the_table_with_its_parameters() -> None:
    used, wrong = set(), []
    for place, call in uses():
        (code,) = call.args
        if not isinstance(code, ast.Constant) or code.value not in TABLE:
            wrong.append(f"{place}: the code is written out, and in the table")
            continue
        used.add(code.value)
        given = {keyword.arg for keyword in call.keywords}
        if given != set(parameters(TABLE[code.value]["en"])):
            wrong.append(f"{place}: {code.value} has the parameters {sorted(map(str, given))}")
    assert len(used) > 150  # they were found at all
    assert wrong == []
    assert set(TABLE) - used - MADE == set(), "words that nothing says"


def test_no_code_is_written_twice() -> None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
        return dict(pairs)

    text = (ROOT / "audit/words/reasons.json").read_text("utf-8")
    assert json.loads(text, object_pairs_hook=once).keys() == {"reasons", "words"}
    sentences = [words["en"] for words in TABLE.values()]
    assert len(sentences) == len(set(sentences)), "one sentence has one code"


@pytest.mark.parametrize("kind", ["reasons", "words"])
def test_both_languages_say_the_same_of_the_same(kind: str) -> None:
    for code, words in table()[kind].items():
        assert tuple(words) == LANGUAGES, code
        assert parameters(words["en"]) == parameters(words["zh"]), code
        assert set(parameters(words["en"]).values()) <= KINDS, code
        assert all(words[lang].strip() for lang in LANGUAGES), code


def test_chinese_words_hold_no_english_sentence() -> None:
    # commands, options, keys and names of measures stay as they are
    for code, words in {**TABLE, **WORDS}.items():
        left = re.sub(r"\{[^}]*\}|--[a-z-]+|[a-z]+(_[a-z]+)+|[a-z]+\.[a-z]+", "", words["zh"])
        assert not re.search(r"[a-z]{3,} [a-z]{2,}", left), code


def test_a_reason_by_hand() -> None:
    left_out = named({"a": because("no-positive-labels"), "b": because("no-rows")})
    told = because("no-rows") + because("left-out", names=left_out) + quoted("ValueError: x")
    assert render(told) == "no rows; left out: a (no positive labels), b (no rows); ValueError: x"
    assert render(told, "zh") == (
        "没有数据行；未计入：a（没有正类标签）、b（没有数据行）；原文“ValueError: x”"
    )
    assert render(()) == "" and quoted("") == ()


def test_a_long_list_says_how_many_more() -> None:
    names = listed([f"g{i}" for i in range(11)], shown=2)
    assert render(because("reads", features=names)) == "reads g0, g1 and 9 more"
    assert render(because("reads", features=names), "zh") == "读取 g0、g1 等另 9 个"
    assert listed("ab", shown=2) == ("a", "b")


def test_numbers_are_told_by_one_rule() -> None:
    small = because("too-small", n=np.int64(1234), least=np.float64(2.5))
    assert render(small) == "too small to compare: 1,234 rows, the minimum is 2.5"
    share = because("under-share", share=0.02, n=3, rate=1 / 3)
    assert render(share).endswith(
        "under 0.02 of the people in its table, left out: 3 people, rate 0.333"
    )
    odd = because("too-small", n=float("nan"), least=True)
    assert render(odd) == "too small to compare: nan rows, the minimum is True"


def test_names_of_strangers_are_made_visible_and_never_read_as_words() -> None:
    for name in ("{0} and (no rows)", "{why}", "a; b", "%s", "other "):
        told = because("reads", features=[name])
        assert render(told) == f"reads {name}".rstrip() + " " * name.endswith(" ")
    assert render(because("reads", features=["a\u202eb\n"])) == "reads a⟨U+202E⟩b⟨U+000A⟩"
    # a name that is one of our words is a name all the same
    assert render(because("reads", features=["columns"]), "zh") == "读取 columns"
    assert render(because("one-part", part="column"), "zh") == "只有一个列，没有次序"


def test_records_keep_what_was_said() -> None:
    said = because("left-out", names=listed(named({"a": because("no-rows")}))) + quoted("b")
    plain = json.loads(json.dumps(reasons_json(said)))
    assert sentences(plain) == said
    assert pickle.loads(pickle.dumps(said)) == said
    finding = Finding(id="i", check="c", measure="m", status="undefined", reason=said)
    assert Finding.model_validate_json(finding.model_dump_json()) == finding
    assert Finding.model_validate(finding.to_json()) == finding
    shown = finding.to_json()
    assert shown["reason"] == finding.reason_text() == "left out: a (no rows); b"
    assert shown["reason_codes"] == plain
    assert render_json(shown, "zh") == "未计入：a（没有数据行）；原文“b”"
    assert render_json({"reason": "of old"}, "zh") == "原文“of old”"


def test_a_text_is_quoted() -> None:
    assert sentences("no luck") == (Reason(QUOTED, {"text": "no luck"}),)
    finding = Finding(id="i", check="c", measure="m", status="error", reason="boom; again")
    assert (finding.reason_text(), len(finding.reason)) == ("boom; again", 1)
    need = MissingNeed("a third party's words")
    assert (str(need), need.reason) == ("a third party's words", quoted("a third party's words"))
    assert str(MissingNeed(because("no-rows"))) == "no rows"


@pytest.mark.parametrize(
    "reason",
    [
        7,
        None,
        {"code": "no-rows", "parameters": {}},
        ["no-rows"],
        [{"code": "no-rows"}],
        [{"code": "", "parameters": {}}],
        [{"code": "x" * 101, "parameters": {}}],
        [{"code": 7, "parameters": {}}],
        [{"code": "a", "parameters": []}],
        [{"code": "a", "parameters": {"x": None}}],
        [{"code": "a", "parameters": {"x": True}}],
        [{"code": "a", "parameters": {"x": float("inf")}}],
        [{"code": "a", "parameters": {"x": [7]}}],
        [{"code": "a", "parameters": {}, "more": 1}],
    ],
)
def test_what_is_no_reason_is_refused(reason: object) -> None:
    with pytest.raises(ValidationError):
        Finding.model_validate(
            {"id": "i", "check": "c", "measure": "m", "status": "error", "reason": reason}
        )


def nest(depth: int) -> Mapping[str, object]:
    inner: Mapping[str, object] = {"code": "no-rows", "parameters": {}}
    for _ in range(depth):
        inner = {"code": "proxy", "parameters": {"why": [inner]}}
    return inner


def test_reasons_that_nest_without_end_are_refused() -> None:
    assert render(sentences([nest(3)])) == "a proxy: a proxy: a proxy: no rows"
    with pytest.raises(ValueError, match="nest deeper"):
        sentences([nest(100)])


def test_an_unknown_code_and_a_missing_parameter_are_shown_not_hidden() -> None:
    assert render((Reason("of-tomorrow", {"n": 3, "names": ("a", "b")}),)) == (
        "of-tomorrow (n=3, names=a, b)"
    )
    assert render((Reason("too-small", {"n": 3}),), "zh") == "too-small (n=3)"
    # a parameter of another kind than its place has is shown as what it is
    odd = Reason("too-small", {"n": "many", "least": (Reason("no-rows", {}),)})
    assert render((odd,)) == "too small to compare: many rows, the minimum is no rows"


def test_what_readers_do_is_said_in_codes() -> None:
    """Only what somebody else wrote is quoted: a maker, another library, an item of a pack."""
    from evenhand.audit.data.table import DONE_BY_READERS

    assert set(table()["reasons"]) >= DONE_BY_READERS
    quoting = {
        str(path.relative_to(ROOT))
        for _, path in modules()
        if re.search(r"(?<!def )\bquoted\(", path.read_text("utf-8"))
    }
    assert quoting == {
        "audit/checks/privacy/ledger.py",
        "audit/reason.py",
        "audit/run/run.py",
        "policies/deciding/worsening.py",
    }
