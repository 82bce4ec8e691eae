"""MNIST test accuracy of the shipped recipes: mean and spread of three seeds, each run once.

The settings in ``trainers/recipes/mnist_*.yaml`` were chosen on splits of the training images (each
recipe says on what); the test images are read here, once a seed, for nothing but this table. Data:
the folder ``mnist`` with the four IDX files under EVENHAND_BENCH_DATA (by default ../shared/data
beside the repository).
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import fmean, stdev

import pytest
import torch

from evenhand.trainers import train
from evenhand.trainers.recipe.recipe import read_recipe

pytestmark = [pytest.mark.bench, pytest.mark.filterwarnings("ignore:.*:UserWarning")]
ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "trainers" / "recipes"
DATA = Path(os.environ.get("EVENHAND_BENCH_DATA", ROOT.parent / "shared" / "data")) / "mnist"
SEEDS = (0, 1, 2)


@pytest.mark.skipif(
    not (DATA / "train-images-idx3-ubyte.gz").is_file(),
    reason=f"no MNIST at {DATA}: set EVENHAND_BENCH_DATA to the folder that holds mnist/",
)
@pytest.mark.parametrize(
    ("recipe", "wanted", "field"),
    [
        ("mnist_dense", 0.978, "97.78 (the essays' own example)"),
        ("mnist_private_3", 0.986, "98.1 (Papernot et al.), 98.7 (Tramer and Boneh)"),
        ("mnist_private_1", 0.980, "94.63 at 1.16 (Opacus' example)"),
        ("mnist_cnn_private_3", 0.975, "96.78 (Opacus' example), 98.1 (Papernot et al.)"),
    ],
)
def test_accuracy(
    recipe: str,
    wanted: float,
    field: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        results = [
            train(
                read_recipe(RECIPES / f"{recipe}.yaml", data=DATA, seed=seed),
                out=tmp_path / f"model-{seed}",
            )
            for seed in SEEDS
        ]
    finally:
        torch.set_num_threads(threads)
    accuracies = [100 * float(result.test_accuracy or 0) for result in results]
    with capsys.disabled():
        shown = " ".join(f"{a:.2f}" for a in accuracies)
        spent = "plain" if results[0].epsilon is None else f"epsilon {results[0].epsilon:.3f}"
        print(
            f"\n{recipe:20s} | {spent:13s} | {fmean(accuracies):.2f} % +- {stdev(accuracies):.2f} "
            f"({shown}) | must {100 * wanted:.1f} | field {field} | "
            f"{fmean(r.seconds for r in results):.0f} s a run"
        )
    for result in results:
        assert result.epsilon is None or result.epsilon <= (1 if recipe.endswith("_1") else 3)
    assert fmean(accuracies) >= 100 * wanted
