"""A model behind HTTP: JSON rows in, scores out. Nothing is opened, and nothing has a digest.

Protocol, one POST for each batch of rows, to the URL as it is:

    {"rows": [{"income": 51.2, "job": "nurse"}, ...]}          missing cells are null
    {"scores": [[0.2, 0.8], ...]}    a list for each row, in the order of the declared classes;
                                     two classes may give one number, the second's
    {"values": [31.5, ...]}          regression: a number for each row

The same rows always get the same answer, or the audit says so: that is what makes retries safe.
Redirects, proxies of the environment and other hosts than this machine are refused.
"""

from __future__ import annotations

import http.client
import io
import json
import math
import socket
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, urlsplit

from evenhand.audit.errors import InputError, LimitError, RowError, rows_from
from evenhand.audit.models.declared import Declared, Endpoint, Outputs
from evenhand.audit.models.outputs import RowModel, as_probabilities, as_values, task_of
from evenhand.audit.models.predictor import Task
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAME = "endpoint"
ABOUT = "not opened at all: rows are sent to it, scores come back; it has no digest"
DECLARES = frozenset({"task", "classes", "inputs", "outputs"})
EXTRA = ""
RECOGNISED_BY = "--endpoint URL"
GRADIENTS = False
SAVE = """Serve POST with {"rows": [{"income": 51.2, "job": "nurse"}]} in, and out
{"scores": [[0.2, 0.8]]} (in the order of --classes) or {"values": [31.5]}. Then
evenhand audit --endpoint http://127.0.0.1:8080/score --classes no,yes --inputs income,job ..."""

_ANSWERS = phrase(
    'answer {"scores": [[0.2, 0.8], ...]} or {"values": [31.5, ...]}, one for '
    "each row; see evenhand formats endpoint"
)
IDENTITY = "endpoint, no digest"
MAX_ANSWER_BYTES = 64 << 20
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_AGAIN = frozenset({429, 502, 503, 504})  # "not now"; other codes say that asking again won't help
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


def _target(endpoint: Endpoint) -> SplitResult:
    try:
        url = urlsplit(endpoint.url)
        port = url.port
    except ValueError as error:
        raise InputError(
            "endpoint {endpoint_url!r} is no URL: {error}",
            remedy="pass --endpoint http://127.0.0.1:8080/score",
            endpoint_url=endpoint.url,
            error=error,
        ) from None
    strange = any(c.isspace() or not c.isprintable() for c in endpoint.url)
    if url.scheme not in ("http", "https") or not url.hostname or strange or port == 0:
        raise InputError(
            "endpoint {endpoint_url!r} is no http or https URL",
            remedy="pass --endpoint http://127.0.0.1:8080/score",
            endpoint_url=endpoint.url,
        )
    if url.username is not None or url.password is not None:
        raise InputError(
            "the endpoint's URL holds a name or password, which would be kept in the case",
            remedy="serve the model on this machine without one",
        )
    if url.hostname not in _LOOPBACK and not endpoint.allow_remote:
        raise InputError(
            "endpoint {hostname!r} is not on this machine: the rows of people would leave it",
            remedy="forward it to 127.0.0.1, or pass --allow-remote",
            hostname=url.hostname,
        )
    if url.hostname not in _LOOPBACK and url.scheme != "https":
        raise InputError(
            "endpoint {endpoint_url!r} would send rows of people unencrypted",
            remedy="use https for another machine",
            endpoint_url=endpoint.url,
        )
    return url


