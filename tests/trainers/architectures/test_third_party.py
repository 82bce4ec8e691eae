"""A third party's architecture, installed as a distribution of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import InputError
from evenhand.trainers import architectures, train
from evenhand.trainers.folder import reading as model_folder

CODE = """
import torch

def full_parameters(params):
    return {"width": int(params.get("width", 6))}

def build(input_shape, n_outputs, params):
    class Squared(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(input_shape[0], params["width"])
            self.last = torch.nn.Linear(params["width"], n_outputs)

        def forward(self, inputs):
            return self.last(self.first(inputs).square())

    return Squared()
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    info = site / "squared_networks-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "squared_networks.py").write_text(CODE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: squared-networks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{architectures.GROUP}]\nsquared = squared_networks\n")
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("private", [None, {"noise_multiplier": 2.0}])
def test_it_trains_and_opens_like_our_own(
    recipe: dict, tmp_path: Path, private: dict | None
) -> None:
    assert "squared" in architectures.known_architectures()
    given = {**recipe, "model": "squared", "architecture": {"width": 5}, "private": private}
    result = train(given, out=tmp_path / "model")
    opened = model_folder.load(result.model)
    assert opened.maker_says["architecture"] == "squared"
    assert opened.maker_says["parameters"] == {"width": 5}
    rows = read_table(result.held_out).frame
    predicted = np.array(opened.classes)[opened.predict_proba(rows).argmax(axis=1)]
    assert result.test_accuracy == pytest.approx((predicted == rows["answer"]).mean())


def test_it_is_not_known_where_it_is_not_installed(recipe: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'squared'"):
        train({**recipe, "model": "squared", "architecture": {}}, out=tmp_path / "model")
