"""Attributions of prompts: which words of a prompt make a generator's own continuation likely.

By Captum's attribution for language models, which expects a model that takes ``input_ids``, answers
with ``logits`` and has ``generate``, and a tokenizer: the two adapters below are those for ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

from evenhand.audit.attribution.door import Answer
from evenhand.audit.attribution.games import Game, device_of
from evenhand.audit.attribution.gradients import seeded
from evenhand.audit.attribution.kinds import tabular, texts
from evenhand.audit.attribution.kinds.prompt_game import PromptGame
from evenhand.audit.attribution.memory import batch_of
from evenhand.audit.attribution.output import Output, output_of
from evenhand.audit.attribution.progress import report
from evenhand.audit.attribution.request import LAYER, Request
from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

_SPECIAL = 3  # padding, unknown, start: the first ids of our own tokenisers


class PromptTokens(texts.TextTokens, Protocol):
    """A generator's tokens, as its predictor's attribute ``tokens`` offers them."""

    unknown: int
    start: int
    max_length: int

    def encode(self, text: str) -> list[int]:
        """The ids of a text of any length, without the start token."""
        ...

    def decode(self, ids: list[int]) -> str:
        """The text of some ids."""
        ...

    def names(self, ids: list[int]) -> list[str]:
        """What each id stands for."""
        ...

    def text_spans(self, text: str) -> list[tuple[int, int]]:
        """As ``spans``, of one text; the start token is (0, 0)."""
        ...


def attribute(
    predictor: Predictor, request: Request, rows: pd.DataFrame, baseline: pd.DataFrame | None
) -> Answer:
    """See ``evenhand.audit.attribution.attribute`` and ``texts.attribute``: each row's prompt is
    its first ``prompt_words`` words; the facts ``continuations`` are the likeliest ``new_tokens``
    tokens one
    by one, and what is explained is their log probability (nat). A row without words has none."""
    if baseline is not None or request.target is not None or request.output == "logit":
        raise InputError(
            "a prompt is explained by the log probability of its continuation",
            remedy="leave baseline, target and output out",
        )
    output = output_of(predictor, request, rows)
    access, model, prompts, said = _begun(predictor, request, rows)
    if request.method in _CAPTUMS:
        found = _by_captum(model, Tokenizer(access), prompts, said, request, output)
    else:
        game = PromptGame(model, prompts, said, request.memory_bytes)
        names = texts.word_names(game.active.shape[1])
        found = tabular.play(game, request, output, names, _WITHOUT)
    whole = texts.by_word(found, prompts, list(predictor.input_columns))
    continuations = [
        access.decode(ids.tolist()) if words else ""
        for ids, words in zip(said, prompts, strict=True)
    ]
    return Answer(whole.arrays, {**whole.facts, "continuations": continuations})


def game_of(
    predictor: Predictor,
    request: Request,
    rows: pd.DataFrame,
    baseline: pd.DataFrame | None,
    output: Output,
) -> tuple[Game, tuple[str, ...], str]:
    """See ``tabular.game_of``: the parts are a prompt's words, and an absent one is taken out."""
    _, model, prompts, said = _begun(predictor, request, rows)
    game = PromptGame(model, prompts, said, request.memory_bytes)
    return game, texts.word_names(game.active.shape[1]), _WITHOUT


def _begun(
    predictor: Predictor, request: Request, rows: pd.DataFrame
) -> tuple[PromptTokens, Any, list[list[str]], list[torch.Tensor]]:
    """The tokens, the network, each row's prompt in words, and what the model said behind it.

    A copy with shuffled weights is asked about what the model itself said: its ``speaker``.
    """
    access: PromptTokens = predictor.tokens  # type: ignore[attr-defined]
    model = generator_of(access)
    cells = rows[predictor.input_columns[0]]
    prompts = [_prompt(access, texts._text(cell), request) for cell in cells]
    speaker = getattr(access, "speaker", None)
    speaking = model if speaker is None else generator_of(speaker)
    said = [speaking.continuation("".join(words), request.new_tokens) for words in prompts]
    return access, model, prompts, said


def _by_captum(
    model: Any,
    tokenizer: Tokenizer,
    prompts: list[list[str]],
    said: list[torch.Tensor],
    request: Request,
    output: Output,
) -> Answer:
    import numpy as np

    n, most = len(prompts), max((len(p) for p in prompts), default=0)
    values, ends = np.zeros((n, most)), np.zeros((n, 2))
    work = _by_gradients if request.method == LAYER else _by_ablation
    for row, words in enumerate(prompts):
        if not words:
            continue
        with seeded(request.seed + row):
            found = work(model, tokenizer, words, said[row], request)
        values[row, : len(words)], ends[row] = found.words, (found.output, found.baseline_output)
        report(request.method, row + 1, n)
    gradients = f"integrated gradients at the embedding, {request.steps} steps, summed to words"
    return tabular.uniform(
        request,
        output,
        values,
        ends[:, 0],
        ends[:, 1],
        [],
        method=gradients if request.method == LAYER else "feature ablation: one word taken out",
        baseline=_UNKNOWN if request.method == LAYER else _WITHOUT,
        evaluations=model.asked,
    )


