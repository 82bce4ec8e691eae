"""Whom a guarantee protects: a row, or a person with several rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Unit:
    """A row, or what shares a value in ``column`` with at most ``rows`` training rows."""

    column: str = ""
    rows: int = 1

    @property
    def name(self) -> str:
        """As a record states it."""
        return self.column or "row"

    @property
    def adjacency(self) -> str:
        """What two neighbouring data sets differ by."""
        if not self.column:
            return "add/remove one row"
        return f"add/remove one {self.column}, with at most {self.rows} training rows"


ROW = Unit()
