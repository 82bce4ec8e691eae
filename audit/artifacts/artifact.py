"""What all artifacts have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from evenhand.audit.files.shapes import Number, Shape

Tuple = Field(strict=False)  # a JSON array read into a tuple
Numbers = Annotated[tuple[Number, ...], Tuple]
Gaps = Annotated[tuple[Number | None, ...], Tuple]  # null where there is no number
Counts = Annotated[tuple[int, ...], Tuple]
Names = Annotated[tuple[str, ...], Tuple]
Cell = str | Number | bool | None
Cells = Annotated[tuple[Cell, ...], Tuple]


class Document(Shape):
    """An artifact: ``artifacts/<name>`` of a case. Each kind names its schema and version; one
    that was written before it had a name for it is of the first version."""
