"""The server is started on this machine's own address and ends with its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from evenhand.audit.errors import InputError
from evenhand.dashboard.server import launch

ROOT = Path(launch.__file__).resolve().parents[2]


def test_the_command_offers_no_other_address_and_tells_nobody() -> None:
    made = launch.command(8600, [Path("a b"), Path("-c")])
    assert made[:2] == [sys.executable, "-I"]  # nothing of the start folder is imported
    at = made.index("evenhand.dashboard.server.serving")
    assert made[at + 1 : at + 3] == ["run", str(ROOT / "dashboard/app.py")]
    for option in (
        "--server.address=127.0.0.1",
        "--server.port=8600",
        "--server.headless=true",
        "--server.enableStaticServing=false",
        "--server.maxUploadSize=50",
        "--server.allowedHosts=127.0.0.1",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--client.toolbarMode=minimal",
    ):
        assert option in made
    assert made[-3:] == ["--", "a b", "-c"]
    assert not any("0.0.0.0" in part for part in made)


def test_a_free_port_is_found_where_the_preferred_one_is_taken() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert launch.free_port(taken) != taken
        with pytest.raises(InputError, match=f"port {taken} is taken"):
            launch.run(port=taken)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_server_with_its_parent(home: Path, number: signal.Signals) -> None:
    port = launch.free_port(0)
    code = f"from evenhand.dashboard.server.launch import run; raise SystemExit(run(port={port}))"
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "EVENHAND_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert parent.stdout is not None
        assert f"http://127.0.0.1:{port}" in parent.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as answer:
            assert answer.status == 200
        parent.send_signal(number)
        assert parent.wait(60) == 0
        assert not _listens(port)
    finally:
        if parent.poll() is None:
            parent.kill()
        parent.wait()
        parent.stdout.close() if parent.stdout else None


def _listens(port: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return False
        time.sleep(0.2)
    return True
