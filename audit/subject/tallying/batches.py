"""Counts of a stream of Arrow record batches, added up as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.counting.meaning import Meaning
from evenhand.audit.data.grouping import UNKNOWN
from evenhand.audit.data.table import as_text, match_label
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError, rows_of_file
from evenhand.audit.subject.tallying.counts import Counts, count_groups, require_answers
from evenhand.audit.subject.tallying.people import nobodys_rows, one_person_alone
from evenhand.audit.subject.tallying.tally import Tally, bad_weights, positive_of

if TYPE_CHECKING:
    import numpy as np


def count_batches(
    batches: Iterable[Any],
    *,
    features: Sequence[str],
    target: str | None,
    predicted: str | Callable[[Any], np.ndarray],
    positive_label: Any = 1,
    weight: str | None = None,
) -> Counts:
    """The counts of ``tally_batches``, which takes the same arguments."""
    return tally_batches(
        batches,
        features=features,
        target=target,
        predicted=predicted,
        positive_label=positive_label,
        weight=weight,
    ).counts


def tally_batches(
    batches: Iterable[Any],
    *,
    features: Sequence[str],
    target: str | None,
    predicted: str | Callable[[Any], np.ndarray],
    positive_label: Any = 1,
    weight: str | None = None,
    unit: str | None = None,
    meaning: Meaning | None = None,
) -> Tally:
    """Binary counts of a stream of Arrow record batches (or tables), added up as they come.

    ``predicted`` is a column of labels, or a function that selects rows of a batch: bool (n,).
    ``meaning`` says what the cells mean where something is declared about them. Where a ``unit``
    column says whose row it is, the sums of each person are held in memory (some 50 bytes each).
    Missing sensitive values are the group ``unknown``; rows without a true label are left out and
    counted. Raises InputError for an empty stream, a missing prediction, weights that are none, and
    labels that are not two.
    """
    import numpy as np
    import pyarrow.compute as pc

    positive, counts = as_text(positive_label), None
    meaning = meaning or Meaning(Reading(), (), (), is_text=False, source="the stream")
    labels: set[str] = set()
    answers: set[str] = set()
    missing = dict.fromkeys(features, 0)
    seen, persons = 0, Persons(unit)
    for batch in batches:
        dropped, numbers = 0, np.arange(seen + 1, seen + batch.num_rows + 1)
        seen += batch.num_rows
        if target is not None:
            labelled = pc.invert(_without_value(batch.column(target), target, meaning))
            dropped = len(labelled) - int(pc.sum(labelled).as_py() or 0)
            if dropped:
                batch, numbers = batch.filter(labelled), numbers[np.asarray(labelled)]
        actual = None
        if target is not None:
            actual = _is_label(batch.column(target), target, positive, labels, meaning)
        with rows_of_file(numbers):
            if callable(predicted):
                selected = predicted(batch)
            else:
                answered = batch.column(predicted)
                require_answers(np.asarray(_without_value(answered, predicted, meaning)), predicted)
                selected = _is_label(answered, predicted, positive, answers, meaning)
        columns = {f: _names(batch.column(f), f, missing, meaning) for f in features}
        weights = None if weight is None else _weights(batch.column(weight), weight)
        units = None if unit is None else persons.of(_encoded(batch.column(unit)))
        part = count_groups(columns, features, actual, selected, weights=weights, units=units)
        part = replace(part, dropped=dropped)
        counts = part if counts is None else counts + part
    if counts is None:
        raise InputError("the stream holds no batch", remedy="pass at least one")
    for column, known in ((target, labels), (predicted, answers)):
        if known:
            positive_of(sorted(known), str(column), positive_label)
    counts = persons.told(counts)
    return Tally(counts, tuple(sorted(labels)), tuple(sorted(answers)), missing)


@dataclass
class Persons:
    """The persons of a ``unit`` column, each with one number through all batches."""

    unit: str | None
    numbers: dict[str, int] = field(default_factory=dict)

    def of(self, encoded: tuple[np.ndarray, list[Any]]) -> np.ndarray:
        """The numbers of a batch's rows, int of shape (n,). Raises InputError without a name."""
        import numpy as np

        codes, values = encoded
        empty = np.array([*(v is None or v != v or str(v).strip() == "" for v in values), True])
        missing = int(empty[codes].sum())
        if missing:
            raise nobodys_rows(str(self.unit), missing)
        made = [self.numbers.setdefault(as_text(v), len(self.numbers)) for v in values]
        return np.array([*made, -1], dtype=np.int64)[codes]

    def told(self, counts: Counts) -> Counts:
        """``counts``, without persons where every row is another's. Raises InputError for one."""
        if self.unit is None or counts.people is None:
            return counts
        if counts.people.persons < 2:
            raise one_person_alone(self.unit)
        return counts if counts.people.persons < counts.n else replace(counts, people=None)


def _weights(column: Any, name: str) -> np.ndarray:
    import numpy as np

    weights = np.asarray(column, dtype=float)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise bad_weights(name)
    return weights


def _encoded(column: Any) -> tuple[np.ndarray, list[Any]]:
    """Codes of shape (n,), -1 where missing, and the values they stand for."""
    import numpy as np
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = np.asarray(column.indices.fill_null(-1), dtype=np.int64)
    return codes, column.dictionary.to_pylist()


def _without_value(column: Any, name: str, meaning: Meaning) -> Any:
    """Which cells of an Arrow column are missing, as an Arrow array of truth values."""
    import numpy as np
    import pyarrow as pa

    codes, values = _encoded(column)  # -1, the last of the list, is null
    meant = meaning.labels(values, name)
    return pa.array(np.array([*(meant[v] is None for v in values), True])[codes])


def _names(column: Any, feature: str, missing: dict[str, int], meaning: Meaning) -> np.ndarray:
    import numpy as np

    codes, values = _encoded(column)
    meant = meaning.groups(values, feature)
    is_empty = np.array([*(meant[v][1] for v in values), True])
    missing[feature] += int(is_empty[codes].sum())
    return np.array([*(meant[v][0] for v in values), UNKNOWN], dtype=object)[codes]


def _is_label(column: Any, name: str, given: str, found: set[str], meaning: Meaning) -> np.ndarray:
    import numpy as np

    codes, values = _encoded(column)
    meant = meaning.labels(values, name)
    found.update(text for text in meant.values() if text is not None)
    hits = {
        v: text is not None and match_label(given, [text]) is not None for v, text in meant.items()
    }
    return np.array([*(hits[v] for v in values), False])[codes]
