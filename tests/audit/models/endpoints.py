"""Endpoints on this machine that answer as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evenhand.audit.models.declared import Declared

Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]
BINARY = Declared(classes=("no", "yes"), inputs=({"column": "income"}, {"column": "job"}))


@contextmanager
def served(answer: Callable[[dict[str, Any]], Answer]) -> Iterator[tuple[str, list[Any]]]:
    """A server that answers each POST by ``answer``; its URL, and the bodies it was sent."""
    bodies: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies.append(body)
            status, content, *headers = answer(body)
            self.send_response(status)
            for key, value in (headers[0] if headers else {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None: ...  # clients that hung up are what is tested

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/score?v=1", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(value: Any) -> Answer:
    return 200, json.dumps(value).encode()
