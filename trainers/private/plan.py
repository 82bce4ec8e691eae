"""The plan of a private run: sampling, noise, steps, memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from evenhand.audit.errors import InputError
from evenhand.audit.words.numbers import at_most, number
from evenhand.trainers.private.accounting import Spent, good_delta, noise_for, spent
from evenhand.trainers.private.bracket import Segment
from evenhand.trainers.private.dials import Private
from evenhand.trainers.private.noise import ENTROPY, NOT_CERTIFIED, SEEDED
from evenhand.trainers.private.unit import ROW, Unit

SAMPLER: Literal["Poisson"] = "Poisson"


# Uniform draws of torch are multiples of 2^-24: a rate that is one too is drawn exactly.
_GRAIN = 2.0**24


# How Opacus gets per-example gradients where an architecture does not say: hooks is the mode that
# works for every layer. "ghost" is faster wherever weights outnumber activations.
GRAD_SAMPLE_MODE = "hooks"


MODES = ("hooks", "ghost", "ew", "functorch")


# Counted are tensors. What kernels use inside themselves, and what the allocator keeps of batches
# that are gone, came to 0.3 to 0.7 times as much again in the peak of a process (test_memory.py).
SPARE = 2.0


@dataclass(frozen=True)
class MemoryUse:
    """What a physical batch was found by: ``limit_bytes`` for a step beside data, network and
    optimizer, ``limit_is`` where that comes from, and ``bytes_per_row``, at most what each row's
    tensors take, measured on ``n_probe`` of them; ``spare`` times as much is set aside."""

    limit_bytes: int
    limit_is: str
    bytes_per_row: float
    n_probe: int
    spare: float = SPARE

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return dict(vars(self))


@dataclass(frozen=True)
class NoisePlan:
    """A private run before it starts: its dials, what it will spend, and warnings about both.

    ``steps`` counts the whole run. ``physical_batch_size`` is how many rows are in memory at once;
    it changes neither gradients nor spending. ``public_rows`` is what is planned with in place
    of the number of rows, ``n_train``, which then nothing tells. ``not_certified`` says why the
    guarantee does not hold as stated, () where it does. ``spending`` is that of one ``unit``.
    """

    delta: float
    max_grad_norm: float
    noise_multiplier: float
    sample_rate: float
    n_train: int
    steps: int
    spending: Spent
    warnings: tuple[str, ...] = ()
    grad_sample_mode: str = GRAD_SAMPLE_MODE
    physical_batch_size: int | None = None
    not_certified: tuple[str, ...] = ()
    noise_seed: int | None = None
    world_size: int = 1
    unit: Unit = ROW
    memory: MemoryUse | None = None
    public_rows: int | None = None

    @property
    def stated_rows(self) -> int:
        """The number of training rows that is said: the public one where there is one."""
        return self.n_train if self.public_rows is None else self.public_rows

    @property
    def expected_batch_size(self) -> float:
        """The divisor of every step: sample_rate * stated_rows. With ``public_rows`` it does not
        tell how many rows there are (arXiv 2605.15648)."""
        return self.sample_rate * self.stated_rows

    @property
    def noise(self) -> str:
        """Where its noise comes from, in words."""
        return ENTROPY if self.noise_seed is None else SEEDED

    def spending_after(self, steps: int) -> Spent:
        """What ``steps`` steps of this plan spend."""
        segment = Segment(self.noise_multiplier, self.sample_rate, steps)
        return spent([segment], self.delta, rows_per_unit=self.unit.rows)


def plan_private(
    private: Private,
    *,
    n_train: int,
    batch_size: int,
    epochs: int,
    grad_sample_mode: str = GRAD_SAMPLE_MODE,
    world_size: int = 1,
    unit: Unit = ROW,
) -> NoisePlan:
    """Turns the dials of a recipe into a plan for ``n_train`` rows; epsilon is that of a ``unit``.

    Raises InputError for a delta of 1/n_train or more, for an epsilon that the given noise
    multiplier cannot keep, and for one that no noise can.
    """
    stated = private.public_rows or n_train
    delta, notes = _delta(private, stated)
    rate = private.sample_rate or min(1.0, batch_size / stated)
    rate = max(1.0, math.floor(rate * _GRAIN)) / _GRAIN
    steps = math.ceil(round(epochs / rate, 6))
    noise = private.noise_multiplier
    if noise is None:
        budget = private.epsilon or 3.0
        noise = noise_for(budget, delta, rate, steps, rows_per_unit=unit.rows)
    spending = spent([Segment(noise, rate, steps)], delta, rows_per_unit=unit.rows)
    if private.epsilon is not None and spending.epsilon > private.epsilon:
        raise InputError(
            "noise_multiplier={noise} spends epsilon={epsilon} over {steps} steps, "
            "above epsilon={epsilon_2}",
            remedy="leave noise_multiplier out: it is found for epsilon",
            noise=noise,
            epsilon=at_most(spending.epsilon),
            steps=steps,
            epsilon_2=private.epsilon,
        )
    if spending.note:
        notes.append(spending.note)
    return NoisePlan(
        delta,
        private.max_grad_norm,
        noise,
        rate,
        n_train,
        steps,
        spending,
        warnings=tuple(notes),
        grad_sample_mode=_known_mode(grad_sample_mode),
        physical_batch_size=private.physical_batch_size,
        not_certified=(NOT_CERTIFIED,) if private.noise_seed is not None else (),
        noise_seed=private.noise_seed,
        world_size=world_size,
        unit=unit,
        public_rows=private.public_rows,
    )


def _delta(private: Private, n_train: int) -> tuple[float, list[str]]:
    delta = good_delta(n_train) if private.delta is None else private.delta
    if delta >= 1 / n_train:
        raise InputError(
            "delta={delta} must be below 1/n_train={most}: a delta that large allows "
            "to publish a training row outright",
            remedy="use delta {customary:g}",
            delta=delta,
            most=number(1 / n_train, [delta]),
            customary=good_delta(n_train),
        )
    if delta <= 1 / (10 * n_train):
        return delta, []
    return delta, [
        f"delta={delta:g} is above 1/(10 n_train)={number(1 / (10 * n_train), [delta])}; "
        f"{good_delta(n_train):g} is customary for {n_train} rows"
    ]


def _known_mode(mode: str) -> str:
    if mode not in MODES:
        raise InputError(
            "GRAD_SAMPLE_MODE={mode!r} is not known",
            remedy="use one of {modes}",
            mode=mode,
            modes=", ".join(MODES),
        )
    return mode
