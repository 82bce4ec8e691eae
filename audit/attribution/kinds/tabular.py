"""Attributions of table rows, for models with gradients and for those without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution import gradients, perturbation, shapley
from evenhand.audit.attribution.baselines import DECLARED, TYPICAL, declared_row, typical_row
from evenhand.audit.attribution.door import Answer
from evenhand.audit.attribution.games import EncodedGame, FrameGame, Game
from evenhand.audit.attribution.output import Output, output_of
from evenhand.audit.attribution.request import (
    COMPLETE,
    GRADIENT_METHODS,
    LINEAR,
    WITHOUT_GAP,
    Request,
)
from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Predictor
from evenhand.audit.words.numbers import number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def attribute(
    predictor: Predictor, request: Request, rows: pd.DataFrame, baseline: pd.DataFrame | None
) -> Answer:
    """See ``evenhand.audit.attribution.attribute``: one feature is one raw column."""
    output = output_of(predictor, request, rows)
    if request.method in GRADIENT_METHODS:
        return _by_gradients(predictor, request, rows, baseline, output)
    if request.method == LINEAR:
        from evenhand.audit.attribution.linear import linear_attributions

        return linear_attributions(predictor, output, rows, baseline)
    game, names, named = game_of(predictor, request, rows, baseline, output)
    return play(game, request, output, names, named)


def _by_gradients(
    predictor: Predictor,
    request: Request,
    rows: pd.DataFrame,
    baseline: pd.DataFrame | None,
    output: Output,
) -> Answer:
    import numpy as np

    access = predictor.gradients
    if access is None:
        raise InputError(
            "{method} needs gradients, which this model has not",
            remedy="use shapley_exact, shapley_sampling, kernel_shap, lime or feature_ablation",
            method=request.method,
        )
    reference, named = encoded_baseline(predictor, baseline, several=request.method)
    encoded = access.encode(rows)
    attributions, evaluations = gradients.encoded_attributions(
        access.module, encoded, reference, output, request
    )
    columns = list(predictor.input_columns)
    # Encoded positions of one raw column are summed: people know columns, not one-hot codes.
    to_raw = np.zeros((encoded.shape[1], len(columns)))
    for position, column in enumerate(access.encoded_columns):
        to_raw[position, columns.index(column)] = 1.0
    full, empty = gradients.both_ends(access.module, encoded, reference, output, request)
    return uniform(
        request,
        output,
        attributions @ to_raw,
        full,
        empty,
        columns,
        method=gradients.describe(request),
        baseline=named,
        evaluations=evaluations,
    )


def encoded_baseline(
    predictor: Predictor, baseline: pd.DataFrame | None, *, several: str = ""
) -> tuple[np.ndarray, str]:
    """References in a network's encoded space, (k, ...), and what they are."""
    import numpy as np

    access = predictor.gradients
    assert access is not None
    if baseline is None:
        return np.asarray(access.baseline, dtype=np.float32)[None], access.baseline_name
    if several == "gradient_shap" and len(baseline) > 1:
        return access.encode(baseline), f"{len(baseline)} declared reference rows"
    return access.encode(declared_row(baseline, predictor.input_columns)), DECLARED


def game_of(
    predictor: Predictor,
    request: Request,
    rows: pd.DataFrame,
    baseline: pd.DataFrame | None,
    output: Output,
) -> tuple[Game, tuple[str, ...], str]:
    """What the model answers with any of the rows' parts at the baseline, the parts' names, and
    the baseline's. Each kind of row has this function, and its parts are those of ``players``."""
    columns = list(predictor.input_columns)
    game: Game
    if predictor.gradients is not None:
        access = predictor.gradients
        reference, named = encoded_baseline(predictor, baseline)
        players = [columns.index(c) for c in access.encoded_columns]
        game = EncodedGame(access, output, rows, reference, players, request.memory_bytes)
        return game, predictor.input_columns, named
    if baseline is None:
        chosen, named = typical_row(rows, columns), TYPICAL
    else:
        chosen, named = declared_row(baseline, columns), DECLARED
    game = FrameGame(predictor, output, rows, chosen, request.memory_bytes)
    return game, predictor.input_columns, named


