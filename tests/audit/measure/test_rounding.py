"""What rounding explains: tolerances, and the precision that answers show."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.audit.measure.rounding import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    precision_of,
    significant_bits,
)


def test_the_tolerances_by_hand() -> None:
    assert FLOAT32.tolerance == 2 * 2**10 * 2.0**-24  # 0.00012
    assert FLOAT16.tolerance == 2 * 2**3 * 2.0**-11
    assert BFLOAT16.tolerance == 2 * 2**3 * 2.0**-8


def test_bits_by_hand() -> None:
    # 0.75 = 0.11, 5 = 101, 1 + 2^-23 needs all of a float32's 24
    given = np.array([0.0, 1.0, -0.75, 5.0, 1 + 2.0**-23])
    assert significant_bits(given).tolist() == [0, 1, 2, 3, 24]


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float32"])
def test_precision_shows_in_answers_and_in_log_odds(kind: str) -> None:
    import torch

    torch.manual_seed(0)
    logits = (2 * torch.randn(800, 2)).to(getattr(torch, kind))
    softmax = torch.softmax(logits.double(), 1)[:, 1].numpy()
    assert precision_of(softmax, are_probabilities=True).name == kind
    one = torch.sigmoid(logits[:, 0].double()).numpy()
    assert precision_of(one, are_probabilities=True).name == kind
    values = logits[:, 0].double().numpy()
    assert precision_of(values, are_probabilities=False).name == kind


def test_multiples_of_a_step_are_no_narrow_format() -> None:
    rng = np.random.default_rng(0)
    votes = rng.integers(0, 129, 1000) / 128  # a forest of 128 trees
    spread = np.round(rng.beta(0.5, 0.5, 1000) * 256) / 256
    counts = rng.poisson(100, 1000).astype(float)
    pounds = np.floor(np.exp(rng.normal(3, 1.5, 1000)))
    for given in (votes, spread, counts, pounds, np.full(50, 0.5)):
        assert precision_of(given, are_probabilities=False) == FLOAT32
