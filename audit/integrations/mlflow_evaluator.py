"""MLflow: ``mlflow.models.evaluate(..., evaluators="evenhand")`` audits and judges a run's model.

Loaded by MLflow through the entry point group ``mlflow.model_evaluator``; needs ``mlflow-skinny``.
The case, its report and the counts of its verdicts are logged to the run.
"""

from __future__ import annotations

from typing import Any

from mlflow.models.evaluation.base import EvaluationResult, ModelEvaluator

from evenhand.audit.errors import InputError
from evenhand.audit.files.leftovers import own_folder

_TYPES = {"classifier": None, "regressor": "regression"}
_PREFIX = "evenhand"


class EvenhandEvaluator(ModelEvaluator):
    """Takes options as ``evaluator_config``: policy (required), sensitive_features,
    positive_label, declared ... as in subject.yaml. Never fails the run: the exit code is logged.
    """

    @classmethod
    def can_evaluate(cls, *, model_type: str, evaluator_config: Any, **kwargs: Any) -> bool:
        """Whether the type of model is one that tables are audited for."""
        return model_type in _TYPES

    def evaluate(
        self,
        *,
        model_type: str,
        dataset: Any,
        run_id: str,
        evaluator_config: Any,
        model: Any = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        """Audits into a case, logs it, and returns the numbers that were logged."""
        from mlflow import MlflowClient

        from evenhand.audit.api.judging import report
        from evenhand.audit.integrations.guard import audit_predictor

        options = dict(evaluator_config or {})
        if "policy" not in options:
            raise InputError(
                "evaluator_config names no policy", remedy='e.g. {"policy": "baseline"}'
            )
        rows, target = _rows(dataset)
        if _TYPES[model_type]:
            options.setdefault("task", _TYPES[model_type])
        # The register keeps the case's place: it stays there, beside the copy in the run.
        judged = audit_predictor(_predictor(model, dataset), rows, target=target, **options)
        client = MlflowClient()
        metrics = _metrics(judged)
        for name, value in metrics.items():
            client.log_metric(run_id, name, value)
        client.log_artifacts(run_id, str(judged.case.path), f"{_PREFIX}/case")
        with own_folder() as folder:
            report(judged).save(folder / "report.html")
            client.log_artifact(run_id, str(folder / "report.html"), _PREFIX)
        return EvaluationResult(metrics=metrics, artifacts={}, run_id=run_id)


def _rows(dataset: Any) -> tuple[Any, str]:
    """The features and labels as one frame, and the name of the label column."""
    import pandas as pd

    if not dataset.has_targets:
        raise InputError("the data set names no targets", remedy="pass targets= to evaluate")
    features = dataset.features_data
    if not isinstance(features, pd.DataFrame):
        raise InputError(
            "the data set holds a {type}",
            remedy="pass a pandas frame, whose columns have names",
            type=type(features).__name__,
        )
    target = str(dataset.targets_name or "target")
    return features.assign(**{target: dataset.labels_data}), target


def _predictor(model: Any, dataset: Any) -> Any:
    """The run's model, or the predictions that the data set holds."""
    if model is not None:
        return _raw(model) or model
    if not dataset.has_predictions:
        raise InputError("there is neither a model nor predictions", remedy="pass one of them")
    stored = dataset.predictions_data
    return lambda rows: stored


def _raw(model: Any) -> Any:
    """The scikit-learn model behind MLflow's wrapper, for its probabilities; else None."""
    try:
        raw = model.get_raw_model()
    except (AttributeError, NotImplementedError):
        return None
    return raw if hasattr(raw, "predict_proba") else None


def _metrics(judged: Any) -> dict[str, float]:
    from evenhand.policies.gate import counts

    found = {
        f"{_PREFIX}/verdicts/{status}": float(n)
        for status, n in counts(judged.verdicts).items()
        if n
    }
    found[f"{_PREFIX}/exit_code"] = float(judged.exit_code)
    for finding in judged.case.findings:
        if finding.value is not None and not finding.group and not finding.column:
            between = "/" + " x ".join(finding.between) if finding.between else ""
            name = f"{_PREFIX}/{finding.check}/{finding.measure}{between}"
            found[_allowed(name)] = finding.value
    return found


def _allowed(name: str) -> str:
    """A name that MLflow takes: letters, digits and a few signs."""
    return "".join(c if c.isalnum() or c in "_-./ " else "_" for c in name)[:250]
