"""Shapley values of a game: by enumeration, and by sampling until they are known well enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import ceil, factorial
from typing import TYPE_CHECKING

from evenhand.audit.attribution.games import Game
from evenhand.audit.attribution.memory import chunks
from evenhand.audit.attribution.progress import report
from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    import numpy as np

MOST_ENUMERATED = 12  # features of a row: 4,096 coalitions
_FIRST_PAIRS = 16  # fewer permutations say too little about their own spread


@dataclass(frozen=True)
class Shapley:
    """``values``, ``standard_error`` and ``half_width`` of shape (n, players), 0 for what is
    exact; ``permutations`` (n,) is how many were drawn for each row."""

    values: np.ndarray
    standard_error: np.ndarray
    half_width: np.ndarray
    permutations: np.ndarray


def exact(game: Game, memory_bytes: int) -> Shapley:
    """Shapley values by enumeration of every coalition of each row's active players.

    Raises InputError for a row with more than MOST_ENUMERATED of them.

    Source: Shapley 1953, "A value for n-person games", equation 13.
    """
    import numpy as np

    n, d = game.active.shape
    most = int(game.active.sum(axis=1).max(initial=0))
    if most > MOST_ENUMERATED:
        raise InputError(
            "{most} features differ from the baseline: {most_2:,} coalitions a row",
            remedy="use shapley_sampling, or at most {most_enumerated} features",
            most=most,
            most_2=2**most,
            most_enumerated=MOST_ENUMERATED,
        )
    values = np.zeros((n, d))
    done = 0
    for count, members in _by_count(game.active):
        if count:
            for part in chunks(len(members), _rows_at_once(count, d, memory_bytes)):
                values[members[part]] = _enumerated(game, members[part], count)
                report("coalitions", done + part.stop, n)
        done += len(members)
    nothing = np.zeros((n, d))
    return Shapley(values, nothing, nothing, np.zeros(n, dtype=int))


def _by_count(active: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Rows by how many players they have."""
    import numpy as np

    counts = active.sum(axis=1)
    for count in np.unique(counts):
        yield int(count), np.flatnonzero(counts == count)


