"""Text networks: per-example gradients against a loop over rows, layouts against torch's own."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator

import pytest
import torch

from evenhand.audit.errors import InputError
from evenhand.trainers.architectures import architecture, known_architectures
from evenhand.trainers.losses import IGNORED, per_example

VOCABULARY, TOKENS, ROWS = 30, 9, 6
NETWORKS = {
    "text_classifier": {"width": 8, "hidden": (6,)},
    "text_transformer": {"width": 8, "heads": 2, "feedforward": 12},
    "lstm_generator": {"width": 8, "hidden": 10},
    "causal_transformer": {"width": 8, "heads": 2, "feedforward": 12},
}
GENERATORS = ("lstm_generator", "causal_transformer")


def network(name: str, **changes: object) -> torch.nn.Module:
    n_outputs = VOCABULARY if name in GENERATORS else 3
    params = {"vocabulary": VOCABULARY, **NETWORKS[name], **changes}
    torch.manual_seed(0)
    return architecture(name).build((TOKENS,), n_outputs, params).double()


def rows(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and targets; one row is short, one is all padding, one repeats a single id."""
    rng = torch.Generator().manual_seed(1)
    ids = torch.randint(1, VOCABULARY, (ROWS, TOKENS), generator=rng)
    ids[2, 4:], ids[3], ids[4] = 0, 0, 7
    if name not in GENERATORS:
        return ids, torch.arange(ROWS) % 3
    targets = torch.randint(0, VOCABULARY, (ROWS, TOKENS), generator=rng)
    targets[2, 4:], targets[3] = IGNORED, IGNORED
    return ids, targets


def losses(name: str, module: torch.nn.Module, ids: torch.Tensor, targets: torch.Tensor):
    task = "generation" if name in GENERATORS else "multiclass"
    return per_example(task, module(ids), targets)  # type: ignore[arg-type]


