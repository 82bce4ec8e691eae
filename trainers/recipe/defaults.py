"""What a recipe leaves out, by kind of data: the network and how it is trained.

Chosen on validation splits of training rows, never on held-out rows. Private training gains from
few steps, large batches and a small network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Defaults:
    """``model`` is the network where none is named (``private`` may name another); ``plain`` and
    ``private`` fill in the rest.

    The ``architecture`` in them belongs to that network and is left out for another one.
    ``private_by_model`` has what differs in the private training of other networks; the dials of
    DP-SGD are under ``private``, as in a recipe.
    """

    model: str
    plain: Mapping[str, Any]
    private: Mapping[str, Any]
    private_by_model: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_TABULAR = Defaults(
    "mlp",
    plain={
        "optimizer": "adam",
        "learning_rate": 0.003,
        "epochs": 15,
        "batch_size": 64,
        "weight_decay": 0.01,
        "architecture": {"hidden": [32], "activation": "tanh"},
    },
    private={
        "optimizer": "sgd",
        "learning_rate": 0.5,
        "epochs": 15,
        "batch_size": 256,
        "weight_decay": 0.0,
        "architecture": {"hidden": [16], "activation": "tanh"},
    },
)
_IMAGE = Defaults(
    "cnn",
    plain={
        "optimizer": "adam",
        "learning_rate": 0.001,
        "epochs": 5,
        "batch_size": 64,
        "weight_decay": 0.0,
    },
    private={
        "model": "scattering_linear",
        "optimizer": "sgd",
        "learning_rate": 8.0,
        "momentum": 0.9,
        "epochs": 40,
        "batch_size": 8192,
        "weight_decay": 0.0,
        "private": {"max_grad_norm": 0.1},
    },
    private_by_model={
        "cnn": {"learning_rate": 4.0, "epochs": 20, "batch_size": 2048},
        "mlp": {"learning_rate": 2.0, "epochs": 20, "batch_size": 2048},
    },
)
_TEXT_CLASSIFICATION = Defaults(
    "text_classifier",
    plain={
        "optimizer": "adam",
        "learning_rate": 0.001,
        "epochs": 10,
        "batch_size": 64,
        "weight_decay": 0.0,
    },
    private={
        "optimizer": "adam",
        "learning_rate": 0.03,
        "epochs": 10,
        "batch_size": 512,
        "weight_decay": 0.0,
    },
)
_TEXT_GENERATION = Defaults(
    "causal_transformer",
    plain={
        "optimizer": "adam",
        "learning_rate": 0.01,
        "epochs": 5,
        "batch_size": 64,
        "weight_decay": 0.0,
    },
    private={
        "optimizer": "adam",
        "learning_rate": 0.01,
        "epochs": 8,
        "batch_size": 256,
        "weight_decay": 0.0,
    },
)
DEFAULTS: dict[str, Defaults] = {
    "tabular": _TABULAR,
    "image": _IMAGE,
    "text-classification": _TEXT_CLASSIFICATION,
    "text-generation": _TEXT_GENERATION,
}


def filled_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """A network's recipe as given, with the defaults of its kind for what it leaves out."""
    known = DEFAULTS.get(str(values.get("kind", "tabular")))
    if known is None:
        return dict(values)
    defaults = {"model": known.model, **known.plain}
    if values.get("private") is not None:
        defaults = {"model": known.model, **known.private}
    usual, own = defaults["model"], defaults.pop("architecture", {})
    model, given = values.get("model", usual), values.get("architecture", {})
    dials, private = defaults.pop("private", {}), values.get("private")
    if private is not None and isinstance(model, str):
        defaults = {**defaults, **known.private_by_model.get(model, {})}
    if isinstance(private, Mapping):
        values = {**values, "private": {**dials, **private}}
    merged = {**own, **given} if model == usual and isinstance(given, Mapping) else given
    return {**defaults, **values, "architecture": merged}
