"""A visitor without a browser: speaks Streamlit's protocol over a websocket, and takes the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode, urlsplit

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

WAIT_S = 180.0


class Visitor:
    """One session. ``open`` does what following a link does; ``problems`` holds what went wrong."""

    def __init__(self, base: str, socket: ClientConnection) -> None:
        self.problems: list[str] = []
        self._base = base
        self._socket = socket

    def open(self, page: str = "", *, locale: str = "en-GB", **query: str) -> float:
        """Seconds from asking for a page until the server has sent the whole of it."""
        asked = BackMsg()
        run = asked.rerun_script
        run.page_name = page
        run.query_string = urlencode(query)
        run.context_info.url = f"{self._base}/{page}"
        run.context_info.locale = locale
        run.context_info.timezone = "UTC"
        run.context_info.color_scheme = "light"
        began = time.perf_counter()
        self._socket.send(asked.SerializeToString())
        titles = self._until_finished(page)
        took = time.perf_counter() - began
        if titles != 1:
            self.problems.append(f"{page}: {titles} titles")
        return took

    def _until_finished(self, page: str) -> int:
        """Reads what the server sends until its script has ended; returns the titles seen."""
        titles = 0
        while True:
            message = ForwardMsg.FromString(self._socket.recv(WAIT_S))  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                ended = ForwardMsg.ScriptFinishedStatus.Name(message.script_finished)
                if ended == "FINISHED_EARLY_FOR_RERUN":
                    continue
                if ended != "FINISHED_SUCCESSFULLY":
                    self.problems.append(f"{page}: {ended}")
                return titles
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                titles += message.delta.new_element.heading.tag == "h1"
                self._look_at(page, message)

    def _look_at(self, page: str, message: ForwardMsg) -> None:
        element = message.delta.new_element
        if element.WhichOneof("type") == "exception":
            self.problems.append(f"{page}: {element.exception.type} {element.exception.message}")
        if element.WhichOneof("type") == "alert" and element.alert.format == Alert.ERROR:
            self.problems.append(f"{page}: {element.alert.body}")


@contextmanager
def visitors(base: str, number: int = 1) -> Iterator[list[Visitor]]:
    """Several sessions, open at the same time."""
    with ExitStack() as open_sockets:
        yield [Visitor(base, open_sockets.enter_context(_socket(base))) for _ in range(number)]


def _socket(base: str) -> ClientConnection:
    return connect(
        f"ws://{urlsplit(base).netloc}/_stcore/stream",
        subprotocols=["streamlit"],  # type: ignore[list-item]
        origin=base,  # type: ignore[arg-type]
        max_size=None,
        compression=None,
        proxy=None,
    )


def p95(times: list[float]) -> float:
    """The time that 95 of 100 stay below (nearest rank)."""
    return sorted(times)[-(-95 * len(times) // 100) - 1]
