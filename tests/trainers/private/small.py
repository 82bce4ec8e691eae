"""A network of two layers, rows for it, and a plan to train it privately."""

from __future__ import annotations

import torch

from evenhand.trainers.examples import Examples
from evenhand.trainers.private.accounting import Spent
from evenhand.trainers.private.plan import NoisePlan

COST = Spent(1.0, 1.1, "PRV")


def plan(**changes: object) -> NoisePlan:
    dials = {
        "delta": 1e-5,
        "max_grad_norm": 1.0,
        "noise_multiplier": 1.0,
        "sample_rate": 0.25,
        "n_train": 32,
        "steps": 3,
        "spending": COST,
    }
    return NoisePlan(**{**dials, **changes})  # type: ignore[arg-type]


def network(seed: int = 0) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))


def rows(n: int, seed: int = 1) -> Examples:
    rng = torch.Generator().manual_seed(seed)
    return Examples(
        inputs=torch.randn(n, 5, generator=rng),
        targets=torch.randint(0, 2, (n,), generator=rng),
        weights=torch.ones(n),
    )


def naive_gradients(module: torch.nn.Module, examples: Examples) -> list[torch.Tensor]:
    """One backward pass a row, flattened over all parameters: shape (n_weights,) each."""
    gradients = []
    for x, y in zip(examples.inputs, examples.targets, strict=True):
        loss = torch.nn.functional.cross_entropy(module(x[None]), y[None])
        parts = torch.autograd.grad(loss, list(module.parameters()))
        gradients.append(torch.cat([p.flatten() for p in parts]))
    return gradients


def flat(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()]).clone()


def sgd(module: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(module.parameters(), lr=1.0)
