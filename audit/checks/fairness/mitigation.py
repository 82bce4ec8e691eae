"""Does the model decide by chance, or by the group that a person belongs to?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evenhand.audit.checks.needs import predictor_of
from evenhand.audit.checks.record import Recorder
from evenhand.audit.claims import mitigation_stated
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.deciding import decides_itself
from evenhand.audit.subject.predictions import predictions_of
from evenhand.audit.subject.subject import Subject

QUESTION = "Does the model draw lots for some people, and does it read their sensitive features?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"model"})
SOURCE = (
    "Hardt, Price and Srebro 2016, section 3.2 (randomised thresholds by group); "
    "Agarwal et al. 2018, section 2 (randomised classifiers); Fairlearn's mitigators"
)
COST = "fast"
MEASURES = {
    "randomised_decision_rate": "share of rows whose decision the model draws by chance",
    "needs_sensitive_feature": "1 if the model reads a sensitive feature to decide, else 0",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the share of rows decided by chance, and whether sensitive features are inputs.

    A row is decided by chance where the model states that it randomises and its chance of being
    selected lies strictly between 0 and 1. Other models select from their threshold on: 0.
    """
    from evenhand.audit.measure.uncertainty.intervals import rate

    record = Recorder(__name__, seed)
    predictor = predictor_of(subject)
    claim = mitigation_stated(predictor.maker_says)
    scores = predictions_of(subject).score
    k = 0
    if claim.randomises and decides_itself(subject) and scores is not None:
        k = int(((scores > 0) & (scores < 1)).sum())
    method = claim.method
    how = because("mitigated", method=method) if method else because("no-mitigation")
    yield record.write(
        "randomised_decision_rate", rate(k, subject.n, levels, empty=because("no-rows")), note=how
    )
    named = {*subject.sensitive_features, *claim.needs_sensitive_features}
    read = sorted(named & set(predictor.input_columns))
    yield record.plain(
        "needs_sensitive_feature",
        float(bool(read)),
        n=subject.n,
        unit="model",
        note=because("reads", features=read) if read else (),
    )
