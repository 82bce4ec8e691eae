"""Which input columns move the score? Attributions by Captum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audit.checks.record import Recorder
from audit.errors import MissingNeed
from audit.finding import Finding
from audit.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from audit.measure.estimate import Estimate
    from audit.models.predictor import Gradients

QUESTION = "How much does each input column move the score of the positive label?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"model"})
SOURCE = (
    "Captum; integrated gradients: Sundararajan, Taly and Yan 2017; "
    "Shapley value sampling: Castro, Gomez and Tejada 2009"
)
COST = "slow"
MEASURES = {
    "mean_absolute_attribution": "mean over rows of |attribution| of a column, in probability",
    "completeness_gap": "mean over rows of |sum of attributions - (score - score of baseline)|",
}
_UNIT = "probability"


@dataclass(frozen=True)
class Attributions:
    """``values`` (rows, columns) in the order of the model's input columns; ``gap`` (rows,)."""

    values: np.ndarray
    gap: np.ndarray
    method: str


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    rows: int = 200,
    permutations: int = 10,
    steps: int = 50,
) -> Iterator[Finding]:
    """Yields the mean |attribution| of each column over ``rows`` sampled rows, and the gap.

    Models with gradients: integrated gradients in ``steps`` steps from the model's own baseline,
    summed over the encoded positions of a column. Others: Shapley value sampling with
    ``permutations`` over whole columns, from the median and the most frequent value of the data.
    """
    import numpy as np

    from audit.measure.intervals import mean

    if subject.model is None:
        raise MissingNeed("there is no model to explain, only stored predictions")
    record = Recorder(__name__, seed)
    predictor = subject.model.predictor
    sample = _sample(subject, record, rows)
    if predictor.gradients is not None:
        found = _integrated_gradients(subject, predictor.gradients, sample, steps)
    else:
        found = _shapley_sampling(subject, sample, record, permutations)
    method = (
        f"{found.method}; {len(sample)} of {subject.n} rows sampled; "
        f"target: probability of label {subject.truth.positive!r}"
    )

    def described(values: np.ndarray) -> Estimate:
        estimate = mean(np.abs(values), levels)
        kept = tuple(i.model_copy(update={"low": max(0.0, i.low)}) for i in estimate.intervals)
        return replace(estimate, intervals=kept, method=f"{method}; {estimate.method}")

    for position, column in enumerate(predictor.input_columns):
        yield record.write(
            "mean_absolute_attribution",
            described(found.values[:, position]),
            unit=_UNIT,
            column=column,
            random=True,
        )
    yield record.write("completeness_gap", described(found.gap), unit=_UNIT, random=True)


def _sample(subject: Subject, record: Recorder, rows: int) -> pd.DataFrame:
    import numpy as np

    if subject.n <= rows:
        return subject.frame
    rng = np.random.default_rng(record.stream("sample"))
    return subject.frame.iloc[np.sort(rng.choice(subject.n, size=rows, replace=False))]


def _class_position(subject: Subject) -> int:
    from audit.data import match_label

    assert subject.model is not None
    classes = subject.model.predictor.classes
    return classes.index(str(match_label(str(subject.truth.positive), classes)))


def _integrated_gradients(
    subject: Subject, access: Gradients, sample: pd.DataFrame, steps: int
) -> Attributions:
    import numpy as np
    import torch
    from captum.attr import IntegratedGradients

    assert subject.model is not None
    position = _class_position(subject)

    def score(encoded: torch.Tensor) -> torch.Tensor:
        return torch.softmax(access.module(encoded), dim=1)[:, position]

    inputs = torch.as_tensor(access.encode(sample), dtype=torch.float32)
    baseline = torch.as_tensor(access.baseline, dtype=torch.float32).reshape(1, -1)
    raw, delta = IntegratedGradients(score).attribute(
        inputs,
        baselines=baseline.expand_as(inputs),
        n_steps=steps,
        method="gausslegendre",
        internal_batch_size=4096,
        return_convergence_delta=True,
    )
    columns = subject.model.predictor.input_columns
    # Encoded positions of one raw column are summed back: people know columns, not one-hot codes.
    to_raw = np.zeros((inputs.shape[1], len(columns)))
    for encoded, column in enumerate(access.encoded_columns):
        to_raw[encoded, columns.index(column)] = 1.0
    return Attributions(
        values=raw.detach().double().numpy() @ to_raw,
        gap=delta.detach().double().numpy(),
        method=f"integrated gradients, {steps} steps, baseline: {access.baseline_name}",
    )


def _shapley_sampling(
    subject: Subject, sample: pd.DataFrame, record: Recorder, permutations: int
) -> Attributions:
    """Shapley values over whole raw columns: Captum flips switches, we mix row and baseline."""
    import numpy as np
    import pandas as pd
    import torch
    from captum.attr import ShapleyValueSampling

    from audit.predictions import positive_scores

    assert subject.model is not None
    columns = list(subject.model.predictor.input_columns)
    rows = sample[columns].reset_index(drop=True)
    reference = _reference(subject.frame[columns])

    def score(switches: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
        mixed = rows.iloc[row.numpy()].reset_index(drop=True)
        off = switches.numpy() < 0.5
        cells = {c: mixed[c].mask(off[:, j], reference[c]) for j, c in enumerate(columns)}
        return torch.as_tensor(positive_scores(subject, pd.DataFrame(cells)))

    switches = torch.ones(len(rows), len(columns), dtype=torch.float64)
    index = torch.arange(len(rows))
    with torch.random.fork_rng(devices=[]):  # Captum draws its permutations from torch's state
        torch.manual_seed(record.stream("permutations")[1] ^ record.seed)
        values = ShapleyValueSampling(score).attribute(
            switches,
            baselines=torch.zeros_like(switches),
            additional_forward_args=(index,),
            n_samples=permutations,
            perturbations_per_eval=max(1, 4096 // max(1, len(rows))),
        )
    attributions = values.double().numpy()
    change = score(switches, index) - score(torch.zeros_like(switches), index)
    return Attributions(
        values=attributions,
        gap=attributions.sum(axis=1) - np.asarray(change),
        method=f"Shapley value sampling, {permutations} permutations, "
        "baseline: median or most frequent value of the audited rows",
    )


def _reference(frame: pd.DataFrame) -> dict[str, Any]:
    import pandas as pd

    def typical(column: pd.Series[Any]) -> Any:
        known = column.dropna()
        if known.empty:
            return None
        if pd.api.types.is_bool_dtype(known) or not pd.api.types.is_numeric_dtype(known):
            counts = known.value_counts()
            return sorted(counts[counts == counts.max()].index, key=str)[0]
        # The lower median is a value that occurs, so an integer column stays one.
        return known.sort_values().iloc[(len(known) - 1) // 2]

    return {str(name): typical(frame[name]) for name in frame.columns}
