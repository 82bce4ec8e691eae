"""The networks for images: shapes, gradients row by row, and the fixed features."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from evenhand.audit.errors import InputError
from evenhand.trainers.architectures import architecture, scattering_linear
from evenhand.trainers.architectures._strokes import _bezier, _inked, draw_strokes
from evenhand.trainers.examples import Examples, made_up_examples
from evenhand.trainers.fitting import networks
from evenhand.trainers.fitting.networks import split_frozen, through
from evenhand.trainers.private.dials import Private
from evenhand.trainers.private.noise import entropy_generator
from evenhand.trainers.private.plan import plan_private
from evenhand.trainers.private.wrapping import known_warnings_silenced, wrap
from evenhand.trainers.recipe.recipe import as_recipe

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


def test_strokes_are_drawings_in_the_middle_and_always_the_same() -> None:
    drawn = draw_strokes(50, (28, 28))
    assert drawn.shape == (50, 28, 28) and drawn.dtype == torch.float32
    assert float(drawn.min()) == 0.0 and float(drawn.max()) == 1.0
    assert torch.equal(drawn, draw_strokes(50, (28, 28)))
    assert not torch.equal(drawn, draw_strokes(50, (28, 28), seed=1))
    # 0.64 * 28 / 2 = 8.96 pixels from the middle at 13.5, and at most 2.3 of pen: 2.24 to 24.76
    assert float(drawn[:, :3].max()) == 0.0 and float(drawn[:, :, -3:].max()) == 0.0
    assert (drawn > 0.5).flatten(1).any(1).all()
    colour = draw_strokes(3, (12, 10, 3))
    # one colour a drawing: the channels of a pixel are in one proportion, where there is ink
    for image in colour.flatten(1, 2):
        inked = image[image.sum(1) > 0.1]
        shares = inked / inked.sum(1, keepdim=True)
        torch.testing.assert_close(shares, shares[:1].expand_as(shares), atol=1e-5, rtol=0)


def test_a_curve_and_its_ink_by_hand() -> None:
    # equally spaced corners on a line: the curve is the line at an even pace
    points = _bezier(torch.tensor([[[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]]))
    torch.testing.assert_close(points[:, 1], torch.linspace(0, 6, 32))
    # corners (0, 0), (0, 1), (1, 1), (1, 0): its ends are the first and the last corner
    ends = _bezier(torch.tensor([[[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]]))[[0, -1]]
    torch.testing.assert_close(ends, torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
    # one point in the middle of 3 x 3, a pen of 1: ink 1 there, 1.5 - 1 beside, 1.5 - sqrt(2) at
    # the corners
    corner = 1.5 - math.sqrt(2)
    expected = torch.tensor([[corner, 0.5, corner], [0.5, 1.0, 0.5], [corner, 0.5, corner]])
    torch.testing.assert_close(_inked(torch.zeros(1, 2), (3, 3), 1.0), expected)


TURNED = {"angles": 2, "groups": 3, "components": 7, "whitening": 0.5}


@pytest.mark.parametrize("shape", [(12, 12), (12, 10, 3)])
def test_components_are_the_principal_ones_of_strokes(shape: tuple[int, ...]) -> None:
    plain = architecture("scattering_linear").build(shape, 3, {"angles": 2, "groups": 3})
    turned = architecture("scattering_linear").build(shape, 3, TURNED)
    assert turned.head.weight.shape == (3, 7)
    found = plain.features(draw_strokes(scattering_linear.N_STROKES, shape)).double().numpy()
    # numpy's singular values of the centred rows, squared and over their number, are the spread
    centred = found - found.mean(0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    spread = values[:7] ** 2 / len(found)
    # half the whitening leaves the square root of the spread; their mean is made 1
    expected = np.sqrt(spread) / np.sqrt(spread).mean()
    got = turned.features(draw_strokes(scattering_linear.N_STROKES, shape)).numpy()
    np.testing.assert_allclose(np.cov(got.T, bias=True), np.diag(expected), atol=1e-3)
    own = turned.features.axes.numpy()
    cosines = np.abs((own * axes[:7]).sum(1)) / np.linalg.norm(own, axis=1)
    np.testing.assert_allclose(cosines, 1.0, atol=1e-3)
    # whatever the sign that a machine finds, the largest entry of an axis is positive
    assert (own[np.arange(7), np.abs(own).argmax(1)] > 0).all()


@pytest.mark.parametrize("n", [40, 9])
@pytest.mark.parametrize("whitening", [0.0, 1.0])
def test_whitening_from_either_side(n: int, whitening: float) -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(n, 20)) * np.geomspace(5, 0.1, 20)
    rows -= rows.mean(0)
    axes = scattering_linear._whitened(torch.from_numpy(rows), 4, whitening).numpy()
    spread = np.linalg.svd(rows, compute_uv=False)[:4] ** 2 / n
    expected = np.ones(4) if whitening else spread / spread.mean()
    got = rows @ axes.T
    np.testing.assert_allclose(got.T @ got / n, np.diag(expected), atol=1e-9)


def test_strokes_that_span_too_little_are_refused() -> None:
    two = torch.eye(2, 20, dtype=torch.float64)
    for rows, n in ((two, 3), (two.T, 3), (torch.ones(20, 2, dtype=torch.float64), 2)):
        with pytest.raises(InputError, match=f"fewer than components={n}"):
            scattering_linear._whitened(rows, n, 0.5)


def test_components_hold_nothing_of_the_training_images_and_come_back_with_the_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = as_recipe(
        {
            "kind": "image",
            "data": "x",
            "model": "scattering_linear",
            "architecture": TURNED,
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "epochs": 1,
            "batch_size": 10,
        }
    )
    one, other = (networks.train_network(recipe, images(n), 3).module for n in (30, 12))
    assert torch.equal(one.features.axes, other.features.axes)
    assert torch.equal(one.features.centre, other.features.centre)
    assert [name for name, _ in one.named_parameters()] == ["head.weight", "head.bias"]
    monkeypatch.setattr(scattering_linear, "stroke_axes", lambda *_: pytest.fail("found again"))
    with torch.device("meta"):  # as a folder is opened
        again = architecture("scattering_linear").build((12, 12), 3, TURNED)
    again.load_state_dict(one.state_dict(), assign=True)
    with torch.no_grad():
        inputs = images(4).inputs
        assert torch.equal(again(inputs), one(inputs))
        assert again(inputs[:0]).shape == (0, 3)


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
        ("scattering_linear", (8, 8), {"angles": 2, "groups": 0, "components": 36}, "of 36"),
        ("scattering_linear", (128, 128), {"components": 9}, "may be 50,000"),
        ("scattering_linear", (28, 28), {"components": 1001}, "components"),
    ],
)
def test_wrong_sizes_are_refused(name: str, shape: tuple, params: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        architecture(name).build(shape, 2, params)
