"""Audits from Python: a model or stored predictions, and rows, into a sealed, judged case."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

from evenhand.audit.api import sources
from evenhand.audit.api.judging import judged
from evenhand.audit.api.options import AuditOptions, GateOptions, OpeningOptions, SubjectOptions
from evenhand.audit.api.results import Result
from evenhand.audit.data.table import DONE_BY_READERS
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.leftovers import own_folder
from evenhand.audit.reason import Reasons
from evenhand.audit.run import flow
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from narwhals.typing import IntoFrame

    from evenhand.audit.subject.spec import SubjectSpec


def audit_predictions(
    predictions: IntoFrame | str | PathLike[str],
    *,
    policy: str | Sequence[str] = (),
    out: str | PathLike[str] | None = None,
    progress: flow.Progress | None = None,
    **options: Unpack[AuditOptions],
) -> Result:
    """Audits stored predictions; no model is needed, and none is opened.

    Parameters
    ----------
    predictions : a pandas, Polars or Arrow frame, or the path of a file, with a column of predicted
                  labels (``predicted``), of scores (``score``, ``threshold``), or both
    policy      : packs that judge the case: ids or paths; none: it is measured only
    out         : folder of the case to write; by default a new one below EVENHAND_HOME/cases
    progress    : called with what is done, how many checks are, and how many there are in all
    options     : as in subject.yaml and on the command line; see ``AuditOptions``

    Raises InputError for options that are unknown or do not fit the rows.

    >>> import evenhand
    >>> result = evenhand.audit_predictions(
    ...     ROWS, target="repaid", predicted="approved", positive_label=1,
    ...     sensitive_features="sex", checks=["fairness.*"], policy="baseline",
    ... )
    >>> gaps = result.findings.to_pandas().query("measure == 'demographic_parity_difference'")
    >>> gaps[["between", "value", "n"]].values.tolist()
    [['sex', 0.25, 400]]
    """
    given = _split(options)
    with _folder() as folder:
        rows = sources.rows_at(predictions, folder, "predictions")
        _write_joined(given, folder)
        spec = _spec({"predictions": rows, **_packs(policy, out), **given.subject})
        return _audit(spec, given, progress)


def audit_model(
    model: Any,
    data: IntoFrame | str | PathLike[str] | None = None,
    *,
    policy: str | Sequence[str] = (),
    out: str | PathLike[str] | None = None,
    scored_here: bool = False,
    progress: flow.Progress | None = None,
    resume: bool = False,
    cache: bool = True,
    **options: Unpack[AuditOptions],
) -> Result:
    """Audits a model on rows into a sealed case, and judges it.

    Parameters
    ----------
    model       : the path of a saved model or of a subject.yaml; a fitted scikit-learn object; a
                  torch module with its declared ``inputs`` (columns, or mappings as in
                  subject.yaml); anything else with ``predict_proba`` or ``predict``, or a function
                  of a frame that returns floats (scores of the positive label; values in
                  regression) or labels
    data        : the rows to audit on: a pandas, Polars or Arrow frame, or the path of a file
    policy, out, progress, options : as in ``audit_predictions``
    scored_here : whether a model of this process is asked here, and its answers are audited, even
                  where it could be saved. Checks that ask the model itself (explanations,
                  robustness) then say that there is none. Objects that can't be saved as data are
                  always asked so.
    resume      : go on with the same audit, which was cut off
    cache       : whether what is known from earlier runs is taken, and not measured again

    A model that is saved lies in a temporary folder, and is opened in the sandbox as a file would
    be; its digest is that of the file. Raises InputError for options that do not fit and for
    objects that can't be saved; UnsafeModelError where the isolation here is too low for a torch
    program.

    >>> import evenhand
    >>> result = evenhand.audit_model(
    ...     MODEL, ROWS, target="repaid", positive_label=1, sensitive_features=["sex"],
    ...     checks=["performance.*"],
    ... )
    >>> result.passed is None  # nothing was asked of it, so it was measured only
    True
    >>> [f.n for f in result.findings if f.measure == "accuracy_score"]
    [400]
    """
    settings = _split(options)
    base: Mapping[str, Any] = {}
    with _folder() as folder:
        _write_joined(settings, folder)
        if isinstance(model, str | PathLike):
            base = _of_path(model)
            if data is not None:
                base = {**base, "data": sources.rows_at(data, folder, "rows")}
        elif data is None:
            raise InputError("which rows is the model audited on?", remedy="pass data")
        else:
            base = _of_object(model, data, folder, dict(settings.subject), scored_here)
        spec = _spec({**base, **_packs(policy, out), **settings.subject})
        return _audit(spec, settings, progress, resume=resume, cache=cache)


class _Given:
    """The options, sorted by what they are about."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        def part(keys: Mapping[str, Any]) -> dict[str, Any]:
            return {k: v for k, v in options.items() if k in keys}

        self.subject = part(SubjectOptions.__annotations__)
        self.gate = cast("GateOptions", part(GateOptions.__annotations__))
        self.opening = part(OpeningOptions.__annotations__)


