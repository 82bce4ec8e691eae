"""What does the privacy ledger say beside epsilon and delta?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from evenhand.audit.checks.needs import predictor_of
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.claims import Privacy, privacy_stated
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import Reasons, because, quoted
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.numbers import number

QUESTION = "Does the privacy ledger hold together: all runs, both accountants, what lies outside?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model"})
SOURCE = "NIST SP 800-226 (2025): evaluating differential privacy guarantees; Opacus' accountants"
COST = "fast"
MEASURES = {
    "composed_epsilon": "epsilon of all known runs on any of the same rows, composed",
    "composed_run_count": "runs in the ledger store that trained on any of the same rows",
    "expected_catastrophe_count": "delta times training rows: rows that delta alone would give up",
    "epsilon_over_lower_limit": "the stated epsilon over the least that it can be, from a grid",
    "uncertified_reason_count": "reasons why the ledger's guarantee is not certified",
    "outside_guarantee_count": "things learnt from the training rows that the guarantee misses",
    "unprotected_column_rate": "share of input columns whose preprocessing the guarantee misses",
    "ledger_line_count": "lines of the model's ledger: runs opened, steps written ahead, ends",
}
SCHEMA = "evenhand-ledger/1"
_EVENTS = ("opened", "ahead", "checkpoint", "paused", "closed")
_MOST_ENTRIES = 500


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float]
) -> Iterator[Finding | Artifact]:
    """Yields what the model folder's ledger claims: counted and worked out, not measured.

    Its lines in their order, with steps and epsilon so far, go into an artifact.
    """
    says = predictor_of(subject).maker_says
    claim = privacy_stated(says)
    if claim is None:
        raise MissingNeed(because("no-ledger"))
    record = Recorder(__name__, seed)
    n = int(says.get("n_train") or claim.n_train or 0)
    for name, (estimate, unit, note) in _answers(claim, n).items():
        yield record.write(name, estimate, unit=unit, note=note)
    told = _timeline(claim)
    if isinstance(told, tuple):
        yield record.write("ledger_line_count", undefined(told, n=n), unit="line")
        return
    artifact = record.artifact(_document(claim, told, n))
    method = f"lines of the model's ledger; {len(told['entries'])} of them are in the artifact"
    lines = Estimate(float(told["n_lines"]), n, method=method)
    yield record.write("ledger_line_count", lines, unit="line", artifacts=(artifact.name,))
    yield artifact


_Answer = tuple[Estimate, str, Reasons]


def _answers(claim: Privacy, n: int) -> dict[str, _Answer]:
    method = f"read from the model's ledger, unit: {claim.unit}"

    def counted(value: float, unit: str, note: Reasons = ()) -> _Answer:
        return Estimate(float(value), n, method=method), unit, note

    # the maker's own words, a sentence each
    outside = tuple(r for o in claim.outside_guarantee for r in quoted(o))
    uncertified = tuple(r for o in claim.not_certified for r in quoted(o))
    columns = claim.preprocessing
    missed = sum(v.startswith("outside") for v in columns.values())
    found = {
        **_composition(claim, n, method),
        "expected_catastrophe_count": counted(float(claim.delta) * n, "row"),
        "epsilon_over_lower_limit": _ratio(claim, n),
        "uncertified_reason_count": counted(len(uncertified), "reason", uncertified),
        "outside_guarantee_count": counted(len(outside), "item", outside),
    }
    share = undefined(because("ledger-without-preprocessing"), n=n)
    if columns:
        share = Estimate(missed / len(columns), n, method=f"{method}; {len(columns)} columns")
    return {**found, "unprotected_column_rate": (share, "rate", ())}


def _composition(claim: Privacy, n: int, method: str) -> dict[str, _Answer]:
    known = claim.composition
    if known is None or known.state != "known" or known.epsilon is None or known.runs is None:
        reason = because("composition-unknown")
        blank = undefined(reason, n=n)
        return {
            "composed_epsilon": (blank, "epsilon", ()),
            "composed_run_count": (blank, "run", ()),
        }
    how = f"{method}; {known.accountant} accountant over every known run"
    return {
        "composed_epsilon": (Estimate(float(known.epsilon), n, method=how), "epsilon", ()),
        "composed_run_count": (Estimate(float(known.runs), n, method=how), "run", ()),
    }


def _ratio(claim: Privacy, n: int) -> _Answer:
    """Below 1 the statement is too small; far above 1 it is a loose bound. The lower limit is of a
    computation apart from the accountant's, so that neither vouches for itself."""
    if not claim.epsilon_lower or not claim.epsilon:
        return undefined(because("ledger-without-lower-limit"), n=n), "ratio", ()
    stated, least = float(claim.epsilon), float(claim.epsilon_lower)
    limit = f"the lower limit of the loss on a grid, {number(least)}"
    method = f"{claim.accountant} {number(stated)} over {limit}"
    return Estimate(stated / least, n, method=method), "ratio", ()


def _timeline(claim: Privacy) -> Mapping[str, Any] | Reasons:
    """The lines of the ledger as the model's format tells them; in words why there are none.

    A format of somebody else's may tell anything: what does not grow as a ledger grows is refused.
    """
    timeline = claim.timeline
    if not isinstance(timeline, Mapping):
        return because("ledger-lines-not-told")
    entries, n_lines = timeline.get("entries"), timeline.get("n_lines")
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_ENTRIES:
        return because("ledger-entries-not-listed", most=_MOST_ENTRIES)
    if not isinstance(n_lines, int) or n_lines < len(entries):
        return because("ledger-lines-miscounted", n=repr(n_lines))
    seq, steps = 0, 0
    for entry in entries:
        problem = _problem(entry)
        # a line written ahead may count more steps than the end of its run: only lines are ordered
        if problem or entry["seq"] <= seq:
            return because("ledger-timeline", why=problem or because("lines-out-of-order"))
        seq, steps = entry["seq"], max(steps, entry["steps"])
    return timeline if steps else because("ledger-without-steps")


def _problem(entry: Any) -> Reasons:
    """What is wrong with an entry; empty where nothing is."""
    if not isinstance(entry, Mapping) or entry.get("event") not in _EVENTS:
        return because("entry-of-no-kind", kinds=_EVENTS)
    for name in ("seq", "steps"):
        if not isinstance(entry.get(name), int) or not 0 <= entry[name] < 10**15:
            return because("entry-without-count", name=name)
    epsilon = entry.get("epsilon")
    if not isinstance(epsilon, int | float) or not 0 <= epsilon < math.inf:
        return because("entry-without-epsilon")
    at = str(entry.get("at"))
    try:
        datetime.fromisoformat(at)
    except ValueError:
        return because("entry-without-time", at=repr(at[:40]))
    return ()


def _document(claim: Privacy, told: Mapping[str, Any], n: int) -> dict[str, Any]:
    known = ("seq", "at", "event", "steps", "epsilon", "accountant")
    return {
        "schema": SCHEMA,
        "epsilon": float(claim.epsilon),
        "delta": float(claim.delta),
        "unit": claim.unit,
        "adjacency": claim.adjacency,
        "n_train": n,
        "n_lines": told["n_lines"],
        "entries": [{k: entry.get(k, "") for k in known} for entry in told["entries"]],
    }