class EndpointPredictor(RowModel):
    """Scores by asking; see the module."""

    format = NAME

    def __init__(self, endpoint: Endpoint, declared: Declared) -> None:
        self._endpoint, self._url = endpoint, _target(endpoint)
        self._what = f"endpoint {endpoint.url}"
        self.task: Task = task_of(declared, self._what)
        self._means: Outputs = declared.outputs or "probabilities"  # what the protocol asks for
        self.classes = declared.classes
        self.input_columns = declared.plain_columns(NAME)
        if not self.input_columns:
            raise InputError(
                "{what}: which columns may it see?",
                remedy="declare the model's inputs: --inputs income,job (labels and sensitive "
                "features stay here unless you name them)",
                what=self._what,
            )
        self.maker_says: Mapping[str, Any] = {"identity": IDENTITY}

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes)."""
        import numpy as np

        raw = np.array(self._ask(frame, "scores"), dtype=float).reshape(len(frame), -1)
        return as_probabilities(raw, len(self.classes), self._means, self._what, rows=len(frame))

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        import numpy as np

        raw = np.array(self._ask(frame, "values"), dtype=float)
        return as_values(raw.reshape(len(frame)), self._what, rows=len(frame))

    def _ask(self, frame: pd.DataFrame, key: str) -> list[Any]:
        answers: list[Any] = []
        size = self._endpoint.batch_size
        for start in range(0, len(frame), size):
            part = frame.iloc[start : start + size]
            rows = [
                dict(zip(self.input_columns, cells, strict=True))
                for cells in zip(*(_plain(part[c]) for c in self.input_columns), strict=True)
            ]
            body = json.dumps({"rows": rows}, allow_nan=False).encode()
            with rows_from(start):
                answers += self._checked(self._request(body), key, len(rows))
        return answers

    def _checked(self, raw: bytes, key: str, n: int) -> list[Any]:
        """The answer's list. Raises InputError for another length, type, width or no number."""
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self._wrong(f"answers with something that is not JSON: {error}") from None
        values = answer.get(key) if isinstance(answer, dict) else None
        if not isinstance(values, list):
            raise self._wrong(f"answers without a list {key!r}")
        if len(values) != n:
            raise self._wrong(f"gives {len(values)} {key} for {n} rows")
        widths = {len(self.classes), 1} if len(self.classes) == 2 else {len(self.classes)}
        for position, item in enumerate(values):
            numbers = item if isinstance(item, list) else [item]
            if not all(_is_number(x) for x in numbers):
                raise self._wrong_row(
                    f"gives {str(item)[:80]} for", position, ": not finite numbers"
                )
            if key == "values" and isinstance(item, list):
                raise self._wrong_row("gives a list for", position, ", a value is one number")
            if key == "scores" and len(numbers) not in widths:
                raise self._wrong_row(
                    f"gives {len(numbers)} scores for",
                    position,
                    f", {len(self.classes)} classes are declared",
                )
        if len({isinstance(i, list) and len(i) for i in values}) > 1:
            raise self._wrong("gives rows of different lengths")
        return values

    def _wrong(self, what: str) -> InputError:
        return InputError("{what} {what_2}", remedy=_ANSWERS, what=self._what, what_2=what)

    def _wrong_row(self, before: str, position: int, after: str) -> RowError:
        return RowError(
            "{what} {before} {row}{after}",
            position,
            remedy=_ANSWERS,
            what=self._what,
            before=before,
            after=after,
        )

    def _request(self, body: bytes) -> bytes:
        """One batch's answer, asked for again after pauses that double."""
        pause = _FIRST_PAUSE_S
        for attempt in range(self._endpoint.retries + 1):
            if attempt:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            try:
                status, answer = self._once(body)
            except TimeoutError:
                trouble: str = f"gave no answer within {self._endpoint.time_limit_s:g} s"
                failure: type[InputError | LimitError] = LimitError
                continue
            except (OSError, http.client.HTTPException) as error:
                trouble, failure = f"cannot be asked: {type(error).__name__}: {error}", InputError
                continue
            if status == 200:
                return answer
            if status not in _AGAIN:
                raise self._refused(status, answer)
            trouble, failure = f"answers {status}", LimitError
        raise failure(
            f"{self._what} {trouble} ({self._endpoint.retries + 1} tries)",
            remedy="is it running? --time-limit, --batch-size and --retries say how it is asked",
        )

    def _refused(self, status: int, answer: bytes) -> InputError:
        if 300 <= status < 400:
            return InputError(
                "{what} redirects ({status}): rows are sent to the URL you gave alone",
                remedy="pass the URL that answers",
                what=self._what,
                status=status,
            )
        said = answer[:200].decode("utf-8", "replace")
        return InputError(
            "{what} answers {status}: {said!r}",
            remedy="see its own log",
            what=self._what,
            status=status,
            said=said,
        )

    def _once(self, body: bytes) -> tuple[int, bytes]:
        """One request: status and body. The limit holds for the whole answer, its head too, not for
        each packet."""
        limit = self._endpoint.time_limit_s
        until = time.monotonic() + limit
        connection = self._connection(limit)
        connection.response_class = _answer_until(until)
        path = self._url._replace(scheme="", netloc="", fragment="").geturl() or "/"
        try:
            connection.request(
                "POST",
                path,
                body=body,
                headers={"Content-Type": "application/json", "Accept": "application/json"},
            )
            response = connection.getresponse()
            parts: list[bytes] = []
            size = 0
            while part := response.read1(1 << 16):
                parts.append(part)
                size += len(part)
                if size > MAX_ANSWER_BYTES:
                    raise self._wrong(f"answers with over {MAX_ANSWER_BYTES >> 20} MiB")
            return response.status, b"".join(parts)
        finally:
            connection.close()

    def _connection(self, limit: float) -> http.client.HTTPConnection:
        # http.client follows no redirect and reads no proxy from the environment.
        host, port = str(self._url.hostname), self._url.port
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=limit, context=context)
        return http.client.HTTPConnection(host, port, timeout=limit)


def _answer_until(until: float) -> type[http.client.HTTPResponse]:
    """What http.client reads an answer with, up to a point in time."""

    class Answer(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
            super().__init__(cast("socket.socket", _Until(sock, until)), *arguments, **options)

    return Answer


class _Until(io.RawIOBase):
    """What arrives at a socket up to a point in time (``time.monotonic``), as http.client reads it.

    A socket's own time limit begins anew with every byte. Raises TimeoutError past the point.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._socket, self._until = sock, until
        self._bytes = sock.makefile("rb", buffering=0)  # keeps it open for as long as it is read

    def makefile(self, mode: str) -> io.BufferedReader:
        """What http.client asks of a socket; it reads alone."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As ``RawIOBase`` has it."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._bytes.readinto(buffer) or 0

    def close(self) -> None:
        """Lets the socket go."""
        self._bytes.close()
        super().close()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _plain(column: pd.Series[Any]) -> list[Any]:
    """Cells as JSON knows them: numbers, texts, true, false, null. Raises InputError."""
    import pandas as pd

    cells: list[Any] = []
    for cell in column.astype(object).tolist():
        if isinstance(cell, bytes):
            raise InputError(
                "column {column!r} holds images, which an endpoint is not sent",
                remedy="audit stored predictions: evenhand audit --predictions FILE",
                column=column.name,
            )
        missing = pd.api.types.is_scalar(cell) and pd.isna(cell)
        plain = cell.item() if hasattr(cell, "item") else cell
        if isinstance(plain, float) and math.isinf(plain):
            raise InputError(
                "column {column!r} holds an infinity, which JSON has not",
                remedy="correct the cell",
                column=column.name,
            )
        keep = missing or isinstance(plain, str | int | float | bool)
        cells.append(None if missing else plain if keep else str(plain))
    return cells
