"""A PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

USER = "postgres"


def binaries() -> Path | None:
    """Where ``initdb`` is: Debian keeps it out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server on a socket in a folder of its own; the URL's start."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    place = binaries()
    if place is None:
        if os.environ.get("EVENHAND_REQUIRE_POSTGRES"):
            raise AssertionError("no PostgreSQL server: apt-get install postgresql")
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    folder = Path(mkdtemp(prefix="pg-"))
    is_root = os.geteuid() == 0
    as_user: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": []} if is_root else {}
    if is_root:
        shutil.chown(folder, USER, USER)

    def call(*command: str) -> None:
        with (folder / "said").open("w") as said:  # the server inherits it: a pipe never ends
            done = subprocess.run(
                [str(place / command[0]), *command[1:]],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                **as_user,
            )
        assert done.returncode == 0, (folder / "said").read_text()

    data = folder / "data"
    call("initdb", "-D", str(data), "-U", "auditor", "-A", "trust", "-E", "UTF8", "--no-sync")
    settings = f"-k {folder} -c listen_addresses='' -c max_connections=60"
    call("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", settings, "start")
    try:
        yield f"postgresql+psycopg://auditor@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
