"""The rows that a model was trained on and others, with a score that tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.asking.losses import losses_of
from evenhand.audit.asking.overlap import overlap_of
from evenhand.audit.errors import MissingNeed
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import (
    AnyPredictions,
    ClassPredictions,
    Predictions,
    score,
    score_training,
)
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BY_LOSS = "threshold on the loss (Yeom et al. 2018)"
BY_HIT = "right answers against wrong ones (Yeom et al. 2018): no probabilities were given"


@dataclass(frozen=True, eq=False)
class Attacked:
    """``members`` and ``others``: scores, floats of shape (m,) and (n,), higher for a member; their
    ``groups`` as texts, rows alike; ``attack`` in words."""

    members: np.ndarray
    others: np.ndarray
    member_groups: pd.DataFrame
    other_groups: pd.DataFrame
    attack: str


def attacked(subject: Subject) -> Attacked:
    """Each row's score: minus its loss; where answers are labels alone, whether it is right.

    Rows that are in both files are members, unless the model's folder says that the audited file
    was held out. Raises MissingNeed where nothing is left on a side, or nothing tells of a loss.
    """
    overlap, there = overlap_of(subject), score_training(subject)
    if overlap is None or there is None or subject.training is None:
        raise MissingNeed(because("training-rows-unknown"))
    here = score(subject)
    (mine, attack), (theirs, _) = _scores(there), _scores(here)
    known, others = mine == mine, theirs == theirs
    is_member, is_other = overlap.kept_training & known, overlap.kept_audited & others
    if not is_member.any() or not is_other.any():
        raise MissingNeed(because("every-row-trained-on"))
    return Attacked(
        members=mine[is_member],
        others=theirs[is_other],
        member_groups=subject.training.groups.loc[is_member],
        other_groups=subject.groups.loc[is_other],
        attack=attack,
    )


def _scores(found: AnyPredictions) -> tuple[np.ndarray, str]:
    losses = losses_of(found)
    if losses is not None:
        return -losses, BY_LOSS
    if isinstance(found, Predictions) and found.is_positive is not None:
        return (found.is_positive == found.is_selected).astype(float), BY_HIT
    if isinstance(found, ClassPredictions) and found.actual is not None:
        return (found.actual == found.predicted).astype(float), BY_HIT
    raise MissingNeed(because("loss-needs-probabilities"))
