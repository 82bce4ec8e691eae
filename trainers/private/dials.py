"""The dials of private training as a recipe states them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from evenhand.audit.words.phrases import phrase
from evenhand.trainers.private.accounting import MAX_NOISE
from evenhand.trainers.validate import Strict

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", re.IGNORECASE)


def bytes_of(text: str) -> int:
    """A size in words as bytes. Raises ValueError.

    >>> bytes_of("2 GiB"), bytes_of("500 MB"), bytes_of("4096")
    (2147483648, 500000000, 4096)
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(phrase("{text!r} is not a size; write e.g. 2 GiB or 500 MB", text=text))
    number, prefix, is_binary = found.groups()
    base = 1024 if is_binary else 1000
    return int(float(number) * base ** " KMGT".index(prefix.upper() or " "))


class Private(Strict):
    """The dials of DP-SGD. Without ``noise_multiplier`` it is found for ``epsilon``; with it,
    ``epsilon`` (where given) is a ceiling. ``delta`` defaults to the largest power of ten that is
    at most 1/(10 n_train). ``sample_rate`` is by default batch_size / n_train.
    ``physical_batch_size`` bounds the rows in memory at once and changes nothing else.
    Without it, it is found so that a step stays within ``memory_limit`` (bytes, or such as "2 GiB";
    by default half of the memory that is available). ``max_rows_per_unit`` goes with the recipe's
    ``unit``: how many training rows a person may have (1). ``public_rows`` is a number of
    training rows that is public or agreed: sample rate, steps, the limit of delta and the divisor
    of gradients follow it, and the folder tells no other. ``noise_seed`` makes noise and
    sampling repeatable: such a run is not certified."""

    epsilon: float | None = Field(
        default=None, gt=0, le=1000, description="privacy budget; needs --private"
    )
    delta: float | None = Field(
        default=None, gt=0, lt=1, description="must be below 1/n; needs --private"
    )
    max_grad_norm: float = Field(
        default=1.0, gt=0, description="clipping norm of one row's gradient"
    )
    noise_multiplier: float | None = Field(
        default=None, gt=0, le=MAX_NOISE, description="noise, instead of epsilon"
    )
    sample_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="share of rows in a step (default: batch size over rows)",
    )
    keep_loss_curve: bool = Field(
        default=False, description="publish the losses of training, which no noise covers"
    )
    physical_batch_size: int | None = Field(
        default=None, ge=1, description="rows in memory at once, instead of --memory-limit"
    )
    memory_limit: int | None = Field(
        default=None, ge=1, description="of a step, such as 2GiB (half of what is free)"
    )
    max_rows_per_unit: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="training rows a person may have (1); see --unit",
    )
    public_rows: int | None = Field(
        default=None,
        ge=1,
        description="a public number of training rows to plan with: the true one stays untold",
    )
    noise_seed: int | None = Field(
        default=None, ge=0, lt=2**63, description="repeatable noise: the run is not certified"
    )

    @model_validator(mode="before")
    @classmethod
    def _default_epsilon(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        if given.get("epsilon") is None and given.get("noise_multiplier") is None:
            return {**given, "epsilon": 3.0}
        return given

    @field_validator("memory_limit", mode="before")
    @classmethod
    def _bytes(cls, given: Any) -> Any:
        return bytes_of(given) if isinstance(given, str) else given
