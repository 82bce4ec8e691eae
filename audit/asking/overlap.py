"""Rows that are in both files of an audit: the audited ones, and those the model was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from evenhand.audit.data.table import texts
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# How many times as often as within the training file rows must be equal between the files, to be
# taken for the same: where rows repeat (few columns, few values) equal ones are no sign of it.
_TIMES = 10


@dataclass(frozen=True, eq=False)
class Overlap:
    """``audited`` (n,) and ``training`` (m,) say which rows have an equal one in the other file, in
    every column that both have.

    ``are_same`` says whether equal rows are taken for the same person's: rows are equal far more
    often than within the training file.
    ``held_out`` says whether the model's folder names the audited file as its held-out rows, so
    that it is the training file that holds too many.
    """

    audited: np.ndarray
    training: np.ndarray
    are_same: bool
    held_out: bool

    @property
    def kept_audited(self) -> np.ndarray:
        """The audited rows that the model was not trained on, as far as the files say."""
        return ~self.audited if self.are_same and not self.held_out else self.audited | True

    @property
    def kept_training(self) -> np.ndarray:
        """The training rows that the model was trained on, as far as the files say."""
        return ~self.training if self.are_same and self.held_out else self.training | True


_known: WeakKeyDictionary[Subject, Overlap | None] = WeakKeyDictionary()


def overlap_of(subject: Subject) -> Overlap | None:
    """What both files share; None without training rows."""
    if subject not in _known:
        _known[subject] = None if subject.training is None else _found(subject)
    return _known[subject]


def _found(subject: Subject) -> Overlap:
    import numpy as np

    assert subject.training is not None
    one, other = subject.frame, subject.training.frame
    shared = [c for c in one.columns if c in set(other.columns)]
    here, there = row_hashes(one[shared]), row_hashes(other[shared])
    twins = 1 - len(np.unique(there)) / max(len(there), 1)
    audited = np.isin(here, there)
    are_same = bool(audited.mean() > _TIMES * twins) if len(audited) else False
    return Overlap(audited, np.isin(there, here), are_same, is_held_out(subject))


def row_hashes(frame: pd.DataFrame) -> Any:
    """A hash of each row's cells as texts, uint64 of shape (rows,)."""
    import numpy as np
    import pandas as pd

    if frame.shape[1] == 0:
        return np.zeros(len(frame), dtype=np.uint64)
    plain = pd.DataFrame({c: texts(frame[c])[0] for c in sorted(frame.columns)})
    return pd.util.hash_pandas_object(plain, index=False).to_numpy()


def says(subject: Subject) -> dict[str, Any]:
    """What the model's folder states about itself; nothing for stored predictions."""
    return {} if subject.model is None else dict(subject.model.predictor.maker_says)


def is_held_out(subject: Subject) -> bool:
    """Whether the audited file is, byte for byte, the one that the folder says was held out."""
    return says(subject).get("held_out_digest") == subject.table.digest
