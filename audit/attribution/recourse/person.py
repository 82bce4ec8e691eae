"""One person's side of the search: which single changes there are, and which states go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.attribution.recourse.space import Mutable, Space

if TYPE_CHECKING:
    import numpy as np

_FINALISTS = 3  # ways of turning one person's decision that are refined before the best is taken
_PER_COLUMNS = 3  # states of one set of columns in the beam, so that it holds several sets
_KEPT = 64  # turning states that are kept, the cheapest


@dataclass(frozen=True, eq=False)
class Moves:
    """Single changes of one person: column, value, what each costs, and a mark of each, whose
    exclusive or is the mark of a state. ``left_out`` counts the values that were not taken."""

    column: np.ndarray
    value: np.ndarray
    cost: np.ndarray
    mark: np.ndarray
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.column)


def moves_of(space: Space, own: np.ndarray, columns: Sequence[Mutable], most: int) -> Moves:
    """The single changes to the values that ``columns`` (those of the space, in order) look at.

    Of more than ``most`` each column keeps equally many, evenly, its ends among them (two at least,
    since the farthest change either way is what a steady score needs).
    """
    import numpy as np

    reached = [column.reachable(float(own[j])) for j, column in enumerate(columns)]
    total, each = sum(map(len, reached)), 0
    if total > most:
        each = max(2, most // max(1, len(reached)))
        reached = [_evenly(values, each) for values in reached]
    apart = [
        np.ones(values.size)
        if column.levels is not None or np.isnan(own[j])
        else np.abs(values - own[j]) / column.scale
        for j, (column, values) in enumerate(zip(columns, reached, strict=True))
    ]
    if not reached:
        return Moves(np.empty(0, dtype=int), np.empty(0), np.empty(0), np.empty(0, dtype=np.uint64))
    kept = sum(map(len, reached))
    marks = np.random.default_rng(0).integers(0, 2**63, size=kept, dtype=np.uint64)
    column = np.repeat(np.arange(len(reached)), [len(values) for values in reached])
    cost = 1.0 + np.concatenate(apart)
    return Moves(column, np.concatenate(reached), cost, marks, total - kept)


def _evenly(values: np.ndarray, most: int) -> np.ndarray:
    import numpy as np

    if values.size <= most:
        return values
    found: np.ndarray = values[np.unique(np.linspace(0, values.size - 1, most).round().astype(int))]
    return found


@dataclass(frozen=True, eq=False)
class State:
    """A changed row ``z``, the columns that it changes, its mark and what it costs."""

    z: np.ndarray
    columns: frozenset[int]
    mark: int
    cost: float


class Person:
    """The search's state for one person; ``start`` are the log-odds of the person as is."""

    def __init__(self, row: int, own: np.ndarray, start: float, moves: Moves) -> None:
        import numpy as np

        self.row, self.own, self.start, self.moves = row, own, start, moves
        self.states: list[State] = [State(own, frozenset(), 0, 0.0)]
        self.turned: list[tuple[float, frozenset[int], np.ndarray]] = []
        self.gain = np.full(len(moves), np.nan)  # of each single change, once it was asked
        self._seen = np.empty(0, dtype=np.uint64)

    @property
    def best_cost(self) -> float:
        """What the cheapest turning state costs: a dearer one is of no use."""
        return min((cost for cost, _, _ in self.turned), default=float("inf"))

    def grow(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Every state with one column more changed, not seen before and not too costly: positions
        of states and of moves.

        Of more than ``most`` the moves that promise most alone are taken for every state.
        """
        import numpy as np

        limit, moves = self.best_cost, self.moves
        chosen = []
        for state in self.states:
            used = np.isin(moves.column, sorted(state.columns))
            chosen.append(np.flatnonzero(~used & (state.cost + moves.cost < limit)))
        if sum(map(len, chosen)) > most:
            each = max(1, most // len(self.states))
            promise = np.nan_to_num(self.gain, nan=-np.inf) / moves.cost
            rank = np.empty(len(moves), dtype=int)
            rank[np.lexsort((moves.cost, -np.round(promise, 9)))] = np.arange(len(moves))
            chosen = [at[np.argsort(rank[at], kind="stable")[:each]] for at in chosen]
        states = np.repeat(np.arange(len(chosen)), [len(at) for at in chosen])
        taken = np.concatenate(chosen) if chosen else np.empty(0, dtype=int)
        own = np.array([state.mark for state in self.states], dtype=np.uint64)
        marks = own[states] ^ moves.mark[taken]
        _, first = np.unique(marks, return_index=True)
        new = np.sort(first[~np.isin(marks[first], self._seen)])
        self._seen = np.concatenate([self._seen, marks[new]])
        return states[new], taken[new]

    def rows(self, state: np.ndarray, move: np.ndarray) -> np.ndarray:
        """The changed rows of these states and moves, shape (candidates, columns)."""
        import numpy as np

        z = np.stack([s.z for s in self.states])[state]
        z[np.arange(len(move)), self.moves.column[move]] = self.moves.value[move]
        return z

    def take(
        self,
        state: np.ndarray,
        move: np.ndarray,
        turned: np.ndarray,
        log_odds: np.ndarray,
        beam: int,
    ) -> None:
        """Keeps what turns the decision, and the ``beam`` most promising of the rest: those whose
        log-odds rise most for what they cost, a few for each set of columns."""
        import numpy as np

        before = self.states
        cost = np.array([s.cost for s in before])[state] + self.moves.cost[move]
        if len(before) == 1 and not before[0].columns:
            self.gain[move] = log_odds - self.start

        def columns(k: int) -> frozenset[int]:
            return before[state[k]].columns | {int(self.moves.column[move[k]])}

        def row(k: int) -> np.ndarray:
            found: np.ndarray = self.rows(state[[k]], move[[k]])[0]
            return found

        good = np.flatnonzero(turned)
        for k in good[np.argsort(cost[good], kind="stable")[:_KEPT]].tolist():
            self.turned.append((float(cost[k]), columns(k), row(k)))
        self.turned = sorted(self.turned, key=lambda t: (t[0], t[2].tobytes()))[:_KEPT]
        rest = np.flatnonzero(~turned & (cost < self.best_cost))
        gain = (log_odds[rest] - self.start) / cost[rest]
        # rounded, so that the last bits of a score, which depend on the batch, don't decide
        order = rest[np.lexsort((cost[rest], -np.round(gain, 9)))]
        sets: dict[frozenset[int], int] = {}
        kept: list[State] = []
        for k in order.tolist():
            if len(kept) == beam:
                break
            key = columns(k)
            if sets.get(key, 0) < max(_PER_COLUMNS, beam // 4):
                sets[key] = sets.get(key, 0) + 1
                mark = before[state[k]].mark ^ int(self.moves.mark[move[k]])
                kept.append(State(row(k), key, mark, float(cost[k])))
        self.states = kept

    def finalists(self) -> list[np.ndarray]:
        """The cheapest turning state of each of the cheapest sets of columns."""
        kept: dict[frozenset[int], np.ndarray] = {}
        for _, columns, z in self.turned:
            if columns not in kept and len(kept) < _FINALISTS:
                kept[columns] = z
        return list(kept.values())
