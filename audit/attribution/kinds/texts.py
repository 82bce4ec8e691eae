"""Attributions of texts, word by word: a word is what stands between spaces, as people wrote it.

Text networks: integrated gradients at the embedding layer, from vectors of zeros ("no word": the
mean of no word vectors is zero too), pieces of a word summed. Any model of one text column:
perturbation methods, where an absent word is taken out of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from evenhand.audit.attribution.door import Answer
from evenhand.audit.attribution.games import Game, device_of, scores
from evenhand.audit.attribution.gradients import integrated
from evenhand.audit.attribution.kinds import tabular
from evenhand.audit.attribution.memory import (
    MOST_FRAME_ROWS,
    MOST_GRADIENT_ROWS,
    batch_of,
    chunks,
    frame_bytes,
    gradient_bytes,
)
from evenhand.audit.attribution.output import Output, output_of
from evenhand.audit.attribution.progress import report
from evenhand.audit.attribution.request import LAYER, Request
from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

NO_WORDS = "the text without the word"
NO_VECTORS = "vectors of zeros in place of the words"
_WORD = re.compile(r"\s*\S+\s*")
_MOST_WORDS = 2000


class TextTokens(Protocol):
    """A text network's tokens, as its predictor's attribute ``tokens`` offers them.

    ``module`` maps ids (rows, length) to logits; ``embedding`` is the layer whose outputs
    (rows, length, width) stand for the tokens.
    """

    module: Any
    embedding: Any

    def token_ids(self, frame: pd.DataFrame) -> np.ndarray:
        """Ids, int64 of shape (rows, length), 0 for padding."""
        ...

    def spans(self, frame: pd.DataFrame) -> list[list[tuple[int, int]]]:
        """Where each token without padding begins and ends in its text, in characters."""
        ...


def attribute(
    predictor: Predictor, request: Request, rows: pd.DataFrame, baseline: pd.DataFrame | None
) -> Answer:
    """See ``evenhand.audit.attribution.attribute``. Beside ``values``, the sums over words, (rows,
    1): ``word_values`` (words,), ``word_rows`` (words,) whose each one is, and the fact
    ``words``."""
    if baseline is not None:
        raise InputError(
            "a baseline text is declared", remedy="leave it out: words are compared with no word"
        )
    output = output_of(predictor, request, rows)
    column = predictor.input_columns[0]
    texts = [_text(cell) for cell in rows[column]]
    words = [split(text) for text in texts]
    if request.method == LAYER:
        found = _at_embedding(predictor, request, rows, texts, words, output)
    else:
        game, names, named = game_of(predictor, request, rows, baseline, output)
        found = tabular.play(game, request, output, names, named)
    return by_word(found, words, list(predictor.input_columns))


def game_of(
    predictor: Predictor,
    request: Request,
    rows: pd.DataFrame,
    baseline: pd.DataFrame | None,
    output: Output,
) -> tuple[Game, tuple[str, ...], str]:
    """See ``tabular.game_of``: the parts are words, and an absent one is taken out."""
    words = [split(_text(cell)) for cell in rows[predictor.input_columns[0]]]
    game = WordGame(predictor, output, rows, words, request.memory_bytes)
    return game, word_names(game.active.shape[1]), NO_WORDS


def word_names(count: int) -> tuple[str, ...]:
    """Words are known by their place."""
    return tuple(f"word {i}" for i in range(count))


def _text(cell: Any) -> str:
    import pandas as pd

    return "" if cell is None or cell is pd.NA or cell != cell else str(cell)


def split(text: str) -> list[str]:
    """The words of a text with the space around them: joined they are the text again.

    >>> split(" so it goes ")
    [' so ', 'it ', 'goes ']
    """
    return _WORD.findall(text)


def by_word(answer: Answer, words: list[list[str]], columns: list[str]) -> Answer:
    """The uniform answer for words out of one whose ``values`` are (rows, most words)."""
    import numpy as np

    values = answer.arrays["values"]
    counts = [len(row) for row in words]
    there = np.arange(values.shape[1]) < np.array(counts, dtype=int).reshape(-1, 1)
    arrays = {
        **answer.arrays,
        "values": values.sum(axis=1, keepdims=True),
        "word_values": values[there],
        "word_rows": np.repeat(np.arange(len(words)), counts),
    }
    for name in ("standard_error", "half_width"):
        if name in arrays:
            arrays[f"word_{name}"] = arrays.pop(name)[there]
    named = [[word.strip() for word in row] for row in words]
    return Answer(arrays, {**answer.facts, "columns": columns, "words": named})


class WordGame:
    """The words of each row's text (see ``evenhand.audit.attribution.games.Game``)."""

    def __init__(
        self,
        predictor: Predictor,
        output: Output,
        rows: pd.DataFrame,
        words: list[list[str]],
        memory_bytes: int,
    ) -> None:
        import numpy as np

        self._predictor, self._output, self._words = predictor, output, words
        self._column = predictor.input_columns[0]
        counts = np.array([len(row) for row in words], dtype=int)
        most = int(counts.max(initial=0))
        if most > _MOST_WORDS:
            raise InputError(
                "a text of {most:,} words is to be explained word by word",
                remedy="use texts of at most {most_words:,} words",
                most=most,
                most_words=_MOST_WORDS,
            )
        self.active = np.arange(most) < counts[:, None]
        self.evaluations = 0
        self._batch = 1
        if len(rows):
            few = rows[[self._column]].head(64)
            spent = frame_bytes(lambda f: scores(predictor, f), few, model=predictor)
            self._batch = batch_of(spent + 3.0 * most, memory_bytes, MOST_FRAME_ROWS)

    def values(self, rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See ``Game``."""
        import numpy as np
        import pandas as pd

        found = [np.zeros(0)]
        for part in chunks(len(rows), self._batch):
            texts = [
                "".join(w for w, is_there in zip(self._words[row], here, strict=False) if is_there)
                for row, here in zip(rows[part], present[part], strict=True)
            ]
            frame = pd.DataFrame({self._column: pd.Series(texts, dtype=object)})
            found.append(self._output.of_model(self._predictor, frame, rows[part]))
        self.evaluations += len(rows)
        return np.concatenate(found)


def _at_embedding(
    predictor: Predictor,
    request: Request,
    rows: pd.DataFrame,
    texts: list[str],
    words: list[list[str]],
    output: Output,
) -> Answer:
    import numpy as np

    access: TextTokens = predictor.tokens  # type: ignore[attr-defined]
    ids = access.token_ids(rows)
    pieces, full, empty = _layer_gradients(access, ids, request, output)
    spans = access.spans(rows)
    values = np.zeros((len(rows), max((len(w) for w in words), default=0)))
    rest = np.zeros(len(rows))
    for row, text in enumerate(texts):
        owners = word_of(spans[row], words[row], text)
        np.add.at(values[row], owners, pieces[row, : len(owners)])
        # Padding has vectors too, which a network may look at.
        rest[row] = pieces[row, len(owners) :].sum()
    answer = tabular.uniform(
        request,
        output,
        values,
        full,
        empty,
        [],
        method=f"integrated gradients at the embedding, {request.steps} steps, summed to words",
        baseline=NO_VECTORS,
        evaluations=request.steps * len(rows),
    )
    arrays = {**answer.arrays, "gap": answer.arrays["gap"] + rest, "padding": rest}
    return Answer(arrays, answer.facts)


def word_of(spans: Sequence[tuple[int, int]], words: list[str], text: str) -> list[int]:
    """The word that each token belongs to: that of its first character that is no space."""
    owners = [i for i, word in enumerate(words) for _ in word]
    found = []
    for start, end in spans:
        inner = next((i for i in range(start, end) if not text[i].isspace()), start)
        found.append(owners[inner] if inner < len(owners) else 0)
    return found


def _layer_gradients(
    access: TextTokens, ids: np.ndarray, request: Request, output: Output
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attributions of every token (rows, length), the output of each row, and that of the
    baseline, (rows,) each."""
    import numpy as np
    import torch

    device = device_of(access.module)
    attributions = np.zeros(ids.shape)
    full, empty = np.zeros(len(ids)), np.zeros(len(ids))
    spent = vector_bytes(access, ids[:2]) if len(ids) else 1.0
    for part in chunks(len(ids), batch_of(spent, request.memory_bytes, MOST_GRADIENT_ROWS)):
        given = torch.from_numpy(ids[part]).to(device)
        rows = torch.arange(part.start, part.stop)

        def score(
            vectors: torch.Tensor, given: torch.Tensor = given, rows: torch.Tensor = rows
        ) -> torch.Tensor:
            with embedded(access.embedding, vectors):
                return output.of_logits(access.module(given), rows)

        with torch.no_grad():
            vectors = access.embedding(given).detach()
            nothing = torch.zeros_like(vectors)
            full[part] = score(vectors).double().cpu().numpy()
            empty[part] = score(nothing).double().cpu().numpy()
        values = integrated(score, vectors, nothing, request.steps)
        attributions[part] = values.sum(dim=2).double().cpu().numpy()
        report(LAYER, part.stop, len(ids))
    return attributions, full, empty


def vector_bytes(access: TextTokens, ids: np.ndarray) -> float:
    """Bytes that one row of ids takes from its vectors to their gradients; see ``memory``."""
    import torch

    given = torch.from_numpy(ids).to(device_of(access.module))
    vectors = access.embedding(given).detach()

    def forward(probe: torch.Tensor) -> torch.Tensor:
        with embedded(access.embedding, probe):
            found: torch.Tensor = access.module(given)
            return found

    return gradient_bytes(forward, vectors)


@contextmanager
def embedded(layer: Any, vectors: torch.Tensor) -> Iterator[None]:
    """The layer answers with ``vectors``, whatever it is given."""
    handle = layer.register_forward_hook(lambda module, inputs, outputs: vectors)
    try:
        yield
    finally:
        handle.remove()