def both_ends(game: Game) -> tuple[np.ndarray, np.ndarray]:
    """The output for each row with all of its features, and with none of them: (n,) each."""
    import numpy as np

    n, d = game.active.shape
    rows = np.arange(n)
    full = game.values(rows, np.ones((n, d), dtype=bool))
    return full, game.values(rows, ~game.active)


def play(
    game: Game, request: Request, output: Output, columns: tuple[str, ...], baseline: str
) -> Answer:
    """Attributions by a perturbation method, as the uniform answer."""
    full, empty = both_ends(game)
    if request.method not in ("shapley_exact", "shapley_sampling"):
        return uniform(
            request,
            output,
            perturbation.captum_attributions(game, request),
            full,
            empty,
            list(columns),
            method=perturbation.describe(request),
            baseline=baseline,
            evaluations=game.evaluations,
        )
    if request.method == "shapley_exact":
        estimate = shapley.exact(game, request.memory_bytes)
        method = "exact Shapley values, every coalition enumerated"
    else:
        estimate = shapley.sampled(
            game,
            seed=request.seed,
            precision=request.precision,
            level=request.level,
            most_evaluations=request.evaluations,
            memory_bytes=request.memory_bytes,
            permutations=request.permutations,
        )
        method = _sampling_words(estimate, request)
    return uniform(
        request,
        output,
        estimate.values,
        full,
        empty,
        list(columns),
        method=method,
        baseline=baseline,
        evaluations=game.evaluations,
        drawn=estimate,
    )


def _sampling_words(found: shapley.Shapley, request: Request) -> str:
    widest = float(found.half_width.max(initial=0.0))
    most = int(found.permutations.max(initial=0))
    if not most:
        return "Shapley sampling: rows with so few features that all coalitions were enumerated"
    least = int(found.permutations[found.permutations > 0].min())
    drawn = f"{least}" if least == most else f"{least} to {most}"
    reached = f"widest half-width {number(widest)} at {request.level:g}"
    late = int((found.half_width.max(axis=1) > request.precision).sum())
    if not request.permutations and late:
        reached += f" ({late} rows short of {request.precision:g}: the evaluations ran out)"
    return f"Shapley sampling, {drawn} permutations a row in antithetic pairs, {reached}"


def uniform(
    request: Request,
    output: Output,
    values: np.ndarray,
    full: np.ndarray,
    empty: np.ndarray,
    columns: list[str],
    *,
    method: str,
    baseline: str,
    evaluations: int,
    drawn: shapley.Shapley | None = None,
) -> Answer:
    """The record that every method gives; see ``evenhand.audit.attribution.attribute``."""
    import numpy as np

    gap = values.sum(axis=1) - (full - empty)
    unit = output.unit
    if request.method in WITHOUT_GAP:
        gap = np.full(len(values), np.nan)
        unit = f"{output.unit} per encoded unit"
    arrays = {"values": values, "output": full, "baseline_output": empty, "gap": gap}
    exact = request.method in ("shapley_exact", LINEAR)
    if drawn is not None and not exact:
        arrays |= {
            "standard_error": drawn.standard_error,
            "half_width": drawn.half_width,
            "permutations": drawn.permutations,
        }
    facts: dict[str, Any] = {
        "name": request.method,
        "method": f"{method}; baseline: {baseline}; target: {output.words}",
        "baseline": baseline,
        "target": output.words,
        "unit": unit,
        "columns": columns,
        "evaluations": int(evaluations),
        "exact": exact,
        "complete": _promises(request, output),
        "seed": request.seed,
    }
    return Answer(arrays, facts)


def _promises(request: Request, output: Output) -> bool:
    """Whether the method promises a gap of 0, up to its steps, draws and rounding."""
    if request.method == "deep_lift":
        return output.n_classes <= 2
    return request.method in COMPLETE
