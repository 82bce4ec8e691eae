"""If people were ranked by the score, who would be seen, and is each group ranked well?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from evenhand.audit.checks.compared import OneGroup, by_features
from evenhand.audit.checks.record import Recorder
from evenhand.audit.favourable import declared_favourable
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import Predictions, ValuePredictions, expect, score
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.groups.spread import EstimateAt
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "In a ranking by score, does each group get its share of the top places?"
TASKS = frozenset({"binary", "regression"})
NEEDS = frozenset({"rows", "scores", "sensitive_features"})
SOURCE = "Singh and Joachims 2018; Yang and Stoyanovich 2017; Järvelin and Kekäläinen 2002"
COST = "slow"
MEASURES = {
    "relative_exposure": "a group's mean 1 / log2(1 + position), divided by everybody's: 1 is its "
    "share",
    "relative_exposure_difference": "highest minus lowest relative exposure of the groups",
    "top_k_selection_rate": "share of the group's people who are among the top places",
    "top_k_selection_rate_difference": "highest minus lowest of those shares",
    "ndcg_score": "how near the group's own ranking is to the best one, its members alone",
}

_UNITS = {"relative_exposure": "ratio", "top_k_selection_rate": "rate"}


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    top_share: float = 0.1,
    rows: int = 5000,
    min_group_size: int = 10,
) -> Iterator[Finding]:
    """Yields the measures for every group of the sensitive features, pairs and the crossing.

    Over ``rows`` sampled rows; the top places are the best ``top_share`` of them, with everybody
    who ties with the last one. nDCG needs labels of a binary task, and groups of
    ``min_group_size``. With control features also within each of their levels, whose rows are
    ranked among themselves. Everybody takes a place, people of unknown group too; the gaps are
    between known groups. Where ``positive_is`` says burden, the top is where the burden falls.
    """
    from evenhand.audit.subject.tallying.counts import control_levels

    values, relevance = _scores(subject)
    outcome = declared_favourable(subject)
    is_burden = outcome is not None and not outcome.is_selection
    record = Recorder(__name__, seed)
    chosen = sample(subject, rows, record.stream("sample"))
    sampled = subject.groups.iloc[chosen]
    for level, inside in control_levels(sampled, subject.control_features):
        units = None if subject.units is None else subject.units[chosen[inside]]
        ranked = _Ranked(values[chosen[inside]], units, top_share, is_burden=is_burden)
        own = None if relevance is None else relevance[chosen[inside]]
        groups = sampled.loc[inside, list(subject.sensitive_features)]
        yield from _within(record, ranked, own, groups, level, levels, min_group_size)
    if relevance is None:
        why = because("needs-binary-labels")
        yield record.without_value("ndcg_score", "not_applicable", why)


def _within(
    record: Recorder,
    ranked: _Ranked,
    relevance: np.ndarray | None,
    groups: pd.DataFrame,
    level: Mapping[str, str],
    levels: Sequence[float],
    minimum: int,
) -> Iterator[Finding]:
    from evenhand.audit.measure.groups.spread import largest_difference
    from evenhand.audit.subject.tallying.counts import group_rows

    named = [str(c) for c in groups.columns]
    members = [OneGroup(own, rows.size, rows) for own, rows in group_rows(groups, named)]
    for features, compared in by_features(members, minimum).items():
        estimates: dict[str, dict[str, EstimateAt]] = {name: {} for name in _UNITS}
        for each in compared.members:
            note, group = compared.note(each), {**each.group, **level}
            for name, unit in _UNITS.items():
                at = partial(ranked.estimate, name, each.of)
                yield record.write(name, at(levels), unit=unit, group=group, note=note)
                if compared.compares(each):
                    estimates[name][each.name] = at
            if relevance is not None and not note:
                found = ranked.quality(relevance, each.of, levels)
                yield record.write("ndcg_score", found, group=group)
        for name, of in estimates.items():
            gap = compared.noted(largest_difference(of, levels))
            unit = "ratio difference" if name == "relative_exposure" else "rate"
            yield record.write(f"{name}_difference", gap, unit=unit, group=level, between=features)


def _scores(subject: Subject) -> tuple[np.ndarray, np.ndarray | None]:
    found = score(subject)
    if isinstance(found, Predictions):
        assert found.score is not None  # NEEDS scores
        truth = found.is_positive
        return found.score, None if truth is None else truth.astype(float)
    return expect(found, ValuePredictions).predicted, None


class _Ranked:
    """A ranking of all rows, and what one group's rows get of it."""

    def __init__(
        self, values: np.ndarray, units: np.ndarray | None, top_share: float, *, is_burden: bool
    ) -> None:
        import numpy as np

        from evenhand.audit.measure.groups.exposure import position_weights

        self.values, self.units = values, units
        weights = position_weights(values)
        self.weights = weights / weights.mean()
        places = min(values.size, max(1, int(np.ceil(top_share * values.size))))
        self.is_top = values >= np.sort(values)[-places]
        self.about = f"{int(self.is_top.sum())} top places of {values.size}"
        self.meaning = "to be at the top is the burden; " if is_burden else ""

    def estimate(self, name: str, inside: np.ndarray, levels: Sequence[float]) -> Estimate:
        """One measure of the group whose rows are ``inside``; the others' rows taken as fixed."""
        from evenhand.audit.finding import Interval
        from evenhand.audit.measure.classification import share_of_rows
        from evenhand.audit.measure.groups.exposure import exposure_limits
        from evenhand.audit.measure.uncertainty.estimate import Estimate

        units = None if self.units is None else self.units[inside]
        if name == "relative_exposure":
            own = self.weights[inside]
            method = f"{self.meaning}logarithmic discount; score form of its variance"
            size, largest = self.weights.size, float(self.weights.max())
            ends = []
            for level in levels:
                low, high = exposure_limits(own, size, largest, level, units)
                ends.append(Interval(low=low, high=high, level=level, method=method))
            counts = {} if units is None else {"units": len(set(units.tolist()))}
            return Estimate(float(own.mean()), int(own.size), tuple(ends), counts, method)
        empty = because("no-rows")
        found = share_of_rows(self.is_top[inside], levels, empty=empty, units=units)
        return replace(found, method=f"{self.meaning}{self.about}; {found.method}")

    def quality(
        self, relevance: np.ndarray, inside: np.ndarray, levels: Sequence[float]
    ) -> Estimate:
        """How good the group's own ranking is, its members alone."""
        from evenhand.audit.measure.groups.exposure import ndcg_estimate

        units = None if self.units is None else self.units[inside]
        return ndcg_estimate(relevance[inside], self.values[inside], levels, units)
