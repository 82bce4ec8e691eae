"""Impact ratios as New York City's Local Law 144 defines them: selection and scoring rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from audit.checks.record import Recorder
from audit.errors import MissingNeed
from audit.finding import Finding
from audit.predictions import Predictions, ValuePredictions, expect, score
from audit.subject import UNKNOWN, Subject

if TYPE_CHECKING:
    import numpy as np

QUESTION = "How does each group's rate compare with the highest, in tables as LL144 asks for?"
TASKS = frozenset({"binary", "regression"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "6 RCNY 5-300, 5-301(b), (c) and (d) (New York City Local Law 144); Katz et al. 1978"
COST = "fast"
MEASURES = {
    "impact_ratio": "a group's selection rate divided by the highest of its table",
    "scoring_rate": "share of the group's people who score above the median of the whole sample",
    "scoring_rate_impact_ratio": "a group's scoring rate divided by the highest of its table",
    "unknown_count": "people left out of a table because a sensitive feature is unknown",
}


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], minimum_share: float = 0.0
) -> Iterator[Finding]:
    """Yields a table for each sensitive feature, each pair and the crossing of all.

    The highest rate is taken over all groups of the table. People whose feature is unknown are
    counted, not compared. ``counts`` holds what 5-301(d) asks about: ``assessed`` and ``table``,
    the people in the group and in the whole table. With ``minimum_share`` (0.02 there) groups
    under that share get a reason instead of a ratio, and can't be the highest.
    """
    from audit.counts import feature_sets

    if not subject.sensitive_features:
        raise MissingNeed("no sensitive features were named")
    record = Recorder(__name__, seed)
    found = score(subject)
    if isinstance(found, Predictions):
        is_selected, scores = found.is_selected, found.score
    else:
        is_selected, scores = None, expect(found, ValuePredictions).predicted
    is_above = None if scores is None else _above_median(scores)
    for features in feature_sets(subject.sensitive_features):
        unknown = (subject.groups[list(features)] == UNKNOWN).any(axis=1).to_numpy()
        count = int(unknown.sum())
        yield record.plain("unknown_count", count, n=subject.n, unit="row", between=features)
        if is_selected is not None:
            tables = _table(subject, features, ~unknown, is_selected)
            yield from _ratios(record, "impact_ratio", tables, levels, minimum_share)
        if is_above is not None:
            tables = _table(subject, features, ~unknown, is_above)
            yield from _scoring_rates(record, tables, levels)
            yield from _ratios(record, "scoring_rate_impact_ratio", tables, levels, minimum_share)
    if is_above is None:
        for name in ("scoring_rate", "scoring_rate_impact_ratio"):
            yield record.without_value(name, "not_applicable", "only predicted labels are stored")


Table = Sequence[tuple[Mapping[str, str], int, int]]


def _above_median(scores: np.ndarray) -> np.ndarray:
    import numpy as np

    above: np.ndarray = scores > np.median(scores)
    return above


def _table(
    subject: Subject, features: tuple[str, ...], known: np.ndarray, is_case: np.ndarray
) -> Table:
    from audit.counts import cell_counts

    cells = cell_counts(subject.groups[known], features, None, is_case[known])
    return [(c.group, c.confusion.tp + c.confusion.fp, c.n) for c in cells]


def _scoring_rates(record: Recorder, table: Table, levels: Sequence[float]) -> Iterator[Finding]:
    from audit.measure.intervals import rate

    for group, k, n in table:
        yield record.write("scoring_rate", rate(k, n, levels, empty="no rows"), group=group)


def _ratios(
    record: Recorder, name: str, table: Table, levels: Sequence[float], minimum_share: float
) -> Iterator[Finding]:
    from dataclasses import replace

    from audit.measure.estimate import undefined
    from audit.measure.impact import Selected, highest, impact_ratio

    total = sum(n for _, _, n in table)
    compared = [Selected(k, n) for _, k, n in table if n >= minimum_share * total]
    top = highest(compared) if len(compared) > 1 else None
    for group, k, n in table:
        if n < minimum_share * total:
            why = f"under {minimum_share:g} of the people in its table, left out: {n} people"
            estimate = undefined(f"{why}, rate {k / n:.3f}", n=n)
        elif top is None:
            estimate = undefined("fewer than two groups to compare", n=n)
        else:
            estimate = impact_ratio(Selected(k, n), top, levels)
        estimate = replace(estimate, counts={**estimate.counts, "table": total})
        yield record.write(name, estimate, unit="ratio", group=group)
