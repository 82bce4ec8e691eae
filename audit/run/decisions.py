"""The artifact of decisions row by row, written so that two cases can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenhand.audit.comparing.decisions import SCHEMA, packed, planes_of

if TYPE_CHECKING:
    import numpy as np

    from evenhand.audit.subject.predictions import Predictions


def decisions_json(predictions: Predictions, units: np.ndarray | None = None) -> dict[str, Any]:
    """The artifact of a binary task's predictions, as plain JSON types. ``units`` are codes of the
    persons whose rows they are, int of shape (n,); None where every row is another's."""
    import numpy as np

    features = {}
    for name in predictions.groups.columns:
        levels, codes = np.unique(predictions.groups[name].to_numpy(dtype=str), return_inverse=True)
        features[str(name)] = {
            "levels": [str(level) for level in levels],
            "planes": planes_of(codes),
        }
    positive = predictions.is_positive
    return {
        "schema": SCHEMA,
        "n": predictions.n,
        "selected": packed(predictions.is_selected),
        "positive": None if positive is None else packed(positive),
        "features": features,
        **({} if units is None else {"persons": planes_of(units)}),
    }
