"""The tokens of a causal language model of the transformers library, as explanations ask for them
(``evenhand.audit.attribution.kinds.prompts.Tokens``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_LENGTH = 512  # of a model that says no limit


class GeneratorTokens:
    """``module`` maps ids (rows, length) to logits; ``embedding`` is the layer of its vectors."""

    def __init__(self, model: Any, tokenizer: Any, limit: int | None, column: str) -> None:
        import torch

        class Logits(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = model

            def forward(self, ids: torch.Tensor) -> torch.Tensor:
                found: torch.Tensor = self.network(input_ids=ids).logits
                return found

        self.module: Any = Logits().eval()
        self.embedding = model.get_input_embeddings()
        self.max_length = limit or _LENGTH
        self.start = nothing_id(tokenizer, begins=True)
        self.unknown = nothing_id(tokenizer)
        self.never_said = sorted({*tokenizer.all_special_ids, self.start})
        self._tokenizer, self._column = tokenizer, column

    def encode(self, text: str) -> list[int]:
        """The ids of a text of any length, without the start token."""
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def decode(self, ids: list[int]) -> str:
        """The text of some ids."""
        return str(self._tokenizer.decode(ids))

    def names(self, ids: list[int]) -> list[str]:
        """What each id stands for."""
        return [str(name) for name in self._tokenizer.convert_ids_to_tokens(ids)]

    def text_spans(self, text: str) -> list[tuple[int, int]]:
        """Where each token begins and ends in the text, in characters; the start is (0, 0)."""
        asked = {"add_special_tokens": False, "return_offsets_mapping": True}
        places = self._tokenizer(text, **asked)["offset_mapping"]
        return [(0, 0), *((int(a), int(b)) for a, b in places)]

    def spans(self, frame: pd.DataFrame) -> list[list[tuple[int, int]]]:
        """``text_spans`` of each row's text."""
        return [self.text_spans(str(text)) for text in frame[self._column]]

    def token_ids(self, frame: pd.DataFrame) -> np.ndarray:
        """Ids with the start token, int64 of shape (rows, length), 0 for padding."""
        import numpy as np

        rows = [[self.start, *self.encode(str(text))] for text in frame[self._column]]
        longest = max((len(row) for row in rows), default=0)
        return np.array([row + [0] * (longest - len(row)) for row in rows], dtype=np.int64)


def nothing_id(tokenizer: Any, *, begins: bool = False) -> int:
    """A token that stands for no text: where a text has none, or none that stays.

    The tokeniser's token for what is unknown (``begins``: for the beginning of a text), or the
    special token that is nearest to it; the first of all where it has none.
    """
    order = ("bos", "cls", "eos", "unk", "pad") if begins else ("unk", "bos", "eos", "cls", "pad")
    found = (getattr(tokenizer, f"{name}_token_id", None) for name in order)
    return next((int(token) for token in found if token is not None), 0)
