"""Bits per character of a model that gives every character one bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.worker.opened import Opened
from tests.audit.subjects import one


class CountingModel:
    """Gives every character after the first one bit: log-likelihood -ln 2 a character."""

    format = "test"
    task = "generation"
    classes: tuple[str, ...] = ()
    input_columns = ("text",)
    maker_says: dict[str, Any] = {}
    gradients = None

    def token_log_likelihood(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        length = np.maximum(frame["text"].str.len().to_numpy() - 1, 0)
        return -math.log(2) * length, length, length


def test_bits_per_character_overall_and_by_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({"text": ["abcd", "ab", "a", "abcdef"], "voice": ["x", "y", "x", "y"]})
    frame.to_csv(tmp_path / "texts.csv", index=False)
    opened = Opened(CountingModel(), tmp_path, "sha256:0")  # type: ignore[arg-type]
    monkeypatch.setattr(
        "evenhand.audit.subject.subject.begin_opening",
        lambda path, *args, **options: lambda: opened,
    )
    spec = make_spec(
        {"model": "m", "data": str(tmp_path / "texts.csv"), "sensitive_features": ["voice"]}
    )
    subject: Subject = build_subject(spec)
    found = list(run_check(check("performance.generation"), subject, spec, (0.95,)))
    overall = one(found, "bits_per_character", group={})
    assert (overall.value, overall.n, overall.unit) == (pytest.approx(1.0), 3, "bit")
    assert one(found, "perplexity", group={"voice": "y"}).value == pytest.approx(2.0)
    assert one(found, "bits_per_character", group={"voice": "x"}).n == 1
