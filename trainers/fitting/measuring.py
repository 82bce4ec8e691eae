"""What a trained model gets on held-out rows, by task."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evenhand.audit.words.numbers import number
from evenhand.trainers.folder.outputs import BATCH, network_outputs
from evenhand.trainers.model_description import ClassMetrics, TokenMetrics, ValueMetrics

if TYPE_CHECKING:
    import numpy as np
    import torch

    from evenhand.trainers.data.prepared import Prepared


def measure_network(
    module: torch.nn.Module, prepared: Prepared
) -> ClassMetrics | ValueMetrics | TokenMetrics:
    """The test metrics of a network on the held-out examples."""
    test = prepared.test
    if prepared.task == "generation":
        return measure_tokens(module, prepared)
    outputs = network_outputs(module, test.inputs)
    if prepared.task == "regression":
        return measure_values(outputs.squeeze(1).numpy(), test.targets.numpy())
    return measure_classes(outputs.softmax(dim=1).numpy(), test.targets.numpy())


def measure_classes(scores: np.ndarray, codes: np.ndarray) -> ClassMetrics:
    """Of scores (rows, classes) against class positions (rows,); both have rows."""
    import numpy as np

    predicted = scores.argmax(axis=1)
    present = np.unique(codes)
    recalls = [float((predicted[codes == c] == c).mean()) for c in present]
    likelihood = np.clip(scores[np.arange(len(codes)), codes], 1e-15, 1.0)
    return ClassMetrics(
        n=len(codes),
        accuracy=float((predicted == codes).mean()),
        balanced_accuracy=float(np.mean(recalls)),
        majority_share=float(np.bincount(codes).max() / len(codes)),
        log_loss=float(-np.log(likelihood).mean()),
    )


def measure_values(values: np.ndarray, targets: np.ndarray) -> ValueMetrics:
    """Of predicted values (rows,) against targets (rows,), in the target's unit."""
    import numpy as np

    wrong = np.asarray(values, dtype=float) - np.asarray(targets, dtype=float)
    spread = float(((targets - targets.mean()) ** 2).sum())
    return ValueMetrics(
        n=len(wrong),
        mae=float(np.abs(wrong).mean()),
        rmse=float(np.sqrt((wrong**2).mean())),
        r2=1.0 - float((wrong**2).sum()) / spread if spread > 0 else None,
    )


def measure_tokens(module: torch.nn.Module, prepared: Prepared) -> TokenMetrics:
    """Of a next-token network on the held-out sequences."""
    import torch

    from evenhand.trainers.losses import IGNORED, per_example

    test = prepared.test
    nats, tokens = 0.0, 0
    module.eval()
    with torch.no_grad():
        for start in range(0, len(test), BATCH // 16):
            targets = test.targets[start : start + BATCH // 16]
            outputs = module(test.inputs[start : start + BATCH // 16])
            valid = (targets != IGNORED).sum(dim=1)
            nats += float((per_example("generation", outputs, targets).double() * valid).sum())
            tokens += int(valid.sum())
    characters = prepared.n_test_characters or tokens
    return TokenMetrics(
        n=len(test),
        tokens=tokens,
        characters=characters,
        bits_per_character=nats / math.log(2) / characters,
        perplexity=math.exp(min(700.0, nats / max(1, tokens))),
    )


def chance_notes(
    test: ClassMetrics | ValueMetrics | TokenMetrics, n_classes: int
) -> tuple[str, ...]:
    """A sentence where a model is not shown to know more than nothing: its balanced accuracy is
    within 1.645 standard errors (one side, 95 %) of 1/n_classes, or its R2 is not above 0.

    The error is the largest that recalls can have with so many rows: of two classes with the
    shares that the held-out rows have, of several with equal ones.
    """
    if isinstance(test, ValueMetrics):
        if test.r2 is None or test.r2 > 0:
            return ()
        return (
            f"the model predicts {test.n} held-out rows no better than their mean does "
            f"(R2 {number(test.r2)})",
        )
    if not isinstance(test, ClassMetrics):
        return ()
    share = test.majority_share
    spread = 0.25 / test.n
    if n_classes == 2 and share < 1:
        spread = (0.25 / 4) * (1 / (test.n * share) + 1 / (test.n * (1 - share)))
    error, chance = math.sqrt(spread), 1 / n_classes
    if test.balanced_accuracy - 1.645 * error > chance:
        return ()
    return (
        f"the model is not shown to decide better than chance on {test.n} held-out rows: balanced "
        f"accuracy {number(test.balanced_accuracy)}, of chance {number(chance)} (standard error up "
        f"to {number(error)}); always the commonest class is right in {number(share)}, the "
        f"model in {number(test.accuracy)}",
    )
