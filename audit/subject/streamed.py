"""A subject whose rows stay on disk: one pass over the file gives the counts, and no more.

What counts can answer is answered, with the numbers that an audit in memory gives; every check that
asks for rows is skipped, and says so. A file of stored predictions is counted by a query; a model
is asked batch by batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from evenhand.audit.data.counting.meaning import Meaning
from evenhand.audit.data.formats.database import is_url, without_secrets
from evenhand.audit.data.grouping import MANY_VALUES, many_values
from evenhand.audit.data.noticed import alike_labels, noticed_texts
from evenhand.audit.data.reading.rows_on_disk import (
    as_utf8,
    available_memory,
    column_names,
    kind_of,
    needed_in_memory,
    read_batches,
)
from evenhand.audit.data.table import Table
from evenhand.audit.data.types import read_cells
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.data.written.numbers import plain_number
from evenhand.audit.errors import InputError, RowsOnDisk
from evenhand.audit.files.canonical import digest_path
from evenhand.audit.finding import UNKNOWN
from evenhand.audit.models.predictor import Task
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.comparable import require_few_groups, too_few_groups
from evenhand.audit.subject.deciding import select
from evenhand.audit.subject.fitting import check_combination, require_columns
from evenhand.audit.subject.predictions import require_labels
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.subject import (
    Subject,
    begin_model,
    build_subject,
    subject_of,
    task_of,
)
from evenhand.audit.subject.tallying.batches import tally_batches
from evenhand.audit.subject.tallying.tally import Tally, bins_in_file, tally_file
from evenhand.audit.subject.target import Target, numbers, read_target
from evenhand.audit.worker.isolation.levels import Rules
from evenhand.audit.worker.opened import Opened

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NOTE = because("counted-on-disk")
_SKIPPED = because("needs-rows-in-memory")


class OnDisk:
    """Stands where rows would be. Whoever asks it for anything is told that they stay on disk."""

    def _refuse(self, *_: object) -> Any:
        raise RowsOnDisk(_SKIPPED)

    __getattr__ = __getitem__ = __iter__ = __len__ = __contains__ = _refuse


def open_subject(spec: SubjectSpec, rules: Rules | None = None) -> Subject:
    """The subject that a spec asks for, its rows in memory or on disk (see ``is_streamed``)."""
    return (streamed_subject if is_streamed(spec) else build_subject)(spec, rules)


def is_streamed(spec: SubjectSpec) -> bool:
    """Whether the rows are to stay on disk.

    ``stream`` in the spec decides. Where it is left open they do if an audit in memory can't read
    them (a folder of Parquet files), or would take over half of the memory that is available: 100
    bytes a cell of Parquet or Arrow, 15 times the size of a CSV file, as measured.

    Raises InputError where they have to stay there and can't.
    """
    named = spec.predictions or spec.data
    if spec.cohort is not None:
        if spec.stream:
            raise InputError(
                "the rows of cohort {name!r} are read into memory: they are not counted on disk",
                remedy="leave --stream out",
                name=spec.cohort.name,
            )
        return False
    if spec.stream and named is not None:
        _require_countable(named, spec)
    if spec.stream is not None or named is None:
        return bool(spec.stream)
    path = Path(named)
    declared = spec.sheet or spec.join
    if spec.task not in (None, "binary") or not path.exists() or declared:
        return False
    kind = kind_of(path)
    if kind == "folder":
        return True
    by_batches = spec.model is not None or spec.unit is not None
    if kind == "other" or (by_batches and kind == "csv"):
        return False
    memory = available_memory()
    return memory is not None and needed_in_memory(path, kind) > memory / 2


def _require_countable(named: str, spec: SubjectSpec) -> None:
    if is_url(named):
        raise InputError(
            "the rows of {named} lie in a database: they can't be counted on disk",
            remedy="leave --stream out, or write the table as Parquet",
            named=without_secrets(named),
        )
    if spec.join is not None:
        raise InputError(
            "{join} is joined to the rows, which rows that are counted on disk can't be",
            remedy="leave --stream out",
            join=spec.join,
        )
    if ("#" in named and not Path(named).exists()) or spec.sheet:
        raise InputError(
            "a part of {named} is named: rows of workbooks and databases can't be counted on disk",
            remedy="leave --stream out, or write the table as Parquet",
            named=named,
        )


def streamed_subject(spec: SubjectSpec, rules: Rules | None = None) -> Subject:
    """Counts the rows of a binary audit where they lie. ``rules`` as in ``build_subject``.

    Raises InputError and UnsafeModelError as ``build_subject`` does, and for another task.
    """
    check_combination(spec)
    path = Path(str(spec.predictions or spec.data))
    model = begin_model(spec, rules)()
    task = task_of(spec, model)
    if task != "binary" or spec.training_data is not None:
        what = f"a {task} task" if task != "binary" else "the gap to the training rows"
        raise InputError(
            "rows on disk are counted for binary tasks; {what} needs them in memory",
            remedy="leave --stream (and --training-data) out, or audit a sample of the file",
            what=what,
        )
    with as_utf8(path, spec.encoding) as rows_path:
        names = column_names(rows_path)
    table = Table(_no_rows(names), str(path), digest_path(path))
    require_columns(spec, table, model)
    tally = _tallied(path, spec, model)
    truth = _truth(tally, spec, task, model)
    _require_comparable(tally, spec, table.source)
    of_model = {} if model is None else {"model": model.digest}
    rows = cast("pd.DataFrame", OnDisk())
    return subject_of(
        spec,
        task,
        model,
        truth,
        table=replace(table, frame=rows),
        frame=rows,
        groups=rows,
        digests={"data": table.digest, **of_model},
        n_dropped=tally.counts.dropped,
        notes=NOTE + tally.notes + _noticed(tally, spec),
        counts=tally.counts,
        missing=tally.missing,
        bins=tally.bins,
    )


def _tallied(path: Path, spec: SubjectSpec, model: Opened | None) -> Tally:
    """By one query, where neither a model has to be asked nor a person's rows to be found."""
    if model is not None or spec.unit is not None:
        return _by_batches(path, spec, model)
    return tally_file(
        path,
        sensitive_features=spec.sensitive_features,
        control_features=spec.control_features,
        target=spec.target,
        predicted=spec.predicted,
        score=spec.score,
        threshold=0.5 if spec.threshold is None else spec.threshold,
        positive_label=_positive_label(spec),
        weight=spec.weight,
        reading=spec.reading,
    )