def _rows_at_once(count: int, d: int, memory_bytes: int) -> int:
    """Rows whose coalitions (a byte a player, three arrays of them) take a quarter of the limit."""
    return max(1, memory_bytes // (4 * 2**count * (3 * d + 24)))


@cache
def _members(count: int) -> np.ndarray:
    """Members of each coalition, bool of shape (2^count, count): player i is bit i of its place."""
    import numpy as np

    codes = np.arange(2**count)[:, None]
    return np.asarray((codes >> np.arange(count)) & 1 == 1)


def _from_coalitions(outputs: np.ndarray, count: int) -> np.ndarray:
    """Shapley values (rows, count) from the outputs of all coalitions, (rows, 2^count).

    By what each player adds to every coalition of the others, so that a player who never adds
    anything has exactly 0, not the rounding of a long sum.
    """
    import numpy as np

    # A player joins a coalition of s others in s! (count - s - 1)! of the count! orders.
    joins = np.array([factorial(s) * factorial(count - s - 1) for s in range(count)])
    weights = (joins / factorial(count))[_members(count).sum(axis=1)[: 2 ** (count - 1)]]
    found = np.empty((len(outputs), count))
    for player in range(count):
        without_and_with = outputs.reshape(len(outputs), -1, 2, 2**player)
        adds = without_and_with[:, :, 1] - without_and_with[:, :, 0]
        found[:, player] = adds.reshape(len(outputs), -1) @ weights
    return found


def _enumerated(game: Game, rows: np.ndarray, count: int) -> np.ndarray:
    """Shapley values (rows, players) of rows that have ``count`` players each."""
    import numpy as np

    members = _members(count)
    active = game.active[rows]
    # Positions of each row's players, (rows, count): all have the same number of them.
    players = np.nonzero(active)[1].reshape(len(rows), count)
    present = np.repeat(~active[:, None, :], len(members), axis=1)
    np.put_along_axis(
        present, np.broadcast_to(players[:, None, :], (len(rows), *members.shape)), members, axis=2
    )
    index = np.repeat(rows, len(members))
    outputs = game.values(index, present.reshape(len(index), -1)).reshape(len(rows), -1)
    found = np.zeros(active.shape)
    np.put_along_axis(found, players, _from_coalitions(outputs, count), axis=1)
    return found


def sampled(
    game: Game,
    *,
    seed: int,
    precision: float,
    level: float,
    most_evaluations: int,
    memory_bytes: int,
    permutations: int = 0,
) -> Shapley:
    """Shapley values from random permutations in antithetic pairs (each with its reverse).

    Each row gets pairs until the half-width of every one of its values, Student's t at ``level``
    over pairs, is at most ``precision``; rows are left as they are once ``most_evaluations`` rows
    were scored. ``permutations`` above 0 draws that many for every row instead. Rows with so few
    players that enumeration costs no more than the first pairs are enumerated.

    Source: Castro, Gomez and Tejada 2009 (permutations); Mitchell, Cooper, Frank and Holmes 2022,
    "Sampling permutations for Shapley value estimation", section 4 (antithetic pairs).
    """
    import numpy as np

    state = _Sums(game, seed, level, memory_bytes)
    # One pair says nothing about its spread.
    fixed = max(2, ceil(permutations / 2)) if permutations else 0
    state.begin(fixed)
    if fixed:
        state.draw(state.open, fixed)
        return state.result()
    pairs = _FIRST_PAIRS
    while len(state.open):
        cost = pairs * int(2 * (state.counts[state.open] - 1).sum())
        room = most_evaluations - game.evaluations
        if cost > room and state.pairs.max(initial=0):
            break
        state.draw(state.open, pairs)
        widest = state.half_width()[state.open].max(axis=1)
        state.open = state.open[widest > precision]
        widest = widest[widest > precision]
        if len(widest):
            # As many as the typical row still lacks, and never more than are there already: what
            # the spread was judged on must not be a small part of what is drawn by it.
            drawn = int(state.pairs[state.open].max())
            lacks = drawn * ((float(np.median(widest)) / precision) ** 2 - 1)
            pairs = int(min(drawn, max(_FIRST_PAIRS // 2, ceil(lacks))))
        report("permutations", len(state.counts) - len(state.open), len(state.counts))
    return state.result()


@dataclass(frozen=True, eq=False)
class _Orders:
    """Orders drawn for ``rows`` (n,): ``rank`` (n, pairs, count) says when each of a row's
    ``players`` (n, count) joins; ``index`` and ``present`` are what the game is asked."""

    rows: np.ndarray
    players: np.ndarray
    rank: np.ndarray
    index: np.ndarray
    present: np.ndarray


class _Sums:
    """What has been drawn so far: for each row its pairs, and the sums over them."""

    def __init__(self, game: Game, seed: int, level: float, memory_bytes: int) -> None:
        import numpy as np

        n, d = game.active.shape
        self.game, self.level, self.memory = game, level, memory_bytes
        # A stream a row: what a row draws doesn't depend on how rows are put into batches.
        self.streams = [np.random.default_rng([seed, i]) for i in range(n)]
        self.counts = game.active.sum(axis=1)
        self.pairs = np.zeros(n, dtype=int)
        self.mean, self.spread = np.zeros((n, d)), np.zeros((n, d))
        self.open = np.arange(n)
        self.empty, self.full = np.zeros(n), np.zeros(n)

    def begin(self, pairs: int) -> None:
        """Enumerates the rows for which that is no dearer, and scores both ends of the others."""
        import numpy as np

        first = 2 * (pairs or _FIRST_PAIRS)
        for count, members in _by_count(self.game.active):
            cheap = count <= 1 or 2**count <= first * (count - 1)
            if not (cheap and count <= MOST_ENUMERATED):
                continue
            if count:
                for part in chunks(
                    len(members), _rows_at_once(count, self.mean.shape[1], self.memory)
                ):
                    self.mean[members[part]] = _enumerated(self.game, members[part], count)
            self.open = np.setdiff1d(self.open, members, assume_unique=True)
        rows = self.open
        present = np.ones((len(rows), self.mean.shape[1]), dtype=bool)
        self.full[rows] = self.game.values(rows, present)
        self.empty[rows] = self.game.values(rows, ~self.game.active[rows])

    def draw(self, rows: np.ndarray, pairs: int) -> None:
        """Adds ``pairs`` pairs of permutations to each of ``rows``."""
        waiting: list[_Orders] = []
        held = 0
        for count, members in _by_count(self.game.active[rows]):
            each = max(1, 8 * count * (3 * self.mean.shape[1] + 8 * count))
            at_once = max(1, self.memory // (4 * each))
            # Whole rows with all their pairs, or one row with its pairs in parts.
            step = min(pairs, at_once)
            for part in chunks(len(members), max(1, at_once // max(1, pairs))):
                for some in chunks(pairs, step):
                    drawn = some.stop - some.start
                    size = each * drawn * (part.stop - part.start)
                    # Rows with other players are asked about together: a model's answer takes a
                    # while to begin.
                    if waiting and held + size > self.memory // 4:
                        self._settle(waiting)
                        waiting, held = [], 0
                    waiting.append(self._ordered(rows[members[part]], count, drawn))
                    held += size
        if waiting:
            self._settle(waiting)

    def _ordered(self, rows: np.ndarray, count: int, pairs: int) -> _Orders:
        """Random orders of the players of rows that have ``count`` each, and what they ask."""
        import numpy as np

        players = np.nonzero(self.game.active[rows])[1].reshape(len(rows), count)
        order = np.broadcast_to(np.arange(count), (pairs, count))
        rank = np.stack([self.streams[row].permuted(order, axis=1) for row in rows])
        joined = rank[:, :, None, :] < np.arange(1, count)[:, None]  # (n, pairs, count - 1, count)
        # The reverse of an order passes the complements of the same coalitions.
        if count == self.game.active.shape[1]:
            present = np.stack([joined, ~joined], axis=1)
        else:
            present = np.repeat(~self.game.active[rows], 2 * pairs * (count - 1), axis=0)
            present = present.reshape(len(rows), 2, pairs, count - 1, -1)
            where = np.broadcast_to(players[:, None, None, :], joined.shape)
            np.put_along_axis(present[:, 0], where, joined, axis=3)
            np.put_along_axis(present[:, 1], where, ~joined, axis=3)
        index = np.repeat(rows, 2 * pairs * (count - 1))
        return _Orders(rows, players, rank, index, present.reshape(len(index), -1))

    def _settle(self, drawn: list[_Orders]) -> None:
        """Asks the game once for all that was drawn."""
        import numpy as np

        if len(drawn) == 1:
            outputs = self.game.values(drawn[0].index, drawn[0].present)
        else:
            index = np.concatenate([orders.index for orders in drawn])
            outputs = self.game.values(index, np.concatenate([orders.present for orders in drawn]))
        ends = np.cumsum([len(orders.index) for orders in drawn])
        for orders, asked in zip(drawn, np.split(outputs, ends[:-1]), strict=True):
            self._add(orders, self._contributions(orders, asked))

    def _add(self, orders: _Orders, drawn: np.ndarray) -> None:
        """Welford's update, in one go for the whole batch of pairs."""
        import numpy as np

        rows, players, pairs = orders.rows, orders.players, drawn.shape[1]
        was, is_now = self.pairs[rows][:, None], self.pairs[rows][:, None] + pairs
        mean = np.take_along_axis(self.mean[rows], players, axis=1)
        spread = np.take_along_axis(self.spread[rows], players, axis=1)
        new = drawn.mean(axis=1)
        spread += ((drawn - new[:, None]) ** 2).sum(axis=1)
        spread += (new - mean) ** 2 * was * pairs / is_now
        mean += (new - mean) * pairs / is_now
        for whole, part in ((self.mean, mean), (self.spread, spread)):
            kept = whole[rows]
            np.put_along_axis(kept, players, part, axis=1)
            whole[rows] = kept
        self.pairs[rows] += pairs

    def _contributions(self, orders: _Orders, asked: np.ndarray) -> np.ndarray:
        """What each player adds when it joins, mean of an order and its reverse: (rows, pairs,
        players of the row)."""
        import numpy as np

        n, pairs, count = orders.rank.shape
        inner = asked.reshape(n, 2, pairs, count - 1)
        ends = np.broadcast_to(self.empty[orders.rows][:, None, None], (n, pairs, 1))
        tops = np.broadcast_to(self.full[orders.rows][:, None, None], (n, pairs, 1))
        forward = np.concatenate([ends, inner[:, 0], tops], axis=2)
        backward = np.concatenate([tops, inner[:, 1], ends], axis=2)
        gains = np.diff(forward, axis=2) - np.diff(backward, axis=2)
        found: np.ndarray = np.take_along_axis(gains, orders.rank, axis=2) / 2
        return found

    def standard_error(self) -> np.ndarray:
        """Of each value, (n, players); 0 where it is exact."""
        import numpy as np

        pairs = np.maximum(self.pairs, 2)[:, None]
        return np.sqrt(self.spread / (pairs - 1) / pairs)

    def half_width(self) -> np.ndarray:
        """Student's t over pairs, (n, players)."""
        import numpy as np
        from scipy.stats import t

        quantile = t.ppf(0.5 + self.level / 2, np.maximum(self.pairs - 1, 1))
        return np.asarray(self.standard_error() * quantile[:, None])

    def result(self) -> Shapley:
        """The values so far. A player that isn't there has 0."""
        return Shapley(self.mean, self.standard_error(), self.half_width(), 2 * self.pairs)
