"""The operation ``randomised``: attributions of a network whose weights were shuffled.

Layer by layer from the output to the input, and cumulatively: the last stage has no weight left in
its place. An explanation that stays the same does not explain the model. The class that is
explained stays that of the model itself.

Frames and options: as in ``attribute``, whose ``seed`` also shuffles; ``stages`` (default 8) is how
many attributions are made at most: more layers than that are shuffled several at a time. The
methods that it is about are those that ask the network itself: see ``capabilities``.

Arrays: values (stages, rows, columns), maps (stages, rows, height, width) of images, word_values
(stages, words) and word_rows (words,) of texts. Facts: layers (a list of names for each stage),
unit, request.
Source: Adebayo et al. 2018, section 3.1 (cascading randomisation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution import attribute
from evenhand.audit.attribution.door import Answer, Question
from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Gradients, Predictor

if TYPE_CHECKING:
    import numpy as np

_STACKED = ("values", "maps", "word_values")


def answer(predictor: Predictor, question: Question) -> Answer:
    """Raises InputError for a model without weights, or a network without any parameter."""
    import copy

    import numpy as np

    options = dict(question.options)
    stages = int(options.pop("stages", 8))
    access = getattr(predictor, "tokens", None) or predictor.gradients
    if access is None:
        raise InputError(
            "a model of format {format} has no weights that can be shuffled",
            remedy="exchange its inputs instead",
            format=predictor.format,
        )
    if stages < 1:
        raise InputError(
            "randomised: stages={stages} is too small", remedy="use 1 or more", stages=stages
        )
    module = copy.deepcopy(access.module)  # the model itself is left as it is
    rng = np.random.default_rng([int(options.get("seed", 0)), 0x5EED])
    parts, layers = [], []
    for names in _stages(module, stages):
        _shuffle(module, names, rng)
        asked = Question("attribute", options, question.frames)
        parts.append(attribute.answer(_Copy(predictor, module), asked))
        layers.append(names)
    # What belongs to the rows is the same at every stage; what was attributed is stacked.
    arrays = {n: np.stack([p.arrays[n] for p in parts]) for n in _STACKED if n in parts[0].arrays}
    arrays |= {n: parts[0].arrays[n] for n in ("word_rows",) if n in parts[0].arrays}
    facts = {"layers": layers, "unit": parts[0].facts["unit"], "request": parts[0].facts["request"]}
    return Answer(arrays, facts)


def at_stage(found: Answer, stage: int) -> Answer:
    """One stage of an answer, as ``attribute`` answers."""
    arrays = {n: v[stage] if n in _STACKED else v for n, v in found.arrays.items()}
    return Answer(arrays, found.facts)


def _stages(module: Any, most: int) -> list[list[str]]:
    """Names of layers with weights of their own, the last first, in at most ``most`` parts."""
    import numpy as np

    named = getattr(module, "named_modules", None)
    every = list(named()) if callable(named) else []
    own = [name for name, m in every if next(iter(m.parameters(recurse=False)), None) is not None]
    if not own:
        raise InputError("the network has no weights to shuffle", remedy="exchange its inputs")
    parts = np.array_split(np.arange(len(own))[::-1], min(most, len(own)))
    return [[own[i] for i in part] for part in parts]


def _shuffle(module: Any, names: Sequence[str], rng: np.random.Generator) -> None:
    """Permutes the entries of each parameter of these layers: the same numbers elsewhere."""
    import torch

    layers = dict(module.named_modules())
    with torch.no_grad():
        for name in names:
            for parameter in layers[name].parameters(recurse=False):
                order = torch.from_numpy(rng.permutation(parameter.numel())).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))


class _Copy:
    """The predictor with the shuffled network where attributions are taken from; it still scores
    rows, chooses classes and speaks itself."""

    def __init__(self, predictor: Predictor, module: Any) -> None:
        self._predictor = predictor
        tokens = getattr(predictor, "tokens", None)
        self.gradients = predictor.gradients and _Gradients(predictor.gradients, module)
        if tokens is not None:
            self.tokens = _Tokens(tokens, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)


class _Gradients:
    """The gradients of the shuffled network; all else is the model's own."""

    def __init__(self, access: Gradients, module: Any) -> None:
        self._access, self.module = access, module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._access, name)


class _Tokens:
    """The tokens of the shuffled network, whose embedding is the copy's."""

    def __init__(self, access: Any, module: Any) -> None:
        self._access, self.module, self.speaker = access, module, access
        named = dict(access.module.named_modules())
        name = next(name for name, layer in named.items() if layer is access.embedding)
        self.embedding = module.get_submodule(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._access, name)
