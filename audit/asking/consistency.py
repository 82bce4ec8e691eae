"""Asks a model about rows again, in other ways, and compares with the answers that were audited.

What a model could tell an audit by is varied: the order of the rows, how many come at once, which
others come with them, how often and how late it is asked, the process, the clock and the
environment. Answers may differ by what rounding explains (``evenhand.audit.measure.rounding``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenhand.audit.checks.needs import predictor_of
from evenhand.audit.claims import mitigation_stated
from evenhand.audit.data.cells import is_number
from evenhand.audit.errors import InputError
from evenhand.audit.measure.rounding import Precision, precision_of
from evenhand.audit.models.predictor import Decides
from evenhand.audit.subject.predictions import (
    ClassPredictions,
    Predictions,
    TextPredictions,
    ValuePredictions,
    positive_position,
    score,
)
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Ask = Callable[["pd.DataFrame"], "np.ndarray"]
_LARGEST_SMALL = 64  # rows in the largest of the small batches
_ALONE = 50  # rows asked one at a time
_BESIDE = 200  # rows asked beside copies, beside odd rows, and late
_COPIES = 3
ORDER = "in another order"
FRESH = "in a fresh process"
ELSEWHERE = "with another clock and environment"
# What a model that cannot take some rows raises: all of it where it runs in this process.
_REFUSALS = (InputError, ValueError, TypeError, LookupError, RuntimeError, ArithmeticError)


@dataclass(frozen=True)
class Way:
    """One way of asking: of ``asked`` rows ``differing`` got another answer, by ``largest``."""

    name: str
    asked: int
    differing: int
    largest: float


@dataclass
class Consistency:
    """What asking again found. ``differs``: bool of shape (n,); ``largest`` is 0 where no answer
    differs beyond rounding; ``repeats_differ``: rows whose answers to the same batch, sent twice in
    a row to one process, differ; ``drawn``: rows whose decisions are not compared, since the model
    states that it draws them."""

    differs: np.ndarray
    precision: Precision
    ways: list[Way] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    repeats_differ: int = 0
    drawn: int = 0

    @property
    def largest(self) -> float:
        """The largest finite difference beyond rounding."""
        return max((w.largest for w in self.ways), default=0.0)


@dataclass(frozen=True)
class _Answers:
    """The audited answers, (rows, columns), and the differences that are allowed, alike."""

    values: np.ndarray
    allowed: np.ndarray
    precision: Precision
    drawn: int = 0


def ask_again(subject: Subject, rows: np.ndarray, seed: Sequence[int]) -> Consistency:
    """Compares the audited answers to ``rows`` (positions) with answers to other ways of asking.

    ``seed`` decides orders and batches. Raises what ends a model: LimitError, UnsafeModelError.
    """
    import numpy as np

    predictor = predictor_of(subject)
    # Only what the model says that it reads: no label, no group, no trace of the rows' places.
    frame = subject.frame.iloc[rows][list(predictor.input_columns)].reset_index(drop=True)
    asking = _Asking(subject, frame, _audited(subject, rows))
    rng = np.random.default_rng(list(seed))
    asking.in_this_process(predictor, rng)
    asking.in_fresh_processes(predictor, rng)
    return asking.found


class _Asking:
    def __init__(self, subject: Subject, frame: pd.DataFrame, audited: _Answers) -> None:
        import numpy as np

        self._subject, self._frame, self._audited = subject, frame, audited
        self._n = len(frame)
        self.found = Consistency(
            np.zeros(self._n, dtype=bool), audited.precision, drawn=audited.drawn
        )

    def in_this_process(self, predictor: Any, rng: np.random.Generator) -> None:
        """Order, repeats, sizes and company of a batch, and late calls."""
        import numpy as np

        ask = _asker(self._subject, predictor)
        order = rng.permutation(self._n)
        first = self._compare(ORDER, ask, [order])
        second = self._compare("in the same batch again", ask, [order])
        self.found.repeats_differ = int(self._beyond(first[order], second[order], order).sum())
        self._compare("in small batches", ask, _small(rng.permutation(self._n), rng))
        alone = rng.permutation(self._n)[:_ALONE]
        self._compare("one row alone", ask, [np.array([i]) for i in alone])
        some = rng.permutation(self._n)[:_BESIDE]
        copies = rng.permutation(np.repeat(some, _COPIES))
        self._compare("beside copies of themselves", ask, [copies, np.repeat(some[:1], 64)])
        self._beside_odd_rows(ask, rng.permutation(self._n)[:_BESIDE])
        self._compare("late", ask, [rng.permutation(self._n)[:_BESIDE]])

    def in_fresh_processes(self, predictor: Any, rng: np.random.Generator) -> None:
        """The same model opened again: rows that it has not seen, from the first call on."""
        import numpy as np

        opened_again = getattr(predictor, "reopened", None)
        if opened_again is None:
            self.found.left_out.append("a fresh process, clock or environment")
            return
        order = rng.permutation(self._n)
        plans = (
            (FRESH, False, [order[:1], *np.array_split(order[1:], 8)]),
            (ELSEWHERE, True, [order[::-1]]),
        )
        for name, elsewhere, batches in plans:
            fresh = opened_again(elsewhere=elsewhere)
            try:
                self._compare(name, _asker(self._subject, fresh), [b for b in batches if len(b)])
            finally:
                fresh.close()

    def _beside_odd_rows(self, ask: Ask, some: np.ndarray) -> None:
        """Real rows in one batch with rows that nobody has sent, whose own answers don't count."""
        for name, odd in _odd_rows(self._frame):
            try:
                ask(odd)
            except _REFUSALS:
                self.found.left_out.append(f"{name}, which it refuses")
                continue
            self._compare(f"beside {name}", _beside(ask, odd), [some])

    def _compare(self, name: str, ask: Ask, batches: Sequence[np.ndarray]) -> np.ndarray:
        """Asks batch by batch, keeps what differs; the last answers by row, (n, columns)."""
        import numpy as np

        answers = np.full_like(self._audited.values, np.nan)
        is_asked, differs = (np.zeros(self._n, dtype=bool) for _ in range(2))
        largest = 0.0
        for batch in batches:
            is_asked[batch] = True
            try:
                answer = ask(self._frame.iloc[batch].reset_index(drop=True))
                if answer.shape != (len(batch), answers.shape[1]):
                    raise InputError(
                        "answers of shape {told_shape} for {n_batch} rows",
                        told_shape=answer.shape,
                        n_batch=len(batch),
                    )
            except _REFUSALS as error:
                differs[batch] = True
                self.found.refusals.append(f"{name}: {str(error)[:200]}")
                continue
            answers[batch] = answer
            audited = self._audited.values[batch]
            beyond = self._beyond(answer, audited, batch)
            differs[batch[beyond]] = True
            apart = np.abs(answer - audited)[beyond]
            largest = max(largest, float(apart[np.isfinite(apart)].max(initial=0.0)))
        self.found.differs |= differs
        self.found.ways.append(Way(name, int(is_asked.sum()), int(differs.sum()), largest))
        return answers

    def _beyond(self, one: np.ndarray, other: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Rows, bool of shape (len(rows),), that differ by more than rounding; NaN differs."""
        import numpy as np

        within = np.abs(one - other) <= self._audited.allowed[rows]
        both_missing = np.isnan(one) & np.isnan(other)
        beyond: np.ndarray = ~(within | both_missing).all(axis=1)
        return beyond


def _asker(subject: Subject, predictor: Any) -> Ask:
    """Rows -> answers of shape (rows, columns), as ``_audited`` has them."""
    import numpy as np

    if subject.task == "generation":
        return lambda rows: np.column_stack(predictor.token_log_likelihood(rows)).astype(float)
    if subject.task == "regression":
        return lambda rows: np.asarray(predictor.predict_values(rows), dtype=float).reshape(-1, 1)
    if subject.task == "multiclass":
        return lambda rows: np.asarray(predictor.predict_proba(rows), dtype=float)
    position = positive_position(predictor, str(subject.truth.positive))
    decides = isinstance(predictor, Decides)

    def decided(rows: pd.DataFrame) -> np.ndarray:
        chance: np.ndarray = np.asarray(predictor.predict_proba(rows), dtype=float)[:, [position]]
        if not decides:
            return chance
        return np.column_stack([chance, np.asarray(predictor.decide(rows)) == position])

    return decided


def _audited(subject: Subject, rows: np.ndarray) -> _Answers:
    """The answers that the audit used, with how far others may lie from them."""
    import numpy as np

    scored = score(subject)
    drawn = np.zeros(len(rows), dtype=bool)
    exact: list[np.ndarray] = []
    if isinstance(scored, Predictions):
        values = scored.answer[rows, None]
        predictor = subject.model and subject.model.predictor
        if isinstance(predictor, Decides):
            may_draw = mitigation_stated(predictor.maker_says).randomises
            drawn = may_draw & (values[:, 0] > 0) & (values[:, 0] < 1)
            exact = [scored.is_selected[rows].astype(float)]
    elif isinstance(scored, ClassPredictions):
        values = scored.answer[rows]
    elif isinstance(scored, ValuePredictions):
        values = scored.predicted[rows, None]
    else:
        assert isinstance(scored, TextPredictions)
        values = scored.log_likelihood[rows, None]
        exact = [scored.tokens[rows].astype(float), scored.characters[rows].astype(float)]
    are_probabilities = subject.task in ("binary", "multiclass")
    precision = precision_of(values.ravel(), are_probabilities=are_probabilities)
    scale = np.ones_like(values)
    if not are_probabilities:  # an answer near 0 is a difference of larger numbers
        scale = np.maximum(np.abs(values), np.median(np.abs(values)))
    allowed = np.column_stack([precision.tolerance * scale, *(np.zeros_like(e) for e in exact)])
    if drawn.any():
        allowed[drawn, 1] = 1.0
    return _Answers(np.column_stack([values, *exact]), allowed, precision, int(drawn.sum()))


def _beside(ask: Ask, odd: pd.DataFrame) -> Ask:
    """Asks with ``odd`` rows in the middle of each batch; the answers of the others."""

    def others(rows: pd.DataFrame) -> np.ndarray:
        import numpy as np
        import pandas as pd

        place = len(rows) // 2
        mixed = pd.concat([rows.iloc[:place], odd, rows.iloc[place:]], ignore_index=True)
        return np.delete(ask(mixed), slice(place, place + len(odd)), axis=0)

    return others


def _small(order: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """``order`` in batches of random small sizes."""
    import numpy as np

    sizes = rng.integers(1, _LARGEST_SMALL + 1, size=len(order))
    ends = np.cumsum(sizes)
    return np.split(order, ends[ends < len(order)])


def _odd_rows(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows as probes of a model look: each column's extremes together; every cell missing."""
    import pandas as pd

    numeric = [c for c in frame.columns if is_number(frame[c])]
    if numeric:
        odd = frame.iloc[[0, 0]].reset_index(drop=True)
        for column in numeric:
            odd[column] = pd.Series([frame[column].min(), frame[column].max()]).astype(
                frame[column].dtype
            )
        yield "rows of extremes", odd
        empty = frame.iloc[:1].reset_index(drop=True)
        floats = [c for c in numeric if frame[c].dtype.kind == "f"]
        if floats:
            empty[floats] = float("nan")
            yield "a row of missing numbers", empty
