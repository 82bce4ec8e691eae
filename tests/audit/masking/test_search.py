"""The search for levels, against every combination tried one by one."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from evenhand.audit.masking.search import Asked, Cells, search

# Three levels each: as it is, joined by twos, hidden.
LADDERS = [[lambda v: v, lambda v: v // 2, lambda v: 0]] * 3


def table(seed: int, n: int = 60) -> pd.DataFrame:
    drawn = np.random.default_rng(seed)
    return pd.DataFrame(
        {f"q{i}": drawn.integers(0, 4, n) for i in range(3)} | {"ill": drawn.integers(0, 3, n)}
    )


def cells_of(frame: pd.DataFrame, people: np.ndarray | None = None) -> Cells:
    levels = [
        [frame[f"q{i}"].map(step).to_numpy() for step in ladder] for i, ladder in enumerate(LADDERS)
    ]
    secret = [(frame["ill"].to_numpy(), False)]
    return Cells(levels, np.ones(len(frame), dtype=int), people, secret)


def entropy(values: list[object]) -> float:
    shares = [k / len(values) for k in Counter(values).values()]
    return -sum(p * math.log(p) for p in shares)


def by_hand(frame: pd.DataFrame, asked: Asked) -> tuple[float, int] | None:
    """The least loss of all 27 combinations and its rows left out, by the definitions."""
    best = None
    for choice in itertools.product(range(3), repeat=3):
        keys = list(
            zip(
                *(frame[f"q{i}"].map(LADDERS[i][level]) for i, level in enumerate(choice)),
                strict=True,
            )
        )
        people: dict[object, list[int]] = defaultdict(list)
        for key, ill in zip(keys, frame["ill"], strict=True):
            people[key].append(ill)
        whole = Counter(frame["ill"])
        out = 0
        for held in people.values():
            own = Counter(held)
            apart = sum(abs(own[v] / len(held) - whole[v] / len(frame)) for v in whole) / 2
            far = asked.t is not None and apart > asked.t
            out += len(held) * (len(held) < asked.k or len(own) < asked.l or far)
        lost = [
            1 - entropy(list(frame[f"q{i}"].map(LADDERS[i][level]))) / entropy(list(frame[f"q{i}"]))
            for i, level in enumerate(choice)
        ]
        share = out / len(frame)
        loss = (1 - share) * sum(lost) / 3 + share
        if share <= asked.leave_out and (best is None or loss < best[0] - 1e-12):
            best = (loss, out)
    return best


def test_the_least_loss_of_all_combinations_is_found() -> None:
    compared = 0
    for seed in range(6):
        frame = table(seed)
        for asked in (
            Asked(3, 1, None, 0.0),
            Asked(5, 2, None, 0.1),
            Asked(4, 1, 0.25, 0.05),
            Asked(8, 3, 0.4, 0.2),
        ):
            expected, found = by_hand(frame, asked), search(cells_of(frame), asked)
            assert found.is_exact
            if expected is None:
                assert found.best is None
                continue
            assert found.best is not None
            assert found.best.loss == expected[0] or abs(found.best.loss - expected[0]) < 1e-9
            assert found.best.n_left_out == expected[1]
            compared += 1
    assert compared >= 20


def test_people_are_counted_and_not_rows() -> None:
    frame = pd.DataFrame({"q0": [0] * 6, "q1": [0] * 6, "q2": [0] * 6, "ill": [0, 1] * 3})
    asked = Asked(3, 1, None, 0.0)
    assert search(cells_of(frame), asked).best is not None
    two_people = np.array([0, 0, 0, 1, 1, 1])
    assert search(cells_of(frame, two_people), asked).best is None


def test_beyond_the_most_tried_the_coarsest_is_among_them() -> None:
    frame = table(0)
    found = search(cells_of(frame), Asked(len(frame), 1, None, 0.0), most=2)
    assert not found.is_exact
    assert found.best is not None
    assert found.best.levels == (2, 2, 2)
    assert found.n_tried == 3
