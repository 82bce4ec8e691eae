"""Attributions of images, kept as maps: one number a pixel, summed over colours.

Gradient methods give one a pixel. Occlusion slides a black patch; the other perturbation methods
take the image apart into square patches, whose attribution is spread evenly over their pixels, so
that a map adds up to what its method found.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution import gradients
from evenhand.audit.attribution.door import Answer
from evenhand.audit.attribution.games import EncodedGame, Game, device_of
from evenhand.audit.attribution.kinds import tabular
from evenhand.audit.attribution.memory import MOST_TENSOR_ROWS, batch_of, chunks, gradient_bytes
from evenhand.audit.attribution.output import Output, output_of
from evenhand.audit.attribution.progress import report
from evenhand.audit.attribution.request import GRADIENT_METHODS, Request
from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def attribute(
    predictor: Predictor, request: Request, rows: pd.DataFrame, baseline: pd.DataFrame | None
) -> Answer:
    """See ``evenhand.audit.attribution.attribute``: ``maps`` (rows, height, width) beside
    ``values``, their sum (rows, 1)."""
    output = output_of(predictor, request, rows)
    reference, named = tabular.encoded_baseline(predictor, baseline, several=request.method)
    access: Any = predictor.gradients
    shape = tuple(access.baseline.shape)
    if request.method in GRADIENT_METHODS or request.method == "occlusion":
        answer = _by_pixel(predictor, request, rows, reference, output, named)
    else:
        game, names, named = game_of(predictor, request, rows, baseline, output)
        played = tabular.play(game, request, output, names, named)
        values, (_, where) = played.arrays["values"], patches(shape, request.patch)
        pixels = values[:, where] / _sizes(where)[where]
        side = f"patches of {_side(shape, request.patch)} pixels"
        method = f"{played.facts['method']}; {side}"
        arrays = {k: v for k, v in played.arrays.items() if v.shape != values.shape}
        facts = {**played.facts, "method": method}
        answer = Answer({**arrays, "maps": pixels.reshape(len(rows), *shape)}, facts)
    maps = answer.arrays["maps"]
    maps = maps.sum(axis=3) if maps.ndim == 4 else maps
    whole = maps.sum(axis=(1, 2))[:, None]
    facts = {**answer.facts, "columns": list(predictor.input_columns)}
    return Answer({**answer.arrays, "maps": maps, "values": whole}, facts)


def game_of(
    predictor: Predictor,
    request: Request,
    rows: pd.DataFrame,
    baseline: pd.DataFrame | None,
    output: Output,
) -> tuple[Game, tuple[str, ...], str]:
    """See ``tabular.game_of``: the parts are square patches."""
    reference, named = tabular.encoded_baseline(predictor, baseline)
    access: Any = predictor.gradients
    players, where = patches(tuple(access.baseline.shape), request.patch)
    game = EncodedGame(access, output, rows, reference, where, request.memory_bytes)
    return game, tuple(f"patch {i}" for i in range(players)), named


def _by_pixel(
    predictor: Predictor,
    request: Request,
    rows: pd.DataFrame,
    reference: np.ndarray,
    output: Output,
    named: str,
) -> Answer:
    access: Any = predictor.gradients
    encoded = access.encode(rows)
    if request.method == "occlusion":
        side = _side(encoded.shape[1:], request.patch)
        maps, evaluations = _occlusion(access.module, encoded, reference, output, request, side)
        method = f"occlusion by a patch of {side} pixels in steps of {max(1, side // 2)}"
    else:
        maps, evaluations = gradients.encoded_attributions(
            access.module, encoded, reference, output, request
        )
        method = gradients.describe(request)
    full, empty = gradients.both_ends(access.module, encoded, reference, output, request)
    found = tabular.uniform(
        request,
        output,
        maps.reshape(len(maps), -1),
        full,
        empty,
        list(predictor.input_columns),
        method=method,
        baseline=named,
        evaluations=evaluations,
    )
    return replace(found, arrays={**found.arrays, "maps": maps})


def _occlusion(
    module: Any,
    encoded: np.ndarray,
    reference: np.ndarray,
    output: Output,
    request: Request,
    side: int,
) -> tuple[np.ndarray, int]:
    """Captum's occlusion: each pixel's mean over the patches that covered it."""
    import numpy as np
    import torch
    from captum.attr import Occlusion

    device = device_of(module)
    base = torch.from_numpy(np.ascontiguousarray(reference[:1], dtype=np.float32)).to(device)
    colours = encoded.shape[3:]
    step = max(1, side // 2)
    evaluations = 0

    def score(pixels: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        nonlocal evaluations
        evaluations += len(pixels)
        return output.of_logits(module(pixels), rows)

    attributions = np.zeros(encoded.shape)
    inputs = torch.from_numpy(np.ascontiguousarray(encoded, dtype=np.float32))
    spent = gradient_bytes(module, inputs[:4].to(device)) if len(inputs) else 1.0
    with torch.no_grad():
        for part in chunks(len(inputs), batch_of(spent, request.memory_bytes, MOST_TENSOR_ROWS)):
            values = Occlusion(score).attribute(
                inputs[part].to(device),
                sliding_window_shapes=(side, side, *colours),
                strides=(step, step, *colours),
                baselines=base,
                additional_forward_args=(torch.arange(part.start, part.stop),),
            )
            attributions[part] = values.double().cpu().numpy()
            report("occlusion", part.stop, len(inputs))
    return attributions, evaluations


def patches(shape: tuple[int, ...], patch: int) -> tuple[int, np.ndarray]:
    """How many square patches cover an image of ``shape`` (height, width[, colours]), and whose
    each flat position is."""
    import numpy as np

    side = _side(shape, patch)
    down, across = -(-shape[0] // side), -(-shape[1] // side)
    grid = np.arange(shape[0])[:, None] // side * across + np.arange(shape[1]) // side
    whole = grid if len(shape) == 2 else np.repeat(grid[..., None], shape[2], axis=2)
    return down * across, whole.reshape(-1)


def _side(shape: tuple[int, ...], patch: int) -> int:
    """A patch's side: as asked, or an eighth of the shorter side, at most the whole of it."""
    return min(patch or max(1, min(shape[:2]) // 8), *shape[:2])


def _sizes(where: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.bincount(where)
