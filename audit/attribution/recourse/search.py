"""The smallest change that turns a decision: single changes, a beam over columns and values, then,
for people whom that does not help, searches that need no slope (``harder``); then refined.

The search asks the model for batches of rows of many people at once, within budgets of rows a
person and of cells at once. What it returns is checked: the model decides favourably, and putting
any one changed column back loses that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.attribution.recourse.asking import Ask, Asking, log_odds
from evenhand.audit.attribution.recourse.harder import search_harder
from evenhand.audit.attribution.recourse.person import Person, moves_of
from evenhand.audit.attribution.recourse.space import Space

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_CHANGES = 4
BEAM = 12
TRIES = 40_000
_MOST_CELLS = 4_000_000  # of rows that are asked about for one person: wide tables get fewer rows
_CANDIDATES = 1 << 20  # of all people at once


@dataclass(frozen=True, eq=False)
class Found:
    """For each person: ``z`` (people, mutable columns) is the changed row, ``is_found`` whether
    one was found; ``cost`` and ``distance`` as ``Space`` counts them, NaN where none was found.

    ``tried`` counts the rows that the model was asked about, ``with_more`` says for whom a change
    of more columns than are allowed was found instead; ``left_out`` counts the values that a
    person's budget had no room for, at most.
    """

    z: np.ndarray
    is_found: np.ndarray
    cost: np.ndarray
    distance: np.ndarray
    tried: np.ndarray
    with_more: np.ndarray
    left_out: int


class Search:
    """Recourse for many people. ``beam`` states a person go on from one column to the next, and
    the model is asked about some ``tries`` rows a person (fewer in wide tables: memory and time
    would grow with the columns' square). ``donors`` are people decided favourably."""

    def __init__(
        self,
        ask: Ask,
        space: Space,
        *,
        most_changes: int = MOST_CHANGES,
        beam: int = BEAM,
        tries: int = TRIES,
        donors: pd.DataFrame | None = None,
    ) -> None:
        self.space, self.most_changes, self.beam = space, most_changes, beam
        self._ask, self._tries, self._donors = ask, tries, donors

    def find(self, people: pd.DataFrame) -> Found:
        """The cheapest changes found for ``people``, whose decisions are adverse now.

        A person for whom none is found may still have one: the search is not exhaustive.
        """
        import numpy as np

        asking = Asking(self._ask, self.space, people)
        most = max(64, min(self._tries, _MOST_CELLS // max(1, people.shape[1])) // 4)
        donors = np.empty((0, asking.own.shape[1]))
        if self._donors is not None and len(self._donors):
            donors = self.space.encode(self._donors)
        finalists: list[list[np.ndarray]] = []
        with_more, left_out = np.zeros(len(people), dtype=bool), 0
        # people at a time, so that memory does not grow with their number
        block = max(1, _CANDIDATES // most)
        for start in range(0, len(people), block):
            part = range(start, min(start + block, len(people)))
            for person in self._turned(asking, part, most):
                left_out = max(left_out, person.moves.left_out)
                states = person.finalists()
                if not states:
                    harder = search_harder(asking, person, donors, self.most_changes, most)
                    states, with_more[person.row] = harder.rows, harder.with_more
                finalists.append(states)
        who = np.array([i for i, states in enumerate(finalists) for _ in states], dtype=int)
        z = np.array([s for states in finalists for s in states]).reshape(-1, asking.own.shape[1])
        if who.size:
            z = self._refined(asking, who, z)
        return self._best(asking, who, z, with_more, left_out)

    def _turned(self, asking: Asking, part: Sequence[int], most: int) -> list[Person]:
        """The people of ``part`` after the beam; each step asks about ``most`` rows a person."""
        import numpy as np

        rows, own = np.array(part), asking.own
        start = log_odds(asking.rows(rows, own[rows])[1])
        persons = [
            Person(i, own[i], float(s), moves_of(self.space, own[i], self.space.mutable, most))
            for i, s in zip(rows, start, strict=True)
        ]
        for _ in range(self.most_changes):
            grown = [p.grow(most) for p in persons]
            ends = np.cumsum([len(move) for _, move in grown])
            if ends[-1] == 0:
                break
            who = np.repeat([p.row for p in persons], [len(move) for _, move in grown])
            turned, score = asking.made(who, _maker(persons, grown, ends))
            for person, (state, move), end in zip(persons, grown, ends, strict=True):
                here = slice(end - len(move), end)
                person.take(state, move, turned[here], log_odds(score[here]), self.beam)
        return persons

    def _refined(self, asking: Asking, who: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Every state made cheaper until no column can be put back and no number moved nearer."""
        import numpy as np

        z = self._put_back(asking, who, z)
        for _ in range(3):
            before = z.copy()
            z = self._nearer(asking, who, z)
            z = self._put_back(asking, who, z)
            if not self.space.changed(before, z).any():
                break
        return np.asarray(z)

    def _put_back(self, asking: Asking, who: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Puts back changed columns that are not needed, the costliest first."""
        import numpy as np

        own, z = asking.own, z.copy()
        open_states = np.arange(len(z))
        while open_states.size:
            state, column = np.nonzero(self.space.changed(own[who[open_states]], z[open_states]))
            state = open_states[state]
            tried = z[state].copy()
            tried[np.arange(len(state)), column] = own[who[state], column]
            turned, _ = asking.rows(who[state], tried)
            cost = self.space.cost(own[who[state]], tried)
            best: dict[int, int] = {}
            for k in np.flatnonzero(turned).tolist():
                if state[k] not in best or cost[k] < cost[best[state[k]]]:
                    best[int(state[k])] = k
            for s, k in best.items():
                z[s] = tried[k]
            open_states = np.array(sorted(best), dtype=int)
        return z

    def _nearer(self, asking: Asking, who: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Moves each changed number towards the person's own value by halving, farthest first.

        Along the line the decision may turn more than once: what is kept always turns it.
        """
        import numpy as np

        own, z = asking.own, z.copy()
        scale = np.array([c.scale for c in self.space.mutable])
        far = np.where(self.space.changed(own[who], z), np.abs(z - own[who]) / scale, -1.0)
        far = np.where(np.isnan(far), -1.0, far)
        order = np.argsort(-far, axis=1, kind="stable")
        for rank in range(min(self.most_changes, z.shape[1])):
            lines, states = [], []
            for s in range(len(z)):
                j = int(order[s, rank])
                if far[s, j] > 0:
                    line = self.space.mutable[j].between(own[who[s], j], z[s, j])
                    if len(line) > 1:
                        lines.append(line)
                        states.append((s, j))
            self._halve(asking, who, z, states, lines)
        return z

    def _halve(
        self,
        asking: Asking,
        who: np.ndarray,
        z: np.ndarray,
        states: Sequence[tuple[int, int]],
        lines: Sequence[np.ndarray],
    ) -> None:
        import numpy as np

        low = np.full(len(lines), -1)
        high = np.array([len(line) - 1 for line in lines], dtype=int)
        at = np.array(states, dtype=int).reshape(-1, 2)
        while (active := np.flatnonzero(high - low > 1)).size:
            middle = (low[active] + high[active]) // 2
            tried = z[at[active, 0]].copy()
            values = [lines[a][m] for a, m in zip(active.tolist(), middle.tolist(), strict=True)]
            tried[np.arange(len(active)), at[active, 1]] = values
            turned, _ = asking.rows(who[at[active, 0]], tried)
            high[active] = np.where(turned, middle, high[active])
            low[active] = np.where(turned, low[active], middle)
        for (s, j), line, k in zip(states, lines, high.tolist(), strict=True):
            z[s, j] = line[k]

    def _best(
        self, asking: Asking, who: np.ndarray, z: np.ndarray, with_more: np.ndarray, left_out: int
    ) -> Found:
        import numpy as np

        own = asking.own
        n = len(own)
        best, cost, distance = own.copy(), np.full(n, np.nan), np.full(n, np.nan)
        costs = self.space.cost(own[who], z) if who.size else np.empty(0)
        apart = self.space.distance(own[who], z) if who.size else np.empty(0)
        for k, i in enumerate(who.tolist()):
            if np.isnan(cost[i]) or costs[k] < cost[i]:
                best[i], cost[i], distance[i] = z[k], costs[k], apart[k]
        found = np.isfinite(cost)
        return Found(best, found, cost, distance, asking.tried, with_more & ~found, left_out)


def _maker(
    persons: Sequence[Person], grown: Sequence[tuple[np.ndarray, np.ndarray]], ends: np.ndarray
) -> Callable[[slice], np.ndarray]:
    """Makes any part of all people's candidates, one person's after the other's."""
    import numpy as np

    def make(part: slice) -> np.ndarray:
        made = []
        for person, (state, move), end in zip(persons, grown, ends, strict=True):
            first = int(end) - len(move)
            here = slice(max(part.start - first, 0), max(part.stop - first, 0))
            if len(move[here]):
                made.append(person.rows(state[here], move[here]))
        return np.concatenate(made)

    return make
