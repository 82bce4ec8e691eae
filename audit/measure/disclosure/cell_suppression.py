"""Which rates may be published, so that no small number of people can be worked out from them.

A rate with its number of rows tells how many were selected, or wrongly rejected. Under ten such
people are withheld, and then whatever else would give them back: a rate of another kind, of another
group, or of everybody (complementary suppression). What a reader can work out is a linear
programme over the people of every crossing of groups, by true label and prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from evenhand.audit.measure.classification import RATES
from evenhand.audit.measure.disclosure.suppression import Group, Range, linear_range

if TYPE_CHECKING:
    import numpy as np

RATE_NAMES = tuple(RATES)
EVERYONE = (0, 1, 2, 3)  # tn, fp, fn, tp
SIZE = 2  # the worth of a group's size
_TRIED = 12  # choices of what to withhold next that are tried before the cheapest is taken
_MOST_CELLS = 100  # of crossings; beyond it all are withheld: the programmes would take minutes
_MOST_OF_ONE = 1200  # the same for a single feature, whose groups are then all withheld


@dataclass(frozen=True)
class Headcount:
    """How many people of a group have one of some outcomes (positions in tn, fp, fn, tp)."""

    group: Group
    outcomes: tuple[int, ...]
    n: int


@dataclass(frozen=True)
class KnownFinding:
    """A finding, and the numbers of people that whoever reads it knows.

    Of those that could be withheld for the sake of others, the ones with the lowest ``worth`` go.
    """

    id: str
    people: tuple[Headcount, ...]
    worth: int = 0


def told_by_rate(finding: str, group: Group, rate: str, k: int, n: int) -> KnownFinding:
    """What one of ``RATES`` tells: cases, rows, and their difference.

    >>> [p.n for p in told_by_rate("x", frozenset(), "true_positive_rate", 3, 50).people]
    [50, 3, 47]
    """
    top, bottom, _ = RATES[rate]
    rest = tuple(i for i in bottom if i not in top)
    found = (Headcount(group, bottom, n), Headcount(group, top, k), Headcount(group, rest, n - k))
    return KnownFinding(finding, found, worth=int(rate == "selection_rate"))


def told_by_size(finding: str, group: Group, n: int) -> KnownFinding:
    """What the size of a group tells."""
    return KnownFinding(finding, (Headcount(group, EVERYONE, n),), worth=SIZE)


def told_by_counts(finding: str, group: Group, counts: Mapping[str, int]) -> KnownFinding:
    """What the four counts themselves tell, of a measure made of all of them."""
    names = ("tn", "fp", "fn", "tp")
    return KnownFinding(
        finding, tuple(Headcount(group, (i,), counts[c]) for i, c in enumerate(names))
    )


def withheld(cells: Sequence[KnownFinding], *, total: int, minimum: int = 10) -> frozenset[str]:
    """The ids of the findings that must not be published.

    Parameters
    ----------
    told    : every finding that tells numbers of people, published or not
    total   : all people; always published
    minimum : numbers from 1 to one below it are protected; 0 is published

    First goes what tells a protected number itself; then, as long as a protected number can be
    worked out to within one person, findings that have to do with it, so that it is open again: of
    crossings before single features, rates of errors before selection rates, about the fewest
    people first, and sizes last.
    """
    small = {p for t in cells for p in t.people if 0 < p.n < minimum}
    if not small:
        return frozenset()
    table = _Table(cells, total)
    if table.is_too_large and not table.is_crossed:
        return frozenset(t.id for t in cells if any(p.group for p in t.people))
    if table.is_too_large:
        return _by_feature(cells, total, minimum)
    hidden = {t.id for t in cells if not small.isdisjoint(t.people)}
    protected = sorted(small, key=lambda p: (p.n, sorted(p.group), p.outcomes))
    while exposed := next(table.exposed(protected, hidden), None):
        choices = table.choices(exposed, hidden)
        if not choices:
            break
        helpful = (c for c in choices if not table.is_exposed(exposed, hidden | c))
        hidden |= next(helpful, choices[0])
    return frozenset(hidden)


def possible(
    told: Sequence[KnownFinding], hidden: frozenset[str], people: Headcount, *, total: int
) -> Range:
    """What a reader of everything but the hidden findings can work out about a number of people."""
    return _Table(told, total).range(people, hidden)


def _by_feature(told: Sequence[KnownFinding], total: int, minimum: int) -> frozenset[str]:
    """Every crossing withheld, and each single feature dealt with by itself."""
    hidden = {t.id for t in told if any(len(p.group) > 1 for p in t.people)}
    rest = [t for t in told if t.id not in hidden]
    for feature in sorted({f for t in rest for p in t.people for f, _ in p.group}):
        own = [t for t in rest if all({f for f, _ in p.group} <= {feature} for p in t.people)]
        hidden |= withheld(own, total=total, minimum=minimum)
    return frozenset(hidden)


class _Table:
    """People by crossing of all features and by outcome: the unknowns that all numbers add up."""

    def __init__(self, told: Sequence[KnownFinding], total: int) -> None:
        self.told, self.total = told, total
        pairs = {pair for t in told for p in t.people for pair in p.group}
        values: dict[str, list[tuple[str, str]]] = {}
        for pair in sorted(pairs):
            values.setdefault(pair[0], []).append(pair)
        self.size = len(EVERYONE)
        for each in values.values():
            self.size *= len(each)
        self.is_crossed = any(len(p.group) > 1 for t in told for p in t.people)
        self.is_too_large = self.size > (_MOST_CELLS if self.is_crossed else _MOST_OF_ONE)
        self.crossings: list[Group] = []
        if not self.is_too_large:
            self.crossings = [frozenset(c) for c in product(*values.values())]
        self._last: tuple[frozenset[str], np.ndarray] | None = None
        self._known: dict[tuple[Group, tuple[int, ...]], np.ndarray] = {}

    def vector(self, group: Group, outcomes: tuple[int, ...]) -> np.ndarray:
        """1 for each unknown that belongs to the number, else 0."""
        import numpy as np

        if (group, outcomes) not in self._known:
            inside = np.array([group <= crossing for crossing in self.crossings])
            chosen = np.isin(EVERYONE, outcomes)
            self._known[group, outcomes] = np.outer(inside, chosen).ravel().astype(float)
        return self._known[group, outcomes]

    def choices(self, exposed: Headcount, hidden: set[str]) -> list[frozenset[str]]:
        """What could be withheld next, each the findings that tell one number of people: of the
        kind that costs least alone, of groups that share most with ``exposed``, smallest first."""
        tell: dict[tuple[Group, tuple[int, ...]], list[KnownFinding]] = {}
        sizes = {}
        for told in self.told:
            for p in told.people if told.id not in hidden else ():
                if p.n:
                    tell.setdefault((p.group, p.outcomes), []).append(told)
                    sizes[p.group, p.outcomes] = p.n
        kinds = {key: _worth(found, key[0]) for key, found in tell.items()}
        cheapest = [key for key in tell if kinds[key] == min(kinds.values())]
        cheapest.sort(
            key=lambda key: (-len(key[0] & exposed.group), sizes[key], sorted(key[0]), key[1])
        )
        return [frozenset(t.id for t in tell[key]) for key in cheapest[:_TRIED]]

    def _open(self, hidden: frozenset[str]) -> np.ndarray:
        """What the published numbers leave open; the answer for the last question is kept."""
        if self._last is None or self._last[0] != hidden:
            self._last = hidden, _free(self.equations(hidden)[0])
        return self._last[1]

    def is_sum(self, people: Headcount, hidden: set[str]) -> bool:
        """Whether the number is a sum of published ones."""
        import numpy as np

        free = self._open(frozenset(hidden))
        own = self.vector(people.group, people.outcomes)
        return not len(free) or float(np.abs(free @ own).max()) < 1e-9

    def equations(self, hidden: frozenset[str] | set[str]) -> tuple[np.ndarray, np.ndarray]:
        """What is published, as matrix and right-hand side; each number once."""
        import numpy as np

        known = {
            (p.group, p.outcomes): p.n
            for t in self.told
            if t.id not in hidden
            for p in t.people
            if p.outcomes
        }
        known[frozenset(), EVERYONE] = self.total
        rows = np.array([self.vector(*key) for key in known])
        return rows, np.array(list(known.values()), dtype=float)

    def exposed(self, protected: Sequence[Headcount], hidden: set[str]) -> Iterator[Headcount]:
        """The protected numbers that can be worked out to within one person."""
        # Sums of published numbers first: that is quick to see. The rest by linear programming.
        rest = [p for p in protected if not self.is_sum(p, hidden)]
        yield from (p for p in protected if p not in rest)
        yield from (p for p in rest if self.is_exposed(p, hidden))

    def is_exposed(self, people: Headcount, hidden: set[str]) -> bool:
        """Whether the number can be worked out to within one person."""
        if self.is_sum(people, hidden):
            return True
        found = self.range(people, hidden)
        return found.high - found.low < 1 - 1e-6

    def range(self, people: Headcount, hidden: frozenset[str] | set[str]) -> Range:
        """The least and the greatest number that what is published allows."""
        matrix, numbers = self.equations(hidden)
        return linear_range(matrix, numbers, self.vector(people.group, people.outcomes))


def _worth(told: Sequence[KnownFinding], group: Group) -> tuple[bool, int, int]:
    """Sizes last; crossings before single features, these before everybody; then by worth."""
    most = max(t.worth for t in told)
    return most == SIZE, -len(group), most


def _free(matrix: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what the equations leave open, shape (free directions, unknowns)."""
    import numpy as np

    _, spread, basis = np.linalg.svd(matrix, full_matrices=True)
    found: np.ndarray = basis[int((spread > 1e-9 * spread[0]).sum()) :]
    return found
