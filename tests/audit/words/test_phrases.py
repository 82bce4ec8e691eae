"""Every sentence in the source has its Chinese one, and none is put together out of its sight."""

from __future__ import annotations

import ast
import pickle
import re
import string
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from evenhand.audit.errors import InputError, RowError, nearest
from evenhand.audit.reason import because
from evenhand.audit.words.phrases import (
    as_is,
    in_language,
    language_of,
    phrase,
    speaking,
    table,
)
from tests.source import ROOT, modules


@cache
def trees() -> Mapping[Path, ast.Module]:
    """Every module of the project, parsed once."""
    return {path: ast.parse(path.read_text("utf-8")) for _, path in modules()}


@cache
def errors() -> frozenset[str]:
    """Names of EvenhandError and of every class in the source that is one."""
    found, before = {"EvenhandError"}, 0
    classes = [n for tree in trees().values() for n in tree.body if isinstance(n, ast.ClassDef)]
    while len(found) > before:
        before = len(found)
        found |= {c.name for c in classes if {getattr(b, "id", "") for b in c.bases} & found}
    return frozenset(found)


# What prints a text that is written out in the call of a command: headers of tables too.
SAYING = frozenset({"show", "table", "say"})


def _texts(node: ast.expr) -> Iterator[ast.expr]:
    """The alternatives of a text: both of ``a if b else c``."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    else:
        yield node


@cache
def said() -> tuple[tuple[str, ast.Call, ast.expr], ...]:
    """Each text that an error or a phrase is made of: where, the call, the text."""
    return tuple(
        (f"{file.relative_to(ROOT)}:{text.lineno}", call, text)
        for file, tree in trees().items()
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call))
        for given in _given(call, SAYING if "commands" in file.parts else frozenset())
        for text in _texts(given)
    )


def _given(call: ast.Call, printed: frozenset[str]) -> Iterator[ast.expr]:
    """What a call that says something is given to say."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name not in errors() | {"phrase"} | printed or not call.args:
        return
    yield call.args[0]
    yield from (k.value for k in call.keywords if k.arg == "remedy" and name in errors())
    for second in call.args[1:2]:
        if name == "table" and isinstance(second, ast.List):
            yield from second.elts


@cache
def templates() -> Mapping[str, str]:
    """Sentences by where they are said; what is of fields and signs alone is said in every
    language."""
    return {
        text.value: where
        for where, _, text in said()
        if isinstance(text, ast.Constant)
        and re.search(r"[A-Za-z]{2}", re.sub(r"\{[^}]*\}|evenhand [a-z]+", "", text.value))
    }


def _fields(template: str) -> set[str]:
    return {
        f"{name}!{conversion or ''}:{spec}"
        for _, name, spec, conversion in string.Formatter().parse(template)
        if name is not None
    }


def test_no_sentence_is_put_together_out_of_sight() -> None:
    """An f-string or a sum has no template; a text that comes from elsewhere goes through a name or
    a call."""
    made = [w for w, _, t in said() if isinstance(t, ast.JoinedStr | ast.BinOp)]
    assert not made, f"write a template with named fields: {made}"
    assert len(said()) > 1_000


def test_every_sentence_is_in_the_table_with_the_same_fields() -> None:
    lacking = {where: text for text, where in templates().items() if text not in table()}
    assert not lacking, f"add to phrases.zh.json: {lacking}"
    wrong = {e: z for e, z in table().items() if _fields(e) != _fields(z)}
    assert not wrong
    assert not set(table()) - set(templates()), "no longer said: take it out of phrases.zh.json"


def test_the_chinese_is_chinese() -> None:
    """But for commands, which are typed as they are."""
    plain = re.compile(r"[一-鿿]|^\W*(pip install|options:|--|n=|temperature=|attribute|p（)")
    assert [z for z in table().values() if not plain.search(z)] == []


def test_fields_are_given_to_every_template() -> None:
    """Each field of a message or remedy is an argument of the call that says it."""
    lacking, checked = [], 0
    for where, call, text in said():
        if not isinstance(text, ast.Constant) or any(k.arg is None for k in call.keywords):
            continue
        given = {k.arg for k in call.keywords} - {"remedy"}
        if given:
            named = {f.partition("!")[0] for f in _fields(text.value)} - {"row"}
            lacking += [(where, name) for name in named if name not in given]
            checked += 1
    assert not lacking
    assert checked > 500


def test_what_an_error_says_in_both_languages() -> None:
    error = InputError("data file {file} is empty", remedy=nearest("a", ["b", "c"]), file="x.csv")
    error.notes = because("no-rows")
    assert str(error) == "data file x.csv is empty\n  note: no rows\n  -> known: b, c"
    with speaking("zh"):
        assert str(error).splitlines()[0] == "数据文件 x.csv 是空的"
        assert str(error).splitlines()[2] == "  -> 已知的有：b, c"
    assert str(error).startswith("data file")


def test_a_row_is_named_in_the_language() -> None:
    template = "column {column!r} is empty in {row} ({missing} such rows)"
    error = RowError(template, 6, column="c{0}", missing=2)
    assert error.message == "column 'c{0}' is empty in row 7 (2 such rows)"
    assert in_language(error.message, "zh") == "列 'c{0}' 在第 7 行为空（这样的行有 2 行）"
    moved = error.of_file(range(100, 200))
    assert in_language(moved.message, "zh").startswith("列 'c{0}' 在第 106 行为空")
    assert error.around() == ("column 'c{0}' is empty in ", " (2 such rows)")


def test_others_words_stay_as_they_are() -> None:
    assert in_language(as_is("{file} {0}"), "zh") == "{file} {0}"
    assert in_language("plain", "zh") == "plain"
    assert in_language(phrase("note: {note}", note=because("no-rows")), "zh").startswith("提示：")
    inner = ValueError(phrase("it is not an object"))
    assert in_language(phrase("note: {note}", note=inner), "zh") == "提示：它不是对象"


@pytest.mark.parametrize("text", [phrase("row {row}", row=1), phrase("add rows")])
def test_a_phrase_is_a_text_that_can_be_sent(text: str) -> None:
    again = pickle.loads(pickle.dumps(text))
    assert again == text
    assert in_language(again, "zh") == in_language(text, "zh")


def test_the_surroundings_say_which_language() -> None:
    assert language_of({"LANG": "zh_TW.UTF-8"}) == "zh"
    assert language_of({"LC_ALL": "en_US", "LANG": "zh_CN"}) == "en"
    assert language_of({}) == "en"
