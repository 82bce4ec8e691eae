"""Are people who are alike in all but their group answered alike?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.asking.copies import subject_copies
from evenhand.audit.checks.needs import predictor_of
from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import predictions_of
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "Do people with nearly the same inputs get the same prediction?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"model", "rows"})
SOURCE = "Zemel et al. 2013, section 3.3; Dwork et al. 2012"
COST = "fast"
MEASURES = {
    "consistency_score": "1 minus the mean difference between a person's prediction and those of "
    "the nearest other people; 1 is best",
}


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    rows: int = 2000,
    neighbours: int = 5,
    min_group_size: int = 10,
) -> Iterator[Finding]:
    """Yields the consistency over ``rows`` sampled rows, and of each group's own rows among them.

    Nearness counts the model's input columns except the sensitive features and their copies:
    numbers scaled to variance 1, texts as equal or not. Everybody's neighbours come from all
    groups.
    """
    from evenhand.audit.measure.neighbours import disagreement, encode

    inputs = predictor_of(subject).input_columns
    apart = {*subject.sensitive_features, *subject_copies(subject)}
    columns = [c for c in inputs if c not in apart]
    record = Recorder(__name__, seed)
    sampled = subject.n > rows
    chosen = sample(subject, rows, record.stream("sample"))
    encoded, left_out = encode(subject.frame.iloc[chosen][columns])
    if encoded.shape[1] == 0:
        raise MissingNeed(because("no-other-input"))
    if chosen.size <= neighbours:
        raise MissingNeed(because("too-few-for-neighbours", n=chosen.size, k=neighbours))
    answers = predictions_of(subject).is_selected[chosen].astype(float)
    unlike = disagreement(encoded, answers, neighbours)
    note = because("columns-left-out", names=left_out) if left_out else ()
    about = f"{neighbours} nearest neighbours among {chosen.size} of {subject.n} rows"
    everyone = _agreement(unlike, levels, about)
    yield record.write("consistency_score", everyone, note=note, random=sampled)
    for feature in subject.sensitive_features:
        names = subject.groups[feature].to_numpy()[chosen]
        for name in sorted(set(names)):
            part = unlike[names == name]
            small = because("too-small", n=part.size, least=min_group_size)
            yield record.write(
                "consistency_score",
                _agreement(part, levels, about),
                group={feature: str(name)},
                note=small if part.size < min_group_size else (),
                random=sampled,
            )


def _agreement(unlike: np.ndarray, levels: Sequence[float], about: str) -> Estimate:
    """1 - mean, bounded by a rate's own spread: the variance of values in [0, 1] with mean p is at
    most p (1 - p), so Wilson's interval of p covers at least as often."""
    from evenhand.audit.measure.uncertainty.bounded import bounded_mean

    found = bounded_mean(1 - unlike, levels)
    return replace(found, method=f"{about}; {found.method}")