def _noticed(tally: Tally, spec: SubjectSpec) -> Reasons:
    """What is odd about groups and labels, by their names."""
    said: Reasons = ()
    counts = tally.counts
    of_rows = counts.table.sum(axis=tuple(range(1, counts.table.ndim)))
    for i, feature in enumerate(spec.features):
        by_name: dict[str, int] = {}
        for name, n in zip(counts.names[:, i], of_rows, strict=True):
            by_name[str(name)] = by_name.get(str(name), 0) + int(n)
        known = [n for n in by_name if n != UNKNOWN]
        numbers = [plain_number(n) for n in known]
        if feature not in tally.bins and len(known) > MANY_VALUES and None not in numbers:
            middle = sorted(n for n in numbers if n is not None)[len(numbers) // 2]
            said += many_values(feature, len(known), "number", middle)
        elif feature not in tally.bins:
            said += noticed_texts(feature, by_name, spec, spec.features)
    answers: dict[str, dict[str, int]] = {}
    for column, labels in ((spec.target, tally.labels), (spec.predicted, tally.predicted)):
        if column is not None:
            answers[column] = dict.fromkeys(labels, 1)
            said += noticed_texts(column, answers[column], spec, (column,), is_answer=True)
    return said + alike_labels(answers)


def _by_batches(path: Path, spec: SubjectSpec, model: Opened | None) -> Tally:
    """Counts the rows batch by batch: a model is asked about each, and a person's rows are added
    up over all of them."""
    features = (*spec.sensitive_features, *spec.control_features)
    answers = model.predictor.input_columns if model else (spec.predicted, spec.score)
    own = (*answers, *features, spec.target, spec.weight, spec.unit)
    columns = list(dict.fromkeys(c for c in own if c is not None))
    known = tuple(column_names(path))
    reading = spec.reading.only(columns)
    bins = bins_in_file(path, spec.features, spec.target, spec.reading)
    meaning = Meaning(spec.reading, known, spec.answers, False, str(path), bins)
    tally = tally_batches(
        _with_rows(read_batches(path, columns)),
        meaning=meaning,
        features=features,
        target=spec.target,
        predicted=_answers(spec, model, reading),
        positive_label=_positive_label(spec),
        weight=spec.weight,
        unit=spec.unit,
    )
    return replace(tally, bins=bins)


def _answers(
    spec: SubjectSpec, model: Opened | None, reading: Reading
) -> str | Callable[[Any], np.ndarray]:
    """The column of predicted labels, or what selects the rows of a batch."""
    if model is None and spec.predicted is not None:
        return spec.predicted
    positive = str(_truth(None, spec, "binary", model).positive) if model else ""
    threshold = 0.5 if spec.threshold is None else spec.threshold

    def selected(batch: Any) -> np.ndarray:
        rows = _frame(batch, reading, spec.answers)
        if model is not None:
            return select(model, rows, positive, spec.threshold)[1]
        found: np.ndarray = numbers(rows[spec.score], f"score column {spec.score!r}") >= threshold
        return found

    return selected


def _with_rows(batches: Iterator[Any]) -> Iterator[Any]:
    return (batch for batch in batches if batch.num_rows)


def _frame(batch: Any, reading: Reading, answers: Collection[str]) -> pd.DataFrame:
    """A batch as ``evenhand.audit.data.reading.read`` reads a table: each column by itself."""
    import pandas as pd

    columns = {name: batch.column(name).to_pandas() for name in batch.schema.names}
    return read_cells(pd.DataFrame(columns), reading, "the rows", answers=answers)


def _no_rows(columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=list(columns))


def _positive_label(spec: SubjectSpec) -> Any:
    if spec.positive_label is None:
        read_target(_no_rows(()), spec, "binary", None)  # says that it is declared, never guessed
    return spec.meant(spec.positive_label, spec.target)


def _truth(tally: Tally | None, spec: SubjectSpec, task: Task, model: Opened | None) -> Target:
    """What the labels mean, by the rules for rows in memory; asked of the distinct labels alone."""
    import pandas as pd

    labels = () if tally is None else tally.labels
    if spec.target is not None and not labels:
        spec = spec.model_copy(update={"target": None})  # before the pass: the model's labels
    frame = pd.DataFrame({str(spec.target): pd.Series(labels, dtype=object)})
    if spec.target is None and spec.predicted is not None:
        answers = () if tally is None else tally.predicted
        frame = pd.DataFrame({spec.predicted: pd.Series(answers, dtype=object)})
    truth = read_target(frame, spec, task, model)
    if tally is not None and tally.predicted:
        require_labels(str(spec.predicted), tally.predicted, truth)
    return replace(truth, labels=None)


def _require_comparable(tally: Tally, spec: SubjectSpec, source: str) -> None:
    import pandas as pd

    for i, feature in enumerate(spec.sensitive_features):
        known = sorted(set(tally.counts.names[:, i]) - {UNKNOWN})
        if len(known) < 2:
            raise too_few_groups(feature, known, source)
    features = (*spec.sensitive_features, *spec.control_features)
    groups = pd.DataFrame(tally.counts.names, columns=list(features))
    require_few_groups(groups, spec.sensitive_features, source)
    weights = tally.counts.weights
    if weights is not None and not weights[0].any():
        raise InputError(
            "weight column {weight!r} holds only zeros",
            remedy="weights say for how many people a row stands: give numbers of 0 or more",
            weight=spec.weight,
        )
