"""Layers of the sequence networks, and how Opacus gets their per-example gradients.

Every parameter sits in a layer whose per-example gradients are in closed form, so that a network
is trained privately as it is: nothing is swapped before training and nothing converted after it,
and the saved weights have the layouts of torch.nn.LSTM and torch.nn.MultiheadAttention.

Private training calls ``to_private`` first; plain training never loads Opacus.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch

from evenhand.audit.errors import InputError

MAX_PARAMETERS = 50_000_000
PADDING = 0  # the id that fills a row up to its length


class TokenEmbedding(torch.nn.Embedding):
    """Token or position ids (rows, tokens) to vectors (rows, tokens, width).

    A class of its own for the sake of its samplers: those that Opacus has for torch's embedding
    fail on an empty batch (norms) and fill a table of rows x vocabulary x width (gradients).
    """

    weight: torch.nn.Parameter


class SequenceLSTM(torch.nn.LSTM):
    """One layer of torch.nn.LSTM, batch first, from zero state: (rows, tokens, width) to
    (rows, tokens, hidden)."""

    weight_ih_l0: torch.nn.Parameter
    weight_hh_l0: torch.nn.Parameter
    bias_ih_l0: torch.nn.Parameter
    bias_hh_l0: torch.nn.Parameter

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden, batch_first=True)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        if inputs.shape[0] == 0:  # an empty batch, which torch's kernel refuses
            return inputs.sum() * self.weight_hh_l0.sum() + inputs.new_zeros(
                0, inputs.shape[1], self.hidden_size
            )
        outputs: torch.Tensor = super().forward(inputs)[0]
        return outputs


class SelfAttention(torch.nn.Module):
    """Multi-head self-attention of (rows, tokens, width).

    ``in_proj`` stacks query, key and value as ``in_proj_weight`` and ``in_proj_bias`` of
    torch.nn.MultiheadAttention do; ``out_proj`` is the same layer.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj = torch.nn.Linear(width, 3 * width)
        self.out_proj = torch.nn.Linear(width, width)

    def forward(self, inputs: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """``mask`` (rows, 1, 1, tokens) says which tokens may be attended to; None is causal."""
        rows, tokens, width = inputs.shape
        shape = (rows, tokens, 3, self.heads, width // self.heads)
        query, key, value = self.in_proj(inputs).view(shape).permute(2, 0, 3, 1, 4)
        mixed = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None
        )
        outputs: torch.Tensor = self.out_proj(mixed.transpose(1, 2).reshape(rows, tokens, width))
        return outputs


class Block(torch.nn.Module):
    """Attention and a feed-forward layer, each after a layer norm, each added to its input."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.norm2 = torch.nn.LayerNorm(width)
        self.widen = torch.nn.Linear(width, feedforward)
        self.narrow = torch.nn.Linear(feedforward, width)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, inputs: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        mixed = inputs + self.dropout(self.attention(self.norm1(inputs), mask))
        hidden = torch.nn.functional.gelu(self.widen(self.norm2(mixed)))
        outputs: torch.Tensor = mixed + self.dropout(self.narrow(hidden))
        return outputs


def positions(ids: torch.Tensor) -> torch.Tensor:
    """0, 1, 2 ... for each row of ``ids``: with a batch dimension and contiguous, because
    per-example gradients of a broadcast table would be one row too few."""
    steps = torch.arange(ids.shape[1], device=ids.device)
    return steps.expand(ids.shape[0], -1).contiguous()


def mean_of_valid(vectors: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """The mean of (rows, tokens, width) over the tokens that are not padding; 0 without any."""
    valid = (ids != PADDING).unsqueeze(-1).to(vectors.dtype)
    return (vectors * valid).sum(dim=1) / valid.sum(dim=1).clamp(min=1)


def start_small(module: torch.nn.Module) -> None:
    """Embeddings from a normal with deviation 1/sqrt(width): torch's own deviation of 1 makes
    first gradients so large that private training clips nearly all of them away."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.Embedding):
            torch.nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.embedding_dim))


def require_size(n_weights: int, name: str) -> None:
    """Raises InputError for networks over ``MAX_PARAMETERS`` weights, before they are built."""
    if n_weights > MAX_PARAMETERS:
        raise InputError(
            "this {name} has {n_weights:,} weights, over {max_parameters:,}",
            remedy="use a smaller vocabulary or narrower layers",
            name=name,
            n_weights=n_weights,
            max_parameters=MAX_PARAMETERS,
        )


def to_private(module: torch.nn.Module) -> torch.nn.Module:
    """The module itself, once Opacus knows its layers: nothing is swapped."""
    register_samplers()
    return module


@cache
def register_samplers() -> None:
    """Teaches Opacus the layers above. Without effect when called again."""
    from opacus.grad_sample import register_grad_sampler, register_norm_sampler

    register_grad_sampler(TokenEmbedding)(_embedding_gradients)
    register_norm_sampler(TokenEmbedding)(_embedding_norms)
    register_grad_sampler(SequenceLSTM)(_lstm_gradients)
    register_norm_sampler(SequenceLSTM)(_lstm_norms)


def _embedding_gradients(
    layer: TokenEmbedding, activations: list[Any], backprops: torch.Tensor
) -> dict[torch.nn.Parameter, torch.Tensor]:
    """Gradients (rows, vocabulary, width), by adding each token's gradient to its id's place."""
    ids = activations[0].flatten(1)
    rows, size, width = len(ids), layer.num_embeddings, layer.embedding_dim
    places = (ids + size * torch.arange(rows, device=ids.device).unsqueeze(1)).reshape(-1)
    flat = backprops.new_zeros(rows * size, width)
    flat.index_add_(0, places, backprops.reshape(-1, width))
    return {layer.weight: flat.view(rows, size, width)}


