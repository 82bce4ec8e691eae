"""The networks for images: shapes, gradients row by row, and the fixed features."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from audit.errors import InputError
from trainers import networks
from trainers.architectures import architecture, scattering_linear
from trainers.fit import Examples
from trainers.networks import made_up_examples, split_frozen, through
from trainers.private import entropy_generator, known_warnings_silenced, plan_private, wrap
from trainers.recipe import Private, as_recipe

SMALL: dict[str, dict] = {
    "mlp": {"hidden": [6]},
    "cnn": {"channels": [4, 6], "kernels": [3, 3], "padding": [1, 1], "hidden": 5, "groups": 2},
    "scattering_linear": {"angles": 2, "groups": 3},
}


def built(name: str, shape: tuple[int, ...] = (12, 12), outputs: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    return architecture(name).build(shape, outputs, SMALL[name])


def images(n: int, shape: tuple[int, ...] = (12, 12)) -> Examples:
    rng = torch.Generator().manual_seed(1)
    targets = torch.randint(0, 3, (n,), generator=rng)
    return Examples(torch.rand(n, *shape, generator=rng), targets, torch.ones(n))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("shape", [(12, 12), (12, 10, 3), (13, 17)])
def test_outputs_do_not_depend_on_other_rows(name: str, shape: tuple[int, ...]) -> None:
    module, batch = built(name, shape).eval(), images(5, shape)
    with torch.no_grad():
        together = module(batch.inputs)
        assert together.shape == (5, 3) and torch.isfinite(together).all()
        for i in range(5):
            torch.testing.assert_close(module(batch.inputs[i : i + 1])[0], together[i])
        assert module(batch.inputs[:0]).shape == (0, 3)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("n", [6, 1, 0])
def test_clipped_sums_equal_a_loop_over_rows(name: str, n: int) -> None:
    """With noise off, one private step in the architecture's own mode is the loop's by hand."""
    chosen, module, norm = architecture(name), built(name), 0.7
    body, head = split_frozen(chosen, module)
    if name == "scattering_linear":
        torch.nn.init.normal_(head.weight, std=0.1)
    examples = through(body, images(8))
    expected = [torch.zeros_like(p) for p in head.parameters()]
    for i in range(n):
        loss = torch.nn.functional.cross_entropy(
            head(examples.inputs[i : i + 1]), examples.targets[i : i + 1]
        )
        gradients = torch.autograd.grad(loss, list(head.parameters()))
        length = math.sqrt(sum(float(g.square().sum()) for g in gradients))
        for total, gradient in zip(expected, gradients, strict=True):
            total += gradient * min(1.0, norm / length)
    plan = plan_private(
        Private(noise_multiplier=1e-9, max_grad_norm=norm, delta=1e-3),
        n_train=8,
        batch_size=4,
        epochs=1,
        grad_sample_mode=chosen.GRAD_SAMPLE_MODE,
    )
    before = [p.detach().clone() for p in head.parameters()]
    optimizer = torch.optim.SGD(head.parameters(), lr=1.0)
    parts = wrap(head, optimizer, plan, noise=entropy_generator(), sampling=entropy_generator())
    with known_warnings_silenced():
        parts.take(
            lambda rows: torch.nn.functional.cross_entropy(
                parts.module(examples.inputs[rows]), examples.targets[rows], reduction="none"
            ),
            torch.arange(n),
        )
    assert parts.executed() == 1
    for old, parameter, total in zip(before, head.parameters(), expected, strict=True):
        # the step is minus the clipped sum over the expected batch of 4 rows
        torch.testing.assert_close((old - parameter.detach()) * 4, total, atol=1e-5, rtol=1e-5)


def test_a_frozen_part_is_computed_once_and_never_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    forward = scattering_linear.Scattering.forward
    monkeypatch.setattr(
        scattering_linear.Scattering,
        "forward",
        lambda self, x: seen.append(len(x)) or forward(self, x),
    )
    recipe = as_recipe(
        {
            "kind": "image",
            "data": "x",
            "model": "scattering_linear",
            "architecture": SMALL["scattering_linear"],
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "epochs": 3,
            "batch_size": 10,
        }
    )
    trained = networks.train_network(recipe, images(30), 3)
    assert sum(seen) == 30  # not 90
    assert set(trained.module.state_dict()) == {"head.weight", "head.bias"}
    assert trained.module.head.weight.abs().max() > 0
    assert made_up_examples(through(None, images(4)), 3, {}).inputs.shape == (4, 12, 12)


def test_scattering_has_the_shape_of_the_papers() -> None:
    module = architecture("scattering_linear").build((28, 28), 10, {})
    body, head = split_frozen(scattering_linear, module)
    assert scattering_linear.channels(8) == 81 and head.weight.shape == (10, 81 * 7 * 7)
    found = body(torch.rand(2, 28, 28))
    # 27 groups of 3 channels, each with mean 0 in every image, and at most variance 1
    groups = found.view(2, 27, 3 * 49)
    torch.testing.assert_close(groups.mean(2), torch.zeros(2, 27), atol=1e-5, rtol=0)
    assert 0 < float(groups.var(2, correction=0).max()) < 1.001


def direct(image: np.ndarray, angles: int) -> np.ndarray:
    """Scattering in space, from its definition: circular sums over the padded image, float64."""
    pad = np.pad(image, ((4, 4), (4, 4)), mode="reflect")
    bank = scattering_linear.Bank(image.shape, angles)

    def kernel(spectrum: torch.Tensor) -> np.ndarray:
        return np.fft.ifft2(spectrum.double().numpy())

    def convolve(x: np.ndarray, k: np.ndarray) -> np.ndarray:
        out = np.zeros(x.shape, dtype=complex)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                out += k[i, j] * np.roll(x, (i, j), axis=(0, 1))
        return out

    def averaged(x: np.ndarray, level: int) -> np.ndarray:
        step = 4 >> level
        return convolve(x, kernel(bank.low[level])).real[::step, ::step][1:-1, 1:-1]

    fine = [np.abs(convolve(pad, kernel(w))) for w in bank.first[:angles]]
    coarse = [np.abs(convolve(pad, kernel(w)))[::2, ::2] for w in bank.first[angles:]]
    found = [averaged(pad, 0), *(averaged(x, 0) for x in fine)]
    found += [averaged(x, 1) for x in coarse]
    for x in fine:
        found += [
            averaged(np.abs(convolve(x, kernel(w)))[::2, ::2], 1) for w in bank.first[angles:]
        ]
    return np.stack(found)


def test_scattering_equals_sums_in_space() -> None:
    image = np.random.default_rng(0).random((8, 8))
    module = architecture("scattering_linear").build((8, 8), 2, {"angles": 2, "groups": 0})
    body, _ = split_frozen(scattering_linear, module)
    found = body(torch.from_numpy(image).float()[None]).view(9, 2, 2).numpy()
    np.testing.assert_allclose(found, direct(image, 2), atol=1e-5)


def test_wavelets_let_no_mean_through_and_the_low_pass_does() -> None:
    bank = scattering_linear.Bank((28, 28), 8)
    assert bank.first.shape == (16, 36, 36)
    assert float(bank.first[:, 0, 0].abs().max()) < 1e-6
    assert float(bank.low[0][0, 0]) == pytest.approx(1.0, abs=1e-3)
    # a wavelet of angle 0 passes a wave along the rows, and not one along the columns
    wave = torch.cos(torch.arange(28) * 0.75 * math.pi)
    along = bank.coefficients(wave[:, None].expand(28, 28)[None])[0, 1]
    across = bank.coefficients(wave[None, :].expand(28, 28)[None])[0, 1]
    assert float(along.mean()) > 10 * float(across.mean())


@pytest.mark.parametrize(
    ("name", "shape", "params", "words"),
    [
        ("cnn", (5,), {}, "needs images"),
        ("cnn", (4, 4), {}, "do not suit"),
        ("cnn", (28, 28), {"groups": 3}, "does not divide"),
        ("cnn", (28, 28), {"chanels": [1, 2]}, "did you mean: channels"),
        ("cnn", (4000, 4000), {"hidden": 16384}, "do not suit"),
        ("scattering_linear", (7, 28), {}, "at least 8 x 8"),
        ("scattering_linear", (5,), {}, "at least 8 x 8"),
        ("scattering_linear", (28, 28), {"groups": 4}, "does not divide"),
        ("scattering_linear", (10_000, 10_000), {}, "over 2,000,000"),
    ],
)
def test_wrong_sizes_are_refused(name: str, shape: tuple, params: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        architecture(name).build(shape, 2, params)
