"""The locks hold every package that pyproject.toml leads to, with hashes, and name no index."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply.lock import parsed
from supply.packages import CORE, LOCKS, ROOT, extras, known, project

FILES = sorted(LOCKS.glob("*.txt"))
ALONE = ("release",)


def pins(name: str) -> dict[str, set[str]]:
    """The versions of each package in a lock; an extra's lock stands beside the core's."""
    files = [name] if name in (CORE, *ALONE) else [CORE, name]
    found: dict[str, set[str]] = {}
    for file in files:
        for one in parsed((LOCKS / f"{file}.txt").read_text("utf-8")):
            found.setdefault(one.name, set()).add(one.version)
    return found


def needs(requirement: Requirement) -> Iterator[Requirement]:
    """What an installed package asks for here, with the extras that are asked of it."""
    try:
        declared = importlib.metadata.requires(requirement.name) or []
    except importlib.metadata.PackageNotFoundError:
        return  # of another system
    for text in declared:
        need = Requirement(text)
        wanted = {"", *requirement.extras}
        if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in wanted):
            yield need


def test_there_is_a_lock_for_each_extra() -> None:
    assert {p.stem for p in FILES} == {CORE, *ALONE, *extras()}


@pytest.mark.parametrize("extra", [CORE, *extras()])
def test_a_lock_covers_what_is_installed_for_it(extra: str) -> None:
    """Followed through the metadata of what is installed: another way than the resolver's."""
    table = project()
    first = table["dependencies"] + ([] if extra == CORE else table["optional-dependencies"][extra])
    locked = pins(extra)
    waiting = [Requirement(text) for text in first]
    seen: set[str] = set()
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        assert name in locked, f"{name} is in no lock of {extra}: make lock"
        assert all(need.specifier.contains(v, prereleases=True) for v in locked[name]), (
            f"locks/{extra}.txt has {name} {locked[name]}, and {need} is needed: make lock"
        )
        if str(need) not in seen:
            seen.add(str(need))
            waiting += needs(need)
    assert len(seen) >= len(first)


def test_every_pin_has_hashes_and_no_lock_names_a_host() -> None:
    count = 0
    for file in FILES:
        text = file.read_text("utf-8")
        assert "http" not in re.sub(r"(?m)^[\w.-]+==.*$", "", text) and "index" not in text
        for one in parsed(text):
            count += 1
            assert one.hashes, f"{file.name}: {one.name} has no hash"
            assert len(set(one.hashes)) == len(one.hashes)
    assert count >= 200


def test_a_package_has_one_version_everywhere() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    constrained = dict(line.split(" ;")[0].split("==") for line in lines if "==" in line)
    assert constrained == {p.name: p.version for p in known()}
    for file in FILES:
        for name, versions in pins(file.stem).items():
            assert versions == {constrained[name]}, (file.name, name)
