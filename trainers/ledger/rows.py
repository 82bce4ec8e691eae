"""The rows of a run in the store: hashes that name no person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.files.canonical import digest_bytes

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class RowSet:
    """Keyed hashes of rows, sorted and unique: big-endian uint64 of shape (n,)."""

    hashes: np.ndarray

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def digest(self) -> str:
        """SHA-256 of the hashes' bytes."""
        return digest_bytes(self.hashes.tobytes())

    def shared_with(self, other: RowSet) -> int:
        """How many rows both hold."""
        import numpy as np

        return len(np.intersect1d(self.hashes, other.hashes, assume_unique=True))
