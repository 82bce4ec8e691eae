"""The subject: a model (or stored predictions), its data, and what its maker declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.data.grouping import asks_for_bins, bins_of
from evenhand.audit.data.reading.plain_text import is_plain_text
from evenhand.audit.data.table import Table, explained_by, texts
from evenhand.audit.data.written.bins import Bins
from evenhand.audit.errors import InputError, rows_of_file
from evenhand.audit.models.predictor import Task, gives_scores
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.comparable import group_columns, groups_of_known
from evenhand.audit.subject.declared_file import DeclaredFile
from evenhand.audit.subject.fitting import check_combination, require_columns
from evenhand.audit.subject.rows import (
    audited_rows,
    in_order,
    labelled_rows,
    read_part,
    read_rows,
)
from evenhand.audit.subject.spec import Actionable, SubjectSpec
from evenhand.audit.subject.tallying.counts import Counts
from evenhand.audit.subject.tallying.people import units_of
from evenhand.audit.subject.target import Target, numbers, read_target
from evenhand.audit.words.roles import lawful_reasons
from evenhand.audit.worker.isolation.levels import Rules
from evenhand.audit.worker.opened import Opened
from evenhand.audit.worker.opening import begin_opening, open_endpoint

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Stored:
    """Columns of stored predictions: predicted labels, scores, or both with a threshold."""

    predicted: str | None
    score: str | None


@dataclass(frozen=True, eq=False)
class Subject:
    """What is audited. ``frame`` holds the rows in canonical order, ``truth`` their true answers;
    ``groups`` the sensitive and control features as texts, missing ones as ``unknown``.
    ``training`` holds the rows that the model was trained on, where they were given; ``weights``
    the rows' weights, float of shape (n,), where a ``weight`` column was named; ``units`` codes of
    the persons whose rows they are, int of shape (n,), where a ``unit`` column tells several rows
    of one person; ``row_numbers``
    each row's place in the data file, from 1, int of shape (n,). ``outcomes`` are columns that were
    known later than the decision, which no model reads. ``proxies``,
    ``reference_applicant`` and ``actionable`` are what the spec declares for the reasons and
    counterfactuals of a person; ``lawful_reasons`` the sensitive features that may be told all the
    same.

    ``bins`` are the groups that numbers or dates of a feature make.

    Where the rows stay on disk (``evenhand.audit.subject.streamed``) ``counts`` and each feature's
    ``missing`` cells are all that is known of them: ``frame`` and ``groups`` raise RowsOnDisk.
    """

    name: str
    task: Task
    model: Opened | None
    stored: Stored | None
    table: Table
    frame: pd.DataFrame
    target: str | None
    truth: Target
    positive_is: Literal["benefit", "burden"] | None
    threshold: float | None
    sensitive_features: tuple[str, ...]
    control_features: tuple[str, ...]
    groups: pd.DataFrame
    declared: Mapping[str, Any]
    facts: Mapping[str, Any]
    digests: Mapping[str, str]
    n_dropped: int = 0
    notes: Reasons = ()
    training: FurtherRows | None = None
    weight: str | None = None
    weights: np.ndarray | None = None
    unit: str | None = None
    units: np.ndarray | None = None
    row_numbers: np.ndarray | None = None
    proxies: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    reference_applicant: Mapping[str, Any] = field(default_factory=dict)
    actionable: Mapping[str, Actionable] = field(default_factory=dict)
    lawful_reasons: tuple[str, ...] = ()
    counts: Counts | None = None
    missing: Mapping[str, int] = field(default_factory=dict)
    declared_file: DeclaredFile | None = None
    bins: Mapping[str, Bins] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Rows that are audited."""
        return len(self.frame) if self.counts is None else self.counts.n

    @property
    def is_streamed(self) -> bool:
        """Whether the rows stay on disk."""
        return self.counts is not None

    @property
    def is_weighted(self) -> bool:
        """Whether rows have weights."""
        counted = self.counts is not None and self.counts.weights is not None
        return counted or self.weights is not None

    def numbers_at(self, positions: np.ndarray) -> np.ndarray | None:
        """The places in the data file, from 1, of the rows at ``positions`` of ``frame``."""
        return None if self.row_numbers is None else self.row_numbers[positions]

    @property
    def edges(self) -> dict[str, Any]:
        """The edges of bins, those of quantiles worked out, as the plan keeps them."""
        return {"bins": {c: list(b.edges) for c, b in self.bins.items()}} if self.bins else {}

    def missing_cells(self, column: str) -> int:
        """Missing cells of a column among the audited rows."""
        known = self.is_streamed
        return self.missing.get(column, 0) if known else int(self.frame[column].isna().sum())


