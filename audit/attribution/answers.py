"""What an answer through the door must hold: it may come from a stranger's hands.

Whoever asks about a model reads numbers, shapes and names out of the answer. One that doesn't fit
its question is refused here, where it comes in, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from evenhand.audit.attribution.door import Answer, Question
from evenhand.audit.attribution.request import METHODS
from evenhand.audit.files.shapes import Shape, parsed

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["tabular", "image", "text", "generation"]
_MOST_WORDS = 10_000  # of one method's description
_WORDY = ("text", "generation")


class _Capabilities(Shape):
    kind: Kind
    gradients: bool
    linear: bool
    methods: list[str]
    weighed: list[str]
    columns: list[str]
    device: str = Field(max_length=100)


class _Asked(Shape):
    """Of what was asked: the side of an image's patches, as the model's side understood it."""

    patch: int = Field(default=0, ge=0)


class _Attribution(Shape):
    kind: Kind
    name: str = Field(max_length=100)
    method: str = Field(max_length=_MOST_WORDS)
    baseline: str = Field(max_length=_MOST_WORDS)
    target: str = Field(max_length=_MOST_WORDS)
    unit: str = Field(max_length=1000)
    columns: list[str]
    evaluations: int = Field(ge=0)
    exact: bool
    complete: bool
    request: _Asked
    words: list[list[str]] | None = None
    continuations: list[str] | None = None


class _Randomised(Shape):
    layers: list[list[str]]
    unit: str
    request: _Asked


def require_answer(question: Question, answer: Answer) -> None:
    """Raises ValueError, which says what doesn't fit, unless ``answer`` fits ``question``."""
    _CHECKS[question.operation](question, answer)


def _capabilities(question: Question, answer: Answer) -> None:
    told = parsed(dict(answer.facts), _Capabilities)
    if not {*told.methods, *told.weighed} <= set(METHODS):
        raise ValueError("it offers a method that nobody knows")


def _attribution(question: Question, answer: Answer) -> None:
    record = parsed(dict(answer.facts), _Attribution)
    _require_patch(question, record.request)
    rows = question.frames["rows"]
    _require_columns(record.columns, question)
    arrays = answer.arrays
    for name in ("output", "baseline_output", "gap"):
        _require_shape(arrays, name, (len(rows),))
    _require_shape(arrays, "values", (len(rows), len(record.columns)))
    lines = len(rows)
    if record.kind == "image":
        _require_maps(arrays, question, record.columns, (len(rows),))
    if record.kind in _WORDY:
        words = record.words or []
        if len(words) != len(rows):
            raise ValueError(f"words of {len(words)} texts for {len(rows)} rows")
        if record.continuations is not None and len(record.continuations) != len(rows):
            raise ValueError("it continues other texts than the rows'")
        lines = _require_words(arrays, [len(row) for row in words])
    for name, array in arrays.items():
        if array.shape[:1] != ((lines,) if name.startswith("word_") else (len(rows),)):
            raise ValueError(f"{name} is of shape {array.shape}")


def _randomised(question: Question, answer: Answer) -> None:
    told = parsed(dict(answer.facts), _Randomised)
    _require_patch(question, told.request)
    rows, stages, arrays = question.frames["rows"], len(told.layers), answer.arrays
    if not 1 <= stages <= int(question.options.get("stages", 8)):
        raise ValueError(f"it was asked for other stages than {stages}")
    values = arrays.get("values")
    if values is None or values.ndim != 3 or values.shape[:2] != (stages, len(rows)):
        raise ValueError("values are not those of the stages and rows")
    if "maps" in arrays:
        _require_maps(arrays, question, list(rows.columns), (stages, len(rows)))
    if "word_rows" in arrays:
        import numpy as np

        owners = arrays["word_rows"]
        within = owners.ndim == 1 and owners.dtype.kind in "iu"
        if not within or (len(owners) and not 0 <= owners.min() <= owners.max() < len(rows)):
            raise ValueError("word_rows are no rows")
        _require_words(arrays, np.bincount(owners, minlength=len(rows)).tolist(), (stages,))


def _hidden(question: Question, answer: Answer) -> None:
    rows, asked = question.frames["rows"], question.frames["hidden"]
    each = len(asked) // len(rows) if len(rows) else 0
    _require_shape(answer.arrays, "outputs", (len(rows), each))


def _require_patch(question: Question, told: _Asked) -> None:
    if told.patch != question.options.get("patch", 0):
        raise ValueError(f"it was asked for another patch than {told.patch}")


def _require_columns(columns: list[str], question: Question) -> None:
    strange = set(columns) - set(question.frames["rows"].columns)
    if strange or len(set(columns)) != len(columns):
        raise ValueError("it explains other columns than the rows'")


def _require_shape(
    arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]
) -> np.ndarray:
    found = arrays.get(name)
    if found is None or found.shape != shape:
        raise ValueError(f"{name} is of shape {None if found is None else found.shape}")
    return found


def _require_maps(
    arrays: Mapping[str, np.ndarray],
    question: Question,
    columns: list[str],
    before: tuple[int, ...],
) -> None:
    """A map of each image: a pixel of one colour or of three has one number."""
    maps, rows = arrays.get("maps"), question.frames["rows"]
    if maps is None or maps.ndim != len(before) + 2 or maps.shape[: len(before)] != before:
        raise ValueError(f"maps are of shape {None if maps is None else maps.shape}")
    pixels = maps.shape[-2] * maps.shape[-1]
    for cell in rows[columns[0]].iloc[:1]:
        if len(cell) not in (pixels, 3 * pixels):
            raise ValueError(f"maps of {pixels} pixels, the images have {len(cell)} bytes")


def _require_words(
    arrays: Mapping[str, np.ndarray], counts: list[int], before: tuple[int, ...] = ()
) -> int:
    """Values of the words, row by row, as many as each row has; gives their number."""
    import numpy as np

    lines = sum(counts)
    _require_shape(arrays, "word_values", (*before, lines))
    owners = _require_shape(arrays, "word_rows", (lines,))
    if owners.dtype.kind not in "iu" or (owners != np.repeat(np.arange(len(counts)), counts)).any():
        raise ValueError("word_rows are not the rows of the words")
    return lines


_CHECKS: dict[str, Callable[[Question, Answer], None]] = {
    "capabilities": _capabilities,
    "attribute": _attribution,
    "randomised": _randomised,
    "hidden": _hidden,
}
