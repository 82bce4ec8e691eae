"""Starts the dashboard: Streamlit in a child process, on this machine's own address only.

No other address is on offer: the dashboard shows evidence to whoever reaches it and asks nobody
who they are. For a team, put a proxy that signs people in before it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from audit.errors import LIMIT_REACHED, OK, InputError

ADDRESS = "127.0.0.1"
PREFERRED_PORT = 8501
_PACKAGE = Path(__file__).resolve().parent
_APP = _PACKAGE / "app.py"
_START_S = 180.0
_STOP_S = 10.0
_COMMON = {"greenColor": "#009E73", "redColor": "#D55E00", "violetColor": "#CC79A7"}
# Okabe and Ito's blue is too dark for text on a dark page; their sky blue is not.
_COLOURS = {
    "light": {"primaryColor": "#0072B2", "blueColor": "#0072B2", **_COMMON},
    "dark": {"primaryColor": "#56B4E9", "blueColor": "#56B4E9", **_COMMON},
}


def command(port: int, cases: Sequence[Path]) -> list[str]:
    """The command line of the server, without a shell.

    >>> command(8501, [Path("case")])[-2:]
    ['--', 'case']
    """
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(_APP),
        f"--server.address={ADDRESS}",
        f"--server.port={port}",
        "--server.headless=true",
        "--server.enableStaticServing=false",
        "--server.maxUploadSize=50",
        "--server.fileWatcherType=none",
        f"--server.allowedHosts={ADDRESS}",
        f"--browser.serverAddress={ADDRESS}",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--client.showErrorLinks=false",
        "--client.toolbarMode=minimal",
        "--client.disableDataExport=true",
        *(
            f"--theme.{base}.{name}={colour}"
            for base, colours in _COLOURS.items()
            for name, colour in colours.items()
        ),
        "--",
        *(str(path) for path in cases),
    ]


def free_port(preferred: int = PREFERRED_PORT) -> int:
    """``preferred`` if nobody listens there, else any free port of this machine."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # a port that was just left is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((ADDRESS, port))
                return int(probe.getsockname()[1])
    raise InputError("no free port on this machine", remedy="close a program that listens")


def run(
    cases: Sequence[Path] = (),
    *,
    port: int | None = None,
    open_browser: bool = False,
    say: Callable[[str], None] | None = None,
) -> int:
    """Runs the dashboard until Ctrl-C (or SIGTERM) and returns the exit code.

    Parameters
    ----------
    cases         Case folders, or folders of cases, beside those at EVENHAND_HOME.
    port          The port to listen on; a free one is chosen if None.
    open_browser  Whether to open the address in the reader's browser.
    say           Gets the address, once somebody answers there; printed if None.

    Raises InputError for a port that is taken.
    """
    if port is None:
        port = free_port()
    elif free_port(port) != port:
        raise InputError(f"port {port} is taken", remedy="leave --port out, or name another")
    url = f"http://{ADDRESS}:{port}"
    with _terminated_as_interrupt():
        child = subprocess.Popen(
            command(port, cases), env=_environment(), stdout=subprocess.DEVNULL
        )
        try:
            if not _wait_until_healthy(child, url):
                return child.returncode or LIMIT_REACHED
            (say or _print_now)(f"evenhand dashboard: {url}  (Ctrl-C ends it)")
            if open_browser:
                webbrowser.open(url)
            return child.wait()
        except KeyboardInterrupt:
            return OK
        finally:
            _stop(child)


def _print_now(text: str) -> None:
    print(text, flush=True)  # whoever reads through a pipe must not wait for more


def _environment() -> dict[str, str]:
    """The child finds these packages wherever it is started from."""
    paths = [str(_PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}


def _wait_until_healthy(child: subprocess.Popen[bytes], url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_S
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with direct.open(f"{url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return True
        except OSError:  # nobody listens yet; a URLError is one too
            pass
        time.sleep(0.2)
    return False


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Ends the child, which Ctrl-C may have ended already."""
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextlib.contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the dashboard like Ctrl-C, so that no child is left behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # only the main thread may ask for signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
