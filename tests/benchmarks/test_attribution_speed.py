"""Attributions at size, beside a loop of Captum over rows in the same process, on one thread.

``make bench`` prints the table.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import product
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import IntegratedGradients, ShapleyValueSampling

from evenhand.audit.attribution.door import Answer, Question, ask
from evenhand.audit.models.estimators import EstimatorPredictor
from evenhand.trainers.architectures import mlp
from evenhand.trainers.encoders.tabular import TabularEncoder
from evenhand.trainers.folder.predictors import NetworkPredictor

pytestmark = pytest.mark.bench
LIMIT = 256 << 20
TABLE: list[tuple[str, str, str]] = []


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    print()
    for row in (("what", "measured", "must"), *TABLE):
        print(" | ".join(text.ljust(width) for text, width in zip(row, (58, 60, 24), strict=True)))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of CPU, which on one thread are those of a clock but for what else is running."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


class Peak:
    """How far resident memory rose over what it was at the beginning, sampled every millisecond."""

    def __enter__(self) -> Peak:
        self._begun, self.bytes, self._stop = self._now(), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.001):
            self.bytes = max(self.bytes, self._now() - self._begun)

    @staticmethod
    def _now() -> int:
        with open("/proc/self/statm") as handle:
            return int(handle.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def numbers(rows: int, columns: int, seed: int) -> pd.DataFrame:
    made = np.random.default_rng(seed).normal(size=(rows, columns))
    return pd.DataFrame(made, columns=[f"x{i}" for i in range(columns)])


def network(frame: pd.DataFrame, hidden: list[int]) -> NetworkPredictor:
    """An MLP with weights large enough for outputs that aren't all a half."""
    torch.manual_seed(0)
    encoder = TabularEncoder.fit(frame, frame.columns)
    module = mlp.build(encoder.input_shape, 2, {"hidden": hidden})
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(2)
    return NetworkPredictor(module, encoder, "binary", ("0", "1"), {})


def boosting(frame: pd.DataFrame, seed: int) -> EstimatorPredictor:
    from sklearn.ensemble import GradientBoostingClassifier

    rng = np.random.default_rng(seed)
    signal = frame["x0"] + frame["x1"] * frame["x2"] - (frame["x3"] > 0.5) + frame["x4"] ** 2 / 2
    label = (signal + rng.logistic(size=len(frame)) > 0).astype(int)
    model = GradientBoostingClassifier(random_state=0).fit(frame, label)
    return EstimatorPredictor("skops", model, tuple(frame.columns), {})


def attribute(predictor: Any, frame: pd.DataFrame, **options: Any) -> Answer:
    question = Question(
        "attribute",
        {"target": 1, "memory_bytes": LIMIT, **options},
        {"rows": frame},
    )
    return ask(predictor, question)


def test_integrated_gradients_of_10_000_rows() -> None:
    frame = numbers(10_000, 100, 1)
    predictor = network(frame, [64, 64])
    attribute(predictor, frame.head(100), method="integrated_gradients")  # warm up
    with Peak() as peak:
        ours, found = timed(lambda: attribute(predictor, frame, method="integrated_gradients"))
    module, access = predictor.gradients.module, predictor.gradients
    encoded = torch.from_numpy(access.encode(frame))
    baseline = torch.from_numpy(access.baseline)[None]
    method = IntegratedGradients(lambda x: module(x).softmax(dim=1)[:, 1])

    def loop() -> np.ndarray:
        return np.concatenate(
            [
                method.attribute(row[None], baseline, n_steps=50, method="gausslegendre").numpy()
                for row in encoded
            ]
        )

    theirs, expected = timed(loop)
    apart = float(np.abs(found.arrays["values"] - expected).max())
    TABLE.append(
        (
            "integrated gradients, 50 steps, 10,000 x 100, MLP 64-64",
            f"{ours:.1f} s, Captum row by row {theirs:.1f} s: {theirs / ours:.1f} times",
            ">= 7 times",
        )
    )
    TABLE.append(("  largest difference", f"{apart:.1g}", "<= 1e-6"))
    TABLE.append(("  memory", f"{peak.bytes / 2**20:.0f} MiB", f"<= {LIMIT >> 20} MiB"))
    assert theirs / ours >= 7
    assert apart <= 1e-6
    assert peak.bytes <= LIMIT


