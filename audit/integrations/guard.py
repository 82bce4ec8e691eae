"""Audits a predictor that lives in this process and judges it with packs, in one call.

The predictor scores the rows here, and what is audited are those stored predictions: nothing is
saved, loaded or sandboxed, since the caller made the model. Checks that ask the model itself
(explanations, counterfactuals) need a saved model: pass its path.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.run import flow

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.case.case import Case
    from evenhand.policies.verdict import Verdict

_SCORE, _PREDICTED = "evenhand_score", "evenhand_predicted"
_SETTLED = ("pass", "attested", "not-applicable", "not-yet-applicable", "waived")


@dataclass(frozen=True)
class Judged:
    """A sealed case, its verdicts, and how the gate was set; ``exit_code`` as the command has."""

    case: Case
    verdicts: tuple[Verdict, ...]
    gate: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """0 where everything required passes; see ``evenhand --help``."""
        return int(self.gate["exit_code"])

    def __str__(self) -> str:
        lines = [
            f"{v.pack}:{v.item} {v.status}: {v.title.get('en', '')}: {v.because.get('en', '')}"
            for v in self.verdicts
            if v.status not in _SETTLED
        ]
        return "\n".join([*lines, f"exit code {self.exit_code}, case {self.case.path}"])

    def require(self) -> Judged:
        """Itself, if everything required passes. Raises AssertionError that names what does not."""
        if self.exit_code:
            raise AssertionError(f"the pack is not met\n{self}")
        return self


def audit_predictor(
    predictor: Any,
    rows: pd.DataFrame,
    *,
    policy: str | Sequence[str],
    target: str,
    out: str | Path,
    baseline: str | Path | None = None,
    fail_on: str = "high",
    strict: bool = False,
    inconclusive: str = "report",
    attestations: str = "warn",
    **options: Any,
) -> Judged:
    """Scores ``rows``, audits the scores into a case at ``out`` and judges it.

    Parameters
    ----------
    predictor : anything with ``predict_proba`` or ``predict`` (scikit-learn's way), a function of a
        frame that returns floats (scores of the positive label; values in regression) or labels, a
        path of a saved model, or None where ``rows`` holds ``predicted`` or ``score`` columns
    rows : the rows to audit on, with the ``target`` column; it is kept from the predictor
    options : as in subject.yaml: positive_label, sensitive_features, task, checks, declared ...

    Raises InputError for options that are unknown or do not fit.
    """
    from evenhand.audit.run.flow import measure
    from evenhand.audit.subject.spec import SubjectSpec, make_spec

    unknown = [name for name in options if name not in SubjectSpec.model_fields]
    if unknown:
        raise InputError(
            f"unknown option {unknown[0]!r}", remedy=nearest(unknown[0], SubjectSpec.model_fields)
        )
    packs = (policy,) if isinstance(policy, str) else tuple(policy)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="evenhand-")))
        spec = make_spec(
            {
                **_source(predictor, rows, target, options, folder),
                "target": target,
                "policies": packs,
                "out": str(out),
                **options,
            },
            source="audit_predictor",
        )
        case, loaded = measure(spec)
    day = flow.today(None)
    verdicts = flow.verdicts_of(case, loaded, day)
    gate = flow.gate(
        verdicts,
        fail_on=fail_on,
        strict=strict,
        inconclusive=inconclusive,
        attestations=attestations,
        before=flow.verdicts_before(Path(baseline) if baseline else None, loaded, day),
    )
    return Judged(case, tuple(verdicts), gate)


def _source(
    predictor: Any, rows: pd.DataFrame, target: str, options: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """The keys of the spec that say where models or predictions come from."""
    if isinstance(predictor, str | Path):
        rows.to_parquet(folder / "rows.parquet")
        return {"model": str(predictor), "data": str(folder / "rows.parquet")}
    stored = folder / "predictions.parquet"
    named = {"predictions": str(stored), "name": options.get("name") or _name(predictor)}
    if predictor is None:
        rows.to_parquet(stored)
        return named
    if target not in rows.columns:
        raise InputError(
            f"the rows have no column {target!r}", remedy=nearest(target, rows.columns)
        )
    column, values = _scored(predictor, rows.drop(columns=[target]), options)
    if len(values) != len(rows):
        raise InputError(
            f"the predictor gave {len(values)} answers for {len(rows)} rows",
            remedy="give one answer for each row",
        )
    rows.assign(**{column: values}).to_parquet(stored)
    key = "score" if column == _SCORE else "predicted"
    return {**named, key: column, **({"threshold": 0.5} if key == "score" else {})}


def _name(predictor: Any) -> str:
    return str(getattr(predictor, "__name__", None) or type(predictor).__name__)


def _scored(predictor: Any, rows: pd.DataFrame, options: dict[str, Any]) -> tuple[str, np.ndarray]:
    """The column that the answers are, and the answers, shape (n,)."""
    import numpy as np

    names = getattr(predictor, "feature_names_in_", None)
    inputs = rows if names is None else rows[list(names)]
    classes = [str(c) for c in getattr(predictor, "classes_", ())]
    if hasattr(predictor, "predict_proba") and len(classes) == 2:
        label = str(options.get("positive_label"))
        if label not in classes:
            raise InputError(
                f"positive_label {label!r} is no class of the predictor",
                remedy=nearest(label, classes),
            )
        return _SCORE, np.asarray(predictor.predict_proba(inputs))[:, classes.index(label)]
    answer = getattr(predictor, "predict", predictor)
    if not callable(answer):
        raise InputError(
            f"{type(predictor).__name__} can't predict",
            remedy="pass a function, or an object with predict or predict_proba",
        )
    values = np.asarray(answer(inputs)).reshape(-1)
    is_score = values.dtype.kind == "f" and options.get("task") != "regression"
    return (_SCORE if is_score else _PREDICTED), cast("np.ndarray", values)
