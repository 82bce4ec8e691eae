"""Counts of frames and files, against numbers worked out by hand and Fairlearn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import evenhand
from evenhand.audit.errors import InputError
from tests.audit.api.people import OPTIONS, people

NAMED: dict[str, Any] = {"target": "repaid", "predicted": "approved", "sensitive_features": "sex"}


def test_counts_by_hand(tmp_path: Path) -> None:
    rows = people()
    rows.to_parquet(tmp_path / "rows.parquet")
    for data in (rows, pl.from_pandas(rows), tmp_path / "rows.parquet"):
        counted = evenhand.count(data, **NAMED)
        table = counted.to_pandas().set_index("sex")
        assert table["n"].to_dict() == {"f": 200, "m": 200}
        # all 50 approved women repay; 70 of the 100 approved men do: 120 in all
        assert table[["tp", "fp"]].to_dict("index") == {
            "f": {"tp": 50, "fp": 0},
            "m": {"tp": 70, "fp": 30},
        }
        assert counted.n == 400


def test_findings_from_counts_are_those_of_an_audit() -> None:
    counted = {f.id: f.value for f in evenhand.count(people(), **NAMED).findings}
    audited = evenhand.audit_predictions(
        people(), **OPTIONS, predicted="approved", checks=["fairness.gaps", "fairness.group_rates"]
    )
    shared = {f.id: f.value for f in audited.findings if f.id in counted}
    assert len(shared) > 10
    assert {k: counted[k] for k in shared} == shared
    assert counted["fairness.gaps/demographic_parity_difference~sex"] == 0.25


def test_parts_add_up_and_are_grouped(tmp_path: Path) -> None:
    rows = people().assign(region=["n", "s"] * 200)
    both = {**NAMED, "sensitive_features": ["sex", "region"]}
    whole = evenhand.count(rows, **both)
    parts = evenhand.count(rows[:150], **both) + evenhand.count(rows[150:], **both)
    assert parts.to_arrow() == whole.to_arrow()
    assert whole.by("sex").to_arrow() == evenhand.count(rows, **NAMED).to_arrow()
    with pytest.raises(InputError, match="'age' was not counted"):
        whole.by("age")
    assert "200" in whole.by("sex")._repr_html_()
    for name in ("a.csv", "a.parquet"):
        assert len(pl.DataFrame(whole)) == 4
        assert whole.save(tmp_path / name).is_file()
