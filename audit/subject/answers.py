"""What has to be known of the answers before a number about them is believed: where labels and
scores contradict each other, and where the model was asked about cells that it never met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import texts
from evenhand.audit.models.fitted import Known
from evenhand.audit.models.predictor import Decides
from evenhand.audit.reason import Reason, Reasons, because, listed
from evenhand.audit.subject.predictions import Predictions, score
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

_HALF = 0.5
_ROUNDING = 1e-9


def notes_to_say(subject: Subject) -> Reasons:
    """What is said before the numbers are read: of the answers, of the table as a whole, and of the
    columns that the audit reads. What else was noticed of the table is in ``data.quality``."""
    stored, model = subject.stored, subject.model
    read = {subject.target, subject.weight, subject.unit, *subject.outcomes}
    read |= {*subject.sensitive_features, *subject.control_features}
    read |= {stored.predicted, stored.score} if stored else set()
    read |= set(model.predictor.input_columns) if model else set()
    named = {*read, *map(repr, read)}  # as readers write names whose ends are to be seen
    noticed = (n for n in subject.notes if n.parameters.get("column", subject.target) in named)
    return (*noticed, *notes_on_answers(subject))


def notes_on_answers(subject: Subject) -> Reasons:
    """Sentences for whoever reads the numbers; () where there is nothing to be said.

    Rows that stay on disk are not looked at: their answers are not kept.
    """
    if subject.is_streamed:
        return ()
    return (*_version(subject), *_never_met(subject), *_contradictions(subject))


def _version(subject: Subject) -> Iterator[Reason]:
    says = subject.model.predictor.maker_says if subject.model is not None else {}
    made, here = says.get("sklearn_version"), says.get("sklearn_version_here")
    if isinstance(made, str) and isinstance(here, str):
        yield from because("made-by-other-version", made=made, here=here)


def _never_met(subject: Subject) -> Iterator[Reason]:
    """Categories that an encoder of the model was not fitted on: it encodes them as nothing, as an
    error, or as another one, and which of them is its maker's choice."""
    known = getattr(subject.model.predictor, "categories", {}) if subject.model is not None else {}
    for column, names in known.items():
        if column not in subject.frame.columns:
            continue
        categories = Known(names)
        cells, missing = texts(subject.frame[column])
        found = {name: int((cells[~missing] == name).sum()) for name in set(cells[~missing])}
        strange = {n: k for n, k in found.items() if categories.category(n) is None}
        if missing.any() and "" not in names:
            yield from because("never-met-missing", column=column, n=int(missing.sum()))
        if strange:
            ordered = sorted(strange, key=lambda name: (-strange[name], name))
            each = [because("named-rows", name=repr(n), n=strange[n])[0] for n in ordered]
            yield from because(
                "never-met", column=column, values=listed(each, 5), n=sum(strange.values())
            )
            if "" in names:  # it was trained on missing cells, which these may be
                yield from because("never-met-perhaps-missing", value=ordered[0])


def _contradictions(subject: Subject) -> Iterator[Reason]:
    scored: Any = score(subject)
    if not isinstance(scored, Predictions) or scored.score is None or not scored.n:
        return
    if subject.stored is not None:
        if subject.stored.predicted is not None:
            yield from _of_stored(subject, scored.score, scored.is_selected)
        return
    own = subject.model is not None and not isinstance(subject.model.predictor, Decides)
    if not own or subject.threshold is not None:
        return
    differs = scored.is_selected != (scored.score >= _HALF)
    ties = differs & (abs(scored.score - _HALF) <= _ROUNDING)
    if ties.any():
        yield from because("ties-are-the-models-own", n=int(ties.sum()), threshold=_HALF)
    others = int((differs & ~ties).sum())
    if others:
        yield from because("labels-differ-from-scores", n=others, of=scored.n, threshold=_HALF)


def _of_stored(subject: Subject, values: np.ndarray, is_selected: np.ndarray) -> Iterator[Reason]:
    if subject.threshold is not None:
        n = int((is_selected != (values >= subject.threshold)).sum())
        if n:
            yield from because(
                "predicted-differ-from-threshold",
                n=n,
                of=len(values),
                threshold=subject.threshold,
            )
    elif is_selected.any() and not is_selected.all():
        chosen, rest = values[is_selected], values[~is_selected]
        if _share_above(chosen, rest) < _HALF:
            yield from because("predicted-against-scores")


def _share_above(one: np.ndarray, other: np.ndarray) -> float:
    """The share of pairs in which the first is above, ties counting half."""
    import numpy as np
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([one, other]))
    above = ranks[: len(one)].sum() - len(one) * (len(one) + 1) / 2
    return float(above / (len(one) * len(other)))
