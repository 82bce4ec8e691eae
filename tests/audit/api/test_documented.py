"""``import evenhand``: every name is documented, its example runs, and nothing loads before use."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

import evenhand
from tests.audit.api.people import OPTIONS, fitted, pack, people

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "python.md").read_text("utf-8")
NAMES = [name for name in evenhand.__all__ if not name.startswith("__")]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(evenhand, name))]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented_and_typed(name: str) -> None:
    thing = getattr(evenhand, name)
    assert inspect.getdoc(thing), f"{name} has no docstring"
    assert re.search(rf"\b{name}\b", PAGE), f"docs/python.md does not name {name}"
    if inspect.isfunction(thing):
        signature = inspect.signature(thing)
        assert signature.return_annotation is not inspect.Parameter.empty
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, f"{name}: {parameter}"
        assert ">>> import evenhand" in (thing.__doc__ or ""), f"{name} has no example"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {"ROWS": people(), "MODEL": fitted()}
    text = getattr(evenhand, name).__doc__
    if "CASE" in text:
        audited = evenhand.audit_predictions(
            people(),
            **{**OPTIONS, "predicted": "approved", "checks": ["performance.*"]},
            policy=only_accuracy(tmp_path),
        )
        given["CASE"] = audited.case.path
    example = doctest.DocTestParser().get_doctest(text, given, name, None, None)
    assert example.examples
    said: list[str] = []
    failed = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert failed.failed == 0, "".join(said)


def only_accuracy(folder: Path) -> str:
    """A pack without an attestation: everything in it can pass."""
    import json

    place = Path(pack(folder, "plain", 0.7))
    document = json.loads(place.read_text())
    document["items"] = document["items"][:1]
    place.write_text(json.dumps(document))
    return str(place)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of docs/python.md, in order, in one folder."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(blocks) >= 5
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)


def test_the_lazy_names_are_the_typed_ones() -> None:
    """What type checkers see is what is loaded."""
    tree = ast.parse(Path(str(evenhand.__file__)).read_text("utf-8"))
    typed = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("evenhand.")
        for alias in node.names
    }
    assert set(typed) == set(NAMES)
    for name, place in typed.items():
        module, _, attribute = place.rpartition(".")
        assert getattr(evenhand, name) is getattr(importlib.import_module(module), attribute)
    assert set(dir(evenhand)) == set(evenhand.__all__)
    with pytest.raises(AttributeError, match="no attribute 'audit_modle'"):
        evenhand.audit_modle  # noqa: B018
    assert typing.TYPE_CHECKING is False


def test_importing_it_loads_nothing() -> None:
    code = (
        "import sys, evenhand; dir(evenhand);"
        "print(sorted(m for m in sys.modules if m.startswith('evenhand') or m in"
        " ('torch', 'pandas', 'numpy', 'pydantic', 'typer')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "['evenhand', 'evenhand._started']", done.stderr


def test_nobody_inside_imports_it() -> None:
    rooms = ("audit", "policies", "trainers", "dashboard")
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    assert all(a.name != "evenhand" for a in node.names), path
                elif isinstance(node, ast.ImportFrom) and node.module == "evenhand":
                    assert {a.name for a in node.names} <= set(rooms), path
