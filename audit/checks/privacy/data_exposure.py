"""What does the audited table itself tell of the people in it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from evenhand.audit.checks.record import Recorder
from evenhand.audit.claims import privacy_stated
from evenhand.audit.data.cells import is_number
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.finding import Finding
from evenhand.audit.measure.exposure.classes import Classes, classes_of, diversity
from evenhand.audit.measure.exposure.columns import ExposedColumn, exposed_columns
from evenhand.audit.measure.identifiers import identifiers
from evenhand.audit.reason import Reason, Reasons, because
from evenhand.audit.subject.predictions import group_sizes
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

QUESTION = "Which columns name people, and how many people share each description?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"rows"})
SOURCE = (
    "k: Samarati and Sweeney 1998; l: Machanavajjhala et al. 2007; t: Li et al. 2007; checksums: "
    "GB 11643, GB 32100, ISO 13616, ISO/IEC 7812"
)
COST = "fast"
MEASURES = {
    "direct_identifier_count": "columns that name people by themselves: e-mail addresses, "
    "telephone, account, card and official numbers, names, addresses",
    "direct_identifier_rate": "share of a column's known cells that name somebody",
    "published_identifier_count": "columns that name people or rows, whose values a model trained "
    "with differential privacy lists outside its guarantee",
    "k_anonymity": "people in the smallest class: those who agree in every quasi-identifier",
    "unique_rate": "share of people whose quasi-identifiers nobody else has",
    "small_class_rate": "share of people in classes of fewer than `least`",
    "l_diversity": "fewest different values of a confidential column in a class",
    "entropy_l_diversity": "exp of the least entropy of a confidential column in a class",
    "t_closeness": "largest distance between a confidential column's distribution in a class and "
    "in the table: total variation, for numbers the earth mover's",
}
_OF_CLASSES = ("k_anonymity", "unique_rate", "small_class_rate")
_OF_CONFIDENTIAL = ("l_diversity", "entropy_l_diversity", "t_closeness")


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    quasi_identifiers: Sequence[str] = (),
    confidential: Sequence[str] = (),
    least: int = 5,
) -> Iterator[Finding]:
    """Yields what names people, then what ``quasi_identifiers`` (columns that somebody outside can
    know of a person) tell together, for everybody and by group, then what the classes tell of each
    ``confidential`` column.

    All are counts of the table itself, without sampling error; a sample has smaller classes than
    the population, whose k is at least as large. Where a ``unit`` is declared people are counted,
    not rows. Raises InputError for a column that is not there.
    """
    record = Recorder(__name__, seed)
    for column in (*quasi_identifiers, *confidential):
        if column not in subject.frame.columns:
            raise InputError(
                "privacy.data_exposure: {column!r} is not a column of the data",
                remedy=nearest(column, map(str, subject.frame.columns)),
                column=column,
            )
    exposed = exposed_columns(subject.frame)
    yield from _identifiers(record, subject, exposed)
    yield _published(record, subject, exposed)
    if not quasi_identifiers:
        for name in (*_OF_CLASSES, *_OF_CONFIDENTIAL):
            yield record.without_value(name, "not_applicable", because("no-quasi-identifiers"))
        return
    classes = classes_of(subject.frame, quasi_identifiers, subject.units)
    yield from _classes(record, subject, classes, quasi_identifiers, least)
    if not confidential:
        for name in _OF_CONFIDENTIAL:
            yield record.without_value(name, "not_applicable", because("no-confidential-columns"))
    for column in confidential:
        told = diversity(classes.codes, subject.frame[column])
        values = (float(told.distinct), told.entropy, told.distance)
        for name, value in zip(_OF_CONFIDENTIAL, values, strict=True):
            yield record.plain(name, value, n=subject.n, unit="index", column=column)


def _identifiers(
    record: Recorder, subject: Subject, exposed: Sequence[ExposedColumn]
) -> Iterator[Finding]:
    listed = [_told(one) for one in exposed]
    note = because("direct-identifiers", names=listed) if exposed else ()
    n_columns = len(subject.frame.columns)
    yield record.plain(
        "direct_identifier_count", len(exposed), n=n_columns, unit="column", note=note
    )
    for one in exposed:
        yield record.plain(
            "direct_identifier_rate",
            one.n_cells / one.n,
            n=one.n,
            unit="rate",
            column=one.column,
            note=(_told(one),),
        )


def _told(one: ExposedColumn) -> Reason:
    if one.told_by == "name":
        return because("column-named-as", name=one.column, kind=one.kind)[0]
    if one.told_by == "texts":
        return because("texts-hold", name=one.column, kind=one.kind, n=one.n_cells, of=one.n)[0]
    return because("cells-are", name=one.column, kind=one.kind, n=one.n_cells, of=one.n)[0]


def _published(record: Recorder, subject: Subject, exposed: Sequence[ExposedColumn]) -> Finding:
    name = "published_identifier_count"
    claim = None
    if subject.model is not None:
        claim = privacy_stated(subject.model.predictor.maker_says)
    if subject.model is None or claim is None:
        return record.without_value(name, "not_applicable", because("not-private"))
    inputs = [c for c in subject.model.predictor.input_columns if c in subject.frame.columns]
    texts = [c for c in inputs if not is_number(subject.frame[c])]
    naming = {one.column for one in exposed} | {
        one.column for one in identifiers(subject.frame[texts])
    }
    # what was declared public, or learnt from public data, tells of nobody
    listed = [
        c
        for c in texts
        if c in naming and claim.preprocessing.get(c, "outside").startswith("outside")
    ]
    note: Reasons = because("publishes-identifiers", names=listed) if listed else ()
    return record.plain(name, len(listed), n=len(inputs), unit="column", note=note)


def _classes(
    record: Recorder,
    subject: Subject,
    classes: Classes,
    columns: Sequence[str],
    least: int,
) -> Iterator[Finding]:
    unit = "row" if subject.units is None else "person"
    people = classes.n_people()
    note = because("classes-of", names=columns, n=len(classes.sizes)) + because("sample-has-less")
    yield record.plain("k_anonymity", classes.k, n=people, unit=unit, note=note)
    yield from _rates(record, classes, least, None, {})
    for feature in subject.sensitive_features:
        names = subject.groups[feature].to_numpy()
        for cell in group_sizes(subject).by((feature,)).cells():
            yield from _rates(record, classes, least, names == cell.group[feature], cell.group)


def _rates(
    record: Recorder,
    classes: Classes,
    least: int,
    rows: np.ndarray | None,
    group: Mapping[str, str],
) -> Iterator[Finding]:
    n = classes.n_people(rows)
    for name, fewest in (("unique_rate", 2), ("small_class_rate", least)):
        hit = classes.n_in_classes_under(fewest, rows)
        method = f"people in classes of fewer than {fewest}"
        yield record.plain(name, hit / n, n=n, unit="rate", group=group, method=method)
