"""A feature of thousands of values is stopped before anything is measured; what is written is
what can be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.case import case as module
from evenhand.audit.errors import InputError, LimitError
from evenhand.audit.run.run import audit
from evenhand.audit.subject.comparable import MOST_GROUPS
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.streamed import open_subject
from tests.audit.subjects import stored_spec


def rows(values: int, other: int = 2) -> pd.DataFrame:
    n = 6000
    at = np.arange(n)
    return pd.DataFrame(
        {"g": [f"g{i % values}" for i in at], "h": at % other, "y": at % 2, "yhat": at // 2 % 2}
    )


@pytest.mark.parametrize("stream", [False, True])
def test_thousands_of_values_are_refused_with_the_remedy(tmp_path: Path, stream: bool) -> None:
    rows(3000).to_parquet(tmp_path / "d.parquet")
    spec = make_spec(
        {
            "predictions": str(tmp_path / "d.parquet"),
            "target": "y",
            "predicted": "yhat",
            "positive_label": 1,
            "sensitive_features": ["h", "g"],
            "stream": stream,
        }
    )
    with pytest.raises(InputError, match="'g' with 3,000 values") as refused:
        open_subject(spec)
    assert "bins" in refused.value.remedy and "'g'" in refused.value.remedy


def test_crossings_count(tmp_path: Path) -> None:
    """1,000 and 7 values have 1,007 groups and 6,000 crossings (of 7,000): too many together."""
    with pytest.raises(InputError, match=f"more than {MOST_GROUPS:,} groups and crossings"):
        open_subject(stored_spec(rows(1000, 7), tmp_path, sensitive_features=["g", "h"]))
    subject = open_subject(stored_spec(rows(1000), tmp_path, sensitive_features=["g"]))
    assert subject.groups["g"].nunique() == 1000


def test_what_could_not_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_JSON", 20_000)
    asked = {"sensitive_features": ["g"], "checks": ["fairness.group_rates"]}
    spec = stored_spec(rows(40), tmp_path, **asked)
    with pytest.raises(LimitError, match=r"findings.jsonl would have .* over the 20,000"):
        audit(spec, tmp_path / "case")
    assert not (tmp_path / "case").exists()
