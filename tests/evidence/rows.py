"""Stored predictions to audit: small, with groups, a score and checks that make artifacts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

CHECKS = "data.groups,fairness.calibration,fairness.gaps,performance.classification"


def write_rows(folder: Path, n: int = 240, seed: int = 3) -> None:
    """``rows.csv`` with y, score and sex."""
    rng = np.random.default_rng(seed)
    score = rng.random(n).round(3)
    rows = {
        "y": (rng.random(n) < score).astype(int),
        "score": score,
        "sex": rng.choice(["f", "m"], n),
    }
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)


def audit_line(out: str, *more: str, checks: str = CHECKS) -> list[str]:
    """The command line of an audit of ``rows.csv``; no check comes from an earlier run."""
    return [
        *("audit", "--predictions", "rows.csv", "--target", "y", "--score", "score"),
        *(
            "--threshold",
            "0.5",
            "--positive-is",
            "benefit",
            "--positive-label",
            "1",
            "--sensitive-features",
            "sex",
        ),
        *("--checks", checks, "--out", out, "--quiet", "--no-cache", *more),
    ]
