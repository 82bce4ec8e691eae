"""Maps of images: their shapes and sums, planted pixels, patches taken away by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.attribution.kinds.images import patches
from evenhand.trainers.architectures import cnn
from evenhand.trainers.encoders.image import ImageEncoder
from evenhand.trainers.folder.predictors import NetworkPredictor
from tests.audit.attribution.made import attribute
from tests.audit.attribution.made_images import corner, images


@pytest.mark.parametrize("shape", [(12, 10), (10, 12, 3)])
def test_every_method_gives_a_map_that_adds_up(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    sizes = {"kernels": (3, 3), "strides": (1, 1), "padding": (1, 1), "channels": (4, 4)}
    module = cnn.build(shape, 3, sizes)
    model = NetworkPredictor(module, ImageEncoder(shape), "multiclass", tuple("abc"), {})
    can = ask(model, Question("capabilities")).facts
    assert can["kind"] == "image"
    for method in can["methods"]:
        found = attribute(model, images(shape), method=method, patch=5, samples=70)
        maps, values = found.arrays["maps"], found.arrays["values"]
        assert maps.shape == (3, *shape[:2]), method
        assert values[:, 0] == pytest.approx(maps.sum(axis=(1, 2)))
        if method.startswith(("integrated", "shapley", "kernel")):
            assert found.arrays["gap"] == pytest.approx(0, abs=2e-3), method
            change = found.arrays["output"] - found.arrays["baseline_output"]
            assert values[:, 0] == pytest.approx(change, abs=2e-3)


def test_planted_pixels_and_their_values() -> None:
    shape = (8, 8)
    model, frame = corner(shape), images(shape)
    pixels = np.stack([np.frombuffer(c, dtype=np.uint8) for c in frame["image"]]) / 255
    expected = pixels.reshape(3, 8, 8) / 8
    expected[:, 4:] = expected[:, :, 4:] = 0  # black is 0, the weights are 1/8 in the corner
    options: dict[str, Any] = {"target": 1, "output": "logit"}
    found = attribute(model, frame, method="integrated_gradients", **options)
    assert found.arrays["maps"] == pytest.approx(expected, abs=1e-6)
    assert "black image" in found.facts["method"]
    whole = attribute(model, frame, method="feature_ablation", patch=4, **options).arrays["maps"]
    spread = np.zeros((3, 8, 8))
    spread[:, :4, :4] = expected.sum(axis=(1, 2), keepdims=True)[:, :, :] / 16
    assert whole == pytest.approx(spread, abs=1e-6)
    slid = attribute(model, frame, method="occlusion", patch=2, **options).arrays["maps"]
    assert (np.abs(slid[:, 5:]) < 1e-6).all()
    assert (slid[:, :3, :3] > 0).all()


def test_patches_cover_the_image() -> None:
    n, where = patches((5, 7), 3)
    assert n == 6
    assert where.reshape(5, 7).tolist() == [[0, 0, 0, 1, 1, 1, 2]] * 3 + [[3, 3, 3, 4, 4, 4, 5]] * 2
    n, where = patches((2, 2, 3), 1)
    assert where.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
