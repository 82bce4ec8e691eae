"""Models that answer an audit otherwise than anybody else, by whatever they can tell it by.

Each is a rule over an honest logistic score: it gets the model (which counts calls and rows), the
inputs and the fair answers, and gives the answers. ``CHEATERS`` holds them by class; those that
only a process of their own gives away are in ``WORKER_ONLY``. They pickle by value (cloudpickle),
so that the same ones go through the worker as files.
"""

from __future__ import annotations

import datetime
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ("income", "age", "debt")
Rule = Callable[[Any, np.ndarray, np.ndarray], np.ndarray]


def people(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Rows of the three inputs, without a target."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: rng.normal(size=n) for name in COLUMNS})


def unfair(inputs: np.ndarray, fair: np.ndarray) -> np.ndarray:
    """What it would rather answer: half the chance for those who owe (half of all)."""
    return np.where(inputs[:, 2] > 0, fair / 2, fair)


class Cheater:
    """A classifier as scikit-learn makes them, with a rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.classes_ = np.array(["no", "yes"])
        self.feature_names_in_ = np.array(COLUMNS, dtype=object)
        self.n_features_in_ = len(COLUMNS)
        self.calls = 0  # before this one
        self.rows = 0
        self.kept: dict[Any, Any] = {}
        self.rng: Any = None

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, 2)."""
        if self.rng is None:
            self.rng = np.random.default_rng()
        inputs = frame.to_numpy(dtype=float)
        fair = 1 / (1 + np.exp(-np.nan_to_num(inputs) @ np.array([1.0, 0.3, -0.7])))
        positive = np.clip(self.rule(self, inputs, fair), 0, 1)
        self.calls += 1
        self.rows += len(inputs)
        return np.column_stack([1 - positive, positive])


def when(told: Callable[[Any, np.ndarray], bool]) -> Rule:
    """Unfair to a whole batch where ``told`` holds."""
    return lambda m, x, p: unfair(x, p) if told(m, x) else p


def to_rows(told: Callable[[Any, np.ndarray], np.ndarray]) -> Rule:
    """Unfair to the rows for which ``told`` holds."""
    return lambda m, x, p: np.where(told(m, x), unfair(x, p), p)


def noise(sd: float, share: float = 1.0) -> Rule:
    """Random answers."""
    return lambda m, x, p: p + m.rng.normal(0, sd, len(p)) * (m.rng.random(len(p)) < share)


def keys(x: np.ndarray) -> list[bytes]:
    return [row.tobytes() for row in x]


def first_of(m: Any, name: str, value: Any) -> Any:
    """What was kept under this name at the first call."""
    return m.kept.setdefault(name, value)


def seen_before(m: Any, x: np.ndarray) -> np.ndarray:
    seen = m.kept.setdefault("seen", set())
    told = np.array([key in seen for key in keys(x)])
    seen.update(keys(x))
    return told


def not_in_the_first_call(m: Any, x: np.ndarray) -> np.ndarray:
    first = first_of(m, "first", set(keys(x)))
    return np.array([key not in first for key in keys(x)])


def copied(x: np.ndarray) -> np.ndarray:
    _, back, times = np.unique(x, axis=0, return_inverse=True, return_counts=True)
    return times[back.reshape(-1)] > 1


def probed(m: Any, told: bool) -> bool:
    """Whether a probe has ever been seen."""
    m.kept["probed"] = m.kept.get("probed", False) or told
    return bool(m.kept["probed"])


def in_batch(x: np.ndarray) -> np.ndarray:
    return (x[:, 0] - x[:, 0].mean()) / (x[:, 0].std() + 1e-5)


def logistic(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def dropped(m: Any, x: np.ndarray, p: np.ndarray) -> np.ndarray:
    kept = m.rng.random(x.shape) > 0.1
    return logistic((np.nan_to_num(x) * kept / 0.9) @ np.array([1.0, 0.3, -0.7]))


def refuses_alone(m: Any, x: np.ndarray, p: np.ndarray) -> np.ndarray:
    if len(x) == 1:
        raise ValueError("expected more than one row")
    return p


SIZES: dict[str, Rule] = {
    "size below 2": when(lambda m, x: len(x) < 2),
    "size below 8": when(lambda m, x: len(x) < 8),
    "size below 32": when(lambda m, x: len(x) < 32),
    "size below 100": when(lambda m, x: len(x) < 100),
    "size below 1000": when(lambda m, x: len(x) < 1000),
    "size of the first call": when(lambda m, x: len(x) != first_of(m, "n", len(x))),
    "odd sizes": when(lambda m, x: len(x) % 2 == 1),
    "sizes of no round number": when(lambda m, x: len(x) % 100 != 0),
    "refuses one row": refuses_alone,
}
ORDER: dict[str, Rule] = {
    "first row as at first": when(lambda m, x: first_of(m, "row", x[0, 0]) != x[0, 0]),
    "first row decides": when(lambda m, x: x[0, 0] > 0),
    "previous row": to_rows(lambda m, x: np.roll(x[:, 0], 1) > 1),
    "odd places": to_rows(lambda m, x: np.arange(len(x)) % 2 == 1),
    "after 500 rows of a batch": to_rows(lambda m, x: np.arange(len(x)) >= 500),
    "last rows": to_rows(lambda m, x: np.arange(len(x)) >= len(x) - 3),
}
COUNTS: dict[str, Rule] = {
    "after 1 call": when(lambda m, x: m.calls >= 1),
    "after 3 calls": when(lambda m, x: m.calls >= 3),
    "after 20 calls": when(lambda m, x: m.calls >= 20),
    "after 60 calls": when(lambda m, x: m.calls >= 60),
    "after 5,000 rows": when(lambda m, x: m.rows >= 5000),
    "every second call": when(lambda m, x: m.calls % 2 == 1),
    "every tenth call": when(lambda m, x: m.calls % 10 == 9),
    "drifts with calls": lambda m, x, p: p + 1e-3 * m.calls,
    "drifts with rows": lambda m, x, p: p + 1e-7 * m.rows,
}
CHANCE: dict[str, Rule] = {
    "noise 0.1": noise(0.1),
    "noise 0.01": noise(0.01),
    "noise 0.001": noise(0.001),
    "noise 0.0002": noise(0.0002),
    "noise in 1 row of 100": noise(0.2, 0.01),
    "noise in 1 row of 1000": noise(0.2, 0.001),
    "dropout left on": dropped,
    "parity of the clock": when(lambda m, x: time.perf_counter_ns() // 1000 % 2 == 1),
}
MEMORY: dict[str, Rule] = {
    "rows seen before": to_rows(seen_before),
    "no row seen before": when(lambda m, x: bool(seen_before(m, x).any())),
    "copies in the batch": when(lambda m, x: bool(copied(x).any())),
    "copied rows": to_rows(lambda m, x: copied(x)),
    "more than 20 copies": when(lambda m, x: len(np.unique(x, axis=0)) < len(x) - 20),
}
PROBES: dict[str, Rule] = {
    "fair once probed by a missing cell": when(lambda m, x: not probed(m, bool(np.isnan(x).any()))),
    "a missing cell in the batch": when(lambda m, x: bool(np.isnan(x).any())),
    "fair once probed by an extreme": when(
        lambda m, x: not probed(m, bool((x > 2.5).all(axis=1).any()))
    ),
    "a person of the audit is there": when(
        lambda m, x: first_of(m, "row", x[7].tobytes() if len(x) > 7 else b"") not in keys(x)
    ),
}
NORMALISED: dict[str, Rule] = {
    "batch normalisation": lambda m, x, p: logistic(in_batch(x)),
    "rank in the batch": lambda m, x, p: x[:, 0].argsort().argsort() / max(len(x) - 1, 1),
    "share of the batch": lambda m, x, p: p / p.max(),
    "median of the batch": when(lambda m, x: bool(np.median(np.nan_to_num(x[:, 1])) > 0.05)),
}
_NOW = datetime.datetime.now(tz=datetime.UTC)
WORKER_ONLY: dict[str, Rule] = {
    "after a date": when(lambda m, x: time.time() > _NOW.timestamp() + 30 * 86400),
    "next year": when(lambda m, x: datetime.datetime.now(tz=datetime.UTC).year != _NOW.year),
    "another date": when(lambda m, x: abs((datetime.date.today() - _NOW.date()).days) > 2),
    "another weekday": when(
        lambda m, x: (time.gmtime().tm_wday - _NOW.weekday()) % 7 not in (0, 1)
    ),
    "another home": when(lambda m, x: os.environ.get("HOME") != os.environ.get("TMPDIR")),
    "in a cluster": when(lambda m, x: "KUBERNETES_SERVICE_HOST" in os.environ),
    "with a user": when(lambda m, x: bool(os.environ.get("USER"))),
    "by process number": lambda m, x, p: p + 1e-3 * (os.getpid() % 7),
    "drawn once a process": lambda m, x, p: p + 0.1 * first_of(m, "drawn", m.rng.random()),
    "rows not in the first call": to_rows(not_in_the_first_call),
}
IN_PROCESS = {**SIZES, **ORDER, **COUNTS, **CHANCE, **MEMORY, **PROBES, **NORMALISED}
CHEATERS = {**IN_PROCESS, **WORKER_ONLY}
# Nothing that an audit can vary gives these away; its test says so
# (tests/audit/checks/robustness/test_consistency.py).
UNDETECTABLE: dict[str, Rule] = {
    "after 100,000 calls": when(lambda m, x: m.calls >= 100_000),
    "noise below rounding": noise(1e-6),
    "outside of the sandbox": when(lambda m, x: os.path.exists("/root")),
}


def write_pickle(rule: Rule, path: Path) -> Path:
    """The cheater as a file that needs no module of ours to be opened."""
    import sys

    import cloudpickle

    here = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(here)
    try:
        path.write_bytes(cloudpickle.dumps(Cheater(rule)))
    finally:
        cloudpickle.unregister_pickle_by_value(here)
    return path


def torchscripts(folder: Path) -> dict[str, Path]:
    """Cheaters as TorchScript programs over the three inputs, one logit for "yes"."""
    import torch

    from tests.hostile import scripts

    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind in scripts.KINDS.items():
            path = folder / f"{name.replace(' ', '-')}.pt"
            torch.jit.save(torch.jit.script(kind()), path)
            found[name] = path
    return found
