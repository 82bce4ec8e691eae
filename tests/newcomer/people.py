"""A clean table of made-up people, and what pandas and scikit-learn say of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

N = 260
GENDERS = ("F", "M", "X")
INPUTS = ("age", "income", "job", "member")
AGE_EDGES = ("30", "45")
SINCE_EDGES = ("2012-01-01", "2019-01-01")


@dataclass(frozen=True)
class People:
    """``frame`` is clean: numbers are floats, truth values booleans, dates days, and whatever is
    not known is missing. ``jobs`` are the words that its job column holds."""

    frame: pd.DataFrame
    jobs: tuple[str, ...]

    @cached_property
    def model(self) -> Any:
        """What a data scientist fits to the clean table."""
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        words = make_pipeline(
            SimpleImputer(strategy="constant", fill_value="none"),
            OneHotEncoder(handle_unknown="ignore"),
        )
        parts = ColumnTransformer(
            [
                ("numbers", numbers, ["age", "income"]),
                ("words", words, ["job"]),
                ("as it is", "passthrough", ["member"]),
            ]
        )
        made = make_pipeline(parts, LogisticRegression())
        return made.fit(self.inputs, self.frame["hired"].map({True: "yes", False: "no"}))

    @property
    def inputs(self) -> pd.DataFrame:
        return self.frame[list(INPUTS)]

    @cached_property
    def answers(self) -> pd.Series:
        """Whether the model says yes."""
        said = self.model.predict(self.inputs)
        return pd.Series(said == "yes", index=self.frame.index)


def made(seed: int, jobs: tuple[str, ...]) -> People:
    """People of this seed; who is hired depends on income, job and membership."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 68, N).astype(float)
    income = np.round(np.exp(rng.normal(7.6, 0.7, N)), 2)
    job = rng.choice(list(jobs), N)
    member = rng.random(N) < 0.4
    days = rng.integers(0, 6000, N)
    since = pd.Timestamp("2008-01-01") + pd.to_timedelta(days, unit="D")
    gender = rng.choice(list(GENDERS), N, p=[0.45, 0.4, 0.15])
    merit = (np.log(income) - 7.6) + 0.8 * (job == jobs[0]) + 0.7 * member + rng.normal(0, 0.6, N)
    score = np.round(1 / (1 + np.exp(-merit - rng.normal(0, 0.4, N))), 4)
    frame = pd.DataFrame(
        {
            "id": np.arange(1, N + 1),
            "gender": pd.Series(gender, dtype=object),
            "age": age,
            "income": income,
            "job": pd.Series(job, dtype=object),
            "member": member,
            "since": since,
            "hired": merit > 0.4,
            "advised": score >= 0.55,
            "score": score,
        }
    )
    for column, share in (("gender", 0.08), ("age", 0.04), ("income", 0.06), ("job", 0.05)):
        frame.loc[rng.random(N) < share, column] = np.nan  # as pandas reads an empty cell
    return People(frame, jobs)


def counted(people: People, selected: pd.Series) -> dict[str, Any]:
    """What pandas counts on the clean table, by the names under which an audit tells it."""
    frame = people.frame
    told: dict[str, Any] = {"accuracy": (int((selected == frame["hired"]).sum()), len(frame))}
    for gender, rows in frame.groupby("gender"):
        told[f"selected {gender}"] = (int(selected[rows.index].sum()), len(rows))
    told["unknown"] = int(frame["gender"].isna().sum())
    for name, edges in (("age", AGE_EDGES), ("since", SINCE_EDGES)):
        values = frame[name].dropna()
        at = [pd.Timestamp(e) if name == "since" else float(e) for e in edges]
        places = sum((values >= edge).astype(int) for edge in at)
        told[f"bins of {name}"] = sorted(places.value_counts().tolist())
    for name in ("income", "job", "age"):
        told[f"missing {name}"] = int(frame[name].isna().sum())
    return told
