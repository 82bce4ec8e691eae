"""Images as bytes -> float32 pixels in [0, 1], by a rule that looks at no data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from evenhand.audit.data.reading.images import IMAGE, MAX_IMAGE_PIXELS
from evenhand.audit.errors import InputError, RowError, nearest
from evenhand.trainers.validate import Strict, checked

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCHEMA = "evenhand-image-encoder/1"
_Size = Annotated[int, Field(ge=1, le=MAX_IMAGE_PIXELS)]


class Normalise(Strict):
    """(pixel - mean) / std for each channel, in [0, 1] units: public constants, not measured."""

    mean: tuple[float, ...] = Field(min_length=1, max_length=3)
    std: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1, max_length=3)

    @model_validator(mode="after")
    def _one_each(self) -> Normalise:
        if len(self.mean) != len(self.std):
            raise ValueError("mean and std need one number for each channel")
        return self


class _Stored(Strict):
    schema_: Literal["evenhand-image-encoder/1"] = Field(alias="schema")
    column: str = Field(min_length=1)
    shape: tuple[_Size, ...] = Field(min_length=2, max_length=3)
    normalise: Normalise | None = None

    @model_validator(mode="after")
    def _fits(self) -> _Stored:
        if math.prod(self.shape[:2]) > MAX_IMAGE_PIXELS:
            raise ValueError(f"an image has over {MAX_IMAGE_PIXELS:,} pixels")
        channels = self.shape[2] if len(self.shape) == 3 else 1
        if channels not in (1, 3):
            raise ValueError(f"an image has {channels} channels, not 1 or 3")
        if self.normalise and len(self.normalise.mean) != channels:
            raise ValueError(f"normalise has {len(self.normalise.mean)} channels, not {channels}")
        return self


@dataclass(frozen=True)
class ImageEncoder:
    """One column of images of one ``shape``: (height, width) or (height, width, 3)."""

    SCHEMA: ClassVar[str] = SCHEMA
    baseline_name: ClassVar[str] = "black image"

    shape: tuple[int, ...]
    normalise: Normalise | None = None
    column: str = IMAGE

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The raw columns that it reads."""
        return (self.column,)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one encoded row."""
        return self.shape

    @property
    def encoded_columns(self) -> tuple[str, ...]:
        """The raw column of each encoded position: the image, for every pixel."""
        return (self.column,) * math.prod(self.shape)

    @property
    def baseline(self) -> np.ndarray:
        """A black image in encoded space, float32 of the input shape."""
        import numpy as np

        return self._scaled(np.zeros((1, *self.shape), dtype=np.uint8))[0]

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Raw rows to float32 of shape (rows, *shape).

        Raises InputError for a missing column, and for a cell that is no image of this shape.
        """
        import numpy as np

        if self.column not in frame.columns:
            raise InputError(
                "input column {column!r} is not in the data",
                remedy=nearest(self.column, frame.columns),
                column=self.column,
            )
        size, cells = math.prod(self.shape), list(frame[self.column])
        for position, cell in enumerate(cells):
            if not isinstance(cell, bytes) or len(cell) != size:
                held = f"{len(cell)} bytes" if isinstance(cell, bytes) else type(cell).__name__
                raise RowError(
                    "column {column!r} holds {held} in {row}, not an image of {shape} bytes",
                    position,
                    remedy="scale the images to the size that the model was trained on",
                    column=self.column,
                    held=held,
                    shape=" x ".join(map(str, self.shape)),
                )
        pixels = np.frombuffer(b"".join(cells), dtype=np.uint8)
        return self._scaled(pixels.reshape(len(cells), *self.shape))

    def _scaled(self, pixels: np.ndarray) -> np.ndarray:
        import numpy as np

        scaled: np.ndarray = pixels.astype(np.float32)
        scaled /= np.float32(255)
        if self.normalise is None:
            return scaled
        mean = np.array(self.normalise.mean, dtype=np.float32)
        std = np.array(self.normalise.std, dtype=np.float32)
        if len(self.shape) == 2:  # one channel, which has no axis
            mean, std = mean[0], std[0]
        return (scaled - mean) / std

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; ``from_json`` gives an equal encoder."""
        return {
            "schema": SCHEMA,
            "column": self.column,
            "shape": list(self.shape),
            "normalise": self.normalise.model_dump(mode="json") if self.normalise else None,
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> ImageEncoder:
        """Raises InputError for anything that ``to_json`` does not write."""
        stored = checked(_Stored, given, "encoder")
        return cls(stored.shape, stored.normalise, stored.column)
