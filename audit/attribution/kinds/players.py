"""The parts that a row is explained by: columns of a table, patches of an image, words of a text.

Whoever judges an explanation asks about parts alone, whatever they are: ``values[i, j]`` is what
part j of row i was given, ``there[i, j]`` whether row i has that many. A row's parts come first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.audit.attribution.door import Answer

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Part:
    """How a kind of row is told: one ``part`` of it, several ``parts``, and how one is ``hidden``.
    One table row costs as much as ``share`` of such a row: as many fewer are explained."""

    part: str
    parts: str
    hidden: str
    share: float


PARTS = {
    "tabular": Part("column", "columns", "at the baseline", 1.0),
    "image": Part("patch", "patches", "at the baseline", 0.5),
    "text": Part("word", "words", "taken out", 0.5),
    "generation": Part("word", "words", "taken out", 0.125),
}


@dataclass(frozen=True, eq=False)
class Players:
    """``values``, float64, and ``there``, bool, of shape (rows, parts)."""

    values: np.ndarray
    there: np.ndarray


def players_of(kind: str, answer: Answer) -> Players:
    """The parts of an answer of ``attribute`` about rows of this ``kind``.

    A patch's attribution is the sum over its pixels, whatever method made the map.
    """
    return _SHAPES[kind](answer)


def _columns(answer: Answer) -> Players:
    import numpy as np

    values = answer.arrays["values"]
    return Players(values, np.ones(values.shape, dtype=bool))


def _patches(answer: Answer) -> Players:
    import numpy as np

    from evenhand.audit.attribution.kinds.images import patches

    maps = answer.arrays["maps"]
    count, where = patches(maps.shape[1:], int(answer.facts["request"]["patch"]))
    belongs = np.eye(count)[where]
    values = maps.reshape(len(maps), -1) @ belongs
    return Players(values, np.ones(values.shape, dtype=bool))


def _words(answer: Answer) -> Players:
    import numpy as np

    rows = len(answer.arrays["values"])
    counts = np.bincount(answer.arrays["word_rows"], minlength=rows)
    there = np.arange(int(counts.max(initial=0))) < counts[:, None]
    values = np.zeros(there.shape)
    values[there] = answer.arrays["word_values"]
    return Players(values, there)


_SHAPES: dict[str, Callable[[Answer], Players]] = {
    "tabular": _columns,
    "image": _patches,
    "text": _words,
    "generation": _words,
}
