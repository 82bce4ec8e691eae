"""What each of two processes does in test_distributed.py; started by torchrun."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import torch

from evenhand.trainers import command, distributed
from evenhand.trainers.examples import Examples
from evenhand.trainers.fitting import networks
from evenhand.trainers.fitting.loop import Loop, run
from evenhand.trainers.private.accounting import Spent
from evenhand.trainers.private.noise import entropy_generator
from evenhand.trainers.private.plan import NoisePlan
from evenhand.trainers.private.wrapping import known_warnings_silenced, wrap


def noise_of_a_step(mode: str) -> list[float]:
    """Mean and deviation of the change that one step makes to weights without gradient."""
    wanted = NoisePlan(1e-5, 0.4, 1.5, 0.25, 32, 1, Spent(1, 1, "PRV"), (), mode, world_size=2)
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(5, 400), torch.nn.Linear(400, 20))
    before = torch.cat([p.detach().flatten() for p in module.parameters()]).clone()
    examples = Examples(torch.randn(32, 5), torch.zeros(32, dtype=torch.int64), torch.zeros(32))
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    parts = wrap(module, optimizer, wanted, noise=entropy_generator(), sampling=entropy_generator())
    with known_warnings_silenced():
        loop = Loop(parts.batches, 1, 1, torch.sum, take=parts.take)
        run(parts.module, parts.optimizer, examples, loop)
    change = torch.cat([p.detach().flatten() for p in module.parameters()]) - before
    return [float(change.mean()), float(change.std()), len(change)]


def drawn() -> list[int]:
    """Which rows of 20 this process ever draws, and how many in 400 draws."""
    plan = NoisePlan(1e-5, 1.0, 1.0, 0.25, 20, 400, Spent(1, 1, "PRV"), world_size=2)
    module = torch.nn.Linear(2, 2)
    parts = wrap(
        module,
        torch.optim.SGD(module.parameters(), lr=1.0),
        plan,
        noise=entropy_generator(),
        sampling=entropy_generator(),
    )
    rows = [row for batch in parts.batches for row in batch]
    return [len(rows), *sorted(set(rows))]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    rank = os.environ["RANK"]
    train_network = networks.train_network

    def remembering(*args: object, **options: object) -> networks.Trained:
        trained = train_network(*args, **options)  # type: ignore[arg-type]
        whole = b"".join(p.detach().numpy().tobytes() for p in trained.module.parameters())
        (folder / f"{name}-{rank}.txt").write_text(hashlib.sha256(whole).hexdigest())
        return trained

    # One group for all: a process that leaves and joins again can meet the other's last group.
    with distributed.processes():
        told = {"noise": [noise_of_a_step(m) for m in ("hooks", "ghost")], "drawn": drawn()}
        (folder / f"told-{rank}.json").write_text(json.dumps(told))
        networks.train_network = remembering
        for name in ("plain", "private"):
            code = command.main([str(folder / f"{name}.yaml"), "--out", str(folder / name)])
            assert code == 0, code


if __name__ == "__main__":
    main(Path(sys.argv[1]))
