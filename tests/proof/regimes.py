"""All cells of the proof, in the order of docs/proof.md."""

from __future__ import annotations

from tests.proof import (
    of_joined,
    of_means,
    of_members,
    of_pairs,
    of_persons,
    of_planning,
    of_rankings,
    of_rates,
    of_scores,
    of_search,
    of_tables,
    of_weights,
)
from tests.proof.cell import Cell

_PARTS = (
    of_rates,
    of_scores,
    of_weights,
    of_persons,
    of_means,
    of_joined,
    of_rankings,
    of_tables,
    of_pairs,
    of_search,
    of_members,
    of_planning,
)


def every() -> list[Cell]:
    """All of them; no two have one name."""
    return [cell for part in _PARTS for cell in part.cells()]
