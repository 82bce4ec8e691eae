"""Which inputs stand in for a sensitive feature?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

QUESTION = "How much does each input column tell about each sensitive feature?"
TASKS = frozenset({"binary", "multiclass", "regression"})
NEEDS = frozenset({"rows", "sensitive_features"})
SOURCE = "Theil 1970; Shannon 1948; Phipson and Smyth 2010; AUC: DeLong et al. 1988"
COST = "slow"
MEASURES = {
    "proxy_strength": "mutual information as a share of the sensitive feature's entropy: 1 is a "
    "perfect stand-in",
    "proxy_auc": "how well the column alone tells the group from all others: 0.5 is not at all",
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

    Numbers go into ``bins`` quantile bins. The method names a permutation test's p-value.
    The area is of a predictor that learned each level's share of the group on one random half and
    was asked about the other. Inputs are the model's columns; for stored predictions
    all columns but target, predictions, weights and the sensitive features themselves.
    """
    import numpy as np

    from evenhand.audit.measure import dependence as d
    from evenhand.audit.measure.ranking import roc_auc

    if not subject.sensitive_features:
        raise MissingNeed(because("no-sensitive-features"))
    columns = _inputs(subject)
    if not columns:
        raise MissingNeed(because("no-input-besides-sensitive"))
    record = Recorder(__name__, seed)
    chosen = sample(subject, rows, record.stream("sample"))
    frame, groups = subject.frame.iloc[chosen], subject.groups.iloc[chosen]
    for column in columns:
        codes = d.levels_of(frame[column], bins)
        for feature in subject.sensitive_features:
            names = groups[feature].to_numpy()
            # by first row, not by name: renaming a group must change names alone
            known = list(dict.fromkeys(names))
            member = np.array([known.index(n) for n in names])
            table = d.contingency(codes, member)
            stream = record.stream(f"{column}/{feature}")
            p_value = d.permutation_p_value(codes, member, permutations, stream)
            strength = d.uncertainty_coefficient(table, levels, stream)
            # in the method, not as p-value: a screening that draws stays out of the audit's
            # error budget, where it would change what other tests come to
            method = f"{strength.method}; permutation p = {p_value:.3g} ({permutations} shuffles)"
            yield record.write(
                "proxy_strength",
                replace(strength, method=method),
                unit="share of entropy",
                column=column,
                between=(feature,),
                random=True,
            )
            for position, name in enumerate(known):
                inside = member == position
                told = d.foretell(codes, inside, stream)
                area = roc_auc(told.is_member, told.share, levels)
                group = {feature: str(name)}
                yield record.write("proxy_auc", area, column=column, group=group, random=True)


def _inputs(subject: Subject) -> list[str]:
    if subject.model is not None:
        known = list(subject.model.predictor.input_columns)
    else:
        stored = subject.stored
        own = {subject.target, subject.weight, stored and stored.predicted, stored and stored.score}
        known = [str(c) for c in subject.frame.columns if c not in own]
    apart = {*subject.sensitive_features, *subject.control_features}
    return [c for c in known if c not in apart]
