"""What all artifacts have in common."""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Iterable, Sized
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from evenhand.audit.files.shapes import Shape


def _finite(value: float) -> float:
    if not abs(value) <= sys.float_info.max:  # 1e999 in JSON, or a whole number of 400 digits
        raise ValueError("the number is too large")
    return value


Tuple = Field(strict=False)  # a JSON array read into a tuple
AtLeastOne = Field(min_length=1)
Number = Annotated[int | float, AfterValidator(_finite)]  # as it was written: 1 stays 1
Numbers = Annotated[tuple[Number, ...], Tuple]
Gaps = Annotated[tuple[Number | None, ...], Tuple]  # null where there is no number
Counts = Annotated[tuple[int, ...], Tuple]
Names = Annotated[tuple[str, ...], Tuple]
Cell = str | Number | bool | None
Cells = Annotated[tuple[Cell, ...], Tuple]


class ArtifactDocument(Shape):
    """An artifact: ``artifacts/<FILE>`` of a case. Each kind names its schema and version; one
    that was written before it had a name for it is of the first version."""

    FILE: ClassVar[str]


def require_length(n: int, lists: Iterable[tuple[str, Sized]]) -> None:
    """Raises ValueError, which names the list, where one of ``lists`` has not ``n`` entries."""
    for name, one in lists:
        if len(one) != n:
            raise ValueError(f"{name} has {len(one)} entries where {n} belong")


def require_bytes(name: str, text: str, size: int) -> None:
    """Raises ValueError, which names the field, where ``text`` is not ``size`` bytes in base64."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{name} is not base64: {error}") from None
    if len(raw) != size:
        raise ValueError(f"{name} has {len(raw)} bytes where {size} belong")
