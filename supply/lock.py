"""Locks every package that pyproject.toml leads to, with hashes: ``python -m supply.lock``.

``uv`` (named in the Makefile) resolves for every system and Python that evenhand supports, by the
public index alone, whose metadata hold the hashes. ``constraints.txt`` holds the versions: what it
names is kept, what it lacks is added; delete a line to have the newest release that fits.
``locks/core.txt`` is what ``pip install evenhand`` brings; ``locks/EXTRA.txt`` is what an extra
adds; ``locks/release.txt`` is what builds and describes a release, by itself.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from supply import licences
from supply.packages import CORE, LOCKS, ROOT, Package, extras, keep, normal

CONSTRAINTS = ROOT / "constraints.txt"
OLDEST = "3.11"
_PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>.+?))?\s*\\?$")
_RELEASE = "release"
_HEADER = """\
# Made by `make lock`; don't edit. {what}
#   pip install --require-hashes {files}
"""


@dataclass(frozen=True)
class Locked:
    """One release in the answer of the resolver."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    needed_by: tuple[str, ...]

    def lines(self) -> str:
        """As pip reads it."""
        marker = f" ; {self.marker}" if self.marker else ""
        return " \\\n    ".join(
            (f"{self.name}=={self.version}{marker}", *(f"--hash={h}" for h in self.hashes))
        )


def main() -> None:
    """Resolves, and writes constraints.txt, ``locks`` and docs/licences.md."""
    everything = resolved("pyproject.toml", *_extras(*extras()))
    _write_constraints(everything)
    groups = {CORE: resolved("pyproject.toml")}
    groups |= {extra: resolved("pyproject.toml", *_extras(extra)) for extra in extras()}
    LOCKS.mkdir(exist_ok=True)
    core = {_key(one) for one in groups[CORE]}
    for group, found in groups.items():
        added = [one for one in found if group == CORE or _key(one) not in core]
        (LOCKS / f"{group}.txt").write_text(_text(group, added), "utf-8")
    release = resolved(f"--group=pyproject.toml:{_RELEASE}")
    (LOCKS / f"{_RELEASE}.txt").write_text(_text(_RELEASE, release), "utf-8")
    packages = [_package(one, groups) for one in everything]
    licences.want(packages)
    keep([licences.read(package) for package in packages])
    licences.write_table()
    print(f"{len(packages)} packages in {len(groups) + 1} locks", file=sys.stderr)


def _extras(*names: str) -> list[str]:
    return [f"--extra={name}" for name in names]


def resolved(*wanted: str) -> list[Locked]:
    """What these requirements of pyproject.toml need, on every system."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "lock.txt"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "compile", *wanted),
                *("--universal", "--python-version", OLDEST, "--generate-hashes"),
                *("--annotation-style", "line", "--no-header", "--no-emit-index-url"),
                *("--quiet", "--no-config", "-c", CONSTRAINTS.name, "-o", str(out)),
            ],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PIP_"))},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{done.stderr}\nin {CONSTRAINTS.name} delete the lines that stand above")
        return list(parsed(out.read_text("utf-8")))


def parsed(text: str) -> Iterator[Locked]:
    """The releases of a lock file: a pin, its hashes, and what needs it."""
    for block in re.split(r"\n(?=\w)", text.strip()):
        first, *rest = block.splitlines()
        pin = _PIN.match(first)
        if pin is None:
            continue  # the header of a lock of ours
        hashes = sorted(re.findall(r"sha256:[0-9a-f]{64}", block))
        via = next((line for line in rest if "# via " in line), "# via ")
        named = via.split("# via ")[1].split(", ")
        ways = [way.split()[0] for way in named if way and way[:2] != "-c"]
        needed_by = sorted("" if way == "evenhand" else normal(way) for way in ways)
        yield Locked(
            normal(pin["name"]),
            pin["version"],
            pin["marker"] or "",
            tuple(hashes),
            tuple(dict.fromkeys(needed_by)),
        )


def _key(one: Locked) -> tuple[str, str, str]:
    return one.name, one.version, one.marker


def _text(group: str, found: list[Locked]) -> str:
    own = f"-r locks/{group}.txt"
    files = own if group in (CORE, _RELEASE) else f"-r locks/core.txt {own}"
    what = {CORE: "What evenhand needs.", _RELEASE: "What a release is built and described with."}
    added = f"What evenhand[{group}] adds to core.txt."
    body = "".join(one.lines() + "\n" for one in found)
    return _HEADER.format(what=what.get(group, added), files=files) + body


def _write_constraints(found: list[Locked]) -> None:
    head = [line for line in CONSTRAINTS.read_text("utf-8").splitlines() if line.startswith("#")]
    several = {one.name for one in found if sum(o.name == one.name for o in found) > 1}
    pins = [
        f"{one.name}=={one.version}" + (f" ; {one.marker}" if one.name in several else "")
        for one in found
    ]
    CONSTRAINTS.write_text("\n".join([*head, *pins]) + "\n", "utf-8")


def _package(one: Locked, groups: Mapping[str, list[Locked]]) -> Package:
    where = [
        group
        for group, found in groups.items()
        if any((o.name, o.version) == (one.name, one.version) for o in found)
    ]
    if CORE in where:
        where = [CORE]
    return Package(
        name=one.name,
        version=one.version,
        marker=one.marker,
        groups=tuple(where),
        needed_by=one.needed_by,
        declared="",
        licence="",
        note="",
    )


if __name__ == "__main__":
    main()
