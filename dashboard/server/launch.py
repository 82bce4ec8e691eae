"""Starts the dashboard: Streamlit in a child process.

It listens on this machine's own address. Elsewhere it listens only where ``dashboard.yaml`` says
who signs people in (see ``identity``): what it shows is evidence, and nobody may read it unasked.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evenhand.audit import surroundings
from evenhand.audit.errors import LIMIT_REACHED, OK, InputError
from evenhand.audit.files.leftovers import own_folder
from evenhand.audit.interrupts import termination_as_interrupt
from evenhand.dashboard.server.serving import HEALTH, PROOF, TOKEN

if TYPE_CHECKING:
    from evenhand.dashboard.server.identity import Settings

ADDRESS = "127.0.0.1"
PREFERRED_PORT = 8501
_PACKAGE = Path(__file__).resolve().parents[1]
_APP = _PACKAGE / "app.py"
_START_S = 180.0
_STOP_S = 10.0
_COMMON = {"greenColor": "#009E73", "redColor": "#D55E00", "violetColor": "#CC79A7"}
# Okabe and Ito's blue is too dark for text on a dark page, their sky blue is not; what is filled
# with the primary colour carries white words there, and takes a blue between the two.
_COLOURS = {
    "light": {"primaryColor": "#0072B2", "blueColor": "#0072B2", **_COMMON},
    "dark": {"primaryColor": "#3B8FC9", "blueColor": "#56B4E9", **_COMMON},
}


def command(
    port: int,
    cases: Sequence[Path],
    *,
    address: str = ADDRESS,
    hosts: Sequence[str] = (ADDRESS,),
    secrets_file: Path | None = None,
    max_upload_mb: int = 50,
) -> list[str]:
    """The command line of the server, without a shell.

    >>> command(8501, [Path("case")])[-2:]
    ['--', 'case']
    """
    return surroundings.python(
        "evenhand.dashboard.server.serving",
        "run",
        str(_APP),
        f"--server.address={address}",
        f"--server.port={port}",
        "--server.headless=true",
        "--server.enableStaticServing=false",
        "--server.enableXsrfProtection=true",
        "--server.enableCORS=true",
        f"--server.maxUploadSize={max_upload_mb}",
        "--server.fileWatcherType=none",
        "--runner.magicEnabled=false",
        *(f"--server.allowedHosts={host}" for host in hosts),
        f"--browser.serverAddress={hosts[0]}",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--client.showErrorLinks=false",
        "--client.toolbarMode=minimal",
        "--client.disableDataExport=true",
        # never a file of secrets that lies about where the server happens to be started
        f"--secrets.files={secrets_file or os.devnull}",
        *(
            f"--theme.{base}.{name}={colour}"
            for base, colours in _COLOURS.items()
            for name, colour in colours.items()
        ),
        "--",
        *(str(path) for path in cases),
    )


def free_port(preferred: int = PREFERRED_PORT, address: str = ADDRESS) -> int:
    """``preferred`` if nobody listens there, else any free port of this machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in (preferred, 0):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # a port that was just left is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((address, port))
                return int(probe.getsockname()[1])
    raise InputError(
        "no free port at {address}",
        remedy="name an address of this machine, or another --port",
        address=address,
    )


def _taken(port: int) -> InputError:
    return InputError("port {port} is taken", remedy="leave --port out, or name another", port=port)


def run(
    cases: Sequence[Path] = (),
    *,
    port: int | None = None,
    open_browser: bool = False,
    say: Callable[[str], None] | None = None,
    address: str | None = None,
    config: Path | None = None,
    stated: str | None = None,
) -> int:
    """Runs the dashboard until Ctrl-C (or SIGTERM) and returns the exit code.

    Parameters
    ----------
    cases         Case folders, or folders of cases, beside those at EVENHAND_HOME.
    port          The port to listen on; a free one is chosen if None.
    open_browser  Whether to open the address in the reader's browser.
    say           Gets the address, once somebody answers there; printed if None.
    address       The address to listen on; that of ``config``, else this machine's own, if None.
    config        ``dashboard.yaml``; that in EVENHAND_HOME, if there is one, if None.
    stated        ``NAME:ROLE`` of who writes, where nobody signs in.

    Raises InputError for a port that is taken, for an address that others can reach where nobody
    signs in, and for a configuration that does not say what it must.
    """
    from evenhand.dashboard.server import identity

    place = identity.settings_path(config)
    settings = identity.read_settings(place) if place else None
    chosen = address or (settings.address if settings else ADDRESS)
    _require_protection(chosen, settings, stated)
    if port is None:
        port = _port_of(settings) or free_port(address=chosen)
    elif free_port(port, chosen) != port:
        raise _taken(port)
    here = ADDRESS if chosen in ("0.0.0.0", "localhost") else chosen  # noqa: S104 - where to ask
    shown = f"http://{f'[{here}]' if ':' in here else here}:{port}"
    with termination_as_interrupt(), own_folder() as private:
        token = secrets.token_hex(32)
        child = subprocess.Popen(
            command(
                port,
                cases,
                address=chosen,
                hosts=_hosts(here, settings),
                secrets_file=_write_secrets(private, settings),
                max_upload_mb=settings.max_upload_mb if settings else 50,
            ),
            env=_environment(place, stated, token),
            stdout=subprocess.DEVNULL,
        )
        try:
            if not _wait_until_healthy(child, shown, token):
                return child.returncode or LIMIT_REACHED
            shown = settings.url if settings else shown
            _announce(shown, say or _print_now, open_browser=open_browser)
            return child.wait()
        except KeyboardInterrupt:
            return OK
        finally:
            _stop(child)


