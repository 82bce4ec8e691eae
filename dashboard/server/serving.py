"""The server's own process: Streamlit, with our settings alone, for our own pages alone.

``launch`` starts it. Streamlit reads settings from the start folder, the home folder and the
environment, and looks up this machine's outside address when a stranger's page asks; none of that
happens here. Each answer forbids other pages to frame it, and shows at first that it is ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from evenhand.audit import surroundings

TOKEN = "EVENHAND_DASHBOARD_TOKEN"  # noqa: S105 - the name of a variable
PROOF = "x-evenhand-started-by"
HEALTH = "/_stcore/health"
_NO_FRAMES = (
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]


class Guarded:
    """An ASGI app whose answers can't be framed; that of ``HEALTH`` carries ``token``."""

    def __init__(self, app: _App, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answers as the app does, with the headers."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        added = list(_NO_FRAMES)
        if scope["path"] == HEALTH and self._token:
            added.append((PROOF.encode(), self._token.encode()))
        names = {name for name, _ in added}

        async def with_headers(message: _Message) -> None:
            if message["type"] == "http.response.start":
                own = [h for h in message.get("headers", ()) if h[0].lower() not in names]
                message = {**message, "headers": [*own, *added]}
            await send(message)

        return await self._app(scope, receive, with_headers)


def own_settings_alone(token: str) -> None:
    """Has Streamlit read no file of settings, ask nobody for our address, and answer guarded."""
    with surroundings.elsewhere():
        from streamlit import config, net_util
        from streamlit.web.server.starlette import starlette_server

    def no_files(file_name: str) -> list[str]:
        return []

    def no_address() -> None:
        return None

    config.get_config_files = no_files
    net_util.get_external_ip = no_address
    net_util.get_internal_ip = no_address
    made = starlette_server.create_starlette_app

    def guarded(runtime: Any) -> Guarded:
        return Guarded(made(runtime), token)

    setattr(starlette_server, "create_starlette_app", guarded)  # noqa: B010 - an app of ASGI


def main() -> None:
    """Runs Streamlit with the arguments of this process, until it is told to end."""
    surroundings.settle()
    own_settings_alone(os.environ.pop(TOKEN, ""))
    from streamlit.web import cli

    cli.main(sys.argv[1:], prog_name="streamlit")


if __name__ == "__main__":
    main()
