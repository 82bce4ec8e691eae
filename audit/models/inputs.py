"""Raw columns -> the float32 array that a network reads, as the subject declares it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import texts
from evenhand.audit.errors import InputError, RowError, nearest
from evenhand.audit.models.declared import Input
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class DeclaredInputs:
    """Columns in the order of the model's positions, each with its encoding.

    Images: one column alone, of ``shape`` (the model's, without the rows): (height, width),
    (1 or 3, height, width) or (height, width, 3).
    """

    inputs: tuple[Input, ...]
    shape: tuple[int, ...]

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The raw columns that it reads."""
        return tuple(i.column for i in self.inputs)

    @property
    def encoded_columns(self) -> tuple[str, ...]:
        """The raw column that each encoded position came from."""
        if self.inputs[0].pixels:
            return (self.inputs[0].column,) * math.prod(self.shape)
        return tuple(i.column for i in self.inputs for _ in range(width(i)))

    @property
    def baseline(self) -> np.ndarray:
        """Zeros in encoded space: the declared mean of a number, no category, a mean image."""
        import numpy as np

        return np.zeros(self.shape, dtype=np.float32)

    @property
    def baseline_name(self) -> str:
        """What the baseline is."""
        if self.inputs[0].pixels:
            one = self.inputs[0]
            return "black image" if not one.mean else "image of the declared mean"
        return "declared means, and no category"

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Float32 of shape (rows, *shape). Raises InputError that names column, row and cell."""
        import numpy as np

        for one in self.inputs:
            if one.column not in frame.columns:
                raise InputError(
                    "input column {column!r} is not in the data",
                    remedy=nearest(one.column, frame.columns),
                    column=one.column,
                )
        if self.inputs[0].pixels:
            return _images(frame[self.inputs[0].column], self.inputs[0], self.shape)
        parts = [_encode(frame[i.column], i) for i in self.inputs]
        return np.hstack(parts).astype(np.float32).reshape(len(frame), *self.shape)


def width(one: Input) -> int:
    """Positions that an encoded table column takes."""
    return len(one.categories) or 1


def declared_inputs(
    inputs: tuple[Input, ...], shape: tuple[int | None, ...] | None, what: str
) -> DeclaredInputs:
    """``inputs`` for a model that reads rows of ``shape``; None where a size, or all, is free.

    Raises InputError that says what to declare where they do not fit.
    """
    if not inputs:
        needs = f" of {shape[0]} numbers" if shape and len(shape) == 1 and shape[0] else ""
        raise InputError(
            "{what} does not say which columns it reads: it takes rows{needs}",
            remedy="declare them in the model's order: --inputs income,age,..., or "
            "inputs: [income, age, ...] in subject.yaml",
            what=what,
            needs=needs,
        )
    pictures = [i for i in inputs if i.pixels]
    if pictures and len(inputs) > 1:
        raise InputError(
            "{what}: an image is declared beside other inputs",
            remedy="declare inputs: [{{column: image, pixels: unit}}] alone",
            what=what,
        )
    if pictures:
        return DeclaredInputs(inputs, _image_shape(pictures[0], shape, what))
    n = sum(width(i) for i in inputs)
    if shape is not None:
        free = sum(size is None for size in shape)
        sizes = math.prod(size for size in shape if size is not None)
        if free > 1 or (free and n % sizes) or (not free and sizes != n):
            raise InputError(
                "{what} reads {shape} numbers a row, the declared inputs make {n}: {inputs}",
                remedy="declare every input in the model's order; a text column takes a position "
                "for each of its categories; images need pixels: unit or raw",
                what=what,
                shape=" x ".join(str(s or "any") for s in shape),
                n=n,
                inputs=", ".join(i.column for i in inputs[:10]),
            )
        return DeclaredInputs(inputs, tuple(n // sizes if s is None else s for s in shape))
    return DeclaredInputs(inputs, (n,))


def _image_shape(one: Input, shape: tuple[int | None, ...] | None, what: str) -> tuple[int, ...]:
    if shape is None or any(size is None for size in shape):
        if not one.image:
            raise InputError(
                "{what} does not say how large its images are",
                remedy="declare it: {{column: image, pixels: unit, image: [1, 28, 28]}}",
                what=what,
            )
        return one.image
    known = tuple(int(size or 0) for size in shape)
    if one.image and one.image != known:
        raise InputError(
            "{what} reads images of {known}, declared are {image}",
            remedy="leave image: out of the declared input",
            what=what,
            known=known,
            image=one.image,
        )
    return known


def _encode(column: pd.Series[Any], one: Input) -> np.ndarray:
    return _one_hot(column, one) if one.categories else _scaled(column, one)


def _scaled(column: pd.Series[Any], one: Input) -> np.ndarray:
    import numpy as np

    values = numbers(column)
    if one.missing is not None:
        values = np.where(np.isnan(values), one.missing, values)
    return ((values - one.mean) / one.scale).reshape(-1, 1)


def numbers(column: pd.Series[Any]) -> np.ndarray:
    """Cells as float64, NaN where missing. Raises InputError for what is no finite number."""
    import numpy as np
    import pandas as pd

    parsed = pd.to_numeric(column, errors="coerce")
    values = np.asarray(parsed.to_numpy(dtype=float, na_value=np.nan), dtype=float)
    wrong = (np.isnan(values) & ~column.isna().to_numpy()) | np.isinf(values)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        cell = column.iloc[first]
        shown = repr(cell.item() if hasattr(cell, "item") else cell)[:100]
        declare = f"; a column of texts is declared {{column: {column.name}, categories: [...]}}"
        raise RowError(
            "input column {column!r} holds {shown} in {row}, which is not a finite number "
            "({wrong} such rows)",
            first,
            remedy=phrase(
                "correct the cell, or leave it empty where no value is known{declare}",
                declare=declare if wrong.sum() > (~np.isnan(values)).sum() else "",
            ),
            column=column.name,
            shown=shown,
            wrong=int(wrong.sum()),
        )
    return values


def _one_hot(column: pd.Series[Any], one: Input) -> np.ndarray:
    import numpy as np
    import pandas as pd

    names, missing = texts(column)
    codes = pd.Index(one.categories, dtype=object).get_indexer(pd.Index(names, dtype=object))
    codes = np.where(missing, -1, codes)
    strange = np.flatnonzero(codes < 0)
    if strange.size and one.unknown == "refuse":
        first = int(strange[0])
        held = "nothing" if missing[first] else repr(names[first])
        raise RowError(
            "input column {column!r} holds {held} in {row}, which is not one of its "
            "declared categories ({strange_size} such rows)",
            first,
            remedy="declare the category, or unknown: zeros if the model was trained that way",
            column=one.column,
            held=held,
            strange_size=strange.size,
        )
    encoded = np.zeros((len(names), len(one.categories)))
    known = np.flatnonzero(codes >= 0)
    encoded[known, codes[known]] = 1.0
    return encoded


def _images(column: pd.Series[Any], one: Input, shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np

    size, cells = math.prod(shape), list(column)
    for position, cell in enumerate(cells):
        if not isinstance(cell, bytes) or len(cell) != size:
            held = f"{len(cell)} bytes" if isinstance(cell, bytes) else type(cell).__name__
            raise RowError(
                "input column {column!r} holds {held} in {row}, not an image of {shape} pixels",
                position,
                remedy="bring the images to the size that the model reads",
                column=one.column,
                held=held,
                shape=" x ".join(map(str, shape)),
            )
    pixels = np.frombuffer(b"".join(cells), dtype=np.uint8).astype(np.float32)
    if len(shape) == 3 and shape[0] == 3 and shape[2] != 3:  # rows hold height, width, colour
        pixels = pixels.reshape(len(cells), shape[1], shape[2], 3).transpose(0, 3, 1, 2)
    scaled = pixels / 255 if one.pixels == "unit" else pixels
    ready: np.ndarray = ((scaled - one.mean) / one.scale).reshape(len(cells), *shape)
    return np.ascontiguousarray(ready, dtype=np.float32)


def in_batches_of(
    size: int | None, array: np.ndarray, ask: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """``ask`` for a model that takes ``size`` rows at once (None: any number of them).

    The last batch is filled up with copies of its last row, whose answers are dropped.
    """
    import numpy as np

    if size is None or len(array) == 0:
        return ask(array)
    answers = []
    for start in range(0, len(array), size):
        part = array[start : start + size]
        filled = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
        answers.append(ask(filled)[: len(part)])
    return np.concatenate(answers)
