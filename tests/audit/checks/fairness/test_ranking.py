"""A ranking of twenty, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import ndcg_score

from tests.audit.subjects import findings_of, one


def test_ranking_by_hand(tmp_path: Path) -> None:
    # a holds places 1 to 10, b places 11 to 20: the top tenth (2 places) is a's
    frame = pd.DataFrame(
        {"s": np.arange(20, 0, -1), "g": list("a" * 10 + "b" * 10), "y": [0, 1] * 10}
    )
    found = findings_of(
        "fairness.ranking",
        frame,
        tmp_path,
        predicted=None,
        score="s",
        threshold=10,
        sensitive_features=["g"],
    )
    weights = 1 / np.log2(np.arange(20) + 2)
    seen = one(found, "relative_exposure", group={"g": "a"}).value
    assert seen == pytest.approx(weights[:10].mean() / weights.mean())
    assert one(found, "top_k_selection_rate", group={"g": "a"}).value == pytest.approx(0.2)
    assert one(found, "top_k_selection_rate_difference").value == pytest.approx(0.2)
    own = ndcg_score([[0, 1] * 5], [list(range(10, 0, -1))])
    assert one(found, "ndcg_score", group={"g": "b"}).value == pytest.approx(own)
