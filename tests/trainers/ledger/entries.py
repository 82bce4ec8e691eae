"""Entries of a ledger, written out."""

from __future__ import annotations

from evenhand.trainers.ledger.record import Closed, OpenedLedger
from evenhand.trainers.private.accounting import spent
from evenhand.trainers.private.bracket import Segment

PLANNED, EXECUTED = 60, 40
FULL = spent([Segment(4.0, 0.1, PLANNED)], 1e-5)
PART = spent([Segment(4.0, 0.1, EXECUTED)], 1e-5)


def opened(**changes: object) -> OpenedLedger:
    body = {
        "dataset_digest": "sha256:" + "a" * 64,
        "n_train": 1000,
        "unit": "row",
        "adjacency": "add/remove one row",
        "sampler": "Poisson",
        "accountant": "PRV",
        "noise": "operating system entropy",
        "noise_multiplier": 4.0,
        "max_grad_norm": 1.0,
        "sample_rate": 0.1,
        "delta": 1e-5,
        "planned_steps": PLANNED,
        "epsilon": FULL.epsilon,
        "epsilon_rdp": FULL.epsilon_rdp,
        "outside_guarantee": ("training means",),
        "versions": {},
    }
    return OpenedLedger.model_validate({**body, **changes})


def closed(**changes: object) -> Closed:
    body = {
        "executed_steps": EXECUTED,
        "epsilon": PART.epsilon,
        "epsilon_rdp": PART.epsilon_rdp,
        "weights_digest": "sha256:" + "b" * 64,
    }
    return Closed.model_validate({**body, **changes})