@dataclass(frozen=True, eq=False)
class FurtherRows:
    """Further rows with their true answers, in canonical order, and their places in the file;
    ``groups`` as the subject's."""

    frame: pd.DataFrame
    truth: Target
    numbers: np.ndarray
    groups: pd.DataFrame


def build_subject(spec: SubjectSpec, rules: Rules | None = None) -> Subject:
    """Opens what the spec names, by the user's own ``rules``, and checks that it fits together.

    Raises InputError (exit 2) for a missing file or column, a target that cannot be used, a
    sensitive feature with one group; UnsafeModelError (exit 5) for a model that is refused.
    """
    check_combination(spec)
    opening, named = begin_model(spec, rules), str(spec.predictions or spec.data)
    model = opening() if is_plain_text(named) else None  # texts: else while its process starts
    table = read_rows(spec, model, rules)
    with explained_by(table.notes):
        return _of_table(spec, table, model, opening, rules)


def _of_table(
    spec: SubjectSpec,
    table: Table,
    model: Opened | None,
    opening: Callable[[], Opened | None],
    rules: Rules | None,
) -> Subject:
    require_columns(spec, table, None)
    frame, row_numbers = audited_rows(table, spec)
    model = model or opening()
    task = task_of(spec, model)
    require_columns(spec, table, model)
    with rows_of_file(row_numbers):
        truth = read_target(frame, spec, task, model)
        weights, units = _weights(frame, spec), units_of(frame, spec.unit)
    digests = _digests(table, model)
    bins = bins_of(frame, spec.features, spec)
    groups = group_columns(frame, spec, table.source, bins)
    return subject_of(
        spec,
        task,
        model,
        truth,
        table=table,
        frame=frame,
        groups=groups,
        digests=digests,
        n_dropped=len(table.frame) - len(labelled_rows(table, spec.target)),
        notes=_cohort(table, frame, spec)
        + _notes(table, frame, spec.id)
        + asks_for_bins(frame, spec.features, bins),
        training=_training(spec, task, model, digests, rules, bins),
        weights=weights,
        units=units,
        row_numbers=row_numbers,
        bins=bins,
    )


def subject_of(
    spec: SubjectSpec, task: Task, model: Opened | None, truth: Target, **rows: Any
) -> Subject:
    """The subject that a spec declares, with what was read: ``rows`` are the fields of ``Subject``
    that depend on where its rows are."""
    return Subject(
        name=spec.name or Path(spec.source).name,
        task=task,
        model=model,
        stored=None if model else Stored(spec.predicted, spec.score),
        truth=truth,
        target=spec.target,
        positive_is=spec.positive_is,
        threshold=spec.threshold,
        sensitive_features=spec.sensitive_features,
        control_features=spec.control_features,
        declared=spec.declared,
        facts=facts_of(spec, task, model),
        weight=spec.weight,
        unit=spec.unit,
        proxies=spec.proxies,
        outcomes=spec.outcomes,
        reference_applicant=spec.reference_applicant,
        actionable=spec.actionable,
        lawful_reasons=lawful_reasons({str(k): v for k, v in spec.roles.items()}, spec.facts),
        **rows,
    )


def _cohort(table: Table, frame: pd.DataFrame, spec: SubjectSpec) -> Reasons:
    """Which part of the rows is audited, where it is a part."""
    if spec.cohort is None:
        return ()
    whole, name, where = len(table.frame), spec.cohort.name, spec.cohort.where
    return because("cohort-of-rows", name=name, n=len(frame), of=whole, where=where)


def _notes(table: Table, frame: pd.DataFrame, id_column: str | None) -> Reasons:
    """What was seen while reading, and where the column that names rows does not."""
    notes: Reasons = ()
    if id_column is not None:
        names, missing = texts(frame[id_column])
        known = names[~missing]
        if n := int(missing.sum()):
            notes += because("id-empty", column=repr(id_column), n=n)
        if n := len(known) - len(set(known)):
            notes += because("id-repeated", column=repr(id_column), n=n)
    return table.notes + notes


