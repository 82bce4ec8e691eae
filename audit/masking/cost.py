"""What a mask costs a model: the same learner trained on the rows as they are and on the masked
ones, both asked about the same held-out rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import Table, texts
from evenhand.audit.errors import InputError
from evenhand.audit.finding import Interval
from evenhand.audit.masking.mask import MaskedTable
from evenhand.audit.measure.exposure.columns import exposed_columns
from evenhand.audit.measure.paired import PairedCounts, newcombe_paired
from evenhand.audit.measure.uncertainty.intervals import mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_FEWEST_ROWS = 50
_MOST_CATEGORIES = 200  # of a column; the learner takes no more than 255
_MOST_CLASSES = 20  # different numbers of a target up to which they are classes


@dataclass(frozen=True)
class UtilityCost:
    """``before`` and ``after``: accuracy (of numbers: mean absolute error) on ``n`` held-out rows;
    ``difference``: after minus before, with its interval over rows. ``group``: whom it is about,
    none for everybody."""

    measure: str
    before: float
    after: float
    difference: Interval | None
    n: int
    group: tuple[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        own = self.difference
        return {
            "measure": self.measure,
            "before": self.before,
            "after": self.after,
            "difference": self.after - self.before,
            "interval": None if own is None else {"low": own.low, "high": own.high},
            "n": self.n,
            "group": None if self.group is None else dict([self.group]),
        }


def utility_cost(
    table: Table,
    masked: MaskedTable,
    target: str,
    features: Sequence[str] = (),
    *,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[UtilityCost, ...]:
    """The cost for everybody, then for each group of ``features`` as they were before the mask.

    One training each (gradient-boosted trees) on a random half of the rows, of which the mask's has
    those alone that were kept; the other half is asked about, recoded, whether kept or not. Columns
    that name people, or that the plan drops or tokenises, are inputs of neither. The interval is
    over rows, not over trainings. Raises InputError for a target that the mask touches, or fewer
    than 50 known labels.
    """
    import numpy as np

    table.require([target, *features], "column")
    if target in masked.plan.columns:
        raise InputError(
            "the plan changes the target {target!r}: what a model loses can't be told",
            remedy="take it out of columns, or leave out --target",
            target=target,
        )
    known = np.flatnonzero(table.frame[target].notna().to_numpy())
    if len(known) < _FEWEST_ROWS:
        raise InputError(
            "{n} rows have a label in {target!r}; a model needs {fewest}",
            remedy="leave out --target",
            n=len(known),
            target=target,
            fewest=_FEWEST_ROWS,
        )
    order = np.random.default_rng(seed).permutation(known)
    trained, held_out = order[: len(order) // 2], order[len(order) // 2 :]
    left_out = _left_out(table.frame, masked, target)
    before = _errors(table.frame, left_out, target, trained, held_out)
    rows = trained[masked.kept[trained]]
    after = _errors(masked.recoded, left_out, target, rows, held_out)
    costs = [_cost(before, after, level, None)]
    for feature in features:
        names, missing = texts(table.frame[feature].iloc[held_out])
        for name in sorted(set(names[~missing])):
            own = (names == name) & ~missing
            costs.append(
                _cost(
                    (before[0], before[1][own]), (after[0], after[1][own]), level, (feature, name)
                )
            )
    return tuple(costs)


@dataclass(frozen=True)
class GroupLeftOut:
    """How many of a group's ``n`` rows a mask left out because their classes were too small."""

    group: tuple[str, str]
    n: int
    n_left_out: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"group": dict([self.group]), "n": self.n, "n_left_out": self.n_left_out}


def left_out_by_group(
    table: Table, masked: MaskedTable, features: Sequence[str]
) -> tuple[GroupLeftOut, ...]:
    """Whom the rows are of that were left out: each group of ``features``, before the mask."""
    table.require(features, "column")
    groups = []
    for feature in features:
        names, missing = texts(table.frame[feature])
        for name in sorted(set(names[~missing])):
            own = (names == name) & ~missing
            out = int((own & ~masked.kept).sum())
            groups.append(GroupLeftOut((feature, name), int(own.sum()), out))
    return tuple(groups)


def _left_out(frame: pd.DataFrame, masked: MaskedTable, target: str) -> set[str]:
    gone = {c for c, action in masked.plan.columns.items() if action in ("drop", "tokenise")}
    naming = {one.column for one in exposed_columns(frame)}
    unit = {masked.plan.unit} if masked.plan.unit else set()
    return gone | naming | unit | {target}


def _errors(
    frame: pd.DataFrame,
    left_out: Collection[str],
    target: str,
    trained: np.ndarray,
    held_out: np.ndarray,
) -> tuple[bool, np.ndarray]:
    """Whether labels are classes, and each held_out row's error: wrong or not, or the distance."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    labels = frame[target]
    classes = not is_number(labels) or labels.nunique() <= _MOST_CLASSES
    inputs, named = _inputs(frame[[c for c in frame.columns if c not in left_out]])
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = kind(categorical_features=named, max_iter=60, early_stopping=False, random_state=0)
    truth = texts(labels)[0].astype(str) if classes else labels.to_numpy(dtype=float)
    model.fit(inputs[trained], truth[trained])
    answers = model.predict(inputs[held_out])
    wrong = answers != truth[held_out] if classes else np.abs(answers - truth[held_out])
    return classes, np.asarray(wrong)


def _inputs(frame: pd.DataFrame) -> tuple[np.ndarray, list[bool]]:
    """Numbers as they are, other cells as numbers of their texts; which columns are categories."""
    import numpy as np
    import pandas as pd

    columns, named = [], []
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if is_number(column):
            columns.append(column.to_numpy(dtype=float, na_value=np.nan))
            named.append(False)
            continue
        names, missing = texts(column)
        codes = pd.factorize(names, sort=True)[0].astype(float)
        columns.append(np.where(missing, np.nan, codes))
        named.append(len(set(names)) <= _MOST_CATEGORIES)
    return np.stack(columns, axis=1), named


def _cost(
    before: tuple[bool, np.ndarray],
    after: tuple[bool, np.ndarray],
    level: float,
    group: tuple[str, str] | None,
) -> UtilityCost:
    classes, lost = before
    n = len(lost)
    if classes:
        right, now = ~lost, ~after[1]
        counts = PairedCounts(
            both=int((right & now).sum()),
            first=int((now & ~right).sum()),
            second=int((right & ~now).sum()),
            neither=int((~right & ~now).sum()),
        )
        apart = newcombe_paired(counts, level)
        return UtilityCost("accuracy_score", right.mean(), now.mean(), apart, n, group)
    own = mean(after[1] - lost, (level,)).interval
    return UtilityCost("mean_absolute_error", lost.mean(), after[1].mean(), own, n, group)
