"""Is the explanation fair? Which columns move whose score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.asking.copies import copies_of, subject_copies
from evenhand.audit.asking.explainers import GroupsExplained, explained_groups
from evenhand.audit.asking.stand_ins import subject_stand_ins
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import UNKNOWN, Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.numbers import p_said
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    import numpy as np

    from evenhand.audit.measure.copies import ColumnCopy
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "Do the same columns move every group's score, and do any stand in for a group?"
TASKS = frozenset({"binary", "multiclass", "regression"})
NEEDS = frozenset({"model", "sensitive_features"})
SOURCE = (
    "rank shift: Spearman 1904; permutation test: Good 2005, Phipson and Smyth 2010; "
    "proxies: Theil 1970 (strength), as data.proxies"
)
COST = "slow"
MEASURES = {
    "sensitive_attribution_share": "share of all |attribution| that falls on the sensitive "
    "features themselves",
    "proxy_attribution_share": "share of all |attribution| on columns that are declared or "
    "detected as stand-ins for a sensitive feature",
    "proxy_weighted_attribution": "mean of the columns' proxy strength for the sensitive feature, "
    "weighted by their share of |attribution|: 1 is all on perfect stand-ins",
    "attribution_rank_shift": "how far apart the columns' orders of two groups are at most, "
    "(1 - Spearman) / 2: 0 is the same order, 1 the reverse",
}
SCHEMA = "evenhand-attributions-by-group/1"
_BINS, _SHUFFLES = 10, 199  # as data.proxies


@dataclass(frozen=True, eq=False)
class _Weighed:
    """Columns with their weights, (columns,), and how these came about, or ``why`` there are none;
    ``feature`` is "" where they are about all sensitive features."""

    measure: str
    weights: np.ndarray | None
    how: str
    feature: str = ""
    unit: str = "rate"
    why: Reasons = ()


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    method: str = "auto",
    rows: int = 0,
    permutations: int = 999,
    proxy_auc: float = 0.75,
    proxy_rows: int = 2000,
    min_group_size: int = 10,
    evaluations: int = 500_000,
) -> Iterator[Finding | Artifact]:
    """Yields shares of attribution and rank shifts over ``rows`` sampled rows of each group (0: a
    hundred). Words of a text and patches of an image are no columns that rows have in common.

    Groups are those of each single sensitive feature; those of fewer than ``min_group_size`` rows
    are shown, marked as too small, and left out of rank shifts. Proxies are the declared ones, and
    columns that tell a group from all others with an area of ``proxy_auc`` or more (lower bound,
    on ``proxy_rows`` rows). Mean |attributions| and ranks by group are kept for charts.
    """
    explained = explained_groups(
        subject, method=method, rows=rows, seed=seed, evaluations=evaluations
    )
    if not explained.explainer.is_tabular:
        parts = explained.explainer.part.parts
        raise MissingNeed(because("asked-of-tables", parts=parts))
    record = Recorder(__name__, seed)
    about = f"{explained.found.method}; up to {explained.rows} rows of each group"

    def write(name: str, estimate: Estimate, how: str = "", **fields: Any) -> Finding:
        return record.write(name, estimate.by(about, how), random=True, **fields)

    for weighed in _weighed(subject, record, explained, proxy_auc, proxy_rows):
        yield from _shares(record, explained, weighed, levels, min_group_size, write)
    kept = record.artifact(_as_json(explained, min_group_size))
    place = {"unit": "ratio", "artifacts": (kept.name,)}
    for feature in explained.groups:
        shift, how = _rank_shift(record, explained, feature, levels, permutations, min_group_size)
        note = explained.left_out(feature, min_group_size)
        yield write("attribution_rank_shift", shift, how, between=(feature,), note=note, **place)
    yield kept


def _shares(
    record: Recorder,
    explained: GroupsExplained,
    weighed: _Weighed,
    levels: Sequence[float],
    min_group_size: int,
    write: Any,
) -> Iterator[Finding]:
    """One share over a sample of all rows, then in each group that it is about."""
    from evenhand.audit.measure.attribution.groups import attribution_share

    between = (weighed.feature,) if weighed.feature else ()
    if weighed.weights is None:
        yield record.without_value(weighed.measure, "not_applicable", weighed.why)
        return
    parts: list[tuple[dict[str, str], np.ndarray]] = [({}, explained.everyone)]
    for feature, members in explained.groups.items():
        if weighed.feature in ("", feature):
            parts += [({feature: name}, at) for name, at in members.items()]
    for group, at in parts:
        estimate = attribution_share(explained.found.values[at], weighed.weights, levels)
        yield write(
            weighed.measure,
            estimate,
            weighed.how,
            unit=weighed.unit,
            group=group,
            between=between,
            note=explained.note(group, min_group_size),
        )


def _weighed(
    subject: Subject, record: Recorder, asked: GroupsExplained, proxy_auc: float, rows: int
) -> Iterator[_Weighed]:
    """The sensitive features among the inputs, the proxies, and all others by their strength."""
    import numpy as np

    from evenhand.audit.measure import dependence as d

    columns = asked.explainer.columns
    copied = subject_copies(subject)
    own = [c for c in columns if c in subject.sensitive_features or c in copied]
    others = [c for c in columns if c not in subject.sensitive_features]
    none = because("no-sensitive-input")
    name = "sensitive_attribution_share"
    method = f"sensitive features among the inputs: {', '.join(_called(c, copied) for c in own)}"
    yield _Weighed(name, np.isin(columns, own) if own else None, method, why=() if own else none)
    name = "proxy_attribution_share"
    if not others:
        none = because("no-other-model-input")
        yield _Weighed(name, None, "", why=none)
        yield _Weighed("proxy_weighted_attribution", None, "", why=none)
        return
    chosen = sample(subject, rows, record.stream("proxies"))
    frame = subject.frame.iloc[chosen][others].reset_index(drop=True)
    groups = subject.groups.iloc[chosen][list(subject.sensitive_features)].reset_index(drop=True)
    proxies = subject_stand_ins(subject, seed=record.seed, least_auc=proxy_auc, rows=rows)
    method = ", ".join(f"{c} ({render(p.why)})" for c, p in sorted(proxies.items()))
    how = f"proxies (declared, or AUC of at least {proxy_auc:g} by its lower bound): "
    how += method or "none was found"
    yield _Weighed(name, np.isin(columns, list(proxies)), how)
    for feature in subject.sensitive_features:
        names = groups[feature].to_numpy()
        kept = names != UNKNOWN
        known = list(dict.fromkeys(names[kept]))
        member = np.array([known.index(n) for n in names[kept]])
        strength = np.zeros(len(columns))
        for column in others:
            codes, stream = d.levels_of(frame[column], _BINS), record.stream(f"{column}/{feature}")
            tied = d.dependence(codes[kept], member, (), permutations=_SHUFFLES, seed=stream)
            strength[columns.index(column)] = tied.strength.value or 0.0
        # the feature itself is a perfect stand-in of itself, and so is a copy
        strength[[c == feature or c in copies_of(subject, feature) for c in columns]] = 1.0
        how = f"proxy strength for {feature}, as data.proxies, on {len(frame)} rows"
        yield _Weighed("proxy_weighted_attribution", strength, how, feature, "share of entropy")


def _called(column: str, copied: Mapping[str, ColumnCopy]) -> str:
    """A column, and what it is a copy of."""
    return (
        f"{column} (a copy of {' and '.join(copied[column].features)})"
        if column in copied
        else column
    )


def _rank_shift(
    record: Recorder,
    explained: GroupsExplained,
    feature: str,
    levels: Sequence[float],
    permutations: int,
    min_group_size: int,
) -> tuple[Estimate, str]:
    import numpy as np

    from evenhand.audit.measure.attribution.groups import rank_shift
    from evenhand.audit.measure.uncertainty.estimate import undefined

    members = list(explained.big(feature, min_group_size).values())
    if len(members) < 2:
        return undefined(because("fewer-than-two-large-groups"), n=0), ""
    values = explained.found.values[np.concatenate(members)]
    codes = np.repeat(np.arange(len(members)), [len(m) for m in members])
    stream = record.stream(f"shift/{feature}")
    found = rank_shift(values, codes, levels, seed=stream, permutations=permutations)
    # in the method, not as p-value: what draws stays out of the audit's error budget
    how = "" if found.p_value is None else f"permutation {p_said(found.p_value)}"
    return found.shift, f"{how} ({permutations} shuffles of rows among groups)" if how else ""


def _as_json(explained: GroupsExplained, min_group_size: int) -> dict[str, Any]:
    """Mean |attribution| and rank of each column in each group that is large enough."""
    import numpy as np

    from evenhand.audit.measure.attribution.groups import column_ranks

    parts: list[tuple[dict[str, str], np.ndarray]] = [({}, explained.everyone)]
    for feature in explained.groups:
        big = explained.big(feature, min_group_size)
        parts += [({feature: name}, at) for name, at in big.items()]
    table = []
    for group, at in parts:
        means = np.abs(explained.found.values[at]).mean(axis=0)
        table.append(
            {
                "group": group,
                "n": len(at),
                "mean_absolute_attribution": [float(m) for m in means],
                "rank": [float(r) for r in column_ranks(means)],
            }
        )
    return {
        "schema": SCHEMA,
        "columns": list(explained.explainer.columns),
        "unit": explained.found.unit,
        "method": explained.found.method,
        "groups": table,
    }
