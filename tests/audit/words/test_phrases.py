"""Every sentence in the source has its Chinese one, and none is put together out of its sight."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

from evenhand.audit import errors

ROOT = Path(__file__).parents[3]
ROOMS = ("audit", "policies", "trainers", "dashboard")


def _subclasses(kind: type) -> set[str]:
    return {kind.__name__}.union(*(_subclasses(k) for k in kind.__subclasses__()))


ERRORS = _subclasses(errors.EvenhandError) | {"RefusedError"}


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
            if name not in ERRORS | {"phrase"} or not call.args:
                continue
            remedy = [k.value for k in call.keywords if k.arg == "remedy" and name != "phrase"]
            for given in (call.args[0], *remedy):
                for text in _texts(given):
                    yield f"{file.relative_to(ROOT)}:{text.lineno}", call, text


SAID = list(_said())
TEMPLATES = {t.value: w for w, _, t in SAID if isinstance(t, ast.Constant) and t.value}


def _fields(template: str) -> set[str]:
    return {
        f"{name}!{conversion or ''}:{spec}"
        for _, name, spec, conversion in string.Formatter().parse(template)
        if name is not None
    }
