"""400 people whose numbers can be worked out by hand, and a model of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.policies.build import attestation_item, check, item, pack_data


def people() -> pd.DataFrame:
    """200 women, of whom 50 are approved, and 200 men, of whom 100 are: rates 0.25 and 0.5.

    Of the 150 approved 120 repay, of the 250 others 50 do: accuracy (120 + 200) / 400 = 0.8.
    """
    sex = np.repeat(["f", "m"], 200)
    approved = np.concatenate([np.arange(200) < 50, np.arange(200) < 100]).astype(int)
    place = np.concatenate([np.cumsum(approved == 1), np.cumsum(approved == 0)])
    order = np.where(approved == 1, place[:400], place[400:])
    repaid = np.where(approved == 1, order <= 120, order <= 50).astype(int)
    income = 20 + 3.0 * approved + 0.01 * np.arange(400) % 1
    return pd.DataFrame({"sex": sex, "income": income, "approved": approved, "repaid": repaid})


def fitted() -> Any:
    """A logistic regression of repayment on income."""
    from sklearn.linear_model import LogisticRegression

    rows = people()
    return LogisticRegression().fit(rows[["income"]], rows["repaid"])


def pack(folder: Path, name: str, threshold: float) -> str:
    """A pack that asks for an accuracy, and one attestation."""
    items = [item("ACC", check=check(threshold=threshold)), attestation_item("A-1")]
    place = folder / f"{name}.yaml"
    place.write_text(json.dumps(pack_data(*items, id=name)))
    return str(place)


OPTIONS: dict[str, Any] = {
    "target": "repaid",
    "positive_label": 1,
    "sensitive_features": ["sex"],
    "attestations": "warn",
}
