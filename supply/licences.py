"""Under which licence each locked package may be used, and the table of it in docs/licences.md.

A package's own metadata decide: ``License-Expression``, else the field ``License``, else its
classifiers, else the text of its licence file. What is installed is read where it lies; what
belongs to other systems is asked of the index (``pip install --dry-run --report``).
What can't be read so, or leaves a choice, has a line in ``CHOSEN``, with its reason.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from supply.packages import ROOT, Package, known, normal

PAGE = ROOT / "docs" / "licences.md"

# Licences that ask for no more than notices, each an SPDX identifier.
PERMISSIVE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC"),
        *("CNRI-Python", "HPND", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0"),
        *("Unlicense", "Zlib"),
    }
)
# Changed files of the package itself stay under its licence; what imports it does not.
WEAK_COPYLEFT = frozenset(
    {
        *("LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"),
        *("MPL-1.1", "MPL-2.0"),
    }
)
NVIDIA = "LicenseRef-NVIDIA-Proprietary"
# Packages that may stand under something else, by the beginning of their names, and why.
EXCEPTIONS: Mapping[str, tuple[str, str]] = {
    "nvidia-": (NVIDIA, "brought by torch for Linux from the public index; CPU builds bring none"),
    "cuda-toolkit": (NVIDIA, "an empty package that names NVIDIA's; it declares nothing"),
}
# What metadata can't say in one way: (licence, why).
CHOSEN: Mapping[str, tuple[str, str]] = {
    "pyphen": (
        "MPL-1.1",
        "offered under GPL-2.0-or-later, LGPL-2.1-or-later or MPL-1.1: used under the last",
    ),
    "cuda-toolkit": EXCEPTIONS["cuda-toolkit"],
}

_ALIASES: Mapping[str, str] = {
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license v2.0": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "isc license": "ISC",
    "mit license": "MIT",
    "lgpl-2.1": "LGPL-2.1-only",
    "psfl": "PSF-2.0",
    "nvidia proprietary software": NVIDIA,
    NVIDIA.lower(): NVIDIA,
    # classifiers
    "apache software license": "Apache-2.0",
    "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
_PAGE = """# Licences

Made by `make lock`; don't edit. evenhand itself is under Apache-2.0, and its wheel contains no
other project's code. What `pip install evenhand` brings from the index (core), or an extra adds,
each by its own metadata ({n} packages); a test fails on any licence that is neither permissive nor
listed here with its reason.

Weak copyleft (changes to the package itself stay under its licence; importing it asks for nothing):
{weak}.

NVIDIA's packages come with torch for Linux from the public index, under NVIDIA's terms. An index of
CPU builds (`TORCH_INDEX`, see the README) brings none; the locks hold the hashes of the public
builds, so that `--require-hashes` refuses those of another index.

| package | version | comes with | licence | note |
|---|---|---|---|---|
{rows}

Only for developing: {developing}.
"""
_BSD = "BSD License"  # the classifier does not say which
_WITH = re.compile(r"(\S+) WITH \S+")


def read(package: Package) -> Package:
    """The package with what its metadata declare, and the licence that follows from it.

    Ends the process where no licence follows: read the package's files, and give it a line in
    ``CHOSEN``.
    """
    facts = _facts(package)
    declared = _declared(facts)
    licence, note = CHOSEN.get(package.name, ("", ""))
    for prefix, (excepted, why) in EXCEPTIONS.items():
        if package.name.startswith(prefix) and excepted in _expression(facts):
            licence, note = excepted, why
    licence = licence or _expression(facts)
    if not licence:
        sys.exit(f"{package.name} {package.version} declares {declared!r}: add it to CHOSEN")
    return dataclasses.replace(package, declared=declared, licence=licence, note=note)


def identifiers(expression: str) -> frozenset[str]:
    """The licences that an expression names; an exception (WITH) only adds permissions.

    >>> sorted(identifiers("Apache-2.0 WITH LLVM-exception AND (MIT OR BSD-2-Clause)"))
    ['Apache-2.0', 'BSD-2-Clause', 'MIT']
    """
    return frozenset(re.findall(r"[\w.+-]+", _WITH.sub(r"\1", expression))) - {"AND", "OR"}


def write_table() -> None:
    """Writes docs/licences.md from what is known."""
    PAGE.write_text(table(known()), "utf-8")


def table(packages: tuple[Package, ...]) -> str:
    """The page: what each package may be used under, and who gets it."""
    shipped = [p for p in packages if p.shipped]
    rows = [_row(p) for p in shipped]
    weak = sorted({p.name for p in shipped if identifiers(p.licence) & WEAK_COPYLEFT})
    developing = sorted({p.name for p in packages if not p.shipped})
    return _PAGE.format(
        n=len(shipped),
        weak=", ".join(weak),
        rows="\n".join(rows),
        developing=", ".join(developing),
    )


def _row(package: Package) -> str:
    comes = ", ".join(g for g in package.groups if g != "dev" or package.groups == ("dev",))
    comes += f" ({package.marker})" if package.marker else ""
    cells = (package.name, package.version, comes, package.licence, package.note)
    return "| " + " | ".join(cell.replace("|", "or") for cell in cells) + " |"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a package's metadata and licence files say."""

    expression: str
    licence: str
    classifiers: tuple[str, ...]
    text: str


