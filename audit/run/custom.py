"""A metric of one's own, by group: it runs through Fairlearn's MetricFrame itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import InputError
from evenhand.audit.finding import UNKNOWN, Finding, Interval
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.predictions import (
    ClassPredictions,
    Predictions,
    ValuePredictions,
    score,
)
from evenhand.audit.subject.subject import Subject
from evenhand.audit.subject.tallying.counts import feature_sets

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Metric = Callable[[Any, Any], float]


def group_metric(
    subject: Subject,
    function: Metric,
    name: str,
    *,
    uses: Literal["predicted", "score"] = "predicted",
    levels: Sequence[float] = (0.95,),
    draws: int = 200,
    seed: int = 0,
    unit: str = "unit of the metric",
) -> Iterator[Finding]:
    """Findings ``name`` for every group, and ``name_difference`` (max - min) for every feature set;
    with control features also within each of their levels. Rows' weights go to a metric that takes
    ``sample_weight``.

    Parameters
    ----------
    function : (y_true, y_pred) -> float, as scikit-learn's metrics; binary labels come as 0 and 1,
               classes as texts, regression as floats
    uses     : what y_pred is: predicted labels or numbers, or (binary tasks) the scores
    draws    : Fairlearn's bootstrap of the rows; its percentile interval of a max - min gap is
               biased upwards, and the method says so

    Raises InputError without labels or sensitive features. NaN is undefined.
    """
    from fairlearn.metrics import MetricFrame

    if not subject.sensitive_features:
        raise InputError("no sensitive features were named", remedy="name the columns to compare")
    actual, predicted = _answers(subject, uses)
    weights, about = _weighed(subject, function)
    tails = sorted({q for level in levels for q in ((1 - level) / 2, (1 + level) / 2)})
    record, controls = Recorder("custom", seed), dict.fromkeys([(), subject.control_features])

    def estimate(value: Any, n: int, found: Sequence[Any], caution: str = "") -> Estimate:
        ends = dict(zip(tails, map(float, found), strict=True))
        return _estimate(float(value), n, ends, levels, draws, f"{about}{caution}")

    for controlled, features in product(controls, feature_sets(subject.sensitive_features)):
        known, note = _known(subject, features)
        groups = subject.groups[known]
        frame = MetricFrame(
            metrics=function,
            y_true=actual[known],
            y_pred=predicted[known],
            sensitive_features=groups[list(features)],
            control_features=groups[list(controlled)] if controlled else None,
            sample_params=None if weights is None else {k: v[known] for k, v in weights.items()},
            n_boot=draws,
            ci_quantiles=tails,
            random_state=seed,
        )
        names = (*controlled, *features)
        sizes = groups.groupby(list(names)).size()
        for key, value in frame.by_group.items():
            group = dict(zip(names, key if isinstance(key, tuple) else (key,), strict=True))
            own = estimate(value, int(sizes.get(key, 0)), [ci[key] for ci in frame.by_group_ci])
            yield record.write(name, own, unit=unit, group=group, random=True)
        for level, n, value, ends in _differences(frame, controlled, groups):
            gap = estimate(value, n, ends, ", biased upwards for a gap")
            place: Any = {"group": level, "between": features, "note": note, "random": True}
            yield record.write(f"{name}_difference", gap, unit=unit, **place)


def _known(subject: Subject, features: Sequence[str]) -> tuple[np.ndarray, Reasons]:
    """The rows whose group is known, bool of shape (n,), and what is said of the others."""
    known = (subject.groups[list(features)] != UNKNOWN).all(axis=1).to_numpy()
    unknown = int((~known).sum())
    return known, because("unknown-not-compared", n=unknown) if unknown else ()


def _weighed(subject: Subject, function: Metric) -> tuple[dict[str, Any] | None, str]:
    """What MetricFrame hands to the metric beside the answers, and words on it for the method."""
    if subject.weights is None:
        return None, ""
    if "sample_weight" not in signature(function).parameters:
        return None, ", rows counted: the metric takes no sample_weight"
    return {"sample_weight": subject.weights}, ", weighted rows"


def _differences(
    frame: Any, controls: Sequence[str], groups: pd.DataFrame
) -> Iterator[tuple[dict[str, str], int, Any, list[Any]]]:
    """Level, rows, difference and its ends: over all rows, or at each level of the controls."""
    value, ends = frame.difference(), frame.difference_ci()
    if not controls:
        yield {}, len(groups), value, ends
        return
    sizes = groups.groupby(list(controls)).size()
    for key in value.index:
        level = dict(zip(controls, key if isinstance(key, tuple) else (key,), strict=True))
        yield level, int(sizes.get(key, 0)), value[key], [end[key] for end in ends]


def _answers(subject: Subject, uses: str) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    found = score(subject)
    if isinstance(found, Predictions) and found.is_positive is not None:
        if uses == "score" and found.score is None:
            raise InputError("only predicted labels are stored", remedy="use the predicted labels")
        chosen = found.score if uses == "score" else found.is_selected.astype(int)
        return found.is_positive.astype(int), np.asarray(chosen)
    if isinstance(found, ClassPredictions) and found.actual is not None and uses == "predicted":
        classes = np.array(found.classes)
        return classes[found.actual], classes[found.predicted]
    if isinstance(found, ValuePredictions) and found.actual is not None and uses == "predicted":
        return found.actual, found.predicted
    raise InputError(
        "a metric of true answers and the {uses} needs both",
        remedy="name a target and predictions",
        uses=uses,
    )


def _estimate(
    value: float,
    n: int,
    ends: dict[float, float],
    levels: Sequence[float],
    draws: int,
    caution: str,
) -> Estimate:
    method = f"Fairlearn's MetricFrame, percentile bootstrap of rows, {draws} draws{caution}"
    if not math.isfinite(value):
        return undefined(because("metric-without-number"), n=n, method=method)
    intervals = []
    for level in levels:
        low, high = ends[(1 - level) / 2], ends[(1 + level) / 2]
        if math.isfinite(low) and math.isfinite(high):
            low, high = min(low, value), max(high, value)
            intervals.append(Interval(low=low, high=high, level=level, method=method))
    return Estimate(value, n, tuple(intervals), method=method)
