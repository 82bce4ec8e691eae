"""What data was audited? Rows, rows left out and why, missing cells per column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.answers import notes_on_answers
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "How many rows were audited, how many were left out and why, and what is missing?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS: frozenset[str] = frozenset()
SOURCE = "counts; Wilson 1927"
COST = "fast"
MEASURES = {
    "row_count": "rows audited",
    "dropped_row_count": "rows of the file that were left out, with the reason",
    "missing_rate": "share of a column's cells that are missing, among the columns in use",
}

_WEIGHTS = because("weights-used-by", checks="fairness.group_rates and fairness.gaps")


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the row counts, and one missing rate for each column that the audit uses."""
    record = Recorder(__name__, seed)
    dropped = subject.n_dropped
    notes = (*subject.notes, *notes_on_answers(subject), *_persons(subject))
    notes += _WEIGHTS if subject.is_weighted else ()
    yield record.plain("row_count", subject.n, n=subject.n, unit="row", note=notes)
    why = because("rows-dropped", n=dropped, why=because("no-true-label"))
    why = why if dropped else because("none-dropped")
    yield record.plain(
        "dropped_row_count",
        dropped,
        n=subject.n + dropped,
        unit="row",
        note=why,
    )
    for column in _columns_in_use(subject):
        yield record.write("missing_rate", _missing_rate(subject, column, levels), column=column)


def _missing_rate(subject: Subject, column: str, levels: Sequence[float]) -> Estimate:
    from evenhand.audit.measure.classification import share_of_rows
    from evenhand.audit.measure.uncertainty.intervals import rate

    why = because("no-rows")
    if subject.units is None or subject.is_streamed:
        return rate(subject.missing_cells(column), subject.n, levels, empty=why)
    is_missing = subject.frame[column].isna().to_numpy()
    return share_of_rows(is_missing, levels, empty=why, units=subject.units)


def _persons(subject: Subject) -> Reasons:
    """What is said of columns that look like they tell persons apart, while no unit is named."""
    from evenhand.audit.measure.identifiers import repeated_person

    if subject.unit is not None or subject.is_streamed:
        return ()
    said: Reasons = ()
    for column in map(str, subject.frame.columns):
        found = repeated_person(subject.frame[column])
        if found is not None:
            said += because("looks-like-persons", column=column, values=found[0], rows=found[1])
    return said


def _columns_in_use(subject: Subject) -> list[str]:
    used = {*subject.sensitive_features, *subject.control_features}
    if subject.model is not None:
        used |= set(subject.model.predictor.input_columns)
    if subject.stored is not None:
        used |= {c for c in (subject.stored.predicted, subject.stored.score) if c}
    return sorted(used)
