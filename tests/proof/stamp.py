"""What a cell's draws were made by: the commit, and a digest of the code that they went through."""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What can change a number: how it is measured, and how the advice on rows is worked out
_FOLLOWED = ("evenhand.audit.measure", "evenhand.policies.deciding.power", "tests.proof")


def commit() -> str:
    """The commit of the working tree, with a + where it has changes."""

    def git(*words: str) -> str:
        found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return found.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "audit", "policies", "tests")
    return git("rev-parse", "--short=9", "HEAD") + ("+" if changed else "")


@cache
def code_of(module: str) -> str:
    """A digest of a module of the proof and of all that it measures with, read anew by ``ast``."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += _imported(name)
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(name.encode() + _source(name))
    return digest.hexdigest()[:12]


def _path(module: str) -> Path | None:
    inside = module.removeprefix("evenhand.").replace(".", "/")
    for place in (ROOT / f"{inside}.py", ROOT / inside / "__init__.py"):
        if place.is_file():
            return place
    return None


def _source(module: str) -> bytes:
    place = _path(module)
    return b"" if place is None else place.read_bytes()


def _imported(module: str) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        elif isinstance(node, ast.Import):
            names += [a.name for a in node.names]
    return [n for n in names if n.startswith(_FOLLOWED) and _path(n) is not None]


def module_of(draw: object) -> str:
    """The module whose function made a cell's ``draw``."""
    return str(getattr(draw, "__module__", sys.modules[__name__].__name__))
