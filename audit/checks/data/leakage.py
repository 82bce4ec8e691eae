"""Do the rows or the columns give the answers away?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evenhand.audit.asking.overlap import is_held_out, overlap_of, says
from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import Finding
from evenhand.audit.measure.identifiers import identifiers
from evenhand.audit.reason import because
from evenhand.audit.subject.subject import Subject

QUESTION = "Was the model trained on audited rows, and does a column give the answer away?"
TASKS = frozenset({"binary", "multiclass", "regression"})
NEEDS = frozenset({"rows"})
SOURCE = "Kaufman et al. 2012 (leakage of rows and of the target)"
COST = "fast"
MEASURES = {
    "training_row_rate": "share of the audited rows that the model was trained on, as far as the "
    "files and the model's folder say",
    "shared_key_rate": "share of the audited rows whose key (a column that names rows) a training "
    "row has too",
    "target_copy_count": "inputs that are the target written otherwise: its code, its bins, a part",
    "identifier_input_count": "inputs that name rows: keys, e-mail addresses, running numbers",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the rows that are in both files (equal in every column that both have), keys that are
    in both, and the inputs that give the target away or name rows.

    Inputs are the model's columns; for stored predictions all but target, predictions, outcomes,
    weights and the features whose groups are compared.
    """
    columns = _inputs(subject)
    if not columns:
        raise MissingNeed(because("no-other-model-input"))
    record = Recorder(__name__, seed)
    yield _training_rows(record, subject)
    named = identifiers(subject.frame[columns])
    yield from _keys(record, subject)
    yield _copies(record, subject, columns)
    listed = [because("names-rows", name=i.column, n=i.n_values, once=i.n_once)[0] for i in named]
    note = because("inputs-name-rows", names=listed) if named else ()
    yield record.plain(
        "identifier_input_count", len(named), n=len(columns), unit="column", note=note
    )


def _training_rows(record: Recorder, subject: Subject) -> Finding:
    overlap, told = overlap_of(subject), says(subject)
    if is_held_out(subject):
        how = "the audited file is the one that the model's folder says was held out"
        return record.plain("training_row_rate", 0.0, n=subject.n, unit="rate", method=how)
    trained = told.get("n_train")
    if isinstance(trained, int) and told.get("source_digest") == subject.table.digest:
        rows = subject.n + subject.n_dropped
        how = f"the model's folder: {trained} rows of this very file were trained on"
        share = min(1.0, trained / rows)
        note = because("audited-on-training-rows", n=min(trained, rows))
        return record.plain("training_row_rate", share, n=rows, unit="rate", method=how, note=note)
    if overlap is None:
        why = because("training-rows-unknown")
        return record.without_value("training_row_rate", "not_applicable", why)
    n = int(overlap.audited.sum())
    how = "rows equal in every column that both files have"
    note = because("rows-in-both-files", n=n) if n else ()
    if n and not overlap.are_same:  # as many are equal by chance
        why = note + because("rows-repeat")
        return record.without_value("training_row_rate", "not_applicable", why)
    return record.plain(
        "training_row_rate", n / max(subject.n, 1), n=subject.n, unit="rate", method=how, note=note
    )


def _keys(record: Recorder, subject: Subject) -> Iterator[Finding]:
    """Of each column that names rows of both files."""
    import numpy as np

    from evenhand.audit.data.table import texts

    if subject.training is None:
        why = because("training-rows-unknown")
        yield record.without_value("shared_key_rate", "not_applicable", why)
        return
    there = subject.training.frame
    shared = [i.column for i in identifiers(subject.frame) if i.column in there.columns]
    if not shared:
        why = because("no-key-in-both")
        yield record.without_value("shared_key_rate", "not_applicable", why)
    for column in shared:
        names, missing = texts(subject.frame[column])
        other, absent = texts(there[column])
        known = names[~missing]
        n = int(np.isin(known, other[~absent]).sum())
        note = because("rows-in-both-files", n=n) if n else ()
        yield record.plain(
            "shared_key_rate",
            n / max(known.size, 1),
            n=known.size,
            unit="rate",
            column=column,
            note=note,
        )


def _copies(record: Recorder, subject: Subject, columns: Sequence[str]) -> Finding:
    import pandas as pd

    from evenhand.audit.data.table import texts
    from evenhand.audit.measure.copies import copies

    if subject.target is None:
        return record.without_value(
            "target_copy_count", "not_applicable", because("no-true-answers")
        )
    names, missing = texts(subject.frame[subject.target])
    answers = pd.DataFrame({subject.target: names}, dtype=object)
    found = copies(subject.frame[list(columns)], answers, pd.DataFrame({subject.target: missing}))
    note = because("gives-target-away", names=list(found)) if found else ()
    return record.plain("target_copy_count", len(found), n=len(columns), unit="column", note=note)


def _inputs(subject: Subject) -> list[str]:
    if subject.model is not None:
        return list(subject.model.predictor.input_columns)
    stored = subject.stored
    own = {subject.target, subject.weight, stored and stored.predicted, stored and stored.score}
    apart = {*own, *subject.sensitive_features, *subject.control_features, *subject.outcomes}
    return [str(c) for c in subject.frame.columns if c not in apart]
