"""How many rows a batch may have within a limit in bytes, measured on a few of them."""

from __future__ import annotations

import math
import tracemalloc
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Beyond these a batch gets no faster: it only leaves the processor's cache.
MOST_TENSOR_ROWS = 2048
MOST_GRADIENT_ROWS = 1024
MOST_FRAME_ROWS = 1 << 16
_SPARE = 2.0  # what the allocator keeps beside, and what grows faster than the rows
_PROBE = 64


def batch_of(bytes_per_row: float, memory_bytes: int, most: int) -> int:
    """Rows in a batch: at least 1.

    >>> batch_of(1000, 1_000_000, 8192)
    500
    """
    return max(1, min(most, int(memory_bytes / (_SPARE * max(1.0, bytes_per_row)))))


def gradient_bytes(module: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor) -> float:
    """Bytes that one row takes from its input to its gradient.

    ``inputs`` are a few rows; what the backward pass keeps is counted as autograd saves it, the
    weights not being rows.
    """
    import torch

    saved: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter) and tensor.shape[:1] == probe.shape[:1]:
            storage = tensor.untyped_storage()
            saved[storage.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    probe = inputs.detach().clone()
    if probe.is_floating_point():
        probe.requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = module(probe)
    own = probe.numel() * probe.element_size() + outputs.numel() * outputs.element_size()
    # Inputs on the path, their gradients, those weighted by steps, and one copy for batching.
    return (2.0 * sum(saved.values()) + 6.0 * own) / max(1, len(probe))


def frame_bytes(score: Callable[[Any], Any], frame: Any, *, model: object) -> float:
    """Bytes that scoring takes a row, the frame itself included: how the peak grows with rows.

    ``frame`` has a few rows, which are repeated. What is allocated outside of Python and NumPy
    isn't seen. Probing takes longer than many questions do, so it is done once for each ``model``
    and size of row (to a power of two), and remembered as long as the model is there.
    """
    own = float(frame.memory_usage(deep=True, index=False).sum()) / max(1, len(frame))
    known, size = _known_of(model), math.ceil(math.log2(max(1.0, own)))
    if size not in known:
        small, large = (_peak(score, frame, rows) for rows in (_PROBE, 4 * _PROBE))
        known[size] = (large - small) / (3 * _PROBE)
    return max(known[size], own) + own


# By identity: a model need not be hashable, and two that are equal are still two.
_known: dict[int, tuple[weakref.ref[object], dict[int, float]]] = {}


def _known_of(model: object) -> dict[int, float]:
    held = _known.get(id(model))
    if held is None or held[0]() is not model:
        gone = id(model)
        held = (weakref.ref(model, lambda _: _known.pop(gone, None)), {})
        _known[gone] = held
    return held[1]


def _peak(score: Callable[[Any], Any], frame: Any, rows: int) -> float:
    repeated = frame.iloc[[i % max(1, len(frame)) for i in range(rows)]]
    score(repeated)  # what is loaded or compiled at the first call isn't the rows'
    started = tracemalloc.is_tracing()
    if not started:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        score(repeated)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not started:
            tracemalloc.stop()


def chunks(n: int, size: int) -> list[slice]:
    """Slices of at most ``size`` that cover ``n`` rows."""
    return [slice(i * size, min(n, (i + 1) * size)) for i in range(math.ceil(n / size))]
