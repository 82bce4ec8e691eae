"""A small table with a known rule behind it, models trained on it once, and images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.trainers.made_images import squares, write_idx


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Networks this small are slower on several threads, much slower beside other work."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """400 rows; "yes" follows income and town, with noise; some cells are missing."""
    rng = np.random.default_rng(3)
    income = rng.normal(50, 10, 400).round(2)
    town = rng.choice(["north", "south", "west"], 400)
    chance = 1 / (1 + np.exp(-(income - 48) / 4 - (town == "north")))
    frame = pd.DataFrame(
        {
            "income": income,
            "debts": rng.integers(0, 5, 400).astype(float),
            "town": town,
            "owner": rng.random(400) < 0.5,
            "sex": rng.choice(["female", "male"], 400),
            "answer": np.where(rng.random(400) < chance, "yes", "no"),
        }
    )
    frame.loc[::9, "debts"] = np.nan
    frame.loc[::11, "town"] = None
    return frame


@pytest.fixture(scope="session")
def csv(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "answers.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def recipe(csv: Path) -> dict[str, object]:
    return {
        "data": str(csv),
        "target": "answer",
        "positive_label": "yes",
        "sensitive_features": ["sex"],
        "epochs": 4,
        "architecture": {"hidden": [8]},
    }


@pytest.fixture(scope="session")
def plain(recipe: dict[str, object], tmp_path_factory: pytest.TempPathFactory):
    from evenhand.trainers import train

    return train(recipe, out=tmp_path_factory.mktemp("plain") / "model")


@pytest.fixture(scope="session")
def private(recipe: dict[str, object], tmp_path_factory: pytest.TempPathFactory):
    from evenhand.trainers import train

    given = {**recipe, "batch_size": 64, "private": {"epsilon": 4, "delta": 1e-4}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(tmp_path_factory.mktemp("home")))
        return train(given, out=tmp_path_factory.mktemp("private") / "model")


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "corners"
    write_idx(folder, "train", *squares(240))
    write_idx(folder, "t10k", *squares(80, seed=1))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of PNG files with a metadata table, written with another library."""
    images, labels = squares(24)
    folder = tmp_path / "pictures"
    (folder / "img").mkdir(parents=True)
    rows = []
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        Image.fromarray(image).save(folder / "img" / f"{i}.png")
        sex = "f" if i % 2 else "m"
        rows.append({"file": f"img/{i}.png", "label": f"c{label % 2}", "sex": sex})
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return folder
