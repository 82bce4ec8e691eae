"""The smallest change that turns a decision: a beam search over columns and values, then refined.

The search asks the model for batches of rows of many people at once. What it returns is checked:
the model decides favourably, and putting any one changed column back loses that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.attribution.recourse.space import Space

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Raw rows -> (is the decision favourable, bool; the score of it, in [0, 1]), both of shape (rows,).
Ask = Callable[["pd.DataFrame"], tuple["np.ndarray", "np.ndarray"]]

MOST_CHANGES = 4
BEAM = 12
_FINALISTS = 3  # ways of turning one person's decision that are refined before the best is taken
_PER_COLUMNS = 3  # states of one set of columns in the beam, so that it holds several sets
_CHUNK = 1 << 17  # rows asked at once


@dataclass(frozen=True, eq=False)
class Found:
    """For each person: ``z`` (people, mutable columns) is the changed row, ``is_found`` whether
    one was found; ``cost`` and ``distance`` as ``Space`` counts them, NaN where none was found."""

    z: np.ndarray
    is_found: np.ndarray
    cost: np.ndarray
    distance: np.ndarray
    asked: int


class Search:
    """Recourse for many people. ``beam`` states a person go on from one column to the next."""

    def __init__(
        self, ask: Ask, space: Space, *, most_changes: int = MOST_CHANGES, beam: int = BEAM
    ) -> None:
        self.space, self.most_changes, self.beam = space, most_changes, beam
        self._ask, self.asked = ask, 0

    def find(self, people: pd.DataFrame) -> Found:
        """The cheapest changes found for ``people``, whose decisions are adverse now.

        A person for whom none is found may still have one: the search is not exhaustive.
        """
        import numpy as np

        self.asked = 0
        own = self.space.encode(people)
        finalists: list[list[np.ndarray]] = [[] for _ in range(len(people))]
        # people at a time, so that memory does not grow with their number
        choices = sum(c.n_looked_at for c in self.space.mutable)
        block = max(1, _CHUNK // max(1, choices * self.beam))
        for start in range(0, len(people), block):
            part = range(start, min(start + block, len(people)))
            for i, states in zip(part, self._turned(people, own, part), strict=True):
                finalists[i] = states
        who = np.array([i for i, states in enumerate(finalists) for _ in states], dtype=int)
        refined = np.array([s for states in finalists for s in states]).reshape(-1, own.shape[1])
        if who.size:
            refined = self._refined(people, own, who, refined)
        return self._best(own, who, refined)

    def _score(
        self, people: pd.DataFrame, who: np.ndarray, z: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        self.asked += len(who)
        parts = [
            self._ask(self.space.decode(people, who[s : s + _CHUNK], z[s : s + _CHUNK]))
            for s in range(0, len(who), _CHUNK)
        ]
        if not parts:
            return np.empty(0, dtype=bool), np.empty(0)
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _turned(
        self, people: pd.DataFrame, own: np.ndarray, part: Sequence[int]
    ) -> list[list[np.ndarray]]:
        """For each person of ``part`` the cheapest states that turn the decision, of several sets
        of columns, before refinement."""
        import numpy as np

        rows = np.array(part)
        start = _log_odds(self._score(people, rows, own[rows])[1])
        persons = [
            _Person(i, own[i], float(s), _moves(self.space, own[i]))
            for i, s in zip(rows, start, strict=True)
        ]
        for _ in range(self.most_changes):
            grown = [p.expand(self.space) for p in persons]
            who = np.concatenate(
                [np.full(len(z), p.row) for p, z in zip(persons, grown, strict=True)]
            )
            if who.size == 0:
                break
            turned, score = self._score(people, who, np.concatenate(grown))
            ends = np.cumsum([len(z) for z in grown])
            for person, z, end in zip(persons, grown, ends, strict=True):
                here = slice(end - len(z), end)
                person.take(self.space, z, turned[here], _log_odds(score[here]), self.beam)
        return [p.finalists() for p in persons]

    def _refined(
        self, people: pd.DataFrame, own: np.ndarray, who: np.ndarray, z: np.ndarray
    ) -> np.ndarray:
        """Every state made cheaper until no column can be put back and no number moved nearer."""
        import numpy as np

        z = self._put_back(people, own, who, z)
        for _ in range(3):
            before = z.copy()
            z = self._nearer(people, own, who, z)
            z = self._put_back(people, own, who, z)
            if not self.space.changed(before, z).any():
                break
        return np.asarray(z)

    def _put_back(
        self, people: pd.DataFrame, own: np.ndarray, who: np.ndarray, z: np.ndarray
    ) -> np.ndarray:
        """Puts back changed columns that are not needed, the costliest first."""
        import numpy as np

        z = z.copy()
        open_states = np.arange(len(z))
        while open_states.size:
            state, column = np.nonzero(self.space.changed(own[who[open_states]], z[open_states]))
            state = open_states[state]
            tried = z[state].copy()
            tried[np.arange(len(state)), column] = own[who[state], column]
            turned, _ = self._score(people, who[state], tried)
            cost = self.space.cost(own[who[state]], tried)
            best: dict[int, int] = {}
            for k in np.flatnonzero(turned).tolist():
                if state[k] not in best or cost[k] < cost[best[state[k]]]:
                    best[int(state[k])] = k
            for s, k in best.items():
                z[s] = tried[k]
            open_states = np.array(sorted(best), dtype=int)
        return z

    def _nearer(
        self, people: pd.DataFrame, own: np.ndarray, who: np.ndarray, z: np.ndarray
    ) -> np.ndarray:
        """Moves each changed number towards the person's own value by halving, farthest first.

        Along the line the decision may turn more than once: what is kept always turns it.
        """
        import numpy as np

        z = z.copy()
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
            self._halve(people, who, z, states, lines)
        return z

    def _halve(
        self,
        people: pd.DataFrame,
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
            turned, _ = self._score(people, who[at[active, 0]], tried)
            high[active] = np.where(turned, middle, high[active])
            low[active] = np.where(turned, low[active], middle)
        for (s, j), line, k in zip(states, lines, high.tolist(), strict=True):
            z[s, j] = line[k]

    def _best(self, own: np.ndarray, who: np.ndarray, z: np.ndarray) -> Found:
        import numpy as np

        n = len(own)
        best, cost, distance = own.copy(), np.full(n, np.nan), np.full(n, np.nan)
        costs = self.space.cost(own[who], z) if who.size else np.empty(0)
        apart = self.space.distance(own[who], z) if who.size else np.empty(0)
        for k, i in enumerate(who.tolist()):
            if np.isnan(cost[i]) or costs[k] < cost[i]:
                best[i], cost[i], distance[i] = z[k], costs[k], apart[k]
        return Found(best, np.isfinite(cost), cost, distance, self.asked)


@dataclass(frozen=True, eq=False)
class _Moves:
    """All single changes of one person: column, value, and what each costs."""

    column: np.ndarray
    value: np.ndarray
    cost: np.ndarray


class _Person:
    """The search's state for one person."""

    def __init__(self, row: int, own: np.ndarray, start: float, moves: _Moves) -> None:
        self.row, self.own, self.start, self.moves = row, own, start, moves
        self.states: list[np.ndarray] = [own]
        self.turned: list[tuple[float, np.ndarray]] = []
        self.seen: set[bytes] = set()

    @property
    def best_cost(self) -> float:
        """What the cheapest turning state costs: a dearer one is of no use."""
        return min((cost for cost, _ in self.turned), default=float("inf"))

    def expand(self, space: Space) -> np.ndarray:
        """Every state with one column more changed, not seen before and not too costly."""
        import numpy as np

        grown = []
        limit = self.best_cost
        for state in self.states:
            is_free = ~space.changed(self.own, state)[self.moves.column]
            cost = float(space.cost(self.own, state)) + self.moves.cost
            chosen = np.flatnonzero(is_free & (cost < limit))
            z = np.repeat(state[None], chosen.size, axis=0)
            z[np.arange(chosen.size), self.moves.column[chosen]] = self.moves.value[chosen]
            for row in z:
                key = row.tobytes()
                if key not in self.seen:
                    self.seen.add(key)
                    grown.append(row)
        return np.array(grown).reshape(-1, len(self.own))

    def take(
        self, space: Space, z: np.ndarray, turned: np.ndarray, log_odds: np.ndarray, beam: int
    ) -> None:
        """Keeps what turns the decision, and the ``beam`` most promising of the rest: those whose
        log-odds rise most for what they cost, a few for each set of columns."""
        import numpy as np

        if len(z) == 0:
            self.states = []
            return
        cost = space.cost(self.own[None], z)
        for k in np.flatnonzero(turned).tolist():
            self.turned.append((float(cost[k]), z[k]))
        rest = np.flatnonzero(~turned & (cost < self.best_cost))
        gain = (log_odds[rest] - self.start) / cost[rest]
        # rounded, so that the last bits of a score, which depend on the batch, don't decide
        order = rest[np.lexsort((cost[rest], -np.round(gain, 9)))]
        sets = space.changed(self.own[None], z)
        taken: dict[bytes, int] = {}
        self.states = []
        for k in order.tolist():
            key = sets[k].tobytes()
            if taken.get(key, 0) < max(_PER_COLUMNS, beam // 4) and len(self.states) < beam:
                taken[key] = taken.get(key, 0) + 1
                self.states.append(z[k])

    def finalists(self) -> list[np.ndarray]:
        """The cheapest turning state of each of the cheapest sets of columns."""
        import numpy as np

        kept: dict[bytes, np.ndarray] = {}
        for _, z in sorted(self.turned, key=lambda t: (t[0], t[1].tobytes())):
            key = ((z != self.own) & ~(np.isnan(z) & np.isnan(self.own))).tobytes()
            if key not in kept and len(kept) < _FINALISTS:
                kept[key] = z
        return list(kept.values())


def _moves(space: Space, own: np.ndarray) -> _Moves:
    import numpy as np

    columns, values, costs = [], [], []
    for j, column in enumerate(space.mutable):
        reached = column.reachable(float(own[j]))
        plain = column.levels is not None or np.isnan(own[j])
        apart = np.ones(reached.size) if plain else np.abs(reached - own[j]) / column.scale
        columns.append(np.full(reached.size, j))
        values.append(reached)
        costs.append(1.0 + apart)
    if not columns:
        return _Moves(np.empty(0, dtype=int), np.empty(0), np.empty(0))
    return _Moves(np.concatenate(columns), np.concatenate(values), np.concatenate(costs))


def _log_odds(score: np.ndarray) -> np.ndarray:
    import numpy as np

    p = np.clip(score, 1e-9, 1 - 1e-9)
    found: np.ndarray = np.log(p) - np.log1p(-p)
    return found
