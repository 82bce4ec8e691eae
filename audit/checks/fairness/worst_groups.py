"""For whom does the model fail most? Groups found on half the rows, confirmed on the other half."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.data.cells import is_number
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import UNKNOWN, Finding, Interval, group_name
from evenhand.audit.reason import Reasons, because, listed
from evenhand.audit.subject.predictions import ClassPredictions, Predictions, expect, score
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.numbers import datum, p_said

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.groups.worst_groups import Confirmed, Levels
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "Which groups of people, crossings and ranges of inputs included, meet most errors?"
TASKS = frozenset({"binary", "multiclass"})
NEEDS = frozenset({"labels", "rows"})
SOURCE = "Chung et al. 2019 (slices); confirmation on a held-out half; Fisher 1935; Holm 1979"
COST = "slow"
SCHEMA = "evenhand-worst-groups/1"
MEASURES = {
    "worst_group_error_rate": "share of wrong predictions in each group that the first half finds "
    "worst, on the other half",
    "worst_group_error_lift": "that share minus the share of everybody else on the other half",
    "confirmed_error_lift": "the largest lift that the other half shows beyond chance, for all of "
    "these groups together; 0 where it shows none",
    "groups_searched": "groups that were looked at on the first half",
    "worst_groups_confirmed": "groups that the other half confirms at the audit's level",
}
_MOST_COLUMNS = 100  # crossed with each other; sensitive and control features come first
_MOST_LEVELS = 200  # of a column: the most frequent ones
_SHOWN_COLUMNS, _SHOWN_LEVELS = 30, 12  # in the heat map: nobody reads more
_OTHERS = "others"


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
    """Yields every group that was tested on the half that played no part in finding it, what that
    half confirms, and tree and heat map of the errors as artifact.

    Groups cross up to ``depth`` columns (sensitive, control, and the model's inputs), numbers in
    ``bins`` quantile bins, over ``rows`` sampled rows split at random into two halves. The
    ``candidates`` worst of one half, of at least ``min_group_size`` rows there, are tested on the
    other, one-sided by Fisher's exact test with Holm's adjustment. All of them are told, confirmed
    or not: to tell the confirmed ones alone would overstate them. People whose sensitive value is
    unknown are no group. Levels and columns that are too many to be looked at are counted and
    named in the reason of ``groups_searched``.
    """
    import numpy as np

    from evenhand.audit.measure.groups import worst_groups as w

    wrong = _errors(subject)
    record = Recorder(__name__, seed)
    drawn = sample(subject, rows, record.stream("sample"))
    order, half = _halves(drawn, subject.units, np.random.default_rng(record.stream("halves")))
    columns, not_searched = _columns(subject, bins, min_group_size)
    if not columns:
        raise MissingNeed(because("no-levels-to-search"))
    first, second = order[:half], order[half:]
    found, looked_at = w.search(
        _at(columns, first), wrong[first], depth=depth, smallest=min_group_size, most=candidates
    )
    units = None if subject.units is None else subject.units[second]
    tested = w.confirm(found, _at(columns, second), wrong[second], units)
    everyone, is_error = _at(columns, order), wrong[order]
    tree = w.error_tree(everyone, is_error, depth=3, smallest=min_group_size)
    map_of = [_fewer(c) for c in everyone[:_SHOWN_COLUMNS]]
    shown = {
        "schema": SCHEMA,
        "tree": tree,
        **w.heat_map(map_of, is_error),
        "tested": _listed(tested, columns),
    }
    artifact = record.artifact({"rows": int(order.size), "errors": int(is_error.sum()), **shown})
    place: dict[str, Any] = {"artifacts": (artifact.name,), "random": True}
    yield record.plain(
        "groups_searched", looked_at, n=int(first.size), unit="group", note=not_searched, **place
    )
    yield from _told(record, tested, columns, levels, int(second.size), place)
    yield artifact


def _halves(
    drawn: np.ndarray, units: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """The drawn rows at random, and how many are of the first half; a person's rows are in one."""
    import numpy as np

    if units is None:
        return rng.permutation(drawn), drawn.size // 2
    persons = rng.permutation(np.unique(units[drawn]))
    is_first = np.isin(units[drawn], persons[: persons.size // 2])
    first, second = rng.permutation(drawn[is_first]), rng.permutation(drawn[~is_first])
    return np.concatenate([first, second]), int(first.size)


def _told(
    record: Recorder,
    tested: Sequence[Confirmed],
    columns: Sequence[Levels],
    levels: Sequence[float],
    n: int,
    place: dict[str, Any],
) -> Iterator[Finding]:
    """Every group that was tested on the ``n`` rows of the other half, and what these confirm."""
    confirmed = [c for c in tested if c.adjusted <= 1 - levels[0] and c.rows > 0]
    yield record.plain("worst_groups_confirmed", len(confirmed), n=n, unit="group", **place)
    most, name = 0.0, ""
    lifts = 0
    for each in tested:
        if each.rows and each.other_rows:
            rate, lift = _findings(record, each, columns, levels, len(tested))
            yield from (rate, lift)
            lifts += 1
            if lift.interval is not None and lift.interval.low > most:
                most, name = lift.interval.low, group_name(lift.group)
    if not lifts:
        for measure in ("worst_group_error_rate", "worst_group_error_lift"):
            yield record.without_value(measure, "undefined", because("no-group-stands-out"), n=n)
    yield record.plain(
        "confirmed_error_lift",
        most,
        n=n,
        unit="rate difference",
        method=f"confidence bound: largest lower end of {lifts} groups' lifts together; 0 at least",
        note=because("worst-group", name=name) if name else (),
        **place,
    )


def _findings(
    record: Recorder,
    confirmed: Confirmed,
    columns: Sequence[Levels],
    levels: Sequence[float],
    tested: int,
) -> tuple[Finding, Finding]:
    """Share of errors of one group, and its lift."""
    from evenhand.audit.measure.uncertainty.estimate import Estimate

    group = _named(confirmed, columns)
    # in the method, not as p-values: these have an error budget of their own
    test = "Fisher's exact test" if confirmed.persons is None else "Student's t over persons"
    about = (
        f"on the half that was not searched; more errors than elsewhere: one-sided {test}, "
        f"{p_said(confirmed.adjusted)} by Holm over {tested} candidates"
    )
    # who looks at the highest of them looks at all: intervals hold for all candidates together
    together = [1 - (1 - level) / tested for level in levels]
    held = f"intervals for all {tested} candidates together"
    share = _share(confirmed, together)
    share = replace(
        share, intervals=_called(share.intervals, levels), method=f"{about}; {share.method}, {held}"
    )
    own = record.write("worst_group_error_rate", share, group=group, random=True)
    pair = (confirmed.errors, confirmed.rows, confirmed.other_errors, confirmed.other_rows)
    lift = confirmed.errors / confirmed.rows - confirmed.other_errors / confirmed.other_rows
    ends = _called([_limits_of_lift(confirmed, lift, level) for level in together], levels)
    counts = {"errors": pair[0], "rows": pair[1], "other_errors": pair[2], "other_rows": pair[3]}
    if confirmed.persons is not None:
        counts["units"] = sum(of.persons for of in confirmed.persons)
    estimate = Estimate(lift, confirmed.rows, ends, counts, f"{about}; Newcombe, {held}")
    unit = "rate difference"
    beyond = record.write("worst_group_error_lift", estimate, unit=unit, group=group, random=True)
    return own, beyond


def _share(confirmed: Confirmed, levels: Sequence[float]) -> Estimate:
    from evenhand.audit.measure.classification import RateCount, estimate_rate
    from evenhand.audit.measure.uncertainty.intervals import rate

    k, n, why = confirmed.errors, confirmed.rows, because("no-rows")
    if confirmed.persons is None:
        return rate(k, n, levels, empty=why)
    of = RateCount(k, n, n, why, is_weighted=True, weights=confirmed.persons[0])
    return estimate_rate(of, levels)


def _limits_of_lift(confirmed: Confirmed, lift: float, level: float) -> Interval:
    from evenhand.audit.measure.uncertainty.intervals import newcombe
    from evenhand.audit.measure.uncertainty.weighted import cluster_limits

    if confirmed.persons is None:
        pair = (confirmed.errors, confirmed.rows, confirmed.other_errors, confirmed.other_rows)
        return newcombe(*pair, level)
    own, other = confirmed.persons
    (low, high), (below, above) = cluster_limits(own, level), cluster_limits(other, level)
    down = math.hypot(own.share - low, above - other.share)
    up = math.hypot(high - own.share, other.share - below)
    ends = {"low": max(-1.0, lift - down), "high": min(1.0, lift + up)}
    return Interval(**ends, level=level, method="variances recovered from limits of persons")


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
    assert actual is not None  # NEEDS labels
    wrong: np.ndarray = predicted != actual
    return wrong


def _columns(subject: Subject, bins: int, smallest: int) -> tuple[list[Levels], Reasons]:
    """The columns to search, and what of them is not looked at."""
    inputs = subject.model.predictor.input_columns if subject.model is not None else ()
    features = (*subject.sensitive_features, *subject.control_features)
    named = [(f, subject.groups[f]) for f in features]
    named += [(c, subject.frame[c]) for c in inputs if c not in features]
    most = max(_MOST_COLUMNS, len(features))
    columns, said = [], because("columns-not-searched", names=listed(n for n, _ in named[most:]))
    not_searched: Reasons = said if named[most:] else ()
    for name, column in named[:most]:
        found = _levels(name, column, bins, smallest, has_groups=name in features)
        if found is not None:
            columns.append(found[0])
            not_searched += found[1]
    return columns, not_searched


def _levels(
    name: str, column: pd.Series, bins: int, smallest: int, *, has_groups: bool
) -> tuple[Levels, Reasons] | None:
    """Quantile bins of a number, or texts, and what of them is not searched; None where there is
    one level. The levels of a sensitive or control feature (``has_groups``) are people's groups."""
    import numpy as np

    from evenhand.audit.measure.groups.worst_groups import Levels

    if is_number(column) and column.nunique() > bins:
        codes, names = _bins(column, bins)
        not_searched: Reasons = ()
    else:
        codes, names, not_searched = _texts(name, column, smallest)
    used = np.unique(codes)
    if used.size < 2:
        return None
    kept = tuple(str(names[u]) for u in used)
    unknown = kept.index(UNKNOWN) if has_groups and UNKNOWN in kept else None
    skipped = [i for i, n in enumerate(kept) if n == _OTHERS and not_searched]
    skipped += [unknown] if unknown is not None else []
    levels = Levels(name, np.searchsorted(used, codes), kept, unknown, tuple(skipped))
    return levels, not_searched


def _bins(column: pd.Series, bins: int) -> tuple[np.ndarray, list[str]]:
    from itertools import pairwise

    import numpy as np

    x = column.to_numpy(dtype=float, na_value=np.nan)
    known = x[np.isfinite(x)]
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins))
    codes = np.where(np.isfinite(x), np.searchsorted(edges, x, side="right"), edges.size + 1)
    bounds = ["", *(datum(e) for e in edges), ""]
    inner = [f"{a} to {b}" for a, b in pairwise(bounds[1:-1])]
    return codes, [f"below {bounds[1]}", *inner, f"{bounds[-2]} or more", "missing"]


def _texts(name: str, column: pd.Series, smallest: int) -> tuple[np.ndarray, list[str], Reasons]:
    """Every level that has rows enough to be found in a half, by frequency; the rest are one."""
    import numpy as np
    import pandas as pd

    # by the first row, not by name: renaming a group must not reorder levels
    texts = column.map(str, na_action="ignore").fillna("missing")
    counts, first = texts.value_counts(), {t: i for i, t in enumerate(dict.fromkeys(texts))}
    ranked = sorted(counts.index, key=lambda t: (-counts[t], first[t]))
    names = [t for t in ranked if counts[t] >= smallest][:_MOST_LEVELS]
    codes = pd.Index(names).get_indexer(pd.Index(texts))
    codes = np.where(codes < 0, len(names), codes)
    rest = ranked[len(names) :]
    if not rest:
        return codes, names, ()
    rows = int(sum(counts[t] for t in rest))
    said = because("levels-not-searched", column=name, n=len(rest), rows=rows, names=listed(rest))
    return codes, [*names, _OTHERS], said


def _fewer(levels: Levels) -> Levels:
    """The levels with the most rows, the others as one: for the heat map."""
    import numpy as np

    if len(levels.names) <= _SHOWN_LEVELS + 1:
        return levels
    sizes = np.bincount(levels.codes, minlength=len(levels.names))
    kept = np.argsort(-sizes, kind="stable")[:_SHOWN_LEVELS]
    place = np.full(len(levels.names), _SHOWN_LEVELS)
    place[kept] = np.arange(_SHOWN_LEVELS)
    return replace(
        levels,
        codes=place[levels.codes],
        names=(*(levels.names[i] for i in kept), _OTHERS),
        unknown=None,
        not_searched=(),
    )


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
