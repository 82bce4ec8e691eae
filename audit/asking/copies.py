"""A model's inputs that are a sensitive feature written otherwise: all checks find the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from evenhand.audit.data.table import texts
from evenhand.audit.measure.copies import ColumnCopy, Rewriting, copies
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_ROWS = 50_000  # that are looked at; drawn by a seed of their own, so that all audits see the same
_SEED = (0, 0xC0B1E5)
_known: WeakKeyDictionary[Subject, dict[str, ColumnCopy]] = WeakKeyDictionary()


def subject_copies(subject: Subject) -> dict[str, ColumnCopy]:
    """Input column -> what it is a copy of; none without a model or without sensitive features."""
    if subject not in _known:
        _known[subject] = _found(subject)
    return _known[subject]


def copies_of(subject: Subject, feature: str) -> list[str]:
    """The inputs that tell of ``feature``, in the model's order."""
    found = subject_copies(subject)
    return [column for column, copy in found.items() if feature in copy.features]


def read_as(subject: Subject, feature: str) -> list[str]:
    """The inputs by which the model reads ``feature``: the column itself, and its copies."""
    assert subject.model is not None
    own = [feature] if feature in subject.model.predictor.input_columns else []
    return own + copies_of(subject, feature)


def _found(subject: Subject) -> dict[str, ColumnCopy]:
    import pandas as pd

    features = list(subject.sensitive_features)
    if subject.model is None or not features:
        return {}
    columns = [c for c in subject.model.predictor.input_columns if c not in features]
    frame = subject.frame.iloc[sample(subject, _ROWS, _SEED)]
    told: dict[str, Any] = {f: texts(frame[f]) for f in features}
    return copies(
        frame[columns],
        pd.DataFrame({f: names for f, (names, _) in told.items()}, dtype=object),
        pd.DataFrame({f: absent for f, (_, absent) in told.items()}),
    )


class Swapping:
    """A person's row were the person of another group: the feature and its copies together."""

    def __init__(self, subject: Subject, feature: str) -> None:
        self._frame, self._feature = subject.frame, feature
        self._features = list(subject.sensitive_features)
        self._copies = [subject_copies(subject)[c] for c in copies_of(subject, feature)]
        self._own = {f: texts(subject.frame[f])[0] for f in self._features}
        self._rewriting = {
            copy.column: Rewriting(subject.frame[copy.column], self._keys(copy, self._own))
            for copy in self._copies
        }

    def _keys(self, copy: ColumnCopy, names: dict[str, Any]) -> np.ndarray:
        import numpy as np

        made = names[copy.features[0]].astype(object)
        for feature in copy.features[1:]:
            made = made + "\x1f" + names[feature]
        return np.asarray(made, dtype=object)

    def swapped(self, rows: np.ndarray, value: Any, name: str) -> pd.DataFrame:
        """The rows at these positions with the feature set to ``value`` (as text ``name``).

        A crossing that no row is of leaves the copy as it was.
        """
        import numpy as np

        changed = self._frame.iloc[rows].copy()
        dtype = self._frame[self._feature].dtype
        full = np.full(rows.size, value, dtype=changed[self._feature].to_numpy().dtype)
        changed[self._feature] = full
        changed = changed.astype({self._feature: dtype})
        for copy in self._copies:
            names = {f: self._own[f][rows] for f in copy.features}
            names[self._feature] = np.full(rows.size, name, dtype=object)
            keys, rewriting = self._keys(copy, names), self._rewriting[copy.column]
            cells = self._frame[copy.column].iloc[rows].reset_index(drop=True)
            for key in sorted(set(keys.tolist())):
                at = np.flatnonzero(keys == key)
                if rewriting.knows(key):
                    cells.iloc[at] = rewriting.cells(rows[at], key).to_numpy()
            changed[copy.column] = cells.astype(self._frame[copy.column].dtype).to_numpy()
            changed = changed.astype({copy.column: self._frame[copy.column].dtype})
        return changed
