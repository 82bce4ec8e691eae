"""The gap between training rows and others, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject
from tests.audit.subjects import one


def test_accuracy_gap_by_hand(tmp_path: Path) -> None:
    from tests.audit.people import people, skops_model

    train, test = people(300, seed=1), people(200, seed=2)
    model = skops_model(tmp_path, train)
    train.to_csv(tmp_path / "train.csv", index=False)
    test.to_csv(tmp_path / "test.csv", index=False)
    spec = make_spec(
        {
            "model": str(model),
            "data": str(tmp_path / "test.csv"),
            "training_data": str(tmp_path / "train.csv"),
            "target": "y",
            "positive_label": 1,
        }
    )
    subject = build_subject(spec)
    found = list(run_check(check("performance.generalisation"), subject, spec, (0.95,)))
    assert subject.model is not None
    predictor = subject.model.predictor

    def share_right(frame: pd.DataFrame) -> float:
        return float(((predictor.predict_proba(frame)[:, 1] >= 0.5) == (frame["y"] == 1)).mean())

    gap = one(found, "accuracy_generalisation_gap")
    assert gap.value == pytest.approx(share_right(train) - share_right(test))
    assert (gap.n, gap.counts) == (200, {"n_train": 300})
