"""Several processes and devices: the one place that knows which process this is and where it runs.

``torchrun --nproc-per-node N -m evenhand.trainers recipe.yaml --out FOLDER`` starts N processes.
Every process prepares the same data; each step they draw or share out rows, and their gradients are
added up before the step. The first process alone writes: ledger, checkpoints, model folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.examples import Take


def rank() -> int:
    """This process among all; 0 where there is one."""
    import torch

    distributed = torch.distributed
    is_on = distributed.is_available() and distributed.is_initialized()
    return int(distributed.get_rank()) if is_on else 0


def world_size() -> int:
    """How many processes train together."""
    import torch

    distributed = torch.distributed
    is_on = distributed.is_available() and distributed.is_initialized()
    return int(distributed.get_world_size()) if is_on else 1


def device() -> torch.device:
    """Where to train: the process's own CUDA device where there is one, else the CPU.

    EVENHAND_DEVICE names another ("cpu").
    """
    import torch

    named = os.environ.get("EVENHAND_DEVICE")
    if named:
        return torch.device(named)
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


@contextmanager
def processes() -> Iterator[None]:
    """Joins the other processes of ``torchrun`` inside the block; alone, it does nothing.

    Raises InputError where torch was built without support for several processes.
    """
    import torch

    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or world_size() > 1:
        yield  # alone, or joined already by whoever called
        return
    if not torch.distributed.is_available():
        raise InputError(
            "this torch cannot train on several processes", remedy="start it without torchrun"
        )
    torch.distributed.init_process_group("nccl" if device().type == "cuda" else "gloo")
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def shared_step(optimizer: Any) -> Take:
    """A plain step in which each process takes every world_size-th row of the batch.

    All processes draw the same batch; the gradient is that of its mean, as in one process.
    """

    def take(losses_of: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
        own = rows[rank() :: world_size()]
        optimizer.zero_grad()
        # Every process must go through the network, else the others wait for it for ever.
        losses = losses_of(own if len(own) else rows[:1])
        share = world_size() / len(rows) if len(own) else 0.0
        (losses.sum() * share).backward()
        optimizer.step()
        return losses.detach()[: len(own)]

    return take


def same_start(module: torch.nn.Module) -> None:
    """Gives every process the first one's weights."""
    import torch

    if world_size() > 1:
        for parameter in module.parameters():
            torch.distributed.broadcast(parameter.data, 0)


def anyone(asks: bool) -> bool:
    """Whether any process asks, so that all stop after the same step: one that went on alone would
    wait for the others for ever."""
    import torch

    if world_size() == 1:
        return asks
    flag = torch.tensor(int(asks), device=device())
    torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
    return bool(flag)


def add_up_plain(module: torch.nn.Module) -> torch.nn.Module:
    """The module wrapped by torch's DistributedDataParallel where several processes train."""
    import torch

    if world_size() == 1:
        return module
    return torch.nn.parallel.DistributedDataParallel(module)
