"""Would the prediction change if the person belonged to another group, and nothing else changed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.asking.copies import Swapping, copies_of
from evenhand.audit.checks.needs import predictor_of
from evenhand.audit.checks.record import Recorder
from evenhand.audit.data.table import as_text
from evenhand.audit.errors import InputError, MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.predictions import predictions_on
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

QUESTION = "Does the prediction change when only the sensitive feature, or an identity term, does?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"model", "rows"})
SOURCE = "Garg et al. 2019 (term swaps); Kusner et al. 2017, without effects on other columns"
COST = "slow"
MEASURES = {
    "counterfactual_flip_rate": "share of people (or sentence templates) whose prediction some "
    "swap changes",
    "counterfactual_score_shift": "mean absolute change of the score over swaps",
}
_MOST_VALUES = 20  # a feature with more values is swapped to its most frequent ones


@dataclass(frozen=True, eq=False)
class _Swapped:
    """``flips`` (bool) and ``shift`` of each swap, and the unit that it belongs to, shape (swaps,).

    Swaps of one unit are not independent: units are counted, not swaps.
    """

    flips: np.ndarray
    shift: np.ndarray
    unit: np.ndarray


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    rows: int = 2000,
    text_column: str = "",
    terms: str = "",
) -> Iterator[Finding]:
    """Yields flip rate and score shift for each sensitive feature that the model reads, and for
    ``terms`` (parted by commas) in ``text_column``, over ``rows`` sampled rows.

    ``column`` names what was swapped. Only that column changes, with the inputs that are copies of
    it (codes, one-hot parts, bins): what the group causes elsewhere stays as it is, so this is
    direct use of the feature and no more. Texts that are alike but for
    their term count as one template.
    """
    if not (subject.sensitive_features or text_column):
        raise MissingNeed(because("no-sensitive-features-or-terms"))
    record = Recorder(__name__, seed)
    reads = predictor_of(subject).input_columns
    chosen = sample(subject, rows, record.stream("sample"))
    frame = subject.frame.iloc[chosen]
    random = len(frame) < subject.n
    about = f"{len(frame)} of {subject.n} rows"
    for feature in subject.sensitive_features:
        copied = copies_of(subject, feature)
        if feature not in reads and not copied:
            why = because("feature-not-read", feature=repr(feature))
            for name in MEASURES:
                yield record.without_value(name, "not_applicable", why, column=feature)
            continue
        swapped, note = _feature_swaps(subject, chosen, feature)
        what = f"{about}, the value of {feature!r} swapped"
        if copied:
            what += f", in its copies too: {', '.join(copied)}"
            note += because("read-by-copies", feature=feature, names=copied)
        yield from _findings(record, swapped, levels, feature, what, note, random=random)
    if text_column:
        swapped = _term_swaps(subject, frame, text_column, terms, reads)
        what = f"{about}, identity terms swapped, clustered by template"
        yield from _findings(record, swapped, levels, text_column, what, (), random=random)


def _feature_swaps(subject: Subject, rows: np.ndarray, feature: str) -> tuple[_Swapped, Reasons]:
    import numpy as np

    frame, swapping = subject.frame.iloc[rows], Swapping(subject, feature)
    counts = subject.frame[feature].dropna().value_counts()
    values = sorted(counts.index, key=lambda v: (-counts[v], str(v)))
    note: Reasons = ()
    if len(values) > _MOST_VALUES:
        note = because("swapped-to-most-frequent", most=_MOST_VALUES, n=len(values))
    before = predictions_on(subject, frame)
    flips, shift, unit = [], [], []
    for value in values[:_MOST_VALUES]:
        applies = np.flatnonzero((frame[feature] != value).to_numpy())
        if applies.size == 0:
            continue
        after = predictions_on(subject, swapping.swapped(rows[applies], value, as_text(value)))
        flips.append(after.is_selected != before.is_selected[applies])
        shift.append(np.abs(after.answer - before.answer[applies]))
        unit.append(applies)
    return _Swapped(*(np.concatenate(x) for x in (flips, shift, unit))), note


def _term_swaps(
    subject: Subject, frame: pd.DataFrame, column: str, terms: str, reads: Sequence[str]
) -> _Swapped:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.swaps import HOLE, template_of

    known = list(dict.fromkeys(t.strip() for t in terms.split(",") if t.strip()))
    if len(known) < 2 or column not in reads:
        raise InputError(
            "text column {column!r} with terms {terms!r}: the model must read the column, and "
            "two or more terms are needed",
            remedy="options: {{fairness.counterfactual: {{text_column: text, terms: 'he, she'}}}}",
            column=column,
            terms=terms,
        )
    row_of: dict[str, int] = {}  # template text -> its row
    for row, text in enumerate(frame[column]):
        template = template_of(str(text), known) if isinstance(text, str) else None
        if template is not None:
            row_of.setdefault(template.text, row)
    if not row_of:
        raise MissingNeed(because("no-term-in-column", column=repr(column)))
    changed: list[pd.DataFrame] = []
    for term in known:
        part = frame.iloc[list(row_of.values())].copy()
        part[column] = [t.replace(HOLE, term) for t in row_of]
        changed.append(part)
    answers = predictions_on(subject, pd.concat(changed, ignore_index=True))
    selected = answers.is_selected.reshape(len(known), len(row_of))
    score = answers.answer.reshape(len(known), len(row_of))
    first, second = np.triu_indices(len(known), k=1)
    return _Swapped(
        (selected[first] != selected[second]).ravel(),
        np.abs(score[first] - score[second]).ravel(),
        np.tile(np.arange(len(row_of)), first.size),
    )


def _findings(
    record: Recorder,
    swapped: _Swapped,
    levels: Sequence[float],
    column: str,
    what: str,
    note: Reasons,
    *,
    random: bool,
) -> Iterator[Finding]:
    import numpy as np

    from evenhand.audit.measure.uncertainty.bounded import bounded_mean
    from evenhand.audit.measure.uncertainty.intervals import rate

    units, position = np.unique(swapped.unit, return_inverse=True)
    swaps = np.bincount(position)
    flipped = np.bincount(position, weights=swapped.flips) > 0
    shift = np.bincount(position, weights=swapped.shift) / swaps
    place: dict[str, Any] = {"column": column, "note": note, "random": random}
    flips = rate(int(flipped.sum()), int(units.size), levels, empty=because("no-rows-to-swap"))
    flips = replace(flips, method=f"{what}; {flips.method}")
    yield record.write("counterfactual_flip_rate", flips, **place)
    moved = bounded_mean(shift, levels)
    moved = replace(moved, method=f"{what}; {moved.method}")
    yield record.write("counterfactual_score_shift", moved, unit="probability", **place)
