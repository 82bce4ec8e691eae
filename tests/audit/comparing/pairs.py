"""Two models on the same rows, and the cases of their audits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from evenhand.audit.case.case import Case
from evenhand.audit.run.run import audit
from tests.audit.subjects import rows, stored_spec


def two_models(*cells: tuple[str, int, int, int, int]) -> pd.DataFrame:
    """(group, label, decision of new, decision of old, rows) -> a table with both predictions."""
    return rows(*(({"g": g, "y": y, "new": a, "old": b}, n) for g, y, a, b, n in cells))


# In group a: the new model is right alone in 3 rows, the old one in 11; both in 40, none in 6.
# In group b: right alone 5 and 4, both 20, none 1.
TABLE = two_models(
    ("a", 1, 1, 0, 3),
    ("a", 1, 0, 1, 11),
    ("a", 1, 1, 1, 20),
    ("a", 0, 0, 0, 20),
    ("a", 0, 1, 1, 6),
    ("b", 1, 1, 0, 5),
    ("b", 0, 1, 0, 4),
    ("b", 1, 1, 1, 10),
    ("b", 0, 0, 0, 10),
    ("b", 1, 0, 0, 1),
)


def case_of(folder: Path, predicted: str, table: pd.DataFrame = TABLE, **changes: Any) -> Case:
    data = folder / "table.csv"
    table.to_csv(data, index=False)
    spec = stored_spec(
        table,
        folder,
        predictions=str(data),
        predicted=predicted,
        sensitive_features=["g"],
        positive_is="benefit",
        checks=["fairness.group_rates", "fairness.gaps"],
        **changes,
    )
    number = len(list(folder.glob("case-*")))
    return audit(spec, folder / f"case-{predicted}-{number}")
