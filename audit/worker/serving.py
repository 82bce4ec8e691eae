"""What a worker does with its life: lock itself, open one model, answer questions about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evenhand.audit.errors import EvenhandError, RowError
from evenhand.audit.files.within import limited_already
from evenhand.audit.worker.elsewhere import go_elsewhere
from evenhand.audit.worker.frames import BadFrame, Message, pack, unpack
from evenhand.audit.worker.isolation.levels import IsolationLevel
from evenhand.audit.worker.isolation.lock import leave_family, lock, resident_memory

KNOWN_METHODS = (
    "predict_proba",
    "predict_labels",
    "predict_values",
    "token_log_likelihood",
    "decide",
)


def serve(task: dict[str, Any], *, channel: int, said: int, parent: int) -> None:
    """Runs in a new fork of the zygote until the parent hangs up."""
    leave_family(parent)
    channel = _only(channel, said)
    from evenhand.audit.worker import rows as _  # noqa: F401 - the reader of rows, while files may be read

    line = _Line(channel)
    # The zygote's own, since pages of libraries are counted here only once they are touched.
    held = resident_memory(parent)
    left = int(task["memory_limit"]) - held
    if left <= 0:
        line.write(pack(Message({"held": held})))
        return
    limited_already()
    isolation = lock(
        Path(task["scratch"]),
        Path(task["model"]),
        memory=left,
        at_most=IsolationLevel[task["at_most"]],
    )
    if task.get("elsewhere"):
        go_elsewhere()
    line.write(pack(Message({"held": held, "isolation": isolation.to_json()})))
    worker = _Worker(task)
    while (question := line.read()) is not None:
        line.write(_answered(worker.answer, question))


def _only(channel: int, said: int) -> int:
    """Keeps the two descriptors and closes the rest; what the model prints goes into ``said``."""
    channel, said = os.dup(channel), os.dup(said)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(said, 2)
    os.dup2(channel, 3)
    os.closerange(4, 1 << 16)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as it lives
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    return 3


class _Line:
    def __init__(self, channel: int) -> None:
        self._channel = channel

    def read(self) -> Message | None:
        """The next question; None where the parent has hung up."""
        try:
            return unpack(self._exactly)
        except EOFError:
            return None

    def write(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            left = memoryview(piece)
            while left:
                left = left[os.write(self._channel, left) :]

    def _exactly(self, n: int) -> bytes:
        found = bytearray()
        while len(found) < n:
            piece = os.read(self._channel, min(n - len(found), 1 << 20))
            if not piece:
                raise EOFError
            found += piece
        return bytes(found)


def _answered(answer: Callable[[Message], Message], question: Message) -> list[bytes]:
    """The answer, or the error in words: nothing of an exception but text, and the row that it is
    about, leaves the worker."""
    row: RowError | None = None
    try:
        return pack(answer(question))  # an answer that cannot be sent is an error too
    except EvenhandError as error:
        kind, message, remedy = type(error).__name__, str(error.message), str(error.remedy)
        is_memory = _is_memory(error)
        row = error if isinstance(error, RowError) else None
    except BaseException as error:
        kind, message, remedy = "unexpected", f"{type(error).__name__}: {error}", ""
        is_memory = _is_memory(error)
    kind = "MemoryError" if is_memory else kind
    said: dict[str, Any] = {"kind": kind, "message": message[:4000], "remedy": remedy[:2000]}
    if row is not None and not is_memory:
        before, after = row.around()
        said |= {"before": before[:4000], "position": row.position, "after": after[:4000]}
    return pack(Message({"error": said}))


def _is_memory(error: BaseException | None) -> bool:
    """Whether a lack of memory is at the bottom of an error, as Python or a library says it."""
    while error is not None:
        said = str(error)
        if isinstance(error, MemoryError) or "bad_alloc" in said:
            return True
        if "allocate" in said and "memory" in said:
            return True
        error = error.__cause__ or error.__context__
    return False


class _Worker:
    def __init__(self, task: dict[str, Any]) -> None:
        self._model = Path(task["model"])
        self._predictor: Any = None

    def answer(self, question: Message) -> Message:
        """Raises whatever a format, a model or a question raises."""
        do = question.facts["do"]
        if do == "sniff":
            return self._sniff()
        if do == "load":
            return self._load(question.facts["format"], question.facts["declared"])
        if do == "probe":
            from evenhand.audit.worker.isolation.probes import run_probes

            return Message({"probes": run_probes(question.facts["told"], question.facts["names"])})
        if do == "ask":
            return self._ask(question)
        if do in KNOWN_METHODS:
            return self._method(do, question)
        raise BadFrame(f"no such question: {do!r}")

    def _sniff(self) -> Message:
        from evenhand.audit.models.catalogue import look_at

        return Message(look_at(self._model))

    def _load(self, name: str, declared: dict[str, Any]) -> Message:
        from evenhand.audit.models.catalogue import format_named, load_as

        self._predictor = made = load_as(format_named(name), self._model, declared)
        has = [m for m in KNOWN_METHODS if callable(getattr(made, m, None))]
        return Message(
            {
                "format": made.format,
                "task": made.task,
                "classes": list(made.classes),
                "input_columns": list(made.input_columns),
                "maker_says": dict(made.maker_says),
                "methods": has,
                "gives_scores": bool(getattr(made, "gives_scores", True)),
                "codes": list(getattr(made, "codes", ())),
                "own_rule": bool(getattr(made, "own_rule", False)),
                "categories": {k: list(v) for k, v in getattr(made, "categories", {}).items()},
            }
        )

    def _method(self, name: str, question: Message) -> Message:
        import numpy as np

        from evenhand.audit.worker.rows import from_bytes

        frame = from_bytes(question.blobs["rows"])
        found = getattr(self._predictor, name)(frame)
        several = found if isinstance(found, tuple) else (found,)
        return Message(arrays={str(i): np.asarray(a) for i, a in enumerate(several)})

    def _ask(self, question: Message) -> Message:
        from evenhand.audit.attribution.door import Question, answer
        from evenhand.audit.worker.rows import from_bytes

        frames = {name: from_bytes(data) for name, data in question.blobs.items()}
        asked = Question(question.facts["operation"], question.facts["options"], frames)
        found = answer(self._predictor, asked)
        return Message({"facts": dict(found.facts)}, dict(found.arrays))
