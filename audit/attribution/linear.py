"""The closed form of linear models: weight x (input - baseline), in the models' own weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.baselines import DECLARED, TYPICAL, declared_row, typical_row
from evenhand.audit.attribution.door import Answer
from evenhand.audit.attribution.output import Output
from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

# Layers that leave a network linear: all others make it something else.
_LINEAR_LAYERS = frozenset({"Linear", "Flatten", "Identity", "Dropout"})


def is_linear(predictor: Predictor) -> bool:
    """Whether the log-odds (binary) or the value (regression) is linear in the encoded inputs."""
    if predictor.task not in ("binary", "regression"):
        return False
    access = predictor.gradients
    if access is not None:
        return access.baseline.ndim == 1 and _is_linear_network(access.module, access.baseline)
    return _parts(predictor) is not None


def linear_attributions(
    predictor: Predictor, output: Output, rows: pd.DataFrame, baseline: pd.DataFrame | None
) -> Answer:
    """Attributions of the log-odds or the value, exact; see
    ``evenhand.audit.attribution.attribute``.

    Raises InputError for the probability, in which no model is linear.
    """
    import numpy as np

    if output.kind not in ("logit", "value"):
        raise InputError(
            "a linear model isn't linear in its {output_kind}",
            remedy="pass output: logit",
            output_kind=output.kind,
        )
    columns = list(predictor.input_columns)
    form = _estimator_form if predictor.gradients is None else _network_form
    inputs, reference, weights, constant, owners, named = form(predictor, baseline, rows)
    sign = (
        np.ones(len(rows)) if output.targets is None else np.where(output.targets == 1, 1.0, -1.0)
    )
    parts = (inputs - reference) * weights
    values = np.zeros((len(rows), len(columns)))
    for position, owner in enumerate(owners):
        values[:, columns.index(owner)] += parts[:, position]
    full, empty = inputs @ weights + constant, float(reference @ weights + constant)
    values, full = values * sign[:, None], full * sign
    ends = np.full(len(rows), empty) * sign
    return Answer(
        {
            "values": values,
            "output": full,
            "baseline_output": ends,
            "gap": values.sum(axis=1) - (full - ends),
        },
        {
            "name": "linear",
            "method": f"closed form, weight x (input - baseline); baseline: {named}; "
            f"target: {output.words}",
            "baseline": named,
            "target": output.words,
            "unit": output.unit,
            "columns": columns,
            "evaluations": 0,
            "exact": True,
            "complete": True,
            "seed": 0,
        },
    )


_Form = tuple["np.ndarray", "np.ndarray", "np.ndarray", float, tuple[str, ...], str]


def _network_form(predictor: Predictor, baseline: pd.DataFrame | None, rows: pd.DataFrame) -> _Form:
    import numpy as np

    access = predictor.gradients
    assert access is not None
    if baseline is None:
        reference, named = np.asarray(access.baseline, dtype=float), access.baseline_name
    else:
        declared = declared_row(baseline, predictor.input_columns)
        reference, named = access.encode(declared)[0].astype(float), DECLARED
    weights, constant = _weights(access.module, access.baseline)
    inputs = access.encode(rows).astype(float)
    return inputs, reference, weights, constant, access.encoded_columns, named


def _is_linear_network(module: Any, baseline: np.ndarray) -> bool:
    """By its layers, and by trying it: layers say nothing of what a forward does between them."""
    import numpy as np
    import torch

    if not isinstance(module, torch.nn.Module):
        return False
    leaves = [m for m in module.modules() if not list(m.children())]
    if {type(m).__name__ for m in leaves} - _LINEAR_LAYERS:
        return False
    weights, constant = _weights(module, baseline)
    tried = np.random.default_rng(0).normal(size=(16, len(baseline)), scale=3).astype(np.float32)
    with torch.no_grad():
        outputs = _log_odds(module(torch.from_numpy(tried)).double()).numpy()
    expected = tried.astype(float) @ weights + constant
    return bool(np.allclose(outputs, expected, rtol=1e-4, atol=1e-4 * (1 + np.abs(expected).max())))


def _log_odds(outputs: torch.Tensor) -> torch.Tensor:
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs[:, 1] - outputs[:, 0]


def _weights(module: Any, baseline: np.ndarray) -> tuple[np.ndarray, float]:
    """Slope (n_encoded,) and constant, in float64, of the log-odds of class 1 or of the value."""
    import copy

    import torch

    exact = copy.deepcopy(module).double()
    at = torch.zeros(1, len(baseline), dtype=torch.float64, requires_grad=True)
    output = _log_odds(exact(at).double())
    (slope,) = torch.autograd.grad(output.sum(), at)
    return slope[0].numpy(), float(output.detach()[0])


def _parts(predictor: Predictor) -> tuple[Any, Any] | None:
    """(the steps before, the linear estimator) of a scikit-learn model; None if it isn't one."""
    estimator = getattr(predictor, "estimator", None)
    if estimator is None:
        return None
    from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline

    before, last = None, estimator
    if isinstance(estimator, Pipeline):
        before, last = estimator[:-1], estimator[-1]
    return (before, last) if type(last) in (LogisticRegression, LinearRegression, Ridge) else None


def _estimator_form(
    predictor: Predictor, baseline: pd.DataFrame | None, rows: pd.DataFrame
) -> _Form:
    """A scikit-learn model's weights over what its earlier steps make of the columns."""
    import numpy as np

    found = _parts(predictor)
    assert found is not None
    before, last = found
    columns = list(predictor.input_columns)
    if baseline is None:
        chosen, named = typical_row(rows, columns), TYPICAL
    else:
        chosen, named = declared_row(baseline, columns), DECLARED

    named_columns = hasattr(predictor.estimator, "feature_names_in_")  # type: ignore[attr-defined]

    def transformed(frame: pd.DataFrame) -> np.ndarray:
        given = frame[columns] if named_columns else frame[columns].to_numpy()
        made: Any = given if before is None else before.transform(given)
        dense = made.toarray() if hasattr(made, "toarray") else made
        return np.asarray(dense, dtype=float)

    inputs, reference = transformed(rows), transformed(chosen)[0]
    owners = _owners(transformed, rows, chosen, columns)
    weights = np.asarray(last.coef_, dtype=float).reshape(-1)
    constant = float(np.asarray(last.intercept_, dtype=float).reshape(-1)[0])
    return inputs, reference, weights, constant, owners, named


def _owners(
    transformed: Any, rows: pd.DataFrame, chosen: pd.DataFrame, columns: list[str]
) -> tuple[str, ...]:
    """The raw column that each transformed position is a function of.

    Raises InputError where a position mixes columns: its weight can't be shared out.
    """
    import numpy as np

    reference, whole = transformed(chosen), transformed(rows)
    owners = np.full(reference.shape[1], "", dtype=object)
    explained = (whole == reference).all(axis=0)
    for column in columns:
        alone = chosen.iloc[[0] * len(rows)].reset_index(drop=True)
        alone[column] = rows[column]
        made = transformed(alone)
        moved = (made != reference).any(axis=0)
        explained |= moved & (made == whole).all(axis=0)
        owners[moved] = column
    if not explained.all():
        raise InputError(
            "an encoded position of this linear model mixes several columns",
            remedy="use shapley_exact or shapley_sampling",
        )
    owners[owners == ""] = columns[0]  # never moves from the baseline: its part is 0
    return tuple(owners)
