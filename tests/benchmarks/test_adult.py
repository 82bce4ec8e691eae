"""UCI Adult: accuracy on adult.test, plain and at epsilon 3 and 1, three seeds each.

The settings were chosen on a fifth of adult.data (stratified, seed 0), out of 26 plain ones, 26 at
epsilon 3 and 49 at epsilon 1, two seeds each; adult.test was not read for that. Its rows are
used once a seed, by ``train`` itself, which tests on ``test_data`` when training is over. The
choice among settings is not counted in epsilon (the record says so). Sex and race are no inputs.
Always answering "<=50K" is right for 76.4 % of adult.test.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench
SEEDS = (0, 1, 2)
PLAIN = {
    "model": "mlp",
    "architecture": {"hidden": [32], "activation": "relu"},
    "optimizer": "adam",
    "learning_rate": 0.003,
    "schedule": "cosine",
    "epochs": 25,
    "batch_size": 128,
    "weight_decay": 0.0,
}
PRIVATE = {
    "model": "mlp",
    "architecture": {"hidden": [32], "activation": "tanh"},
    "optimizer": "sgd",
    "batch_size": 2048,
    "weight_decay": 0.0,
}
SETTINGS = {
    "plain": PLAIN,
    "epsilon 3": {
        **PRIVATE,
        "learning_rate": 8.0,
        "epochs": 30,
        "private": {"epsilon": 3.0, "delta": 1e-5, "max_grad_norm": 1.0},
    },
    "epsilon 1": {
        **PRIVATE,
        "learning_rate": 4.0,
        "epochs": 60,
        "private": {"epsilon": 1.0, "delta": 1e-5, "max_grad_norm": 1.0},
    },
}
AT_LEAST = {"plain": 0.850, "epsilon 3": 0.840, "epsilon 1": 0.835}


@pytest.fixture(scope="module")
def folder() -> Path:
    data = Path(os.environ.get("EVENHAND_BENCH_DATA", "../shared/data")) / "adult"
    if not (data / "adult.data").is_file():
        pytest.skip(f"no adult.data in {data}: set EVENHAND_BENCH_DATA to the folder above it")
    return data


@pytest.mark.parametrize("name", SETTINGS)
def test_accuracy_on_adults_own_test_rows(name: str, folder: Path, tmp_path: Path) -> None:
    from evenhand.trainers import train

    found, spent, seconds = [], [], []
    for seed in SEEDS:
        recipe = {
            "data": f"adult:{folder}",
            "test_data": str(folder / "adult.test"),
            "seed": seed,
            **SETTINGS[name],
        }
        result = train(recipe, out=tmp_path / f"seed-{seed}")
        assert (result.n_train, result.n_test) == (32_561, 16_281)
        found.append(result.test_accuracy)
        spent.append(result.epsilon or 0.0)
        seconds.append(result.seconds)
    mean, spread = statistics.mean(found), max(found) - min(found)
    print(
        f"\nAdult, {name}: accuracy {100 * mean:.2f} % (at least {100 * AT_LEAST[name]:.1f}), "
        f"spread {100 * spread:.2f} points over seeds {SEEDS}, epsilon {max(spent):.3f}, "
        f"{statistics.median(seconds):.0f} s a run"
    )
    assert mean >= AT_LEAST[name]
    if "private" in SETTINGS[name]:
        assert max(spent) <= SETTINGS[name]["private"]["epsilon"]
