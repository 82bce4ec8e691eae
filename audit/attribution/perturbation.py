"""Captum's perturbation methods over any game: its inputs are switches, one a feature."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.games import Game
from evenhand.audit.attribution.gradients import seeded
from evenhand.audit.attribution.memory import chunks
from evenhand.audit.attribution.progress import report
from evenhand.audit.attribution.request import Request

if TYPE_CHECKING:
    import numpy as np
    import torch

_MOST_SAMPLES = 2048


def captum_attributions(game: Game, request: Request) -> np.ndarray:
    """Attributions of each player, float64 of shape (n, players), 0 for those that aren't there."""
    import numpy as np

    n, d = game.active.shape
    attributions = np.zeros((n, d))
    if not d:
        return attributions
    if request.method in ("feature_ablation", "occlusion"):
        # Captum flips each switch of each row: d copies of the switches of a part at once.
        size = max(1, request.memory_bytes // (8 * 8 * d * d))
        for part in chunks(n, size):
            attributions[part] = _one_by_one(game, np.arange(part.start, part.stop), request)
            report(request.method, part.stop, n)
    else:
        for row in range(n):
            players = np.flatnonzero(game.active[row])
            if len(players):
                attributions[row, players] = _surrogate(game, row, players, request)
            report(request.method, row + 1, n)
    return np.where(game.active, attributions, 0.0)


def _scorer(game: Game) -> Callable[..., torch.Tensor]:
    import torch

    def score(switches: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(game.values(rows.numpy(), switches.numpy() > 0.5))

    return score


def _one_by_one(game: Game, rows: np.ndarray, request: Request) -> np.ndarray:
    import numpy as np
    import torch
    from captum.attr import FeatureAblation, Occlusion

    d = game.active.shape[1]
    switches = torch.ones(len(rows), d, dtype=torch.float64)
    method: Any = FeatureAblation(_scorer(game))
    window: dict[str, Any] = {}
    if request.method == "occlusion":
        method = Occlusion(_scorer(game))
        window["sliding_window_shapes"] = (min(request.window, d),)
    values = method.attribute(
        switches,
        baselines=0.0,
        additional_forward_args=(torch.from_numpy(rows),),
        perturbations_per_eval=d,
        **window,
    )
    return np.asarray(values.double().numpy())


def _surrogate(game: Game, row: int, players: np.ndarray, request: Request) -> np.ndarray:
    """Coefficients of a linear model of the game of one row, fitted to random coalitions."""
    import numpy as np
    import torch
    from captum._utils.models.linear_model import SkLearnLinearRegression
    from captum.attr import KernelShap, Lime

    count = len(players)
    samples = request.samples or default_samples(count)

    def score(switches: torch.Tensor) -> torch.Tensor:
        present = np.repeat(~game.active[row][None], len(switches), axis=0)
        present[:, players] = switches.numpy() > 0.5
        return torch.from_numpy(game.values(np.full(len(switches), row), present))

    whole = torch.ones(1, count, dtype=torch.float64)
    nothing = torch.zeros_like(whole)
    if count == 1:  # two coalitions in all: nothing to fit
        return (score(whole) - score(nothing)).numpy()
    method: Any = KernelShap(score)
    if request.method == "lime":
        # Captum's default, a lasso with alpha 0.01, sets most effects on a probability to 0.
        method = Lime(score, interpretable_model=SkLearnLinearRegression())
    with seeded(request.seed + row):
        values = method.attribute(
            whole, baselines=nothing, n_samples=samples, perturbations_per_eval=samples
        )
    return np.asarray(values[0].double().numpy())


def default_samples(count: int) -> int:
    """Coalitions drawn for a row with ``count`` players: 32 a player, at least 64."""
    return min(_MOST_SAMPLES, max(64, 32 * count))


def describe(request: Request) -> str:
    """The method in words."""
    drawn = f"{request.samples} coalitions a row" if request.samples else "32 coalitions a feature"
    return {
        "feature_ablation": "feature ablation: one feature at a time set to the baseline",
        "occlusion": f"occlusion of {request.window} neighbouring features",
        "kernel_shap": f"KernelSHAP, {drawn}",
        "lime": f"LIME, linear, {drawn}",
    }[request.method]
