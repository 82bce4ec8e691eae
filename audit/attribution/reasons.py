"""Principal reasons for an adverse decision: what in a person's row keeps the score below that of
the reference applicant.

Ranked by Shapley values against the reference applicant; tested in another way, by setting one
column alone to the reference's value. Shapley values average over all the ways in which columns can
be put back one after another, the test looks at one of them, which the ranking can't foresee.

Source: 12 CFR 1002.9(b)(2) and its commentary (the principal reasons, factors actually scored, more
than four seldom useful); Shapley 1953; Lundberg and Lee 2017 for one reference row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.data.cells import is_number
from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_REASONS = 4
_TRACE = 1e-6  # of a probability: less is the rounding of a network in single precision
Score = Callable[["pd.DataFrame"], "np.ndarray"]


@dataclass(frozen=True, eq=False)
class Push:
    """How far each column pushes the favourable score of each person below the reference's.

    ``values`` (people, columns), in probability, positive where it lowers the score; ``error`` its
    half-width (0 where exact); ``method`` how it was found.
    """

    values: np.ndarray
    error: np.ndarray
    method: str

    @property
    def is_adverse(self) -> np.ndarray:
        """Where it is certain, beyond its own error, that the column lowers the score."""
        found: np.ndarray = self.values > self.error + _TRACE
        return found


def pushes(
    predictor: Predictor,
    people: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    favourable_class: int,
    seed: int,
    evaluations: int,
) -> Push:
    """Shapley values of ``people`` against the one-row ``reference``, seen from the adverse side.

    Exact by enumeration of at most 12 columns that differ, sampled beyond that.
    """
    import numpy as np

    options: Mapping[str, Any] = {
        "method": "shapley_sampling",
        "target": favourable_class,
        "output": "probability",
        "seed": seed,
        "evaluations": evaluations,
    }
    frames = {"rows": people, "baseline": reference}
    answer = ask(predictor, Question("attribute", options, frames))
    values = -np.asarray(answer.arrays["values"], dtype=float)
    error = np.asarray(answer.arrays.get("half_width", np.zeros_like(values)), dtype=float)
    return Push(values, error, str(answer.facts.get("method", "Shapley values")))


def ranked(push: Push, allowed: np.ndarray, most: int = MOST_REASONS) -> list[list[int]]:
    """For each person the positions of up to ``most`` columns, the strongest push first.

    ``allowed`` (columns,) says which may be named. Equal pushes go by position.
    """
    import numpy as np

    found = []
    for values, adverse in zip(np.round(push.values, 9), push.is_adverse & allowed, strict=True):
        order = np.argsort(-values, kind="stable")
        found.append([int(j) for j in order if adverse[j]][:most])
    return found


def rises(score: Score, people: pd.DataFrame, reference: pd.DataFrame) -> np.ndarray:
    """How far the favourable score rises when one column alone is set to the reference's value.

    Shape (people, columns); exactly 0 where the value is the reference's already.
    """
    import numpy as np
    import pandas as pd

    columns = list(people.columns)
    made = []
    for column in columns:
        cell = pd.concat([people[column].iloc[:0], reference[column]], ignore_index=True)
        repeated = cell.iloc[np.zeros(len(people), dtype=int)].reset_index(drop=True)
        changed = people.copy()
        changed[column] = repeated  # not assign(): a column may be called "self"
        made.append(changed)
    stacked = score(pd.concat([people, *made], ignore_index=True))
    before, after = stacked[: len(people)], stacked[len(people) :]
    rise = after.reshape(len(columns), len(people)).T - before[:, None]
    return np.where(differs(people, reference), rise, 0.0)


def differs(people: pd.DataFrame, reference: pd.DataFrame) -> np.ndarray:
    """Which cells differ from the reference's, bool (people, columns); two missing ones don't."""
    import numpy as np

    parts = []
    for column in people.columns:
        cells, own = people[column], reference[column].iloc[0]
        missing = cells.isna().to_numpy(dtype=bool)
        if own is None or own != own:
            parts.append(~missing)
        else:
            same = (cells.astype(object) == own).to_numpy(dtype=bool)
            parts.append(~same)
    return np.column_stack(parts)


def shaken(
    people: pd.DataFrame,
    everyone: pd.DataFrame,
    noise: float,
    seed: Sequence[int],
    codes: Collection[str] = (),
) -> pd.DataFrame:
    """``people`` with normal noise on their numbers, ``noise`` standard deviations of the column
    among ``everyone``. Columns with 20 values or fewer, texts, and numbers that are categories to
    the model (``codes``) stay as they are."""
    import numpy as np

    from evenhand.audit.attribution.recourse.space import FEW_VALUES

    rng = np.random.default_rng(list(seed))
    made = people.copy()
    for column in people.columns:
        cells = everyone[column]
        if column in codes or not is_number(cells):
            continue
        known = cells.dropna().to_numpy(dtype=float)
        if np.unique(known).size <= FEW_VALUES:
            continue
        off = rng.normal(0.0, noise * float(known.std()), len(people))
        made[column] = people[column].to_numpy(dtype=float, na_value=np.nan) + off
    return made


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Jaccard index of two sets of reasons, in [0, 1]; 1 for two empty ones.

    >>> overlap([1, 2, 3], [3, 2, 5])
    0.5
    """
    union = set(one) | set(other)
    return len(set(one) & set(other)) / len(union) if union else 1.0
