"""The rows of a subject: read as its spec says, those with a label, in canonical order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.data.counting.joining import joined, with_types_of
from evenhand.audit.data.formats.limits import SECONDS, Limits
from evenhand.audit.data.reading.images import holds_images, read_images
from evenhand.audit.data.reading.plain_text import is_plain_text, read_texts
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.table import Table, canonical_order
from evenhand.audit.data.written.filters import CohortOf
from evenhand.audit.errors import InputError
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.worker.isolation.levels import Rules
from evenhand.audit.worker.opened import Opened

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST_OF_COHORT = 10


def read_rows(spec: SubjectSpec, model: Opened | None = None, rules: Rules | None = None) -> Table:
    """The rows that the spec names, with the columns of the file that it joins to them."""
    named = str(spec.predictions or spec.data)
    if spec.join is None:
        return read_part(named, spec, model, rules)

    def reader(path: str) -> Callable[[Mapping[str, Any]], Table]:
        def read(types: Mapping[str, Any]) -> Table:
            return read_part(path, spec.model_copy(update={"types": dict(types)}), model, rules)

        return read

    table, left = with_types_of(reader(named), spec.types)
    other, left = with_types_of(reader(spec.join), left)
    table.require(left, "types are declared for")
    return joined(table, other, spec.on)


def read_part(
    path: str,
    spec: SubjectSpec,
    model: Opened | None,
    rules: Rules | None,
    part: Literal["train"] | None = None,
) -> Table:
    """The rows at ``path``: a table, images, or a text file in the passages the model expects.

    ``part`` asks for the training part of images that come in two parts; the audit reads the other.
    """
    if model is not None and model.predictor.task == "generation" and is_plain_text(path):
        recipe = model.predictor.maker_says.get("recipe") or {}
        return read_texts(path, encoding=spec.encoding or "utf-8", passage=recipe.get("passage"))
    if part is not None and holds_images(path):
        return read_images(path, split=part)
    return read_table(path, spec.reading, answers=spec.answers, limits=_limits(rules))


def _limits(rules: Rules | None) -> Limits:
    """What reading data may take: what the user says of the model holds for its data too."""
    given = rules or Rules()
    more = given.memory_limit if given.memory_limit > Rules().memory_limit else None
    return Limits(seconds=given.time_limit or SECONDS, memory=more)


def audited_rows(table: Table, spec: SubjectSpec) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows with a label (of a cohort: those that meet its condition), in canonical order, and
    the place of each in its file, from 1."""
    labelled = labelled_rows(table, spec.target)
    if spec.cohort is not None:
        labelled = _of_cohort(labelled, spec.cohort, table.source)
    return in_order(labelled, last=spec.sensitive_features)


def _of_cohort(frame: pd.DataFrame, cohort: CohortOf, source: str) -> pd.DataFrame:
    """Raises InputError for fewer rows than anything can be said of."""
    from evenhand.audit.data.filtering import rows_where
    from evenhand.audit.data.written.filters import parse_filter

    chosen = rows_where(frame, parse_filter(cohort.where))
    if (n := int(chosen.sum())) < FEWEST_OF_COHORT:
        raise InputError(
            "cohort {name!r} has {n} rows of {source}; under {fewest} nothing is said of people",
            remedy="widen its condition: {where}",
            name=cohort.name,
            n=n,
            source=source,
            fewest=FEWEST_OF_COHORT,
            where=cohort.where,
        )
    return frame[chosen]


def in_order(frame: pd.DataFrame, last: tuple[str, ...] = ()) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows in canonical order, and the place of each in its file, from 1."""
    frame = frame.iloc[canonical_order(frame, last=last)]
    return frame.reset_index(drop=True), frame.index.to_numpy() + 1


def labelled_rows(table: Table, target: str | None) -> pd.DataFrame:
    """The rows whose target is known; all without one. Raises InputError where none is."""
    if target is None:
        return table.frame
    missing = table.frame[target].isna()
    if not missing.any():
        return table.frame
    if missing.all():
        raise InputError(
            "target {target!r} of {source} has no labels at all",
            remedy="name another --target, or leave it out to audit predictions alone",
            target=target,
            source=table.source,
        )
    return table.frame[~missing]