_CAPTUMS = frozenset({LAYER, "feature_ablation"})
_UNKNOWN = "the token <unknown> in place of each token"
_WITHOUT = "the prompt without the word"


def _prompt(access: PromptTokens, text: str, request: Request) -> list[str]:
    """The first words, fewer where they and the continuation are more than the network sees."""
    room = access.max_length - 1 - request.new_tokens
    if room < 1:
        raise InputError(
            "new_tokens={new_tokens} leave no room for a prompt: the network sees "
            "{max_length} tokens",
            remedy="use at most {value}",
            new_tokens=request.new_tokens,
            max_length=access.max_length,
            value=max(1, access.max_length - 2),
        )
    words = texts.split(text)[: request.prompt_words]
    while words and len(access.encode("".join(words).rstrip())) > room:
        words = words[:-1]
    return [*words[:-1], words[-1].rstrip()] if words else []


@dataclass(frozen=True)
class _Found:
    words: np.ndarray
    output: float
    baseline_output: float


def _by_ablation(
    model: Any, tokenizer: Any, words: list[str], said: Any, request: Request
) -> _Found:
    from captum.attr import FeatureAblation, LLMAttribution, TextTemplateInput

    given = TextTemplateInput(template=lambda *kept: "".join(kept), values=list(words))
    found = LLMAttribution(FeatureAblation(model), tokenizer).attribute(
        given, target=said, use_cached_outputs=False, forward_in_tokens=False
    )
    full = model.log_probability(tokenizer.encode("".join(words)), said)
    empty = model.log_probability(tokenizer.encode(""), said)
    return _Found(found.seq_attr.double().cpu().numpy(), full, empty)


def _by_gradients(
    model: Any, tokenizer: Any, words: list[str], said: Any, request: Request
) -> _Found:
    """What Captum's ``LLMGradientAttribution`` sums over the tokens of the continuation, which it
    asks of the network one by one: here of their sum, for gradients are additive."""
    import numpy as np
    import torch
    from captum.attr import LayerIntegratedGradients

    access: PromptTokens = model.access
    prompt = "".join(words)
    ids = tokenizer.encode(prompt)
    nothing = [ids[0]] + [access.unknown] * (len(ids) - 1)  # the start token stays
    ends = [torch.tensor([[*head, *said.tolist()]], device=model.device) for head in (ids, nothing)]

    def chance(whole: torch.Tensor) -> torch.Tensor:
        logits = model(whole).logits[:, len(ids) - 1 : -1].log_softmax(dim=2)
        return logits.gather(2, whole[:, len(ids) :, None]).sum(dim=(1, 2))

    size = batch_of(
        texts.vector_bytes(access, ends[0].cpu().numpy()), request.memory_bytes, request.steps
    )
    found = LayerIntegratedGradients(chance, access.embedding).attribute(
        ends[0],
        ends[1],
        n_steps=request.steps,
        method="gausslegendre",
        internal_batch_size=None if size >= request.steps else size,
    )
    pieces = found[0, 1 : len(ids)].sum(dim=1).detach().double().cpu().numpy()
    spans = access.text_spans(prompt)[1:]  # without the start token
    values = np.zeros(len(words))
    np.add.at(values, texts.word_of(spans, words, prompt), pieces)
    return _Found(values, model.log_probability(ids, said), model.log_probability(nothing, said))