def _announce(url: str, say: Callable[[str], None], *, open_browser: bool) -> None:
    say(f"evenhand dashboard: {url}  (Ctrl-C ends it)")
    if open_browser:
        webbrowser.open(url)


def _require_protection(address: str, settings: Settings | None, stated: str | None) -> None:
    """Refuses to show evidence to whoever comes by, or to take anybody's word from elsewhere."""
    from evenhand.dashboard.server import identity

    if settings is None and not identity.is_loopback(address):
        raise InputError(
            "the dashboard is not shown at {address}, where others can reach it: nobody signs in",
            remedy="write dashboard.yaml with an OpenID Connect provider (docs/dashboard.md), or "
            "leave --address out to listen at {address_2}",
            address=address,
            address_2=ADDRESS,
        )
    if stated is not None:
        identity.stated(stated)
        if settings is not None:
            raise InputError(
                "--as is for a dashboard where nobody signs in, and dashboard.yaml names a "
                "provider",
                remedy="leave --as out, and sign in",
            )
    if settings is not None:
        from importlib.util import find_spec

        if find_spec("authlib") is None:
            raise InputError(
                "signing in needs the package Authlib", remedy="pip install 'evenhand[auth]'"
            )


def _port_of(settings: Settings | None) -> int | None:
    """The port of an address like http://127.0.0.1:8501, to which the provider sends people back;
    None behind a proxy, which knows its own."""
    parts = urlsplit(settings.url) if settings else None
    return parts.port if parts and parts.scheme == "http" else None


def _hosts(here: str, settings: Settings | None) -> list[str]:
    """The names under which the server may be asked for: its own, and the one people type."""
    outside = urlsplit(settings.url).hostname if settings else None
    return list(dict.fromkeys([*([outside] if outside else []), here]))


def _write_secrets(folder: Path, settings: Settings | None) -> Path:
    """What Streamlit needs to sign people in, readable by this user alone, gone with the server.

    The secret that signs sessions is drawn anew at each start: old sessions end, and nobody can
    have written one beforehand.
    """
    path = folder / "secrets.toml"
    path.touch(mode=0o600)
    if settings is None:  # no file of secrets is read that lies where the server is started
        return path
    login = settings.oidc
    try:
        client_secret = login.client_secret_file.read_text("utf-8").strip()
    except OSError as error:
        raise InputError(
            "cannot read client_secret_file {client_secret_file}: {strerror}",
            remedy="put the client secret of the provider into that file, readable by you alone",
            client_secret_file=login.client_secret_file,
            strerror=error.strerror,
        ) from error
    told = {
        "redirect_uri": f"{settings.url}/oauth2callback",
        "cookie_secret": secrets.token_hex(32),
        "client_id": login.client_id,
        "client_secret": client_secret,
        "server_metadata_url": login.metadata_url,
    }
    # a TOML basic string is written as a JSON string is
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    path.write_text("\n".join(["[auth]", *lines, ""]), "utf-8")
    return path


def _print_now(text: str) -> None:
    print(text, flush=True)  # whoever reads through a pipe must not wait for more


def _environment(config: Path | None, stated: str | None, token: str = "") -> dict[str, str]:
    """The child knows who may write, and how to show that it is ours."""
    from evenhand.dashboard.server import identity

    told = surroundings.for_child()
    for name in (identity.CONFIG, identity.STATED, TOKEN):
        told.pop(name, None)
    if token:
        told[TOKEN] = token
    if config is not None:
        told[identity.CONFIG] = str(config.resolve())
    if stated is not None:
        told[identity.STATED] = stated
    return told


def _wait_until_healthy(child: subprocess.Popen[bytes], url: str, token: str) -> bool:
    """Whether the child answers, and nobody else at its port: only it can show the token."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_S
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with direct.open(f"{url}{HEALTH}", timeout=5) as answer:
                shown = str(answer.headers.get(PROOF, ""))
                if answer.status == 200 and secrets.compare_digest(shown, token):
                    return True
        except (OSError, http.client.HTTPException):  # nobody listens yet, or somebody else does
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
