"""Asking the model about many changed rows, in parts that a budget of memory allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evenhand.audit.attribution.recourse.space import Space

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Raw rows -> (is the decision favourable, bool; the score of it, in [0, 1]), both of shape (rows,).
Ask = Callable[["pd.DataFrame"], tuple["np.ndarray", "np.ndarray"]]

CELLS = 1 << 21  # of raw rows that are made at once: 16 MiB of numbers, a few times that in all
_MOST_ROWS = 1 << 17


class Asking:
    """The model's answers about changed rows of ``people``; ``tried`` counts them by person."""

    def __init__(self, ask: Ask, space: Space, people: pd.DataFrame) -> None:
        import numpy as np

        self._ask, self.space, self.people = ask, space, people
        self.own = space.encode(people)
        self.tried = np.zeros(len(people), dtype=int)
        self.at_once = max(64, min(_MOST_ROWS, CELLS // max(1, people.shape[1])))

    def rows(self, who: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Is it favourable, and the score, of rows ``z`` of the people at ``who``."""
        return self.made(who, lambda part: z[part])

    def made(
        self, who: np.ndarray, make: Callable[[slice], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same of rows that ``make`` gives part by part, so that all are never held at once."""
        import numpy as np

        np.add.at(self.tried, who, 1)
        turned, score = np.empty(len(who), dtype=bool), np.empty(len(who))
        for start in range(0, len(who), self.at_once):
            part = slice(start, start + self.at_once)
            rows = self.space.decode(self.people, who[part], make(part))
            turned[part], score[part] = self._ask(rows)
        return turned, score


def log_odds(score: np.ndarray) -> np.ndarray:
    """Of scores in [0, 1], which are kept a little away from both ends."""
    import numpy as np

    p = np.clip(score, 1e-9, 1 - 1e-9)
    found: np.ndarray = np.log(p) - np.log1p(-p)
    return found
