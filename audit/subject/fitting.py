"""Whether what a spec names fits together, and fits its table and its model."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.data.table import Table
from evenhand.audit.data.written.declared import option
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.worker.opened import Opened


def _bins_of_features(spec: SubjectSpec) -> None:
    for column in spec.bins:
        if column not in spec.features:
            raise InputError(
                "bins are declared for {column!r}, which is no sensitive or control feature",
                remedy=nearest(column, spec.features),
                column=column,
            )


def check_combination(spec: SubjectSpec) -> None:
    """Raises InputError for keys of the spec that do not go together."""
    _one_role_each(spec)
    _bins_of_features(spec)
    if (spec.join is None) == bool(spec.on):
        raise InputError(
            "{join}: a file to join needs both --join FILE and --on COLUMN",
            remedy="pass both: --join FILE --on COLUMN, the column that says whose a row is",
            join=spec.join or "--on " + ", ".join(spec.on),
        )
    if spec.predictions:
        if spec.model or spec.endpoint or spec.data or spec.preprocess:
            raise InputError(
                "stored predictions need no model and no data",
                remedy="pass either --predictions FILE, or a model with --data FILE",
            )
        if not (spec.predicted or spec.score):
            raise InputError(
                "which columns of {predictions} are the predictions?",
                remedy="pass --predicted COLUMN, or --score COLUMN --threshold NUMBER, or both",
                predictions=spec.predictions,
            )
        binary = spec.task in (None, "binary")
        if binary and not spec.predicted and spec.threshold is None:
            raise InputError(
                "scores in {score!r} need a threshold to become predictions",
                remedy="pass --threshold NUMBER (predicted positive = score at or above it)",
                score=spec.score,
            )
    elif spec.preprocess and not spec.model:
        raise InputError(
            "{preprocess} stands before a model, and none is named",
            remedy="pass the model's own file too: MODEL --preprocess FILE",
            preprocess=spec.preprocess,
        )
    elif spec.model and spec.endpoint:
        raise InputError(
            "a model ({model}) and an endpoint are named",
            remedy="audit one of them",
            model=spec.model,
        )
    elif not ((spec.model or spec.endpoint) and spec.data):
        asked = f"model {spec.model}" if spec.model else "the endpoint"
        missing = f"data for {asked}" if spec.model or spec.endpoint else "a model"
        raise InputError(
            "nothing to audit: {missing} is missing",
            remedy="pass MODEL --data FILE, or --predictions FILE, or a subject.yaml",
            missing=missing,
        )


def _one_role_each(spec: SubjectSpec) -> None:
    """Raises InputError where a column of answers has another role too, and a check reads them.

    Checks of the data alone ask for no answers: what stands in their place changes nothing.
    """
    if spec.checks and all(pattern.startswith("data.") for pattern in spec.checks):
        return
    first = {spec.target: "target"} if spec.target else {}
    features = (*spec.sensitive_features, *spec.control_features)
    answers = [("predicted column", spec.predicted), ("score column", spec.score)]
    beside = [("weight column", spec.weight), ("unit column", spec.unit)]
    others = [*answers, *(("feature", c) for c in features), *beside]
    for role, column in others:
        if column in first:
            raise InputError(
                "{column!r} is named as {first} and as {role}: it is the same column",
                remedy="name the column that holds the {role}",
                column=column,
                first=first[column],
                role=role,
            )
        if column is not None and (role, column) in answers:
            first[column] = role


def require_columns(spec: SubjectSpec, table: Table, model: Opened | None) -> None:
    """Raises InputError for a column that the spec names and the table does not have."""
    table.require([spec.target] if spec.target else [], "target")
    table.require([spec.predicted] if spec.predicted else [], "predicted column")
    table.require([spec.score] if spec.score else [], "score column")
    table.require([spec.weight] if spec.weight else [], "weight column")
    table.require([spec.id] if spec.id else [], "id column")
    table.require([spec.unit] if spec.unit else [], "unit column")
    table.require(spec.sensitive_features, "sensitive feature")
    table.require(spec.control_features, "control feature")
    repeated = set(spec.sensitive_features) & set(spec.control_features)
    if repeated or len(set(spec.sensitive_features)) < len(spec.sensitive_features):
        raise InputError(
            "features are named twice: {sensitive_features}",
            remedy="name each sensitive or control feature once",
            sensitive_features=", ".join(spec.sensitive_features),
        )
    table.require(spec.proxies, "proxy")
    table.require(spec.outcomes, "outcome")
    if model is not None:
        _require_text(spec, table, model)
        table.require(model.predictor.input_columns, f"input of model {model.path}")
        _require_inputs(spec, model.predictor.input_columns)
        _require_no_answers(spec, model)


def _require_text(spec: SubjectSpec, table: Table, model: Opened) -> None:
    """Raises InputError for a model of texts that doesn't say which column it reads, as a
    vectoriser does not: the column of the longest texts is named."""
    inputs = model.predictor.input_columns
    texts = [c for c, kind in table.types.items() if kind == "text" and c not in spec.features]
    texts = [c for c in texts if c not in (*spec.answers, spec.unit, spec.id)]
    if tuple(inputs) != ("text",) or "text" in table.frame.columns or not texts:
        return
    longest = max(texts, key=lambda c: float(table.frame[c].dropna().str.len().mean()))
    raise InputError(
        "model {path} reads a column of texts, and does not say which",
        remedy="name it: {option}",
        path=model.path,
        option=option("inputs", longest),
    )


def _require_no_answers(spec: SubjectSpec, model: Opened) -> None:
    """Raises InputError for a model that would be given the answer that it is asked for."""
    answers = dict.fromkeys(spec.outcomes, "is declared as an outcome")
    for role in ("predicted", "score", "target"):
        if (column := getattr(spec, role)) is not None:
            answers[column] = f"is the {'target' if role == 'target' else f'{role} column'}"
    read = [c for c in model.predictor.input_columns if c in answers]
    if read:
        raise InputError(
            "model {model_path} reads {read}: it would be given the answer that it is asked for",
            remedy="audit a model that was fitted without it; or where the column is no answer, "
            "name another --target (--outcomes, --predicted, --score)",
            model_path=model.path,
            read=", ".join(f"{c!r}, which {answers[c]}" for c in read),
        )


def _require_inputs(spec: SubjectSpec, inputs: Sequence[str]) -> None:
    """What is declared about a person's columns is about columns that the model reads."""
    declared = {"reference_applicant": spec.reference_applicant, "actionable": spec.actionable}
    for key, columns in declared.items():
        for column in columns:
            if column not in inputs and not (key == "actionable" and column == "*"):
                raise InputError(
                    "{key}: {column!r} is not an input column of the model",
                    remedy=nearest(column, inputs),
                    key=key,
                    column=column,
                )
    for column in set(spec.sensitive_features) & set(spec.actionable):
        if not spec.actionable[column].immutable:
            raise InputError(
                "actionable: {column!r} is a sensitive feature, which nobody is asked to change",
                remedy="leave it out of actionable",
                column=column,
            )