def _digests(table: Table, model: Opened | None) -> dict[str, str]:
    known = {"data": table.digest, "model": model.digest if model else ""}
    return {part: digest for part, digest in known.items() if digest}


def begin_model(spec: SubjectSpec, rules: Rules | None = None) -> Callable[[], Opened | None]:
    """Finds the model that the spec names; what comes back opens it with what is declared about it,
    or gives None without one."""
    endpoint, declared = spec.asked_endpoint(), spec.model_declarations()
    if endpoint is not None:
        return partial(open_endpoint, endpoint, declared)
    if spec.model:
        return begin_opening(spec.model, declared, rules=rules, before=spec.preprocess)
    return lambda: None


def _weights(frame: pd.DataFrame, spec: SubjectSpec) -> np.ndarray | None:
    if spec.weight is None:
        return None
    weights = numbers(frame[spec.weight], f"weight column {spec.weight!r}")
    if (weights < 0).any() or not weights.any():
        what = "only zeros" if not weights.any() else f"{weights.min():g}"
        raise InputError(
            "weight column {weight!r} holds {what}",
            remedy="weights say for how many people a row stands: give numbers of 0 or more",
            weight=spec.weight,
            what=what,
        )
    return weights


def task_of(spec: SubjectSpec, model: Opened | None) -> Task:
    """The task that the spec names, else the model's own."""
    own = model.predictor.task if model is not None else None
    if spec.task is not None and own is not None and spec.task != own:
        raise InputError(
            "--task {task} is asked of model {source}, whose task is {own}",
            remedy="leave --task out",
            task=spec.task,
            source=spec.source,
            own=own,
        )
    if spec.task == "generation" and model is None:
        raise InputError("a generation task needs a model", remedy="pass a model folder")
    return spec.task or own or "binary"


def _training(
    spec: SubjectSpec,
    task: Task,
    model: Opened | None,
    digests: dict[str, str],
    rules: Rules | None,
    bins: Mapping[str, Bins],
) -> FurtherRows | None:
    if spec.training_data is None:
        return None
    if model is None:
        raise InputError(
            "training data are of use with a model only: stored predictions say nothing of them",
            remedy="leave --training-data out",
        )
    table = read_part(spec.training_data, spec, model, rules, part="train")
    require_columns(spec, table, model)
    frame, numbers = in_order(labelled_rows(table, spec.target))
    digests["training_data"] = table.digest
    with rows_of_file(numbers):
        groups = groups_of_known(frame, spec, bins)
        return FurtherRows(frame, read_target(frame, spec, task, model), numbers, groups)


# What the audit finds out itself, and packs may ask about.
SUBJECT_FACTS = frozenset(
    f"subject.{name}"
    for name in (
        "task",
        "has_model",
        "has_model_digest",
        "model_format",
        "has_labels",
        "has_scores",
        "positive_is",
        "sensitive_features",
        "is_private",
    )
)


def facts_of(spec: SubjectSpec, task: Task, model: Opened | None) -> dict[str, Any]:
    """What the audit finds out about the subject, and what is declared about it."""
    says = model.predictor.maker_says if model is not None else {}
    facts: dict[str, Any] = {
        "subject.task": task,
        "subject.has_model": model is not None,
        "subject.has_model_digest": model is not None and bool(model.digest),
        "subject.model_format": "none" if model is None else model.predictor.format,
        "subject.has_labels": spec.target is not None,
        "subject.has_scores": spec.score is not None
        or (model is not None and gives_scores(model.predictor)),
        "subject.positive_is": spec.positive_is or "undeclared",
        "subject.sensitive_features": list(spec.sensitive_features),
        "subject.is_private": bool(says.get("privacy")),
    }
    assert set(facts) == SUBJECT_FACTS
    clash = sorted(set(facts) & set(spec.facts))
    if clash:
        raise InputError(
            "fact {clash!r} is found out by the audit, it cannot be declared",
            remedy="use another name, e.g. system.domain",
            clash=clash[0],
        )
    return {**facts, **spec.facts}