def _split(options: AuditOptions) -> _Given:
    known = AuditOptions.__annotations__
    for name in options:
        if name not in known:
            raise InputError("unknown option {name!r}", remedy=nearest(name, known), name=name)
    return _Given(options)


def _write_joined(given: _Given, folder: Path) -> None:
    """The second table of the same people, which may be a frame as well."""
    if given.subject.get("join") is not None:
        given.subject["join"] = sources.rows_at(given.subject["join"], folder, "joined")


@contextmanager
def _folder() -> Iterator[Path]:
    with own_folder() as folder:
        yield folder


def _packs(policy: str | Sequence[str], out: str | PathLike[str] | None) -> dict[str, Any]:
    named = (policy,) if isinstance(policy, str) else tuple(policy)
    return {
        **({"policy": named} if named else {}),
        **({"out": str(out)} if out is not None else {}),
    }


def _of_path(model: str | PathLike[str]) -> dict[str, Any]:
    """The keys of a saved model, or those that a subject file states (told by its content)."""
    from evenhand.audit.subject.subject_file import is_subject, read_spec

    if is_subject(str(model)):
        return read_spec(str(model)).model_dump(exclude_unset=True)
    return {"model": str(model)}


def _of_object(
    model: Any, data: Any, folder: Path, options: dict[str, Any], scored_here: bool
) -> dict[str, Any]:
    """The keys of a model of this process: saved, or asked here."""
    name = sources.name_of(model)
    format = None if scored_here else sources.saved_as(model)
    if format is None:
        rows = sources.as_pandas(data)
        answered, keys = sources.answers(model, rows, options.get("target"), options)
        stored = sources.rows_at(answered, folder, "predictions")
        return {"predictions": stored, "name": name, **keys}
    if format == "torch-export":
        place = sources.save_torch(model, folder, columns=_inputs_of(model, options))
    else:
        place = sources.save_sklearn(model, folder)
    return {"model": str(place), "data": sources.rows_at(data, folder, "rows"), "name": name}


def _inputs_of(model: Any, options: dict[str, Any]) -> int:
    """How many numbers a row of the declared inputs is."""
    from evenhand.audit.subject.spec import make_spec

    if not options.get("inputs"):
        raise InputError(
            "which columns does {type} read?",
            remedy='declare them in their order: inputs=["age", "income"], outputs="logits"',
            type=type(model).__name__,
        )
    declared = make_spec({"inputs": options["inputs"]}, source="the call").model_declarations()
    return sum(len(i.categories) or 1 for i in declared.inputs)


def _spec(values: Mapping[str, Any]) -> SubjectSpec:
    from evenhand.audit.subject.spec import make_spec

    return make_spec(values, source="the call")


def _warned(said: Reasons) -> None:
    """What asks for something is a warning; what a reader did is in the case's ``data.quality``."""
    if any(reason.code not in DONE_BY_READERS for reason in said):
        warnings.warn(render(said), stacklevel=6)


def measured_as(spec: SubjectSpec) -> Result:
    """An audit by a spec that is whole, judged by the packs that it names."""
    return _audit(spec, _Given({}), None)


def _audit(
    spec: SubjectSpec,
    settings: _Given,
    progress: flow.Progress | None,
    **how: Any,
) -> Result:
    from evenhand.audit.worker.isolation.levels import make_rules

    case, packs = flow.measure(
        spec,
        progress=progress or flow.no_progress,
        rules=make_rules(**settings.opening),
        say=lambda message: warnings.warn(message, stacklevel=4),
        note=_warned,
        **how,
    )
    return judged(case, packs, settings.gate)
