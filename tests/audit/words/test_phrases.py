"""Every sentence in the source has its Chinese one, and none is put together out of its sight."""

from __future__ import annotations

import ast
import pickle
import re
import string
from collections.abc import Iterator
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

ROOT = Path(__file__).parents[3]
ROOMS = ("audit", "policies", "trainers", "dashboard")


def _errors() -> set[str]:
    """Names of EvenhandError and of every class in the source that is one."""
    found, before = {"EvenhandError"}, 0
    files = [f for room in ROOMS for f in (ROOT / room).rglob("*.py")]
    classes = [
        n
        for f in files
        for n in ast.parse(f.read_text("utf-8")).body
        if isinstance(n, ast.ClassDef)
    ]
    while len(found) > before:
        before = len(found)
        found |= {c.name for c in classes if {getattr(b, "id", "") for b in c.bases} & found}
    return found


ERRORS = _errors()


# What prints a text that is written out in the call of a command: headers of tables too.
SAYING = {"show", "table", "say"}


def _texts(node: ast.expr) -> Iterator[ast.expr]:
    """The alternatives of a text: both of ``a if b else c``."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    else:
        yield node


def _said() -> Iterator[tuple[str, ast.Call, ast.expr]]:
    """Each text that an error or a phrase is made of: where, the call, the text."""
    for file in (f for room in ROOMS for f in sorted((ROOT / room).rglob("*.py"))):
        for call in (
            n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.Call)
        ):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            printed = SAYING if "commands" in file.parts else set()
            if name not in ERRORS | {"phrase"} | printed or not call.args:
                continue
            remedy = [k.value for k in call.keywords if k.arg == "remedy" and name in ERRORS]
            lists = [a.elts for a in call.args[1:2] if name == "table" and isinstance(a, ast.List)]
            for given in (call.args[0], *remedy, *(e for elements in lists for e in elements)):
                for text in _texts(given):
                    yield f"{file.relative_to(ROOT)}:{text.lineno}", call, text


SAID = list(_said())
# Sentences by where they are said; what is of fields and signs alone is said in every language.
TEMPLATES = {
    t.value: w
    for w, _, t in SAID
    if isinstance(t, ast.Constant)
    and re.search(r"[A-Za-z]{2}", re.sub(r"\{[^}]*\}|evenhand [a-z]+", "", t.value))
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
    made = [w for w, _, t in SAID if isinstance(t, ast.JoinedStr | ast.BinOp)]
    assert not made, f"write a template with named fields: {made}"
    assert len(SAID) > 1_000


def test_every_sentence_is_in_the_table_with_the_same_fields() -> None:
    lacking = {where: text for text, where in TEMPLATES.items() if text not in table()}
    assert not lacking, f"add to phrases.zh.json: {lacking}"
    wrong = {e: z for e, z in table().items() if _fields(e) != _fields(z)}
    assert not wrong
    assert not set(table()) - set(TEMPLATES), "no longer said: take it out of phrases.zh.json"


def test_the_chinese_is_chinese() -> None:
    """But for commands, which are typed as they are."""
    plain = re.compile(r"[一-鿿]|^\W*(pip install|options:|--|n=|temperature=|attribute|p（)")
    assert [z for z in table().values() if not plain.search(z)] == []


def test_fields_are_given_to_every_template() -> None:
    """Each field of a message or remedy is an argument of the call that says it."""
    lacking, checked = [], 0
    for where, call, text in SAID:
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
    said = "column {column!r} is empty in {row} ({missing} such rows)"
    error = RowError(said, 6, column="c{0}", missing=2)
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