def looped(name: str, module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """One forward and backward pass a row: gradients (rows, *shape) by parameter name."""
    ids, targets = rows(name)
    found: dict[str, list[torch.Tensor]] = {n: [] for n, _ in module.named_parameters()}
    for i in range(ROWS):
        module.zero_grad(set_to_none=True)
        losses(name, module, ids[i : i + 1], targets[i : i + 1]).sum().backward()
        for n, p in module.named_parameters():
            found[n].append(torch.zeros_like(p) if p.grad is None else p.grad.clone())
    return {n: torch.stack(parts) for n, parts in found.items()}


@pytest.fixture(autouse=True)
def one_thread_and_hooks_that_may_warn() -> Iterator[None]:
    torch.set_num_threads(1)  # networks this small only wait for each other
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        yield


def by_opacus(name: str, module: torch.nn.Module, mode: str, n: int = ROWS) -> torch.nn.Module:
    from opacus.grad_sample.utils import prepare_module

    ready = architecture(name).to_private(copy.deepcopy(module)).train()
    wrapped = prepare_module(ready, grad_sample_mode=mode, loss_reduction="sum")
    ids, targets = rows(name)
    losses(name, wrapped, ids[:n], targets[:n]).sum().backward()
    return wrapped


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_per_example_gradients_equal_a_loop_over_rows(name: str) -> None:
    module = network(name)
    expected = looped(name, module)
    found = dict(by_opacus(name, module, "hooks").named_parameters())
    for parameter, gradients in expected.items():
        sampled = found[f"_module.{parameter}"].grad_sample
        torch.testing.assert_close(sampled, gradients, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_ghost_norms_equal_a_loop_over_rows(name: str) -> None:
    module = network(name)
    expected = looped(name, module)
    found = dict(by_opacus(name, module, "ghost").named_parameters())
    for parameter, gradients in expected.items():
        norms = gradients.flatten(1).norm(dim=1)
        got = found[f"_module.{parameter}"]._norm_sample
        # norms by products of products lose half of the digits where they are near 0
        torch.testing.assert_close(got, norms, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("mode", ["hooks", "ghost"])
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_an_empty_batch_has_gradients_of_no_rows(name: str, mode: str) -> None:
    for parameter in by_opacus(name, network(name), mode, n=0).parameters():
        got = parameter.grad_sample if mode == "hooks" else parameter._norm_sample
        assert len(got) == 0


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_private_step_in_the_declared_mode_equals_a_loop(name: str) -> None:
    from evenhand.trainers.examples import Examples
    from evenhand.trainers.private.dials import Private
    from evenhand.trainers.private.plan import plan_private
    from evenhand.trainers.private.preflight import preflight

    chosen = architecture(name)
    plan = plan_private(
        Private(noise_multiplier=1.0),
        n_train=64,
        batch_size=16,
        epochs=1,
        grad_sample_mode=chosen.GRAD_SAMPLE_MODE,
    )
    ids, targets = rows(name)
    keep = [0, 1, 2, 4, 5]  # a row without any token has no gradient to clip
    task = "generation" if name in GENERATORS else "multiclass"
    like = Examples(ids[keep], targets[keep], torch.ones(len(keep)), task)  # type: ignore[arg-type]
    preflight(chosen.to_private(network(name).float()), plan, like)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_private_training_leaves_the_network_as_it_was_saved(name: str) -> None:
    module = network(name)
    chosen = architecture(name)
    before = {n: p.clone() for n, p in module.state_dict().items()}
    back = chosen.to_private(module)
    ids, _ = rows(name)
    torch.testing.assert_close(back(ids), network(name)(ids), rtol=0, atol=0)
    assert {n: p.shape for n, p in back.state_dict().items()} == {
        n: p.shape for n, p in before.items()
    }
    assert not any("opacus" in type(m).__module__ for m in back.modules())


def test_lstm_weights_are_torchs_own() -> None:
    module = network("lstm_generator")
    torchs = torch.nn.LSTM(8, 10, num_layers=2, batch_first=True).double()
    stacked = {
        key.removesuffix("0") + str(i): value
        for i, layer in enumerate(module.lstm)
        for key, value in layer.state_dict().items()
    }
    torchs.load_state_dict(stacked, strict=True)
    ids, _ = rows("lstm_generator")
    expected = module.head(torchs(module.embedding(ids))[0])
    torch.testing.assert_close(module(ids), expected, rtol=1e-12, atol=1e-12)


def test_attention_weights_are_torchs_own() -> None:
    from evenhand.trainers.architectures._sequence import SelfAttention

    torch.manual_seed(0)
    ours = SelfAttention(8, 2).double()
    torchs = torch.nn.MultiheadAttention(8, 2, batch_first=True).double()
    torchs.load_state_dict(
        {k.replace("in_proj.", "in_proj_"): v for k, v in ours.state_dict().items()}, strict=True
    )
    inputs = torch.randn(3, 5, 8).double()
    later = torch.ones(5, 5).triu(1).bool()
    expected, _ = torchs(inputs, inputs, inputs, attn_mask=later)
    torch.testing.assert_close(ours(inputs, None), expected, rtol=1e-12, atol=1e-12)
    padded = torch.tensor([[1, 1, 1, 0, 0]] * 3).bool()
    expected, _ = torchs(inputs, inputs, inputs, key_padding_mask=~padded)
    found = ours(inputs, padded[:, None, None, :])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_sees_no_later_token(name: str) -> None:
    module = network(name).eval()
    ids, _ = rows(name)
    changed = ids.clone()
    changed[:, 5:] = 3
    torch.testing.assert_close(module(ids)[:, :5], module(changed)[:, :5], rtol=0, atol=1e-12)
    assert not torch.allclose(module(ids)[0, 5:], module(changed)[0, 5:])


@pytest.mark.parametrize("name", ["text_classifier", "text_transformer"])
def test_padding_does_not_change_a_classifiers_answer(name: str) -> None:
    module = network(name).eval()
    ids, _ = rows(name)
    short = ids[2:3, :4]
    torch.testing.assert_close(module(ids[2:3]), module(short), rtol=1e-12, atol=1e-12)
    assert torch.isfinite(module(ids)).all()


def test_the_mean_over_valid_tokens_by_hand() -> None:
    module = network("text_classifier", hidden=(), width=2)
    with torch.no_grad():
        module.embedding.weight[5], module.embedding.weight[6] = torch.tensor(
            [[1.0, 2.0], [3.0, 6.0]]
        ).double()
        module.head[-1].weight.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1]]))
        module.head[-1].bias.zero_()
    # ids 5, 5, 6: the mean is (5/3, 10/3), whatever the padding
    assert module(torch.tensor([[5, 5, 6, 0, 0]])).tolist()[0] == pytest.approx([5 / 3, 10 / 3, 5])


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_wrong_parameters_are_refused(name: str) -> None:
    chosen = architecture(name)
    assert name in known_architectures() and "_sequence" not in known_architectures()
    full = chosen.full_parameters({"vocabulary": 5})
    assert chosen.full_parameters(full) == full
    for wrong in (
        {},
        {"vocabulary": 0},
        {"vocabulary": 5, "widht": 3},
        {"vocabulary": 5, "width": 0},
    ):
        with pytest.raises(InputError):
            chosen.full_parameters(wrong)
    with torch.device("meta"), pytest.raises(InputError, match="50,000,000"):
        chosen.build((TOKENS,), 2, {"vocabulary": 10_000_000, "width": 64})


def test_heads_share_the_width() -> None:
    with pytest.raises(InputError, match="not a multiple"):
        architecture("causal_transformer").full_parameters({"vocabulary": 5, "width": 10})
