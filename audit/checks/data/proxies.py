"""Which inputs stand in for a sensitive feature?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import UNKNOWN, Finding
from evenhand.audit.measure.identifiers import Identifier, identifier
from evenhand.audit.reason import Reason, because
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.numbers import p_said

if TYPE_CHECKING:
    import numpy as np

QUESTION = "How much does each input column tell about each sensitive feature?"
TASKS = frozenset({"binary", "multiclass", "regression"})
NEEDS = frozenset({"rows", "sensitive_features"})
SOURCE = (
    "Theil 1970; Vinh, Epps and Bailey 2010 (adjusted for chance); Phipson and Smyth 2010; AUC: "
    "DeLong et al. 1988"
)
COST = "slow"
MEASURES = {
    "proxy_strength": "mutual information beyond chance as a share of the sensitive feature's "
    "entropy: 1 is a perfect stand-in, 0 tells no more than chance",
    "proxy_auc": "how well the column alone tells the group from all others: 0.5 is not at all",
    "proxy_left_out_count": "input columns that name rows (identifiers), which are left out",
}


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    rows: int = 2000,
    bins: int = 10,
    permutations: int = 199,
) -> Iterator[Finding]:
    """Yields both for each input column and sensitive feature, over ``rows`` sampled rows.

    The strength is what a column tells beyond chance, which the ``permutations`` shuffles measure.
    Texts that name rows (identifiers) are left out, and said to be: they tell nothing of others.
    Numbers and dates go into ``bins`` quantile bins. The method names a permutation test's p-value.
    The area is of a predictor that learned each level's share of the group on one random half and
    was asked about the other. Inputs are the model's columns; for stored predictions
    all columns but target, predictions, weights and the sensitive features themselves.
    """
    from evenhand.audit.measure import dependence as d

    columns = _inputs(subject)
    if not columns:
        raise MissingNeed(because("no-input-besides-sensitive"))
    record = Recorder(__name__, seed)
    chosen = sample(subject, rows, record.stream("sample"))
    frame, groups = subject.frame.iloc[chosen], subject.groups.iloc[chosen]
    # numbers and dates go into bins, which tell something however rarely two values are equal
    coded = {column: d.levels_of(frame[column], bins) for column in columns}
    texts = [c for c in columns if coded[c].max() >= d.MOST_LEVELS]
    left_out = [found for c in texts if (found := identifier(frame[c])) is not None]
    note = because("left-out-as-naming-rows", names=[_named(each) for each in left_out])
    yield record.plain(
        "proxy_left_out_count",
        len(left_out),
        n=len(columns),
        unit="column",
        note=note if left_out else (),
    )
    apart = {each.column for each in left_out}
    for column in (c for c in columns if c not in apart):
        for feature in subject.sensitive_features:
            names = groups[feature].to_numpy()
            yield from _told(record, coded[column], names, levels, column, feature, permutations)


def _told(
    record: Recorder,
    codes: np.ndarray,
    names: np.ndarray,
    levels: Sequence[float],
    column: str,
    feature: str,
    permutations: int,
) -> Iterator[Finding]:
    import numpy as np

    from evenhand.audit.measure import dependence as d
    from evenhand.audit.measure.ranking import roc_auc

    kept = names != UNKNOWN  # they may be of any group
    codes, names = codes[kept], names[kept]
    note = because("unknown-not-compared", n=(~kept).sum()) if not kept.all() else ()
    # by first row, not by name: renaming a group must change names alone
    known = list(dict.fromkeys(names))
    member = np.array([known.index(n) for n in names])
    stream = record.stream(f"{column}/{feature}")
    told = d.dependence(codes, member, levels, permutations=permutations, seed=stream)
    # in the method, not as p-value: a screening that draws stays out of the audit's error budget,
    # where it would change what other tests come to
    how = "" if told.p_value is None else f"; permutation {p_said(told.p_value)}"
    yield record.write(
        "proxy_strength",
        replace(told.strength, method=told.strength.method + how),
        unit="share of entropy",
        column=column,
        between=(feature,),
        note=note,
        random=True,
    )
    for position, name in enumerate(known):
        foretold = d.foretell(codes, member == position, stream)
        area = roc_auc(foretold.is_member, foretold.share, levels)
        group = {feature: str(name)}
        yield record.write("proxy_auc", area, column=column, group=group, random=True)


def _named(found: Identifier) -> Reason:
    return because("names-rows", name=found.column, n=found.n_values, once=found.n_once)[0]


def _inputs(subject: Subject) -> list[str]:
    if subject.model is not None:
        known = list(subject.model.predictor.input_columns)
    else:
        stored = subject.stored
        own = {
            subject.target,
            subject.weight,
            subject.unit,
            stored and stored.predicted,
            stored and stored.score,
        }
        known = [str(c) for c in subject.frame.columns if c not in own]
    apart = {*subject.sensitive_features, *subject.control_features, *subject.outcomes}
    return [c for c in known if c not in apart]
