"""What does the privacy ledger say beside epsilon and delta?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audit.checks.record import Recorder
from audit.errors import MissingNeed
from audit.finding import Finding
from audit.measure.estimate import Estimate, undefined
from audit.subject import Subject

QUESTION = "Does the privacy ledger hold together: all runs, both accountants, what lies outside?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model"})
SOURCE = "NIST SP 800-226 (2025): evaluating differential privacy guarantees; Opacus' accountants"
COST = "fast"
MEASURES = {
    "composed_epsilon": "epsilon of all known runs on any of the same rows, composed",
    "composed_run_count": "runs in the ledger store that trained on any of the same rows",
    "expected_catastrophe_count": "delta times training rows: rows that delta alone would give up",
    "accountant_ratio": "epsilon by the RDP accountant divided by epsilon by the PRV accountant",
    "uncertified_reason_count": "reasons why the ledger's guarantee is not certified",
    "outside_guarantee_count": "things learnt from the training rows that the guarantee misses",
    "unprotected_column_rate": "share of input columns whose preprocessing the guarantee misses",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields what the model folder's ledger claims: counted and worked out, not measured."""
    if subject.model is None:
        raise MissingNeed("there is no model: stored predictions hold no ledger")
    claim = subject.model.predictor.maker_says.get("privacy")
    if not claim:
        raise MissingNeed("the model holds no ledger of differentially private training")
    record = Recorder(__name__, seed)
    n = int(subject.model.predictor.maker_says.get("n_train") or claim.get("n_train") or 0)
    for name, (estimate, unit, note) in _answers(claim, n).items():
        yield record.write(name, estimate, unit=unit, note=note)


_Answer = tuple[Estimate, str, str]


def _answers(claim: Mapping[str, Any], n: int) -> dict[str, _Answer]:
    method = f"read from the model's ledger, unit: {claim.get('unit', 'unknown')}"

    def counted(value: float, unit: str, note: str = "") -> _Answer:
        return Estimate(float(value), n, method=method), unit, note

    outside = [str(o) for o in claim.get("outside_guarantee") or ()]
    uncertified = [str(o) for o in claim.get("not_certified") or ()]
    columns = claim.get("preprocessing") or {}
    missed = sum(str(v).startswith("outside") for v in columns.values())
    found = {
        **_composition(claim, n, method),
        "expected_catastrophe_count": counted(float(claim["delta"]) * n, "row"),
        "accountant_ratio": _ratio(claim, n),
        "uncertified_reason_count": counted(len(uncertified), "reason", "; ".join(uncertified)),
        "outside_guarantee_count": counted(len(outside), "item", "; ".join(outside)),
    }
    share = undefined("the ledger says nothing about preprocessing", n=n)
    if columns:
        share = Estimate(missed / len(columns), n, method=f"{method}; {len(columns)} columns")
    return {**found, "unprotected_column_rate": (share, "rate", "")}


def _composition(claim: Mapping[str, Any], n: int, method: str) -> dict[str, _Answer]:
    composition = claim.get("composition") or {}
    if composition.get("state") != "known":
        reason = "composition unknown: the ledger store that kept this run is not here"
        blank = undefined(reason, n=n)
        return {
            "composed_epsilon": (blank, "epsilon", ""),
            "composed_run_count": (blank, "run", ""),
        }
    how = f"{method}; {composition.get('accountant', 'PRV')} accountant over every known run"
    return {
        "composed_epsilon": (Estimate(float(composition["epsilon"]), n, method=how), "epsilon", ""),
        "composed_run_count": (Estimate(float(composition["runs"]), n, method=how), "run", ""),
    }


def _ratio(claim: Mapping[str, Any], n: int) -> _Answer:
    """RDP's bound is looser, so the ratio is at least 1; far above it one of them is wrong."""
    rdp, prv = claim.get("epsilon_rdp"), claim.get("epsilon")
    if not rdp or not prv:
        return undefined("the ledger holds one accountant's epsilon only", n=n), "ratio", ""
    method = f"RDP {float(rdp):.4g} over PRV {float(prv):.4g}, both from the model's ledger"
    return Estimate(float(rdp) / float(prv), n, method=method), "ratio", ""
