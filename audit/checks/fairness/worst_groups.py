"""For whom does the model fail most? Groups found on half the rows, confirmed on the other half."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.data.cells import is_number
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding, Interval
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import ClassPredictions, Predictions, expect, score
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.groups.worst_groups import Confirmed, Levels

QUESTION = "Which groups of people, crossings and ranges of inputs included, meet most errors?"
TASKS = frozenset({"binary", "multiclass"})
NEEDS = frozenset({"labels", "rows"})
SOURCE = "Chung et al. 2019 (slices); confirmation on a held-out half; Fisher 1935; Holm 1979"
COST = "slow"
SCHEMA = "evenhand-worst-groups/1"
MEASURES = {
    "worst_group_error_rate": "share of wrong predictions in a confirmed group, on the other half",
    "worst_group_error_lift": "that share minus the share of everybody else on the other half",
    "groups_searched": "groups that were looked at on the first half",
    "worst_groups_confirmed": "groups that the other half confirms at the audit's level",
}
_MOST_COLUMNS = 30
_MOST_CATEGORIES = 12


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    rows: int = 20000,
    depth: int = 2,
    bins: int = 4,
    candidates: int = 10,
    min_group_size: int = 10,
) -> Iterator[Finding | Artifact]:
    """Yields the confirmed groups, and tree and heat map of the errors as artifact.

    Groups cross up to ``depth`` columns (sensitive, control, and the model's inputs), numbers in
    ``bins`` quantile bins, over ``rows`` sampled rows split at random into two halves. The
    ``candidates`` worst of one half, of at least ``min_group_size`` rows there, are tested on the
    other, one-sided by Fisher's exact test with Holm's adjustment.
    """
    import numpy as np

    from evenhand.audit.measure.groups import worst_groups as w

    wrong = _errors(subject)
    record = Recorder(__name__, seed)
    drawn = sample(subject, rows, record.stream("sample"))
    order = np.random.default_rng(record.stream("halves")).permutation(drawn)
    columns = _columns(subject, bins)
    if not columns:
        raise MissingNeed(because("no-levels-to-search"))
    first, second = order[: order.size // 2], order[order.size // 2 :]
    found, looked_at = w.search(
        _at(columns, first), wrong[first], depth=depth, smallest=min_group_size, most=candidates
    )
    tested = w.confirm(found, _at(columns, second), wrong[second])
    confirmed = [c for c in tested if c.adjusted <= 1 - levels[0] and c.rows > 0]
    everyone, is_error = _at(columns, order), wrong[order]
    tree = w.error_tree(everyone, is_error, depth=3, smallest=min_group_size)
    shown = {
        "schema": SCHEMA,
        "tree": tree,
        **w.heat_map(everyone, is_error),
        "tested": _listed(tested, columns),
    }
    artifact = record.artifact({"rows": int(order.size), "errors": int(is_error.sum()), **shown})
    place: dict[str, Any] = {"artifacts": (artifact.name,), "random": True}
    yield record.plain("groups_searched", looked_at, n=int(first.size), unit="group", **place)
    yield record.plain(
        "worst_groups_confirmed", len(confirmed), n=int(second.size), unit="group", **place
    )
    for each in confirmed:
        yield from _findings(record, each, columns, levels, len(tested))
    yield artifact


def _findings(
    record: Recorder,
    found: Confirmed,
    columns: Sequence[Levels],
    levels: Sequence[float],
    tested: int,
) -> Iterator[Finding]:
    from evenhand.audit.measure.uncertainty.estimate import Estimate
    from evenhand.audit.measure.uncertainty.intervals import newcombe, rate

    group = _named(found, columns)
    # in the method, not as p-values: these have an error budget of their own
    about = (
        "on the half that was not searched; more errors than elsewhere: one-sided Fisher's exact "
        f"test, p = {found.adjusted:.3g} by Holm over {tested} candidates"
    )
    # a group is shown because it came out high: its interval holds for all candidates together
    together = [1 - (1 - level) / tested for level in levels]
    held = f"intervals for all {tested} candidates together"
    share = rate(found.errors, found.rows, together, empty=because("no-rows"))
    share = replace(
        share, intervals=_called(share.intervals, levels), method=f"{about}; {share.method}, {held}"
    )
    yield record.write("worst_group_error_rate", share, group=group, random=True)
    pair = (found.errors, found.rows, found.other_errors, found.other_rows)
    lift = found.errors / found.rows - found.other_errors / max(1, found.other_rows)
    ends = _called([newcombe(*pair, level) for level in together], levels)
    counts = {"errors": pair[0], "rows": pair[1], "other_errors": pair[2], "other_rows": pair[3]}
    estimate = Estimate(lift, found.rows, ends, counts, f"{about}; Newcombe, {held}")
    yield record.write(
        "worst_group_error_lift",
        estimate,
        unit="rate difference",
        group=group,
        random=True,
    )


def _called(intervals: Sequence[Interval], levels: Sequence[float]) -> tuple[Interval, ...]:
    """The intervals, named by the level that they hold at together."""
    pairs = zip(intervals, levels, strict=True)
    return tuple(i.model_copy(update={"level": level}) for i, level in pairs)


def _errors(subject: Subject) -> np.ndarray:
    found = score(subject)
    if isinstance(found, Predictions):
        actual: Any = found.is_positive
        predicted = found.is_selected
    else:
        classes = expect(found, ClassPredictions)
        actual, predicted = classes.actual, classes.predicted
    if actual is None:
        raise MissingNeed(because("no-true-labels"))
    wrong: np.ndarray = predicted != actual
    return wrong


def _columns(subject: Subject, bins: int) -> list[Levels]:
    inputs = subject.model.predictor.input_columns if subject.model is not None else ()
    features = (*subject.sensitive_features, *subject.control_features)
    named = [(f, subject.groups[f]) for f in features]
    named += [(c, subject.frame[c]) for c in inputs if c not in features]
    found = (_levels(name, column, bins) for name, column in named[:_MOST_COLUMNS])
    return [levels for levels in found if levels is not None]


def _levels(name: str, column: pd.Series, bins: int) -> Levels | None:
    """Quantile bins of a number, or the most frequent texts; None where there is one level."""
    from itertools import pairwise

    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.groups.worst_groups import Levels

    if is_number(column) and column.nunique() > bins:
        x = column.to_numpy(dtype=float, na_value=np.nan)
        known = x[np.isfinite(x)]
        edges = np.unique(np.quantile(known, np.arange(1, bins) / bins))
        codes = np.where(np.isfinite(x), np.searchsorted(edges, x, side="right"), edges.size + 1)
        bounds = ["", *(f"{e:.4g}" for e in edges), ""]
        inner = [f"{a} to {b}" for a, b in pairwise(bounds[1:-1])]
        names = [f"below {bounds[1]}", *inner, f"{bounds[-2]} or more", "missing"]
    else:
        # by the first row, not by name: renaming a group must not reorder levels
        texts = column.map(str, na_action="ignore").fillna("missing")
        counts, first = texts.value_counts(), {t: i for i, t in enumerate(dict.fromkeys(texts))}
        ranked = sorted(counts.index, key=lambda t: (-counts[t], first[t]))
        names = [
            *ranked[:_MOST_CATEGORIES],
            *(["others"] if len(ranked) > _MOST_CATEGORIES else []),
        ]
        codes = pd.Index(ranked[:_MOST_CATEGORIES]).get_indexer(pd.Index(texts))
        codes = np.where(codes < 0, _MOST_CATEGORIES, codes)
    used = np.unique(codes)
    if used.size < 2:
        return None
    return Levels(name, np.searchsorted(used, codes), tuple(str(names[u]) for u in used))


def _at(columns: Sequence[Levels], rows: np.ndarray) -> list[Levels]:
    return [replace(c, codes=c.codes[rows]) for c in columns]


def _named(found: Confirmed, columns: Sequence[Levels]) -> dict[str, str]:
    return {columns[c].column: columns[c].names[level] for c, level in found.where}


def _listed(tested: Sequence[Confirmed], columns: Sequence[Levels]) -> list[dict[str, Any]]:
    return [
        {
            "group": _named(each, columns),
            "errors": each.errors,
            "rows": each.rows,
            "other_errors": each.other_errors,
            "other_rows": each.other_rows,
            "p_value": each.p_value,
            "adjusted": each.adjusted,
        }
        for each in tested
    ]
