"""Were the thresholds written down before the audit?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.estimate import Estimate, undefined
from evenhand.audit.reason import because
from evenhand.audit.subject.subject import Subject

QUESTION = "How long before the audit were its thresholds committed?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS: frozenset[str] = frozenset()
SOURCE = "Regulation (EU) 2024/1689, Article 9(8): metrics and thresholds defined in advance"
COST = "fast"
MEASURES = {
    "declared_lead_time": "days from the commit of the file of declared thresholds to this audit",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the days between the commit that holds the file's very bytes and now.

    Undefined where the file isn't committed as it stands. The date is the committer's own: git does
    not prove it.
    """
    found = subject.declared_file
    if found is None:
        raise MissingNeed(because("nothing-declared"))
    record = Recorder(__name__, seed)
    n = len(found.values)
    if found.committed_at is None:
        yield record.write("declared_lead_time", undefined(found.problem, n=n), unit="day")
        return
    days = (datetime.now(UTC) - found.committed_at).total_seconds() / 86400
    method = f"commit {found.commit[:12]} of {found.path}, by the committer's clock"
    estimate = Estimate(days, n, method=method)
    finding = record.write("declared_lead_time", estimate, unit="day")
    yield finding.model_copy(update={"reproducible": False})
