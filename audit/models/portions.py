"""Rows put to a network a portion at a time, by what it may need for them.

A network's intermediate results are no property that a file states: a convolution may need a
thousand times its input, a tree none. A portion is therefore sized by its input and a generous
factor, and halved where memory runs out; both follow from the model and the limit alone, so that
the same rows meet in the same portion again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import LimitError

if TYPE_CHECKING:
    import numpy as np

AT_ONCE = 256 << 20  # bytes that a portion may need, the estimate being right
FACTOR = 64  # how many times its input a row is taken to need
_MOST_ROWS = 4096
# What onnxruntime and torch say where an allocator gets no memory; theirs have one type for all.
_NO_MEMORY = (
    *("Failed to allocate memory", "bad_alloc", "bad allocation", "out of memory"),
    *("can't allocate memory", "Cannot allocate memory"),
)

Ask = Callable[[Mapping[str, Any]], list[Any]]


def rows_at_once(feeds: Mapping[str, np.ndarray]) -> int:
    """How many rows are put to the network together; texts count as eight bytes a cell."""
    row = sum(a.nbytes // max(1, len(a)) for a in feeds.values())
    return max(1, min(_MOST_ROWS, AT_ONCE // (FACTOR * max(1, row))))


def in_portions(feeds: Mapping[str, np.ndarray], ask: Ask, what: str) -> list[Any]:
    """The network's answers for all rows: ``ask`` answers for some, an array or a list each output.

    Raises LimitError where one row alone needs more memory than there is; what else ``ask`` raises
    passes.
    """
    n = len(next(iter(feeds.values())))
    answers: list[list[Any]] = []
    size, start = rows_at_once(feeds), 0
    while start < n or not answers:
        part = {name: values[start : start + size] for name, values in feeds.items()}
        try:
            answers.append(ask(part))
        except Exception as error:
            if not ran_out(error):
                raise
            if size == 1:
                raise LimitError(
                    "{what} needs more memory than the limit for a single row",
                    remedy="allow more with --memory-limit, or export a smaller model",
                    what=what,
                ) from error
            size = max(1, min(size, n) // 2)
            continue
        start += size
    return [_joined(list(parts)) for parts in zip(*answers, strict=True)]


def ran_out(error: Exception) -> bool:
    """Whether a network could not be run for want of memory."""
    return isinstance(error, MemoryError) or any(said in str(error) for said in _NO_MEMORY)


def _joined(parts: list[Any]) -> Any:
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], list):
        return [row for part in parts for row in part]
    return np.concatenate(parts)
