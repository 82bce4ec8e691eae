"""What a text network offers beside class scores: tokens to explain, likelihoods, new text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.trainers.encoders.text import TextEncoder
from evenhand.trainers.encoders.tokenisers import N_SPECIAL, START, UNKNOWN
from evenhand.trainers.losses import IGNORED

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

_BATCH = 64  # windows scored at once: fixed, so that the same rows give the same bytes
_MAX_NEW = 100_000


@dataclass(frozen=True)
class TokenAccess:
    """Access for explanations of a text network, whose inputs are ids that have no gradient.

    ``module`` maps ids, int64 of shape (rows, max_length), to logits; ``embedding`` is its layer
    at which gradients are taken (layer integrated gradients), with outputs (rows, max_length,
    width). ``baseline`` (max_length,) is the empty text.
    """

    module: Any
    embedding: Any
    encoder: TextEncoder
    baseline_name: str = "empty text"
    unknown: int = UNKNOWN
    start: int = START

    @property
    def max_length(self) -> int:
        """How many tokens the network sees."""
        return self.encoder.max_length

    def encode(self, text: str) -> list[int]:
        """The ids of a text of any length, without the start token."""
        return list(self.encoder.tokeniser.encode(text))

    def decode(self, ids: list[int]) -> str:
        """The text of some ids."""
        return self.encoder.tokeniser.decode(ids)

    def names(self, ids: list[int]) -> list[str]:
        """What each id stands for, for people to read."""
        return self.encoder.names(ids)

    @property
    def baseline(self) -> np.ndarray:
        """The ids of the empty text, int64 of shape (max_length,)."""
        return self.encoder.baseline

    def token_ids(self, frame: pd.DataFrame) -> np.ndarray:
        """The ids of each row's text, int64 of shape (rows, max_length), 0 for padding."""
        return self.encoder.transform(frame)

    def tokens(self, frame: pd.DataFrame) -> list[list[str]]:
        """Each row's tokens as texts, without padding, at most ``max_length`` of them: they are
        the first ids of the same row of ``token_ids``."""
        lead = [START] if self.encoder.starts else []
        rows = [lead + self.encoder.ids(text) for text in self.encoder.texts(frame)]
        return [self.encoder.names(row[: self.encoder.max_length]) for row in rows]

    def spans(self, frame: pd.DataFrame) -> list[list[tuple[int, int]]]:
        """Where each of those tokens begins and ends in its text, in characters."""
        return [self.text_spans(text) for text in self.encoder.texts(frame)]

    def text_spans(self, text: str) -> list[tuple[int, int]]:
        """The same of one text; the start token is (0, 0)."""
        lead = [(0, 0)] if self.encoder.starts else []
        return [*lead, *self.encoder.tokeniser.spans(text)][: self.max_length]


def token_access(module: torch.nn.Module, encoder: Any) -> TokenAccess | None:
    """Access to tokens, where the network reads texts and has a layer named ``embedding``."""
    embedding = getattr(module, "embedding", None)
    if not isinstance(encoder, TextEncoder) or embedding is None:
        return None
    return TokenAccess(module, embedding, encoder)


def log_likelihoods(
    module: torch.nn.Module, encoder: TextEncoder, frame: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each text: log-likelihood (nat, at most 0), tokens scored, characters of the text.

    Three arrays of shape (rows,), float64, int64, int64. A text that is longer than the network
    was trained on is scored in consecutive windows, each without memory of the one before, so that
    every token counts. An unknown character is scored as the one token "unknown": its
    log-likelihood is that of its being some character that is not in the vocabulary.
    """
    import numpy as np

    texts = encoder.texts(frame)
    owners: list[int] = []
    inputs: list[list[int]] = []
    targets: list[list[int]] = []
    nats, tokens = np.zeros(len(texts)), np.zeros(len(texts), dtype=np.int64)

    def score(least: int) -> None:
        while len(inputs) >= least and inputs:
            of, given, wanted = owners[:_BATCH], inputs[:_BATCH], targets[:_BATCH]
            del owners[:_BATCH], inputs[:_BATCH], targets[:_BATCH]
            found, counted = _window_scores(module, given, wanted)
            np.add.at(nats, of, found)
            np.add.at(tokens, of, counted)

    for i, text in enumerate(texts):
        given, wanted = encoder.windows(text, ignored=IGNORED)
        owners += [i] * len(given)
        inputs += given
        targets += wanted
        score(_BATCH)
    score(1)
    return nats, tokens, np.array([len(text) for text in texts], dtype=np.int64)


def _window_scores(
    module: torch.nn.Module, inputs: list[list[int]], targets: list[list[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Summed log-likelihoods (windows,) and how many tokens each window has."""
    import torch

    wanted = torch.tensor(targets)
    with torch.no_grad():
        logits = module(torch.tensor(inputs)).double()
        chosen = logits.log_softmax(dim=-1).gather(2, wanted.clamp(min=0).unsqueeze(2)).squeeze(2)
    valid = wanted != IGNORED
    return (chosen * valid).sum(dim=1).numpy(), valid.sum(dim=1).numpy()


def generate(
    module: torch.nn.Module,
    encoder: TextEncoder,
    prompt: str,
    n: int,
    *,
    temperature: float = 1.0,
    seed: int = 0,
) -> str:
    """``n`` tokens that follow ``prompt``, as text, without the prompt.

    Each is drawn from the network's probabilities sharpened by ``temperature`` (0: always the
    likeliest), by ``seed`` alone. The network sees the latest ``max_length`` tokens; padding, start
    and unknown are never drawn. Raises InputError for a number or temperature out of range.
    """
    import torch

    if not 0 <= n <= _MAX_NEW:
        raise InputError("n={n} tokens", remedy="ask for 0 to {max_new:,}", n=n, max_new=_MAX_NEW)
    if not 0 <= temperature <= 100:
        raise InputError(
            "temperature={temperature}",
            remedy="use 0 to 100; 1 is the network's own",
            temperature=temperature,
        )
    rng = torch.Generator().manual_seed(seed)
    ids = [START, *encoder.tokeniser.encode(prompt)]
    begun = len(ids)
    module.eval()
    with torch.no_grad():
        for _ in range(n):
            logits = module(torch.tensor([ids[-encoder.max_length :]]))[0, -1].double()
            logits[:N_SPECIAL] = -torch.inf
            if temperature == 0:
                ids.append(int(logits.argmax()))
                continue
            chances = (logits / temperature).softmax(dim=0)
            ids.append(int(torch.multinomial(chances, 1, generator=rng)))
    return encoder.tokeniser.decode(ids[begun:])
