"""What every encoder offers, and which class reads which encoder.json."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from evenhand.audit.errors import InputError, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Schema in encoder.json -> module and class. A class has SCHEMA, to_json and from_json.
ENCODERS = {
    "evenhand-encoder/1": ("evenhand.trainers.encoders.tabular", "TabularEncoder"),
    "evenhand-image-encoder/1": ("evenhand.trainers.encoders.image", "ImageEncoder"),
    "evenhand-text-encoder/1": ("evenhand.trainers.encoders.text", "TextEncoder"),
}


class Encoder(Protocol):
    """Raw rows -> the inputs of a network.

    ``input_columns`` are the raw columns that it reads, ``input_shape`` the shape of one encoded
    row; ``encoded_columns[j]`` is the raw column that flat position j of an encoded row came from;
    ``baseline`` (of ``input_shape``) is a reference input, described by ``baseline_name``.
    """

    @property
    def input_columns(self) -> tuple[str, ...]: ...
    @property
    def input_shape(self) -> tuple[int, ...]: ...
    @property
    def encoded_columns(self) -> tuple[str, ...]: ...
    @property
    def baseline(self) -> np.ndarray: ...
    @property
    def baseline_name(self) -> str: ...

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Raw rows to an array of shape (rows, *input_shape). Raises InputError."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, with the schema."""
        ...


def encoder_from_json(given: Any) -> Encoder:
    """The encoder that ``to_json`` wrote. Raises InputError."""
    schema = given.get("schema") if isinstance(given, Mapping) else None
    known = ENCODERS.get(schema) if isinstance(schema, str) else None
    if known is None:
        raise InputError(
            "encoder: schema={schema!r} is not known",
            remedy=nearest(str(schema), ENCODERS),
            schema=schema,
        )
    module, name = known
    encoder: Encoder = getattr(importlib.import_module(module), name).from_json(given)
    return encoder
