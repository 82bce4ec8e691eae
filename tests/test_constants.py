"""Constants that nothing reads say what isn't so: each is read, or gone."""

from __future__ import annotations

import ast
import re

from tests.source import ROOMS, ROOT, modules


def test_no_constant_is_there_for_nothing() -> None:
    """A constant of a module is read: in it, or by a name that others use."""
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in modules()}
    read: dict[str, set[str]] = {}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            name: str | None = None
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                name = node.id
            elif isinstance(node, ast.Attribute):
                name = node.attr
            elif isinstance(node, ast.alias):
                name = node.name.rpartition(".")[2]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value if node.value.isidentifier() else None
            if name:
                read.setdefault(name, set()).add(module)
    templates = "".join(
        path.read_text("utf-8") for room in ROOMS for path in (ROOT / room).rglob("*.j2")
    )
    for name in re.findall(r"\b[A-Z][A-Z_]+\b", templates):
        read.setdefault(name, set()).add("a template")
    unread = []
    for module, tree in trees.items():
        for target in constants(tree):
            users = read.get(target, set())
            if not (users if not target.startswith("_") else users & {module}):
                unread.append(f"{module}.{target}")
    assert unread == []


def constants(tree: ast.Module) -> list[str]:
    found = []
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        found += [t.id for t in targets if isinstance(t, ast.Name)]
    return [name for name in found if not name.startswith("__")]
