"""The server is started on this machine's own address and ends with its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
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
    # a shell's background jobs ignore Ctrl-C, and so would what a test run there starts
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from evenhand.dashboard.server.launch import run; raise SystemExit(run(port={port}))"
    )
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


def test_settings_of_the_start_folder_and_the_environment_are_not_read(
    tmp_path: Path, home: Path
) -> None:
    evil = "http://evil.example"
    for folder in (tmp_path, tmp_path / "user"):
        (folder / ".streamlit").mkdir(parents=True)
        (folder / ".streamlit/config.toml").write_text(
            f'[server]\nenableCORS = true\ncorsAllowedOrigins = ["{evil}"]\nport = 1\n'
        )
        (folder / ".streamlit/secrets.toml").write_text("[auth]\nclient_id = 'theirs'\n")
    for module in ("streamlit", "altair", "uvicorn", "sitecustomize"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    port, token = launch.free_port(0), "t" * 64
    environment = {
        **launch._environment(None, None, token),
        "HOME": str(tmp_path / "user"),
        "STREAMLIT_SERVER_CORS_ALLOWED_ORIGINS": evil,
        "PYTHONPATH": str(tmp_path),
    }
    child = subprocess.Popen(
        launch.command(port, []), cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        assert launch._wait_until_healthy(child, f"http://127.0.0.1:{port}", token)
        for path in ("/", "/_stcore/host-config", "/_stcore/health"):
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}{path}", headers={"Origin": evil}
            )
            with urllib.request.urlopen(asked) as answer:
                assert "Access-Control-Allow-Origin" not in answer.headers
                assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
                assert answer.headers["X-Frame-Options"] == "DENY"
    finally:
        child.terminate()
        child.wait(30)
    assert not (tmp_path / "canary").exists()


class _Squatter(BaseHTTPRequestHandler):
    """Somebody else at our port, who says that all is well."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-Evenhand-Started-By", "guessed")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_stranger_at_the_port_is_not_announced_as_ours() -> None:
    server = HTTPServer(("127.0.0.1", 0), _Squatter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(2)"])
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        assert not launch._wait_until_healthy(child, url, "a" * 64)
    finally:
        child.wait()
        server.shutdown()
        server.server_close()


def test_nobody_is_asked_for_our_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit import config, net_util
    from streamlit.web.server import server_util
    from streamlit.web.server.starlette import starlette_server

    from evenhand.dashboard.server import serving

    asked: list[str] = []
    for module, name in (
        (config, "get_config_files"),
        (net_util, "get_external_ip"),
        (net_util, "get_internal_ip"),
        (starlette_server, "create_starlette_app"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back afterwards
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, **_: asked.append(url))
    serving.own_settings_alone("")
    assert not server_util.is_url_from_allowed_origins("http://evil.example")
    assert asked == []
    assert config.get_config_files("config.toml") == []


def test_who_signs_in_is_not_said_by_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evenhand.dashboard.server import identity

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVENHAND_HOME", raising=False)
    assert identity.settings_path(None) is None
    (tmp_path / ".evenhand").mkdir()
    (tmp_path / ".evenhand/dashboard.yaml").write_text("schema: evenhand-dashboard/1\n")
    with pytest.raises(InputError, match="says who may sign in"):
        launch.run()
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / ".evenhand"))
    assert identity.settings_path(None) == tmp_path / ".evenhand/dashboard.yaml"