class _Likelihoods:
    """What is asked of a language model, over its ``forward`` and ``generate``."""

    access: PromptTokens
    device: Any
    network: Any
    forward: Callable[..., Any]
    generate: Callable[..., Any]

    def continuation(self, prompt: str, n: int) -> torch.Tensor:
        """The likeliest ``n`` tokens behind a prompt, int64 of shape (n,)."""
        import torch

        ids = [self.access.start, *self.access.encode(prompt)]
        begun = torch.tensor([ids], device=self.device)
        return self.generate(begun, n)[0, begun.shape[1] :]

    def log_probability(self, ids: list[int], said: torch.Tensor) -> float:
        """Of the tokens ``said`` behind ``ids``, in nat."""
        return float(self.log_probabilities([[*ids, *said.tolist()]], [len(ids)])[0])

    def log_probabilities(self, sequences: list[list[int]], starts: list[int]) -> np.ndarray:
        """Of each sequence's tokens from its start on, in nat, float64 (sequences,)."""
        import torch

        longest = max(len(ids) for ids in sequences)
        filled = [ids + [0] * (longest - len(ids)) for ids in sequences]
        whole = torch.tensor(filled, device=self.device)
        with torch.no_grad():
            chances = self.forward(whole).logits[:, :-1].double().log_softmax(dim=2)
        each = chances.gather(2, whole[:, 1:, None])[..., 0]
        place = torch.arange(1, longest, device=self.device)
        begin = torch.tensor(starts, device=self.device)[:, None]
        end = torch.tensor([len(ids) for ids in sequences], device=self.device)[:, None]
        total: torch.Tensor = (each * ((place >= begin) & (place < end))).sum(dim=1)
        return total.cpu().numpy()

    def log_probability_bytes(self, tokens: int) -> float:
        """What one sequence of so many tokens takes there."""
        import torch

        probe = torch.full((1, tokens), self.access.start, device=self.device)
        with torch.no_grad():
            logits = self.network(probe)
        return 24.0 * logits.numel()


def _never_said(access: PromptTokens) -> list[int]:
    """The ids of special tokens, which no continuation holds."""
    return list(getattr(access, "never_said", range(_SPECIAL)))


def generator_of(access: PromptTokens) -> Any:
    """The network as Captum expects a language model: a module with ``input_ids`` to ``.logits``,
    ``generate`` and ``device``. ``asked`` counts the sequences that it was given."""
    import torch

    class Generator(_Likelihoods, torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = access.module
            self.access = access
            self.device = device_of(access.module)
            self.asked = 0

        def forward(self, input_ids: torch.Tensor, **ignored: Any) -> SimpleNamespace:
            self.asked += len(input_ids)
            return SimpleNamespace(logits=self.network(input_ids))

        @torch.no_grad()
        def generate(
            self, input_ids: torch.Tensor, max_new_tokens: int = 25, **ignored: Any
        ) -> torch.Tensor:
            """The likeliest next token, again and again, behind ``input_ids`` (1, tokens)."""
            ids = input_ids
            for _ in range(max_new_tokens):
                logits = self.forward(ids[:, -access.max_length :]).logits[0, -1].clone()
                logits[_never_said(access)] = -torch.inf
                ids = torch.cat([ids, logits.argmax().reshape(1, 1)], dim=1)
            return ids

    return Generator().eval()


class Tokenizer:
    """A tokeniser of ours as Captum expects one."""

    def __init__(self, access: PromptTokens) -> None:
        self._access = access
        self._decoded: tuple[str, list[int]] = ("", [])

    def encode(
        self, text: str, add_special_tokens: bool = True, return_tensors: str | None = None
    ) -> Any:
        """Ids, the start token first if wanted: a list, or a tensor (1, tokens) for "pt"."""
        import torch

        lead = [self._access.start] if add_special_tokens else []
        ids = [*lead, *self._access.encode(text)]
        return torch.tensor([ids], dtype=torch.int64) if return_tensors == "pt" else ids

    def decode(self, token_ids: Any) -> str:
        """The text of ids, a tensor or a list."""
        import torch

        ids = torch.as_tensor(token_ids).reshape(-1).tolist()
        self._decoded = (self._access.decode(ids), ids)
        return self._decoded[0]

    def convert_ids_to_tokens(self, token_ids: Any) -> Any:
        """The name of an id, or of each of a list."""
        if isinstance(token_ids, int):
            return self._access.names([token_ids])[0]
        return self._access.names(list(token_ids))

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """The id of a token's text, or of each of a list; unknown for what is not one token."""
        if isinstance(tokens, str):
            ids = self._access.encode(tokens)
            return ids[0] if len(ids) == 1 else self._access.unknown
        return [self.convert_tokens_to_ids(token) for token in tokens]

    def __call__(self, text: str, **options: Any) -> dict[str, Any]:
        """Ids and where their texts are. Of a text that was just decoded they are the ids that it
        came from: a generator may say a text in other pieces than a tokeniser would."""
        decoded, ids = self._decoded
        if text != decoded:
            ids = self.encode(
                text, add_special_tokens=bool(options.get("add_special_tokens", True))
            )
        offsets, begin = [], 0
        for token_id in ids:
            end = min(len(text), begin + len(self._access.decode([token_id])))
            offsets.append((begin, end))
            begin = end
        return {"input_ids": list(ids), "offset_mapping": offsets}
