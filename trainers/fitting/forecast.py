"""How long a run will take: each of its parts timed on made-up rows, at the pace of this machine.

The steps of training are often the smaller part: rows are read and encoded, the part of a network
that is never trained goes over every row once, a private run's ledger and accountant are asked
again and again, and the held-out rows are measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenhand.trainers.data.prepared import Prepared
    from evenhand.trainers.examples import Examples
    from evenhand.trainers.private.plan import NoisePlan

_MOST_ROWS = 512  # of a step that is timed
_ROWS_READ = 256  # of a pass in which nothing is learnt
_LEAST_S, _MOST_TIMES = 0.3, 12  # how long, and how often at most, one thing is timed
_SECONDS_AN_ENTRY = 0.004  # a line of the ledger and its anchor, each on the disk before a step
# Beside what is timed: libraries that are first met in training, the folder, digests, the cost.
_SECONDS_AROUND = 1.5


@dataclass
class Clock:
    """Seconds by what they were spent on."""

    seconds: dict[str, float] = field(default_factory=dict)

    def time(self, name: str, do: Callable[[], Any]) -> Any:
        """What ``do`` returns; its time is added to ``name``."""
        started = time.perf_counter()
        done = do()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
        return done


@dataclass(frozen=True)
class Rehearsed:
    """A network as it will be trained: its ``head`` learns, its ``body`` (or None) does not.
    ``raw`` makes up rows as they are read, ``made_up`` as the head gets them."""

    head: Any
    body: Any
    raw: Callable[[int], Examples]
    made_up: Callable[[int], Examples]


def parts(
    prepared: Prepared,
    network: Rehearsed,
    planned: NoisePlan | None,
    *,
    steps: int,
    rows_a_step: float,
) -> dict[str, float]:
    """Seconds of each part of a run that comes after its preparation and its building."""
    n_seen = len(prepared.train) + (len(prepared.validation) if prepared.validation else 0)
    a_row = _seconds_a_row(network)
    found = {
        "fixed_features": a_row["body"] * n_seen,
        "steps": seconds_a_step(network, planned, rows_a_step) * steps,
        "measuring": (a_row["body"] + a_row["head"]) * len(prepared.test),
        "around": _SECONDS_AROUND,
    }
    if prepared.validation:
        epochs = prepared.recipe.descent.epochs
        found["watching"] = a_row["head"] * len(prepared.validation) * epochs
    return found | (_private(prepared, planned, steps) if planned else {})


def _private(prepared: Prepared, planned: NoisePlan, steps: int) -> dict[str, float]:
    """The accountant's points of the curve, and the lines of the ledger."""
    from evenhand.trainers.fitting.networks import EPSILON_POINTS

    clock = Clock()
    # a step that nothing has asked of before: what is known is not worked out again
    clock.time("accounting", lambda: planned.spending_after(max(1, steps // 2 + 1)))
    points = min(EPSILON_POINTS, prepared.recipe.descent.epochs)
    return {
        "accounting": clock.seconds["accounting"] * points,
        "ledger": _SECONDS_AN_ENTRY * steps,
    }


def _seconds_a_row(network: Rehearsed) -> dict[str, float]:
    """Seconds that the body, and the head, take over one row without learning."""
    import torch

    raw, made_up = network.raw(_ROWS_READ), network.made_up(_ROWS_READ)
    with torch.no_grad():
        body = _mean_seconds(lambda: network.body(raw.inputs)) if network.body else 0.0
        head = _mean_seconds(lambda: network.head(made_up.inputs))
    return {"body": body / len(raw), "head": head / len(made_up)}


def seconds_a_step(network: Rehearsed, planned: NoisePlan | None, rows: float) -> float:
    """Seconds of one step over so many rows: what each step costs, and what each row adds, told
    apart by timing two sizes."""
    large = max(1, min(_MOST_ROWS, round(rows)))
    small = max(1, large // 4)
    take = _step(network, planned)
    at_large = _mean_seconds(lambda: take(large))
    if large == small or rows <= large:
        return at_large * rows / large
    at_small = _mean_seconds(lambda: take(small))
    a_row = max(0.0, (at_large - at_small) / (large - small))
    return max(at_large, at_large + a_row * (rows - large))


def _step(network: Rehearsed, planned: NoisePlan | None) -> Callable[[int], Any]:
    import torch

    from evenhand.trainers.examples import example_losses
    from evenhand.trainers.fitting.loop import plain_step
    from evenhand.trainers.private.noise import entropy_generator
    from evenhand.trainers.private.wrapping import known_warnings_silenced, wrap

    learns = [p for p in network.head.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learns, lr=0.0)
    take, module = plain_step(optimizer, torch.mean), network.head.train()
    if planned is not None:
        wrapped = wrap(
            network.head,
            optimizer,
            planned,
            noise=entropy_generator(),
            sampling=entropy_generator(),
        )
        take, module = wrapped.take, wrapped.module
    rows_of: dict[int, Examples] = {}

    def one(n: int) -> Any:
        like = rows_of.setdefault(n, network.made_up(n))
        with known_warnings_silenced():
            return take(lambda at: example_losses(module, like, at), torch.arange(n))

    return one


def _mean_seconds(do: Callable[[], Any]) -> float:
    """Of doing it once, after a first time that prepares."""
    do()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < _LEAST_S and len(times) < _MOST_TIMES):
        started = time.perf_counter()
        do()
        times.append(time.perf_counter() - started)
        if sum(times) > 3 * _LEAST_S:
            break
    return sum(times) / len(times)


def total(seconds: Mapping[str, float]) -> float:
    """All parts together."""
    return sum(seconds.values())
