"""What its user declares about a model that does not say it itself: inputs, classes, outputs.

A format that reads declarations lists the names in ``DECLARES`` and takes them in ``load(path,
declared)``; a name that it does not read is refused, so that nothing declared goes unheard.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Predictor, Task
from evenhand.audit.words.phrases import phrase

Outputs = Literal["probabilities", "logits", "values"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Input(_Strict):
    """One column that the model reads, and how its cells become numbers.

    A number x becomes (x - mean) / scale; a text becomes one 0/1 position for each of
    ``categories``, in that order; an image of uint8 pixels becomes (pixel / 255 - mean) / scale, or
    its pixels as they are with ``pixels: raw``.
    """

    column: str = Field(min_length=1, description="column of the data")
    mean: float = Field(default=0.0, description="what is subtracted")
    scale: float = Field(default=1.0, gt=0, description="what is divided by after that")
    missing: float | None = Field(
        default=None,
        description="the number, before scaling, that stands for a missing cell (of boosted trees: "
        "cells that hold it are missing, as XGBoost's own `missing`)",
    )
    categories: tuple[str, ...] = Field(
        default=(), max_length=100_000, description="texts with a position each, in this order"
    )
    unknown: Literal["refuse", "zeros"] = Field(
        default="refuse", description="texts outside the categories: refuse, or all positions 0"
    )
    pixels: Literal["unit", "raw"] | None = Field(
        default=None, description="an image: unit (0 to 1) or raw (0 to 255) pixels"
    )
    image: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = Field(
        default=(), max_length=3, description="an image's height, width and channels (3), if any"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Input:
        scaled = self.mean != 0.0 or self.scale != 1.0
        if self.categories and (scaled or self.missing is not None or self.pixels):
            raise ValueError(
                phrase(
                    "column {column!r} has categories: it can't be scaled as well",
                    column=self.column,
                )
            )
        if len(set(self.categories)) < len(self.categories):
            raise ValueError(phrase("column {column!r} repeats a category", column=self.column))
        if self.image and not self.pixels:
            raise ValueError(
                phrase("column {column!r} has an image's shape but no pixels", column=self.column)
            )
        if self.pixels and self.missing is not None:
            raise ValueError(
                phrase("column {column!r}: a missing image can't be filled in", column=self.column)
            )
        return self


class Architecture(_Strict):
    """A network that is installed here, for weights that come without one."""

    name: str = Field(min_length=1, description="mlp, or any entry of evenhand.architectures")
    parameters: Mapping[str, Any] = Field(default_factory=dict, description="the network's own")


class Endpoint(_Strict):
    """Where a model answers over HTTP, and how patiently it is asked; see ``models.endpoint``."""

    url: str = Field(min_length=1, max_length=2000, description="http://127.0.0.1:PORT/PATH")
    batch_size: int = Field(default=1000, ge=1, le=100_000, description="rows a request")
    time_limit_s: float = Field(
        default=30.0, gt=0, le=3600, description="seconds that one request may take"
    )
    retries: int = Field(
        default=3, ge=0, le=10, description="further tries after no answer, 429, 502, 503, 504"
    )
    allow_remote: bool = Field(
        default=False, description="send rows to another machine (https only)"
    )


class Declared(_Strict):
    """Everything that can be declared; nothing by default. Plain JSON types throughout."""

    task: Task | None = None
    classes: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: Outputs | None = None
    architecture: Architecture | None = None
    truncate: bool | None = None

    @field_validator("inputs", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return inputs_of(value)

    @model_validator(mode="after")
    def _different(self) -> Declared:
        for what, names in (("class", self.classes), ("input", tuple(self.columns))):
            if len(set(names)) < len(names):
                raise ValueError(
                    phrase(
                        "a {what} is named twice: {names}", what=what, names=", ".join(names[:10])
                    )
                )
        if len(self.classes) == 1:
            raise ValueError(phrase("classes: a classifier has at least two"))
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The declared columns in the order of the model's inputs."""
        return tuple(i.column for i in self.inputs)

    def given(self) -> frozenset[str]:
        """Names of what is declared."""
        return frozenset(name for name in type(self).model_fields if getattr(self, name))

    def plain_columns(self, format_name: str) -> tuple[str, ...]:
        """The columns, for a format that reads cells as they are. Raises InputError for others."""
        for one in self.inputs:
            if one != Input(column=one.column):
                raise InputError(
                    "input {column!r} is declared with an encoding, but {format_name} reads "
                    "cells as they are",
                    remedy="declare its name alone: inputs: [{column}, ...]",
                    column=one.column,
                    format_name=format_name,
                )
        return self.columns


NOTHING = Declared()


def inputs_of(value: Any) -> Any:
    """``inputs`` as given: a bare name is a column of numbers as they are."""
    items = (value,) if isinstance(value, str | Mapping) else value
    if not isinstance(items, list | tuple):
        return items
    return tuple({"column": item} if isinstance(item, str) else item for item in items)


def load_with(model_format: Any, path: Path, declared: Declared = NOTHING) -> Predictor:
    """Opens ``path`` by ``model_format``, with what is declared about it.

    Raises InputError for a declaration that the format does not read, and what its load raises.
    """
    reads = frozenset(getattr(model_format, "DECLARES", ()))
    unread = declared.given() - reads - {"task"}  # the task is compared by the subject in any case
    if unread:
        name = sorted(unread)[0]
        can = f"it reads: {', '.join(sorted(reads))}" if reads else "it says everything itself"
        raise InputError(
            "{name} is declared, but a model of format {name_2} does not read it",
            remedy="leave {name} out of the subject ({can})",
            name=name,
            name_2=model_format.NAME,
            can=can,
        )
    opened: Predictor = model_format.load(path, declared) if reads else model_format.load(path)
    return opened
