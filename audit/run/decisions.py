"""The artifact of decisions row by row, written so that two cases can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.audit.comparing.decisions import SCHEMA, packed

if TYPE_CHECKING:
    from evenhand.audit.subject.predictions import Predictions


def decisions_json(predictions: Predictions) -> dict[str, Any]:
    """The artifact of a binary task's predictions, as plain JSON types."""
    import numpy as np

    features = {}
    for name in predictions.groups.columns:
        levels, codes = np.unique(predictions.groups[name].to_numpy(dtype=str), return_inverse=True)
        n_planes = max(0, int(len(levels) - 1).bit_length())
        features[str(name)] = {
            "levels": [str(level) for level in levels],
            "planes": [packed((codes >> place) & 1) for place in range(n_planes)],
        }
    positive = predictions.is_positive
    return {
        "schema": SCHEMA,
        "n": predictions.n,
        "selected": packed(predictions.is_selected),
        "positive": None if positive is None else packed(positive),
        "features": features,
    }
