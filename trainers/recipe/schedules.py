"""Learning-rate schedules: pure functions from a step to a factor of the learning rate.

A factor depends on the step's number alone, never on losses or rows, so that a schedule costs a
private run nothing and a resumed run goes on where it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, model_validator

from evenhand.audit.errors import InputError
from evenhand.audit.words.phrases import phrase
from evenhand.trainers.validate import Strict

Name = Literal["constant", "cosine", "step", "one-cycle", "warmup"]
Factor = Callable[[int], float]

_WARMUP_START = 0.1  # of the learning rate, at the first step of a warm-up
_DEFAULT_WARMUP = 0.1
_CYCLE_START, _CYCLE_END = 1 / 25, 1 / 25e4  # as torch's OneCycleLR has them by default


class Schedule(Strict):
    """A schedule by name, and its dials.

    ``constant``; ``cosine``, half a wave from 1 down to ``floor``; ``step``, times ``factor`` every
    ``every`` epochs; ``one-cycle``, up from 1/25 to 1 over the share ``peak`` of the steps and down
    to nothing, both along a cosine (Smith and Topin 2019, "Super-convergence"); ``warmup``, linear
    from 0.1 to 1 over the share ``warmup`` of the steps, then constant. The first three take a
    ``warmup`` before them as well. Written as a name alone, a schedule has its defaults.
    """

    name: Name = "constant"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    floor: float = Field(default=0.0, ge=0, lt=1)
    every: int = Field(default=10, ge=1)
    factor: float = Field(default=0.1, gt=0, le=1)
    peak: float = Field(default=0.3, gt=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_enough(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _dials_belong(self) -> Schedule:
        uses = {
            "constant": {"warmup"},
            "cosine": {"warmup", "floor"},
            "step": {"warmup", "every", "factor"},
            "one-cycle": {"peak"},
            "warmup": {"warmup"},
        }[self.name]
        defaults = {k: f.default for k, f in type(self).model_fields.items()}
        idle = [
            k
            for k in sorted(self.model_fields_set - uses - {"name"})
            if getattr(self, k) != defaults[k]
        ]
        if idle:
            raise ValueError(
                phrase("{idle} does not apply to schedule {name!r}", idle=idle[0], name=self.name)
            )
        return self


def factor_of(schedule: Schedule, *, steps: int, epochs: int) -> Factor:
    """The factor of the learning rate at step 0, 1, ..., ``steps`` - 1 of a run.

    In (0, 1], but for the last step of ``cosine``, which may come close to 0. Raises InputError for
    a run without steps.

    >>> halved = factor_of(Schedule(name="step", every=2, factor=0.5), steps=8, epochs=4)
    >>> [halved(t) for t in range(8)]
    [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5]
    """
    if steps < 1 or epochs < 1:
        raise InputError(
            "a schedule over {steps} steps", remedy="train for one step at least", steps=steps
        )
    if schedule.name == "one-cycle":
        return lambda step: _one_cycle(step, steps, schedule.peak)
    share = schedule.warmup or (_DEFAULT_WARMUP if schedule.name == "warmup" else 0.0)
    n_warm = round(share * steps)
    rest = _after_warmup(schedule, steps - n_warm, steps / epochs)

    def factor(step: int) -> float:
        if step < n_warm:
            return _WARMUP_START + (1 - _WARMUP_START) * step / n_warm
        return rest(step - n_warm)

    return factor


def _after_warmup(schedule: Schedule, steps: int, steps_an_epoch: float) -> Factor:
    if schedule.name == "cosine":
        floor = schedule.floor
        return lambda step: floor + (1 - floor) * (1 + math.cos(math.pi * step / steps)) / 2
    if schedule.name == "step":
        every = max(1, round(schedule.every * steps_an_epoch))
        return lambda step: float(schedule.factor ** (step // every))
    return lambda step: 1.0


def _one_cycle(step: int, steps: int, peak: float) -> float:
    top = peak * steps - 1  # torch's own convention: the first step counts
    if top > 0 and step <= top:
        return _along_cosine(_CYCLE_START, 1.0, step / top)
    return _along_cosine(1.0, _CYCLE_END, (step - top) / max(1e-12, steps - 1 - top))


def _along_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
