"""Which privacy budget does the model's maker declare?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evenhand.audit.checks.needs import predictor_of
from evenhand.audit.checks.record import Recorder
from evenhand.audit.claims import Privacy, privacy_stated
from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.subject import Subject

QUESTION = "What differential-privacy guarantee is declared for the training data?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model"})
SOURCE = "Dwork and Roth 2014, definition 2.4; NIST SP 800-226"
COST = "fast"
MEASURES = {
    "declared_epsilon": "epsilon of the ledger in the model folder (an upper bound, not measured)",
    "declared_delta": "delta of the ledger in the model folder",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields epsilon and delta with unit, adjacency, accountant and sampler in the method."""
    record = Recorder(__name__, seed)
    says = predictor_of(subject).maker_says
    if "privacy" not in says:
        reason = because("no-privacy-record")
        for name in MEASURES:
            yield record.write(name, undefined(reason, n=0))
        return
    claim = privacy_stated(says)
    if claim is None:
        for name in MEASURES:
            yield record.without_value(name, "not_applicable", because("not-private"))
        return
    method = _method(claim)
    n = int(says.get("n_train", 0))
    note = _outside(claim)
    epsilon = Estimate(float(claim.epsilon), n, method=method)
    yield record.write("declared_epsilon", epsilon, unit="epsilon", note=note)
    delta = Estimate(float(claim.delta), n, method=method)
    yield record.write("declared_delta", delta, unit="delta", note=note)


def _method(claim: Privacy) -> str:
    return (
        f"declared in the model's ledger: {claim.accountant} accountant, "
        f"{claim.sampler} sampling, unit: {claim.unit}, {claim.adjacency}"
    )


def _outside(claim: Privacy) -> Reasons:
    outside = claim.outside_guarantee
    return because("outside-guarantee", names=outside) if outside else ()
