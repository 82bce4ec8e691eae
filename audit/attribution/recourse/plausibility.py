"""Is a changed row like those of real people? Its nearest real neighbour, and how near is usual.

Distance: over all input columns, numbers in the column's typical spread (L1), other cells as equal
or not (0 or 1), as ``recourse_space`` counts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenhand.audit.attribution.recourse.space import spread_of
from evenhand.audit.data.cells import is_number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_BLOCK = 4_000_000  # distances held at once


class Neighbours:
    """Real people to compare with: ``real`` of shape (people >= 2, columns)."""

    def __init__(self, real: pd.DataFrame) -> None:
        import numpy as np

        self._real = real.reset_index(drop=True)
        self._scale = {}
        for name in self._real.columns:
            cells = self._real[name]
            if is_number(cells):
                known = cells.to_numpy(dtype=float, na_value=np.nan)
                self._scale[name] = spread_of(known[np.isfinite(known)])
        self.usual = self._nearest(self._real, own=True)

    def distance(self, rows: pd.DataFrame) -> np.ndarray:
        """The distance of each row to the nearest real person, shape (rows,)."""
        return self._nearest(rows, own=False)

    def plausibility(self, rows: pd.DataFrame) -> np.ndarray:
        """The share of real people who are at least as far from their own nearest neighbour as the
        row is from its: 1/2 on average for real people, near 0 for a row unlike any of them.

        Counting the row itself among them, (1 + people as far) / (1 + people), shape (rows,).

        Source: the rank of a conformal test with the nearest-neighbour distance as its score: Vovk,
        Gammerman and Shafer 2005, section 2.2.
        """
        import numpy as np

        usual = np.sort(np.round(self.usual, 9))
        as_far = usual.size - np.searchsorted(usual, np.round(self.distance(rows), 9), side="left")
        found: np.ndarray = (1 + as_far) / (1 + usual.size)
        return found

    def _nearest(self, rows: pd.DataFrame, *, own: bool) -> np.ndarray:
        import numpy as np

        nearest = np.empty(len(rows))
        pairs = [self._coded(name, rows[name]) for name in self._real.columns]
        step = max(1, _BLOCK // len(self._real))
        for start in range(0, len(rows), step):
            part = slice(start, min(start + step, len(rows)))
            total = np.zeros((part.stop - start, len(self._real)))
            for asked, real, numeric in pairs:
                mine = asked[part, None]
                if numeric:
                    apart = np.abs(mine - real[None])
                    apart = np.where(np.isnan(mine) & np.isnan(real), 0.0, apart)
                    total += np.where(np.isnan(apart), 1.0, apart)
                else:
                    total += mine != real[None]
            if own:  # nobody is one's own neighbour
                total[np.arange(part.stop - start), np.arange(start, part.stop)] = np.inf
            nearest[part] = total.min(axis=1)
        return nearest

    def _coded(self, name: str, cells: pd.Series) -> tuple[np.ndarray, np.ndarray, bool]:
        import numpy as np
        import pandas as pd

        real = self._real[name]
        if name in self._scale:
            scale = self._scale[name]
            asked = cells.to_numpy(dtype=float, na_value=np.nan) / scale
            return asked, real.to_numpy(dtype=float, na_value=np.nan) / scale, True
        both = pd.concat([cells.astype(object), real.astype(object)], ignore_index=True)
        codes, _ = pd.factorize(both.map(str, na_action="ignore"))
        return codes[: len(cells)], codes[len(cells) :], False
