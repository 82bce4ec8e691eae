"""What scikit-learn, fairlearn and pandas make of the clean table, without anything of ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from tests.newcomer.people import INPUTS, People


def encoded(people: People, is_train: pd.Series) -> np.ndarray:
    """Inputs of a logistic regression: means for missing numbers beside a mark of them, words and
    truth values one-hot, all numbers scaled by the training rows."""
    frame = people.inputs
    parts = []
    for name in ("age", "income"):
        missing = frame[name].isna()
        parts.append(frame[name].fillna(frame[name][is_train].mean()).to_numpy(float))
        if missing[is_train].any():
            parts.append(missing.to_numpy(float))
    numbers = np.column_stack(parts)
    scaled = StandardScaler().fit(numbers[is_train.to_numpy()]).transform(numbers)
    words = pd.get_dummies(frame[["job"]].fillna("-").assign(m=frame["member"].astype(str)))
    return np.column_stack([scaled, words.to_numpy(float)])


def trained(people: People, held_out: list[int]) -> dict[str, float]:
    """Accuracy and log loss of a logistic regression on the rows with these ids, trained on the
    others."""
    is_train = ~people.frame["id"].isin(held_out)
    inputs, truth = encoded(people, is_train), people.frame["hired"].to_numpy()
    rows = is_train.to_numpy()
    model = LogisticRegression(max_iter=2000).fit(inputs[rows], truth[rows])
    scores = model.predict_proba(inputs[~rows])[:, 1]
    return {
        "accuracy": float(((scores > 0.5) == truth[~rows]).mean()),
        "log_loss": float(log_loss(truth[~rows], scores)),
    }


def rates(people: People, selected: pd.Series, rows: pd.Series) -> dict[str, float]:
    """Share selected of each known gender among some rows."""
    known = people.frame[rows & people.frame["gender"].notna()]
    return {str(g): float(selected[part.index].mean()) for g, part in known.groupby("gender")}


assert set(INPUTS) == {"age", "income", "job", "member"}
