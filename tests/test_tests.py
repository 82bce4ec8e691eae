"""Laws of the tests themselves: where they lie, what they import, what they can't leave empty."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source import ROOMS, ROOT

TESTS = ROOT / "tests"
# What crosses rooms: journeys through the whole dashboard in a browser.
OF_NO_ROOM = {"dashboard/journeys"}
FILES = sorted(TESTS.rglob("*.py"))
ANY_EXCEPTION = tuple(
    f"pytest.raises({kind}{end}" for kind in ("Exception", "BaseException") for end in ",)"
)
CHECKS = sorted(
    path.relative_to(ROOT / "audit" / "checks").with_suffix("")
    for path in (ROOT / "audit" / "checks").glob("*/*.py")
    if path.name != "__init__.py"
)


def names_of_tests(path: Path) -> list[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_every_check_has_a_test_file_of_its_own(check: Path) -> None:
    place = TESTS / "audit" / "checks" / check.parent / f"test_{check.name}.py"
    assert place.is_file(), f"write {place.relative_to(ROOT)}"
    assert names_of_tests(place), f"{place.relative_to(ROOT)} holds no test"


def test_there_are_checks() -> None:
    assert len(CHECKS) >= 30


def test_folders_of_tests_are_folders_of_the_packages() -> None:
    seen = 0
    for package in ROOMS:
        for path in sorted((TESTS / package).rglob("test_*.py")):
            room = path.parent.relative_to(TESTS).as_posix()
            seen += 1
            assert room in OF_NO_ROOM or (ROOT / room).is_dir(), (
                f"tests/{room} tests no folder: move {path.name} to the one that it tests"
            )
    assert seen >= 150


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(TESTS).as_posix())
def test_no_file_imports_a_test(path: Path) -> None:
    """Makers that tests share lie in helper modules, so that a test can be moved or deleted."""
    names = {path.with_suffix("").name for path in FILES if path.name.startswith("test_")}
    for name in imported(ast.parse(path.read_text("utf-8"))):
        if name.startswith("tests."):
            assert not names & set(name.split(".")), f"{path.relative_to(ROOT)} imports {name}"


def _is_always_true(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.Tuple | ast.List):
        return bool(node.elts)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return any(map(_is_always_true, node.values))
    return False


def vacuous(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Assertions that hold whatever happens, and exceptions of any kind."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and _is_always_true(node.test):
            yield node.lineno, "asserts what is always true"
        if isinstance(node, ast.Call) and ast.unparse(node).startswith(ANY_EXCEPTION):
            yield node.lineno, "takes any exception for the expected one"


def test_no_assertion_is_vacuous() -> None:
    for path in FILES:
        found = list(vacuous(ast.parse(path.read_text("utf-8"))))
        assert not found, f"{path.relative_to(ROOT)}: {found}"
    planted = "assert x or True\nassert (x, 'said')\npytest.raises(Exception)\nassert x or y"
    assert [line for line, _ in vacuous(ast.parse(planted))] == [1, 2, 3]
