"""Honest models of every format: each is opened in the worker and scores as its library does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evenhand.audit.models.catalogue import formats
from evenhand.audit.models.declared import Declared
from evenhand.audit.worker.isolation.levels import Rules
from evenhand.audit.worker.opening import open_model
from tests.audit.models.formats import makers_mlflow
from tests.audit.models.formats.makers import MAKERS

# One worker's zygote serves the whole file.
pytestmark = pytest.mark.xdist_group("formats")
RULES = Rules(allow_pickle=True)

assert makers_mlflow  # it imports the others, whose makers enter themselves into MAKERS


@pytest.fixture(autouse=True)
def _quiet_libraries(caplog: pytest.LogCaptureFixture) -> None:
    """The libraries that make the models log what they do; nobody asked."""
    caplog.set_level("CRITICAL")


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_it_opens_and_scores_as_its_library_does(name: str, tmp_path: Path) -> None:
    made = MAKERS[name](tmp_path)
    told = [f.NAME for f in formats() if f.recognises(made.path)]
    assert told == [made.format]  # by content, and by one format alone
    opened = open_model(made.path, Declared(**made.declared), rules=RULES)
    predictor = opened.predictor
    assert opened.opening["format"] == made.format
    assert predictor.classes == made.classes
    if predictor.task == "generation":
        scores = np.array(predictor.token_log_likelihood(made.frame), dtype=float)
    elif predictor.task == "regression":
        scores = predictor.predict_values(made.frame)
    else:
        scores = predictor.predict_proba(made.frame)
    expected = np.array(made.scores, dtype=float)
    assert scores.shape == expected.shape
    # float64 sums may be added up in another order in another process: 1e-12 of them
    np.testing.assert_allclose(scores, expected, rtol=1e-12, atol=max(made.tolerance, 1e-12))


def test_there_are_at_least_forty_over_every_format() -> None:
    assert len(MAKERS) >= 40
