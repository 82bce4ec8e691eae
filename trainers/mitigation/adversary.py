"""Fairlearn's adversarial training, and its predictor as a two-output network of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch

HIDDEN = (32,)
_DEFAULTS: dict[str, Any] = {"alpha": 1.0, "epochs": 20, "batch_size": 64, "learning_rate": 0.002}


def train_predictor(
    matrix: np.ndarray,
    is_positive: np.ndarray,
    groups: np.ndarray,
    *,
    constraint: str,
    seed: int,
    options: Mapping[str, Any],
) -> tuple[torch.nn.Module, dict[str, Any], dict[str, Any]]:
    """Trains predictor and adversary; returns the predictor, its parameters, Fairlearn's options.

    Parameters
    ----------
    matrix      : encoded inputs, shape (rows, n_encoded)
    is_positive : 0 or 1, shape (rows,)
    groups      : one text a row
    constraint  : demographic_parity or equalized_odds

    torch's global generator is left as it was. Raises ValueError for weights that are not finite.
    """
    import torch

    from evenhand.trainers.examples import seeded

    given = {**_DEFAULTS, **options}
    with seeded(seed):
        fitted = adversarial_classifier(constraint, seed, given)
        fitted.fit(matrix, is_positive, sensitive_features=groups)
    single = fitted.backendEngine_.predictor_model
    if not all(bool(torch.isfinite(p).all()) for p in single.parameters()):
        raise ValueError("adversarial training diverged: weights are not finite; lower alpha")
    parameters = {"hidden": list(HIDDEN), "activation": "relu", "dropout": 0.0}
    return two_outputs(single, matrix.shape[1], parameters), parameters, given


def adversarial_classifier(constraint: str, seed: int, given: Mapping[str, Any]) -> Any:
    """Fairlearn's classifier, unfitted: one hidden layer, a linear adversary, rows shuffled."""
    from fairlearn.adversarial import AdversarialFairnessClassifier

    return AdversarialFairnessClassifier(
        backend="torch",
        predictor_model=[*HIDDEN, "relu"],
        adversary_model=[],
        constraints=constraint,
        shuffle=True,
        random_state=seed,
        **given,
    )


def two_outputs(
    single: torch.nn.Module, n_encoded: int, parameters: Mapping[str, Any]
) -> torch.nn.Module:
    """An mlp of ours whose softmax is the sigmoid of Fairlearn's one output.

    With logits (0, z) the softmax of the second is 1 / (1 + exp(-z)).
    """
    import torch

    from evenhand.trainers.architectures import architecture

    linear = [m for m in single.modules() if isinstance(m, torch.nn.Linear)]
    made = architecture("mlp").build((n_encoded,), 2, parameters)
    own = [m for m in made.modules() if isinstance(m, torch.nn.Linear)]
    with torch.no_grad():
        for mine, theirs in zip(own[:-1], linear[:-1], strict=True):
            mine.weight.copy_(theirs.weight)
            mine.bias.copy_(theirs.bias)
        own[-1].weight.zero_()
        own[-1].bias.zero_()
        own[-1].weight[1] = linear[-1].weight[0]
        own[-1].bias[1] = linear[-1].bias[0]
    return made.eval()
