"""The operation ``hidden``: what a model answers when parts of a row are set to the baseline.

Frames: ``rows`` and, if wanted, ``baseline``, as in ``attribute``; ``hidden``, a table of True and
False with a column for each part of a row (see ``players``: columns, patches, words), in order, and
k lines for each row, the lines of a row standing together. Options: those of ``attribute`` that say
what is explained (``target``, ``output``, ``words``, ``patch``, ``prompt_words``, ``new_tokens``)
and within which memory (``memory_bytes``).

Arrays: outputs (rows, k), of each row with the parts of each of its lines at the baseline; a word
is taken out of its text.
Facts: evaluations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenhand.audit.attribution.attribute import input_rows, module_of
from evenhand.audit.attribution.capabilities import kind_of
from evenhand.audit.attribution.door import Answer, Question
from evenhand.audit.attribution.games import Game
from evenhand.audit.attribution.memory import chunks
from evenhand.audit.attribution.output import output_of
from evenhand.audit.attribution.request import Request
from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    import numpy as np

_LINES = 1 << 18  # lines asked at once: what holds masks, not what scores rows


def answer(predictor: Predictor, question: Question) -> Answer:
    """Raises InputError for frames that do not fit each other or the model."""
    import numpy as np

    request = Request.of(question.options)
    kind = kind_of(predictor, words=request.words)
    rows, baseline = input_rows(predictor, question.frames["rows"]), question.frames.get("baseline")
    absent = question.frames["hidden"].to_numpy(dtype=bool)
    output = output_of(predictor, request, rows)
    game, names, _ = module_of(kind).game_of(predictor, request, rows, baseline, output)
    _require_fit(absent, len(rows), len(names))
    each = len(absent) // len(rows) if len(rows) else 0
    whose = np.repeat(np.arange(len(rows)), each)
    # Only parts that differ from the baseline make a difference: equal sets are asked once.
    found = np.empty(len(absent))
    for part in chunks(len(absent), _LINES):
        found[part] = _once(game, whose[part], absent[part] & game.active[whose[part]])
    return Answer({"outputs": found.reshape(len(rows), each)}, {"evaluations": game.evaluations})


def _once(game: Game, whose: np.ndarray, absent: np.ndarray) -> np.ndarray:
    import numpy as np

    owners = whose.astype(">i8").view(np.uint8).reshape(len(whose), 8)
    packed = np.column_stack([owners, np.packbits(absent, axis=1)])
    _, first, back = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    outputs = game.values(whose[first], ~absent[first])
    found: np.ndarray = outputs[back.reshape(-1)]
    return found


def _require_fit(absent: np.ndarray, rows: int, parts: int) -> None:
    if absent.ndim != 2 or absent.shape[1] != parts or (rows and len(absent) % rows):
        raise InputError(
            "hidden: a table of shape {absent_shape} for {rows} rows of {parts} parts",
            remedy="pass one column for each part of a row and the same number of lines a row",
            absent_shape=absent.shape,
            rows=rows,
            parts=parts,
        )
