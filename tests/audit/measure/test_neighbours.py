"""Nearest neighbours: a search by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.measure.neighbours import disagreement, encode


def test_disagreement_equals_a_search_by_hand() -> None:
    rng = np.random.default_rng(3)
    points, answers = rng.normal(size=(60, 3)), rng.integers(0, 2, 60).astype(float)
    found = disagreement(points, answers, 4)
    for i in range(60):
        distance = ((points - points[i]) ** 2).sum(axis=1)
        distance[i] = np.inf
        nearest = np.argsort(distance)[:4]
        assert found[i] == pytest.approx(abs(answers[i] - answers[nearest].mean()))


def test_encoding_puts_different_texts_one_apart() -> None:
    frame = pd.DataFrame(
        {
            "job": ["a", "b", None],
            "x": [1.0, np.nan, 3.0],
            "same": [1, 1, 1],
            "flag": [True, False, True],
        }
    )
    encoded, left_out = encode(frame)
    assert left_out == ("same",)
    assert np.linalg.norm(encoded[0, :2] - encoded[1, :2]) == pytest.approx(1)
    assert encoded[:, 2].tolist() == [-1, 0, 1]  # mean 2, deviation 1, missing at the mean
