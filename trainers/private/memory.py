"""How many rows a private step may take at once within a limit in bytes.

Clipping row by row needs memory for each row: its activations, and (mode "hooks") a gradient of its
own. A batch that would not fit goes through in parts; noise is added once, and neither gradients
nor cost change. What a row takes is measured on a few made-up rows, in the very step and mode that
training takes; nothing of the private rows is looked at.
"""

from __future__ import annotations

import copy
import os
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.trainers.private.plan import SPARE, MemoryUse

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.examples import Examples
    from evenhand.trainers.private.plan import NoisePlan

# Half for the step, half for what else the process, and others, may come to need.
_DEFAULT_SHARE = 0.5
_PROBES = (1, 8, 64)
_CGROUP = Path("/sys/fs/cgroup")


def fit_to_memory(
    plan: NoisePlan,
    module: torch.nn.Module,
    made_up: Callable[[int], Examples],
    limit: int | None = None,
) -> NoisePlan:
    """The plan with a ``physical_batch_size`` that keeps a step within ``limit`` bytes (by default
    half of what is available); None where a batch of every row would fit.

    ``made_up(n)`` gives n rows of the training rows' shape. A plan that names its physical batch
    keeps it. Raises InputError where one row alone takes more.
    """
    if plan.physical_batch_size is not None:
        return plan
    said = "declared"
    if limit is None:
        device = next(module.parameters()).device
        limit, said = int(available_bytes(device) * _DEFAULT_SHARE), "half of the available memory"
    per_row, n = _bytes_per_row(plan, module, made_up, limit)
    set_aside = SPARE * per_row
    if set_aside > limit:
        raise InputError(
            "memory_limit={limit:,} bytes ({said}) is below what a step over one row needs, "
            "{set_aside} bytes",
            remedy="raise memory_limit, or use a smaller network",
            limit=limit,
            said=said,
            set_aside=f"{round(set_aside):,}",
        )
    size = int(limit / set_aside)
    use = MemoryUse(limit, said, per_row, n)
    return replace(plan, memory=use, physical_batch_size=size if size < plan.stated_rows else None)


def available_bytes(device: torch.device) -> int:
    """Memory that is free on a device: CUDA's own; else the machine's, or what is left of this
    container's, shared by the processes that train on it together."""
    import psutil
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    try:
        most = int((_CGROUP / "memory.max").read_text())
        free = min(free, most - int((_CGROUP / "memory.current").read_text()))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        pass
    return max(0, free) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _bytes_per_row(
    plan: NoisePlan, module: torch.nn.Module, made_up: Callable[[int], Examples], limit: int
) -> tuple[float, int]:
    """Bytes a row, and the number of rows that they were measured on.

    A step's peak is the largest of several sums of a fixed part and a part a row; divided by the
    rows it falls as these grow. What more rows take is therefore never above the value found.
    """
    per_row, measured = 0.0, 0
    for n in _PROBES:
        if measured and n * per_row * SPARE > limit:
            break
        per_row, measured = _step_peak(plan, module, made_up(n)) / n, n
    return per_row, measured


def _step_peak(plan: NoisePlan, module: torch.nn.Module, like: Examples) -> int:
    """The most bytes that one private step over ``like`` holds at a time."""
    import torch

    from evenhand.trainers.examples import example_losses, seeded
    from evenhand.trainers.private.noise import entropy_generator
    from evenhand.trainers.private.wrapping import known_warnings_silenced, wrap

    twin = copy.deepcopy(module).train()
    device = next(twin.parameters()).device
    parts = wrap(
        twin,
        torch.optim.SGD([p for p in twin.parameters() if p.requires_grad], lr=0.0),
        replace(plan, world_size=1, physical_batch_size=None),
        noise=entropy_generator(device),
        sampling=torch.Generator(),
    )

    def step() -> None:
        parts.take(lambda at: example_losses(parts.module, like, at), torch.arange(len(like)))

    with seeded(0), known_warnings_silenced():
        if device.type == "cuda":
            before = torch.cuda.memory_allocated(device)
            torch.cuda.reset_peak_memory_stats(device)
            step()
            return int(torch.cuda.max_memory_allocated(device) - before)
        return peak_bytes(step)


def peak_bytes(work: Callable[[], None]) -> int:
    """The most bytes that tensors which ``work`` makes or returns views of hold at a time (CPU).

    Storages are counted when an operation first gives one back, until they are freed; what a
    kernel uses inside itself is not seen.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Counter(TorchDispatchMode):
        """Hears of every operation, those of the backward pass too."""

        def __init__(self) -> None:
            super().__init__()
            self.alive: dict[int, Any] = {}
            self.now = self.peak = 0

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            given = func(*args, **(kwargs or {}))
            for leaf in tree_leaves(given):
                if isinstance(leaf, torch.Tensor):
                    self.see(leaf.untyped_storage())
            return given

        def see(self, storage: Any) -> None:
            key, size = storage._cdata, storage.nbytes()
            if key not in self.alive:
                self.alive[key] = weakref.ref(storage, lambda _: self.freed(key, size))
                self.now += size
                self.peak = max(self.peak, self.now)

        def freed(self, key: int, size: int) -> None:
            del self.alive[key]
            self.now -= size

    counter = Counter()
    with counter:
        work()
    return counter.peak
