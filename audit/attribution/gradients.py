"""Gradient methods over a network's encoded inputs: tabular rows and images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.games import device_of
from evenhand.audit.attribution.memory import MOST_GRADIENT_ROWS, batch_of, chunks, gradient_bytes
from evenhand.audit.attribution.output import Output
from evenhand.audit.attribution.progress import report
from evenhand.audit.attribution.request import Request
from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch

_SHAP_SAMPLES = 25
_SHAP_ROWS = 32


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Captum draws from the global states of torch and NumPy: set here, given back afterwards."""
    import numpy as np
    import torch

    before = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            np.random.set_state(before)


def encoded_attributions(
    module: Any, encoded: np.ndarray, baseline: np.ndarray, output: Output, request: Request
) -> tuple[np.ndarray, int]:
    """Attributions of every encoded position, float64 of the shape of ``encoded``, and how many
    rows the network was asked for.

    ``encoded`` is float32 (rows, ...), ``baseline`` (k, ...), one reference or (gradient SHAP
    alone) several.
    """
    import numpy as np
    import torch

    if request.method != "gradient_shap" and len(baseline) != 1:
        raise InputError(
            "{method} has one baseline, not {n_baseline}",
            remedy="give one row",
            method=request.method,
            n_baseline=len(baseline),
        )
    device = device_of(module)
    inputs = torch.from_numpy(np.ascontiguousarray(encoded, dtype=np.float32))
    reference = torch.from_numpy(np.ascontiguousarray(baseline, dtype=np.float32)).to(device)
    method = _METHODS[request.method]
    attributions = np.zeros(encoded.shape)
    if not len(inputs):
        return attributions, 0
    at_once = method.at_once(request)
    spent = gradient_bytes(module, inputs[:8].to(device)) * at_once
    size = batch_of(spent, request.memory_bytes, max(1, MOST_GRADIENT_ROWS // at_once))
    if request.method == "gradient_shap":
        # What is drawn for a row must not depend on how much memory there is for a batch.
        size = min(size, _SHAP_ROWS)
    for part in chunks(len(inputs), size):
        rows = torch.arange(part.start, part.stop)
        batch = inputs[part].to(device)
        with seeded(request.seed + part.start):
            values = method.work(_Batch(module, output, batch, rows, reference, request))
        attributions[part] = values.detach().double().cpu().numpy()
        report(request.method, part.stop, len(inputs))
    return attributions, method.evaluations(request) * len(inputs)


def both_ends(
    module: Any, encoded: np.ndarray, baseline: np.ndarray, output: Output, request: Request
) -> tuple[np.ndarray, np.ndarray]:
    """The output for each row, and for the baseline (mean over several): float64 (rows,) each."""
    import numpy as np
    import torch

    device = device_of(module)
    full, empty = np.zeros(len(encoded)), np.zeros(len(encoded))
    per_row = 8.0 * encoded[:1].size * 4
    with torch.inference_mode():
        for part in chunks(len(encoded), batch_of(per_row, request.memory_bytes, 1024)):
            rows = torch.arange(part.start, part.stop)
            batch = torch.from_numpy(np.ascontiguousarray(encoded[part], dtype=np.float32))
            full[part] = output.of_logits(module(batch.to(device)).double(), rows).cpu().numpy()
        for reference in baseline:
            at = torch.from_numpy(np.ascontiguousarray(reference[None], dtype=np.float32))
            logits = module(at.to(device)).double().expand(len(encoded), -1)
            ends = output.of_logits(logits, torch.arange(len(encoded)))
            empty += ends.cpu().numpy() / len(baseline)
    return full, empty


@dataclass(frozen=True, eq=False)
class _Batch:
    """Encoded ``inputs`` (m, ...), whose targets are those of ``rows`` (m,), and what is asked of
    ``module`` about them; ``reference`` (k, ...) is the baseline."""

    module: Any
    output: Output
    inputs: torch.Tensor
    rows: torch.Tensor
    reference: torch.Tensor
    request: Request

    def score(self, encoded: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """What is explained of ``encoded``; Captum repeats ``rows`` where it repeats inputs."""
        return self.output.of_logits(self.module(encoded), self.rows if rows is None else rows)


def _integrated_gradients(asked: _Batch) -> Any:
    baseline = asked.reference.expand_as(asked.inputs)
    return integrated(asked.score, asked.inputs, baseline, asked.request.steps)


def integrated(
    score: Callable[[torch.Tensor], torch.Tensor],
    inputs: torch.Tensor,
    baseline: torch.Tensor,
    steps: int,
) -> torch.Tensor:
    """Integrated gradients of ``score``, whose value of a row depends on that row alone.

    Captum's numbers (its Gauss-Legendre rule) one step at a time: it takes all steps of a row at
    once, in as much more memory, and unbinds a batch into rows, in several times the time.

    Source: Sundararajan, Taly and Yan 2017, equation 1.
    """
    import numpy as np
    import torch

    nodes, weights = np.polynomial.legendre.leggauss(steps)
    way = inputs - baseline
    total = torch.zeros_like(inputs)
    for node, weight in zip(nodes, weights, strict=True):
        at = (baseline + float(1 + node) / 2 * way).requires_grad_()
        (slope,) = torch.autograd.grad(score(at).sum(), at)
        total.add_(slope, alpha=float(weight) / 2)
    return total * way


def _gradient_shap(asked: _Batch) -> Any:
    from captum.attr import GradientShap

    return GradientShap(asked.score).attribute(
        asked.inputs,
        baselines=asked.reference,
        additional_forward_args=(asked.rows,),
        n_samples=_draws(asked.request),
    )


def _input_x_gradient(asked: _Batch) -> Any:
    from captum.attr import InputXGradient

    return InputXGradient(asked.score).attribute(
        asked.inputs.requires_grad_(), additional_forward_args=(asked.rows,)
    )


def _saliency(asked: _Batch) -> Any:
    from captum.attr import Saliency

    return Saliency(asked.score).attribute(
        asked.inputs.requires_grad_(), additional_forward_args=(asked.rows,)
    )


def _deep_lift(batch: _Batch) -> Any:
    """By class, since Captum's rule for softmax sits on a layer and its target is a column."""
    import warnings

    import torch
    from captum.attr import DeepLift

    module, output = batch.module, batch.output
    head = module if output.targets is None else _with_head(module, output)
    targets = 0 if output.targets is None else torch.as_tensor(output.targets)[batch.rows]
    with warnings.catch_warnings():
        # It says each time that it hangs hooks on activations; it takes them off again.
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        inputs = batch.inputs.requires_grad_()
        return DeepLift(head).attribute(inputs, batch.reference.expand_as(inputs), target=targets)


def _with_head(module: Any, output: Output) -> torch.nn.Module:
    """The network with a layer that turns logits into what is explained, by rules DeepLift has.

    Two classes go through a difference and a sigmoid, for which the rescale rule is complete. For
    more, Captum's rule for softmax leaves a gap, which is reported.
    """
    import torch

    class LogOdds(torch.nn.Module):
        def forward(self, logits: torch.Tensor) -> torch.Tensor:
            return logits - logits.flip(1)

    if output.n_classes == 2 and output.kind in ("probability", "logit"):
        last = [torch.nn.Sigmoid()] if output.kind == "probability" else []
        return torch.nn.Sequential(module, LogOdds(), *last)
    if output.kind == "probability":
        return torch.nn.Sequential(module, torch.nn.Softmax(dim=1))
    raise InputError(
        "DeepLift has no rule for the {output_kind} of {n_classes} classes",
        remedy="explain the probability, or use integrated_gradients",
        output_kind=output.kind,
        n_classes=output.n_classes,
    )


@dataclass(frozen=True)
class _Method:
    """``evaluations`` of the network for a row, ``at_once`` of them in memory together."""

    work: Callable[[_Batch], Any]
    evaluations: Callable[[Request], int]
    at_once: Callable[[Request], int]


def _draws(request: Request) -> int:
    return request.samples or _SHAP_SAMPLES


_METHODS: dict[str, _Method] = {
    "integrated_gradients": _Method(_integrated_gradients, lambda r: r.steps, lambda r: 1),
    "deep_lift": _Method(_deep_lift, lambda r: 2, lambda r: 2),
    "gradient_shap": _Method(_gradient_shap, _draws, _draws),
    "input_x_gradient": _Method(_input_x_gradient, lambda r: 1, lambda r: 1),
    "saliency": _Method(_saliency, lambda r: 1, lambda r: 1),
}


def describe(request: Request) -> str:
    """The method in words."""
    return {
        "integrated_gradients": f"integrated gradients, {request.steps} steps (Gauss-Legendre)",
        "deep_lift": "DeepLift, rescale rule",
        "gradient_shap": f"gradient SHAP, {_draws(request)} draws a row",
        "input_x_gradient": "input x gradient",
        "saliency": "saliency: |gradient| by encoded input",
    }[request.method]
