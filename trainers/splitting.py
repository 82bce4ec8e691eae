"""Validation rows, and a model to start from, for the kinds of data that leave both to the job."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from audit.errors import InputError

if TYPE_CHECKING:
    from trainers.fit import Examples
    from trainers.prepared import Prepared


def with_validation(prepared: Prepared) -> Prepared:
    """Takes the recipe's ``validation_share`` of the training examples away, by its seed.

    The digest of the training rows stays that of both parts. Raises InputError where one of them
    would be empty.
    """
    import numpy as np

    share = prepared.recipe.validation_share
    if not share or prepared.validation is not None:
        return prepared
    n = len(prepared.train)
    n_kept = round(share * n)
    if not 0 < n_kept < n:
        raise InputError(
            f"validation_share={share} of {n} training examples is {n_kept}",
            remedy="use more rows, or another share",
        )
    order = np.random.default_rng(prepared.recipe.seed).permutation(n)
    record = {"n_validation": n_kept, "validation_rows": "among those of training_data_digest"}
    return replace(
        prepared,
        train=_some(prepared.train, np.sort(order[n_kept:])),
        validation=_some(prepared.train, np.sort(order[:n_kept])),
        split={**prepared.split, **record},
    )


def with_start(prepared: Prepared) -> Prepared:
    """Opens the recipe's ``init_from``. Raises InputError as ``open_pretrained`` does."""
    from trainers.pretrained import open_pretrained

    path = prepared.recipe.init_from
    if path is None or prepared.pretrained is not None:
        return prepared
    return replace(prepared, pretrained=open_pretrained(path))


def _some(examples: Examples, rows: object) -> Examples:
    import torch

    chosen = torch.as_tensor(rows)
    return replace(
        examples,
        inputs=examples.inputs[chosen],
        targets=examples.targets[chosen],
        weights=examples.weights[chosen],
    )
