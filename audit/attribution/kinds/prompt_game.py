"""The words of prompts as a game: the log probability of what was said behind those that stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.memory import MOST_GRADIENT_ROWS, batch_of, chunks

if TYPE_CHECKING:
    import numpy as np
    import torch


class PromptGame:
    """See ``evenhand.audit.attribution.games.Game``: an absent word is taken out of the prompt.

    ``prompts`` hold the words of each row, ``said`` the ids behind it, int64 of shape (tokens,).
    Sequences are scored together, which Captum does one by one; a prompt that lost words is shorter
    and is filled up behind, where a network that reads from left to right doesn't see it.
    """

    def __init__(
        self,
        model: Any,
        prompts: Sequence[Sequence[str]],
        said: Sequence[torch.Tensor],
        memory_bytes: int,
    ) -> None:
        import numpy as np

        self._model, self._prompts, self._said = model, prompts, said
        counts = np.array([len(words) for words in prompts], dtype=int)
        self.active = np.arange(int(counts.max(initial=0))) < counts[:, None]
        self.evaluations = 0
        access = model.access
        # Logits are by far the largest: tokens x vocabulary, in single and in double precision.
        wide = model.log_probability_bytes(access.max_length)
        self._batch = batch_of(wide, memory_bytes, MOST_GRADIENT_ROWS)

    def values(self, rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        """In nat; 0 for a row without words."""
        import numpy as np

        found = np.zeros(len(rows))
        for part in chunks(len(rows), self._batch):
            found[part] = self._scored(rows[part], present[part])
        self.evaluations += len(rows)
        return found

    def _scored(self, rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        import numpy as np

        access = self._model.access
        sequences, starts = [], []
        for row, here in zip(rows, present, strict=True):
            words = self._prompts[row]
            kept = "".join(w for w, is_there in zip(words, here, strict=False) if is_there)
            sequences.append([access.start, *access.encode(kept), *self._said[row].tolist()])
            starts.append(len(sequences[-1]) - len(self._said[row]))
        found: np.ndarray = self._model.log_probabilities(sequences, starts)
        return np.asarray(found)
