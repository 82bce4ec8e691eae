"""Can it be told from the model's answers who was in its training data?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evenhand.audit.asking.membership import attacked
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.subject.subject import Subject

QUESTION = "How well does the model's loss tell the rows it was trained on from other rows?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"labels", "rows", "training_data"})
SOURCE = "Yeom et al. 2018; Carlini et al. 2022 (rates at low false positive rates)"
COST = "fast"
RATES = {
    "membership_tpr_at_10_percent": 0.1,
    "membership_tpr_at_1_percent": 0.01,
    "membership_tpr_at_01_percent": 0.001,
}
MEASURES = {
    "membership_auc": "share of (member, other) pairs that the attack puts in order: 0.5 is chance",
    "membership_advantage": "largest true minus false positive rate of any threshold",
    "membership_tpr_at_10_percent": "share of members found where 10 % of others are accused",
    "membership_tpr_at_1_percent": "share of members found where 1 % of others are accused",
    "membership_tpr_at_01_percent": "share of members found where 0.1 % of others are accused",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the area, the advantage and what is found at three false positive rates.

    This attack knows the model's answers alone: what it finds is a lower bound of what the model
    leaks, and chance level is no proof of privacy.
    """
    from evenhand.audit.measure.exposure.membership import advantage, area, true_positive_rate

    record = Recorder(__name__, seed)
    rows = attacked(subject)
    found = {
        "membership_auc": area(rows.members, rows.others, levels),
        "membership_advantage": advantage(rows.members, rows.others, levels),
        **{
            name: true_positive_rate(rows.members, rows.others, rate, levels)
            for name, rate in RATES.items()
        },
    }
    for name, estimate in found.items():
        yield record.write(name, replace(estimate, method=f"{rows.attack}; {estimate.method}"))