def _embedding_norms(
    layer: TokenEmbedding, activations: list[Any], backprops: torch.Tensor
) -> dict[torch.nn.Parameter, torch.Tensor]:
    """Norms (rows,) of the gradients, from the sums over equal ids within each row alone."""
    rows, width = len(backprops), layer.embedding_dim
    if rows == 0:
        return {layer.weight: backprops.new_zeros(0)}
    ids = activations[0].flatten(1)
    order = ids + layer.num_embeddings * torch.arange(rows, device=ids.device).unsqueeze(1)
    keys, places = torch.unique(order.reshape(-1), return_inverse=True)
    sums = backprops.new_zeros(len(keys), width)
    sums.index_add_(0, places, backprops.reshape(-1, width))
    squares = backprops.new_zeros(rows)
    squares.index_add_(0, keys // layer.num_embeddings, sums.square().sum(dim=1))
    return {layer.weight: squares.sqrt()}


def _lstm_gradients(
    layer: SequenceLSTM, activations: list[Any], backprops: torch.Tensor
) -> dict[torch.nn.Parameter, torch.Tensor]:
    """Gradients (rows, *weight's shape) by backpropagation through time, batched over rows."""
    inputs = activations[0]
    gates, before = _gate_gradients(layer, inputs, backprops)
    turned = gates.transpose(1, 2)
    bias = gates.sum(dim=1)
    return {
        layer.weight_ih_l0: torch.bmm(turned, inputs),
        layer.weight_hh_l0: torch.bmm(turned, before),
        layer.bias_ih_l0: bias,
        layer.bias_hh_l0: bias,
    }


def _lstm_norms(
    layer: SequenceLSTM, activations: list[Any], backprops: torch.Tensor
) -> dict[torch.nn.Parameter, torch.Tensor]:
    """Norms (rows,) of the gradients: |sum_t g_t x_t'|^2 = sum_st (g_s . g_t)(x_s . x_t)."""
    inputs = activations[0]
    gates, before = _gate_gradients(layer, inputs, backprops)
    pairs = torch.bmm(gates, gates.transpose(1, 2))
    bias = gates.sum(dim=1).norm(dim=1)

    def norm(of: torch.Tensor) -> torch.Tensor:
        products = torch.bmm(of, of.transpose(1, 2))
        return (pairs * products).sum(dim=(1, 2)).clamp(min=0).sqrt()

    return {
        layer.weight_ih_l0: norm(inputs),
        layer.weight_hh_l0: norm(before),
        layer.bias_ih_l0: bias,
        layer.bias_hh_l0: bias,
    }


def _gate_gradients(
    layer: SequenceLSTM, inputs: torch.Tensor, backprops: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients at the gates' sums (rows, tokens, 4 hidden), and the state that each step read
    (rows, tokens, hidden). Source: Hochreiter and Schmidhuber 1997; gates in torch's order."""
    rows, tokens, hidden = len(inputs), inputs.shape[1], layer.hidden_size
    weight, turned = layer.weight_hh_l0.detach(), layer.weight_hh_l0.detach().t()
    sums = torch.nn.functional.linear(
        inputs, layer.weight_ih_l0.detach(), (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
    ).transpose(0, 1)
    gates = torch.empty(tokens, rows, 4 * hidden, dtype=inputs.dtype, device=inputs.device)
    states = inputs.new_zeros(tokens + 1, rows, hidden)
    cells = inputs.new_zeros(tokens + 1, rows, hidden)
    for t in range(tokens):
        gate = torch.addmm(sums[t], states[t], turned, out=gates[t])
        gate[:, : 2 * hidden].sigmoid_()
        gate[:, 2 * hidden : 3 * hidden].tanh_()
        gate[:, 3 * hidden :].sigmoid_()
        i, f, g, o = gate.chunk(4, dim=1)
        torch.addcmul(i * g, f, cells[t], out=cells[t + 1])
        torch.mul(o, cells[t + 1].tanh(), out=states[t + 1])
    i, f, g, o = gates.chunk(4, dim=2)
    tanh = cells[1:].tanh()
    # What multiplies the gradient of the cell (first three) or of the state (last, through).
    factors = torch.cat((g * i * (1 - i), cells[:-1] * f * (1 - f), i * (1 - g * g)), dim=2)
    by_state, through = tanh * o * (1 - o), o * (1 - tanh * tanh)
    gradients = torch.empty_like(gates)
    outer = backprops.transpose(0, 1)
    by_cell, carried = inputs.new_zeros(rows, hidden), inputs.new_zeros(rows, hidden)
    for t in range(tokens - 1, -1, -1):
        to_state = outer[t] + carried
        by_cell = torch.addcmul(by_cell, to_state, through[t])
        torch.mul(
            factors[t].view(rows, 3, hidden),
            by_cell.unsqueeze(1),
            out=gradients[t, :, : 3 * hidden].view(rows, 3, hidden),
        )
        torch.mul(to_state, by_state[t], out=gradients[t, :, 3 * hidden :])
        carried = gradients[t] @ weight
        by_cell = by_cell * f[t]
    return gradients.transpose(0, 1), states[:-1].transpose(0, 1)