def _facts(package: Package) -> Facts:
    try:
        installed = importlib.metadata.distribution(package.name)
    except importlib.metadata.PackageNotFoundError:
        return _asked(package)
    if installed.version.partition("+")[0] != package.version:
        return _asked(package)
    meta: Any = installed.metadata
    return Facts(
        meta.get("License-Expression") or "",
        meta.get("License") or "",
        tuple(c for c in meta.get_all("Classifier") or () if c.startswith("License ::")),
        "\n".join(_licence_files(installed)),
    )


def _licence_files(installed: importlib.metadata.Distribution) -> Iterator[str]:
    for file in installed.files or ():
        if re.search(r"(?i)\b(licen[sc]e|copying)\b", file.name) and ".dist-info" in str(file):
            yield Path(str(installed.locate_file(file))).read_text("utf-8", "replace")


def _asked(package: Package) -> Facts:
    meta = _of_index().get(f"{package.name}=={package.version}")
    if meta is None:
        sys.exit(f"the index has no metadata of {package.name} {package.version}")
    return Facts(
        meta.get("license_expression") or "",
        meta.get("license") or "",
        tuple(c for c in meta.get("classifier") or () if c.startswith("License ::")),
        meta.get("description") or "",
    )


_WANTED: list[Package] = []
# Without a target pip takes no platform; in a dry run nothing is written there.
_WINDOWS = ("--platform", "win_amd64", "--only-binary", ":all:", "--target", "unused")


def want(packages: list[Package]) -> None:
    """Says which packages will be asked about, so that the index is asked once."""
    _WANTED.extend(packages)


@cache
def _of_index() -> Mapping[str, Mapping[str, Any]]:
    """The index's metadata of what isn't installed here, by ``name==version``."""
    missing = [p for p in _WANTED if not _is_installed(p)]
    windows = [p for p in missing if "sys_platform == 'win32'" in p.marker]
    others = [p for p in missing if p not in windows]
    return {**_reported(others), **_reported(windows, *_WINDOWS)}


def _reported(packages: list[Package], *options: str) -> Mapping[str, Mapping[str, Any]]:
    if not packages:
        return {}
    if int(importlib.metadata.version("pip").split(".")[0]) < 25:
        sys.exit("this pip doesn't read License-Expression: pip install 'pip>=25.1'")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
    command += ["--no-deps", "--ignore-requires-python", "--quiet", "--report", "-", *options]
    pins = [f"{p.name}=={p.version}" for p in packages]
    done = subprocess.run([*command, *pins], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found = (row["metadata"] for row in json.loads(done.stdout)["install"])
    return {f"{normal(m['name'])}=={m['version'].partition('+')[0]}": m for m in found}


def _is_installed(package: Package) -> bool:
    try:
        return importlib.metadata.version(package.name).partition("+")[0] == package.version
    except importlib.metadata.PackageNotFoundError:
        return False


def _declared(facts: Facts) -> str:
    if facts.expression:
        return facts.expression
    classifiers = "; ".join(c.rpartition("::")[2].strip() for c in facts.classifiers)
    first = facts.licence.strip().split("\n")[0][:60]
    return first if first and len(facts.licence) < 60 else classifiers or first


def _expression(facts: Facts) -> str:
    """An SPDX expression, or nothing where metadata and files don't lead to one."""
    if facts.expression:
        return " AND ".join(
            dict.fromkeys(_ALIASES.get(facts.expression.lower(), facts.expression).split(" AND "))
        )
    field = facts.licence.strip()
    if _ALIASES.get(field.lower()):
        return _ALIASES[field.lower()]
    if field in PERMISSIVE | WEAK_COPYLEFT or re.fullmatch(r"[\w.-]+( (AND|OR) [\w.-]+)+", field):
        return field
    names = [c.rpartition("::")[2].strip() for c in facts.classifiers]
    if len(names) == 1 and names[0] == _BSD:
        return _of_text(field) or _of_text(facts.text) or "BSD-3-Clause"
    if len(names) == 1 and _ALIASES.get(names[0].lower()):
        return _ALIASES[names[0].lower()]
    return _of_text(field) or _of_text(facts.text)


def _of_text(text: str) -> str:
    """The licence that a text is, by the sentence that only it has."""
    plain = re.sub(r"\s+", " ", text)
    if said := re.search(r"SPDX-License-Identifier: ([\w.-]+)", plain):
        return said[1]
    if "Apache License" in plain and "Version 2.0" in plain:
        return "Apache-2.0"
    if "Redistribution and use in source and binary forms" in plain:
        named = re.search(r"(?i)neither the names? of|names? of .{0,80} may not be used", plain)
        return "BSD-3-Clause" if named else "BSD-2-Clause"
    if "Permission is hereby granted, free of charge" in plain:
        return "MIT"
    return ""


def allowed(package: Package) -> bool:
    """Whether the licence is permissive, weak copyleft, or an exception that is listed."""
    if identifiers(package.licence) <= PERMISSIVE | WEAK_COPYLEFT:
        return True
    return any(
        package.name.startswith(prefix) and package.licence == licence
        for prefix, (licence, _) in EXCEPTIONS.items()
    )


if __name__ == "__main__":
    write_table()
