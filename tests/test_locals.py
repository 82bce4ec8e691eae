"""Locals are nouns that tell a type: vague ones live for a few lines."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests.source import ROOMS, ROOT

VAGUE = frozenset({"told", "found", "asked", "given"})
A_FEW = 12  # lines from where it is bound to where it is read last
MOST_LONG = 6  # those that live for longer, in rooms that change at the same time; it only falls


def spans(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, int]:
    """Vague name that the function binds -> how many lines it lives for."""
    lines, bound = defaultdict(list), set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.arg in VAGUE:
            lines[node.arg].append(node.lineno)
            bound.add(node.arg)
        elif isinstance(node, ast.Name) and node.id in VAGUE:
            lines[node.id].append(node.lineno)
            if isinstance(node.ctx, ast.Store):
                bound.add(node.id)
    return {name: max(lines[name]) - min(lines[name]) + 1 for name in bound}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_vague_names_live_for_a_few_lines() -> None:
    read, long = 0, []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for function in functions(path):
                read += 1
                place = f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
                long += [f"{place}: {n}, {k}" for n, k in spans(function).items() if k > A_FEW]
    assert read > 3000
    assert len(long) <= MOST_LONG, f"name what it is, a noun that tells its type: {long}"


def test_the_law_sees_what_it_is_about() -> None:
    body = "\n".join(["    x = 1"] * A_FEW)
    (long, short) = ast.parse(
        f"def one(told):\n{body}\n    return told\n\ndef two():\n    found = 1\n    return found\n"
    ).body
    assert isinstance(long, ast.FunctionDef) and isinstance(short, ast.FunctionDef)
    assert spans(long) == {"told": A_FEW + 2}
    assert spans(short) == {"found": 2}


# What every module of a kind offers under one name, as the contract with third parties says: the
# sizes that a network takes.
BY_CONTRACT = frozenset({"Params"})


def test_types_have_a_name_of_their_own() -> None:
    homes = defaultdict(list)
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes[node.name].append(str(path.relative_to(ROOT)))
    shared = {name: places for name, places in homes.items() if len(places) > 1}
    assert set(shared) == BY_CONTRACT, f"a word has one meaning: name what differs: {shared}"
    assert len(homes) > 400
