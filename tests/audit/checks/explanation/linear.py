"""A linear model whose reasons are known, and what a check finds of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evenhand.audit.checks.record import Artifact
from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.worker.opened import Opened

WEIGHTS = {"u": 0.04, "v": -0.02, "w": 0.001, "g": 0.05}


class Linear:
    """The probability itself is linear: 0.5 + w x, so a Shapley value is weight x (input - ref)."""

    format, task, classes = "test", "binary", ("0", "1")
    input_columns = ("u", "v", "w", "g")
    maker_says: dict[str, Any] = {}
    gradients = None

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = 0.5 + sum(w * frame[c].to_numpy(dtype=float) for c, w in WEIGHTS.items())
        return np.stack([1 - p, p], axis=1)


def rows(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({c: rng.normal(0, 2, n).round(2) for c in ("u", "v", "w")})
    frame["g"] = rng.integers(0, 2, n)
    frame["zip"] = frame["g"] * 10 + rng.integers(0, 2, n)
    frame["y"] = rng.integers(0, 2, n)
    # the same but for one row in twenty, where it tells of the other group
    frame["area"] = frame["zip"].where(frame.index % 20 > 0, 11 - frame["zip"])
    return frame


def subject_of(folder: Path, model: Any = None, **changes: Any) -> tuple[Subject, Any]:
    rows(changes.pop("n_rows", 60)).to_csv(folder / "rows.csv", index=False)
    spec = make_spec(
        {
            "predictions": str(folder / "rows.csv"),
            "predicted": "u",  # never read
            "target": "y",
            "positive_label": 1,
            "positive_is": "benefit",
            "sensitive_features": ["g"],
            **changes,
        }
    )
    subject = build_subject(spec)
    opened = Opened(model or Linear(), folder, "sha256:0")
    object.__setattr__(subject, "model", opened)
    object.__setattr__(subject, "stored", None)
    return subject, spec


def measured(
    folder: Path, which: str = "explanation.reasons", model: Any = None, **changes: Any
) -> tuple[dict[str, Finding], dict[str, Any], Subject]:
    subject, spec = subject_of(folder, model, **changes)
    kept: list[Artifact] = []
    found = list(run_check(check(which), subject, spec, (0.95,), keep=kept.append))
    by_name = {f.measure + (f"#{f.column}" if f.column else ""): f for f in found}
    return by_name, kept[0].value if kept else {}, subject