def test_exact_shapley_values_of_1_000_rows() -> None:
    frame = numbers(1000, 12, 2)
    predictor = boosting(frame, 3)
    with Peak() as peak:
        spent, found = timed(lambda: attribute(predictor, frame, method="shapley_exact"))
    reference = frame.apply(lambda c: c.sort_values().iloc[(len(c) - 1) // 2])
    apart = 0.0
    for row in (0, 417, 999):
        by_hand = enumerated(predictor, frame.iloc[row], reference)
        apart = max(apart, float(np.abs(found.arrays["values"][row] - by_hand).max()))
    TABLE.append(("exact Shapley values, 1,000 x 12, boosting", f"{spent:.1f} s", "< 20 s"))
    TABLE.append(("  largest difference from an enumeration by hand", f"{apart:.1g}", "<= 1e-9"))
    TABLE.append(("  memory", f"{peak.bytes / 2**20:.0f} MiB", f"<= {LIMIT >> 20} MiB"))
    assert spent < 20
    assert apart <= 1e-9
    assert peak.bytes <= LIMIT


def enumerated(predictor: Any, row: pd.Series, reference: pd.Series) -> np.ndarray:
    """Shapley values of one row by their definition."""
    d = len(row)
    coalitions = [np.array(c, dtype=bool) for c in product([False, True], repeat=d)]
    frame = pd.DataFrame([row.where(c, reference) for c in coalitions])
    value = dict(
        zip((tuple(c) for c in coalitions), predictor.predict_proba(frame)[:, 1], strict=True)
    )
    found = np.zeros(d)
    for coalition in coalitions:
        size = int(coalition.sum())
        for j in np.flatnonzero(~coalition):
            joined = coalition.copy()
            joined[j] = True
            weight = factorial(size) * factorial(d - size - 1) / factorial(d)
            found[j] += weight * (value[tuple(joined)] - value[tuple(coalition)])
    return found


@pytest.mark.parametrize("kind", ["MLP 64-64", "boosting"])
def test_shapley_sampling_of_1_000_rows(kind: str) -> None:
    frame = numbers(1000, 40, 4)
    predictor: Any = boosting(frame, 5) if kind == "boosting" else network(frame, [64, 64])
    attribute(predictor, frame.head(10), method="shapley_sampling", permutations=4)  # warm up
    with Peak() as peak:
        ours, found = timed(lambda: attribute(predictor, frame, method="shapley_sampling"))
    widest = float(found.arrays["half_width"].max())
    drawn = found.arrays["permutations"]
    few = frame.head(2)
    score, switches = switchboard(predictor, few)
    method = ShapleyValueSampling(score)

    def loop() -> list[torch.Tensor]:
        return [
            method.attribute(
                switches[:1],
                additional_forward_args=(torch.tensor([row]),),
                n_samples=int(drawn[row]),
            )
            for row in range(len(few))
        ]

    spent, _ = timed(loop)
    # As many permutations as ours drew, which Captum would have to be told.
    theirs = spent / drawn[: len(few)].sum() * drawn.sum()
    TABLE.append(
        (
            f"Shapley sampling, 1,000 x 40, {kind}",
            f"{ours:.1f} s, Captum row by row {theirs:.0f} s (scaled from {len(few)} rows): "
            f"{theirs / ours:.0f} times",
            ">= 100 times",
        )
    )
    TABLE.append(("  widest half-width at 95 %", f"{widest:.4f}", "< 0.005"))
    TABLE.append(("  permutations a row", f"{drawn.min()} to {drawn.max()}", "adaptive"))
    TABLE.append(("  memory", f"{peak.bytes / 2**20:.0f} MiB", f"<= {LIMIT >> 20} MiB"))
    assert widest <= 0.005
    assert peak.bytes <= LIMIT
    assert theirs / ours >= 100


def switchboard(predictor: Any, frame: pd.DataFrame) -> tuple[Any, torch.Tensor]:
    """The model over switches, one a column, as simply as it is written for Captum."""
    switches = torch.ones(len(frame), frame.shape[1])
    if predictor.gradients is not None:
        module = predictor.gradients.module
        rows = torch.from_numpy(predictor.gradients.encode(frame))
        base = torch.from_numpy(predictor.gradients.baseline)

        def of_network(on: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                mixed = torch.where(on > 0.5, rows[row], base)
                return module(mixed).softmax(dim=1)[:, 1]

        return of_network, switches
    raw = frame.to_numpy()
    reference = frame.median().to_numpy()

    def of_model(on: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
        mixed = np.where(on.numpy() > 0.5, raw[row.numpy()], reference)
        scores = predictor.predict_proba(pd.DataFrame(mixed, columns=frame.columns))
        return torch.from_numpy(scores[:, 1])

    return of_model, switches
