"""What the true answers are: labels for classifiers, numbers for regression, none for text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import as_text, match_label, texts
from evenhand.audit.errors import InputError, RowError, nearest
from evenhand.audit.models.predictor import Task
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.words.phrases import as_is, phrase
from evenhand.audit.worker.opened import Opened

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Target:
    """The true answers of the audited rows.

    ``labels`` are texts (classification), ``values`` numbers (regression), both of shape (n,);
    both are None without a target. ``classes`` are the labels that can occur. ``positive`` and
    ``negative`` belong to binary tasks.
    """

    labels: np.ndarray | None = None
    values: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    positive: str | None = None
    negative: str | None = None


def read_target(frame: pd.DataFrame, spec: SubjectSpec, task: Task, model: Opened | None) -> Target:
    """The target of the audited rows, checked against the task and the model.

    Raises InputError for a column that cannot be the target of such a task.
    """
    if task == "binary":
        return _binary(frame, spec, model)
    if task == "multiclass":
        return _multiclass(frame, spec, model)
    if task == "regression":
        return _regression(frame, spec)
    if spec.target is not None:
        raise InputError(
            "a generation task has no target, but {target!r} is named",
            remedy="leave --target out: the text itself is what is predicted",
            target=spec.target,
        )
    return Target()


def _binary(frame: pd.DataFrame, spec: SubjectSpec, model: Opened | None) -> Target:
    if spec.target in frame.columns:  # rows that stay on disk have no frame
        _refuse_amounts(frame[spec.target], str(spec.target))
    if spec.positive_label is None:
        raise InputError(
            "a binary task needs a positive label; it is declared, never guessed",
            remedy="pass --positive-label LABEL (and --positive-is benefit or burden)",
        )
    label = as_text(spec.meant(spec.positive_label, spec.target))
    labels = None
    known: list[str] = []
    if spec.target is not None:
        labels, _ = texts(frame[spec.target])
        known = sorted(set(labels))
        _check_classes(known, spec.target)
        if match_label(label, known) is None:
            raise InputError(
                "positive label {label!r} does not occur in target {target!r}",
                remedy=nearest(label, known),
                label=label,
                target=spec.target,
            )
        _check_two(known, spec.target)
    elif model is not None:
        known = list(model.predictor.classes)
    elif spec.predicted is not None:
        known = sorted(set(texts(frame[spec.predicted].dropna())[0]))
    positive = match_label(label, known) if known else label
    if positive is None:
        raise InputError(
            "positive label {label!r} is not among the labels",
            remedy=nearest(label, known),
            label=label,
        )
    if model is not None and match_label(positive, model.predictor.classes) is None:
        raise InputError(
            "positive label {positive!r} is not a class of model {model_path}",
            remedy="{positive_2}; {name_classes}",
            positive=positive,
            model_path=model.path,
            positive_2=nearest(positive, model.predictor.classes),
            name_classes=_NAME_CLASSES,
        )
    others = [k for k in known if k != positive]
    negative = others[0] if len(others) == 1 else None
    return Target(labels, None, tuple(known), positive, negative)


def _multiclass(frame: pd.DataFrame, spec: SubjectSpec, model: Opened | None) -> Target:
    _refuse_positive_label(spec, "multiclass")
    # Stored predictions may be of classes that these rows have no label of: they are declared.
    offered = [as_text(c) for c in spec.classes] if model is None else [*model.predictor.classes]
    if spec.target is None:
        return Target(classes=tuple(offered))
    _refuse_amounts(frame[spec.target], str(spec.target))
    labels, _ = texts(frame[spec.target])
    known = sorted(set(labels))
    _check_classes(known, spec.target)
    if not offered:
        return Target(labels, None, tuple(known))
    # The model's own spelling of a label rules ("3" where the data has 3.0).
    meaning = {label: match_label(label, offered) for label in known}
    for label, meant in meaning.items():
        if meant is None:
            where = f"a class of {model.path}" if model is not None else "among the --classes"
            raise InputError(
                "label {label!r} of target {target!r} is not {where}",
                remedy="{label_2}; {name_classes}",
                label=label,
                target=spec.target,
                where=where,
                label_2=nearest(label, offered),
                name_classes=_NAME_CLASSES,
            )
    import numpy as np

    renamed = np.array([meaning[label] for label in labels], dtype=object)
    return Target(renamed, None, tuple(offered))


def _regression(frame: pd.DataFrame, spec: SubjectSpec) -> Target:
    _refuse_positive_label(spec, "regression")
    if spec.target is None:
        return Target()
    return Target(values=numbers(frame[spec.target], f"target {spec.target!r}"))


_MOST_CLASSES = 30  # that are written as fractions (grades 1.3, 1.7 and the like)
_MOST_ONCE = 0.4  # share of different numbers among all from which on they are amounts
# XGBoost, LightGBM and others number their classes: what they are called is declared.
_NAME_CLASSES = "if the model only numbers its classes, name them in its order with --classes"


def _refuse_positive_label(spec: SubjectSpec, task: str) -> None:
    if spec.positive_label is not None:
        raise InputError(
            "a {task} task has no positive label, but {positive_label!r} is given",
            remedy="leave --positive-label out, or pass --task binary",
            task=task,
            positive_label=spec.positive_label,
        )


def numbers(column: pd.Series[Any], what: str) -> np.ndarray:
    """A column as finite floats, shape (n,). Raises InputError that shows the first bad cell."""
    import numpy as np
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    bad = column[column.notna() & pd.isna(values)]
    if len(bad):
        first = int((column.notna().to_numpy() & np.isnan(values)).argmax())
        raise RowError(
            "{what} holds {iloc!r} in {row}, which is no number ({n_bad} such rows)",
            first,
            remedy="give numbers only",
            what=what,
            iloc=bad.iloc[0],
            n_bad=len(bad),
        )
    require_finite(values, phrase("{what} has", what=what), phrase("fix or remove those rows"))
    return values


def require_finite(values: np.ndarray, what: str, remedy: str) -> None:
    """Raises InputError that names the first row, of shape (n,) or (n, classes), that is not."""
    import numpy as np

    wrong = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if wrong.any():
        count = int(wrong.sum())
        raise RowError(
            "{what} {count} values that are not finite: in {row} first"
            if count > 1
            else "{what} a value that is not finite in {row}",
            int(wrong.argmax()),
            remedy=as_is(remedy),
            what=what,
            count=count,
        )


def _refuse_amounts(column: pd.Series[Any], target: str) -> None:
    """Raises InputError for a target that holds amounts, not classes."""
    if not is_number(column):
        return
    known = column.dropna()
    distinct = known.unique()
    has_fractions = any(float(v) % 1 for v in distinct)
    if len(distinct) > _MOST_CLASSES and (has_fractions or len(distinct) > _MOST_ONCE * len(known)):
        raise InputError(
            "target {target!r} holds {n_distinct} different numbers, fractions among them: "
            "amounts, and no classes"
            if has_fractions
            else "target {target!r} holds {n_distinct} different numbers, most of them once or "
            "twice: amounts, and no classes",
            remedy="is it a regression? Pass --task regression; or make a column of the decision",
            target=target,
            n_distinct=len(distinct),
        )


def _check_classes(known: list[str], target: str) -> None:
    if len(known) == 1:
        raise InputError(
            "target {target!r} has one class only: {known!r}",
            remedy="an audit of a classifier needs rows of at least two classes",
            target=target,
            known=known[0],
        )


def _check_two(known: list[str], target: str) -> None:
    if len(known) > 2:
        shown = ", ".join(repr(k) for k in known[:6])
        raise InputError(
            "target {target!r} has {n_known} classes ({shown}), a binary audit needs two",
            remedy="pass --task multiclass, or make a column that says whether the label is the "
            "positive one",
            target=target,
            n_known=len(known),
            shown=shown,
        )
