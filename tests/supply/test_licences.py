"""Every package that a user gets is in the table, under a licence that is allowed."""

from __future__ import annotations

import dataclasses
import importlib.metadata

from license_expression import get_spdx_licensing

from supply import licences
from supply.lock import parsed
from supply.packages import LOCKS, known


def test_each_locked_package_has_a_licence_that_is_allowed() -> None:
    spdx = get_spdx_licensing()
    for package in known():
        if not package.shipped:
            continue  # developers' tools reach no user
        assert licences.allowed(package), f"{package.name} is under {package.licence}"
        if not package.licence.startswith("LicenseRef-"):
            assert not spdx.validate(package.licence).errors, package
    by_name = {p.name: p for p in known()}
    assert by_name["pyphen"].licence == "MPL-1.1"  # the choice of three that we made
    assert by_name["psycopg"].groups and "core" not in by_name["psycopg"].groups  # LGPL: an extra


def test_copyleft_is_not_allowed() -> None:
    one = next(p for p in known() if p.name == "numpy")
    for licence in ("GPL-3.0-only", "AGPL-3.0-only", "MIT AND GPL-2.0-or-later", licences.NVIDIA):
        assert not licences.allowed(dataclasses.replace(one, licence=licence))


def test_every_locked_package_is_known() -> None:
    names = {one.name for file in LOCKS.glob("*.txt") for one in parsed(file.read_text("utf-8"))}
    assert names == {p.name for p in known()}


def test_the_table_is_made_of_what_is_known() -> None:
    assert licences.PAGE.read_text("utf-8") == licences.table(known()), "make lock"
    rows = licences.PAGE.read_text("utf-8")
    assert all(f"\n| {p.name} | {p.version} |" in rows for p in known() if p.shipped)


def test_metadata_that_are_installed_say_the_same() -> None:
    compared = 0
    for package in known():
        try:
            version = importlib.metadata.version(package.name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
        if version == package.version:
            read = licences.read(package)
            assert (read.licence, read.declared) == (package.licence, package.declared)
            compared += 1
    assert compared >= 150
