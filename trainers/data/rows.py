"""Training rows as bytes, for the ledger store to know them by; nothing else reads them.

Two rows are the same where they have the same cells under the same names. The order of columns,
columns without a value, and the spelling of cells (``canonical``) change nothing; a column more, or
a cell that was rounded, makes another row of it.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import texts

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.trainers.data.prepared import Prepared
    from evenhand.trainers.examples import Examples


# Leading zeros make a code of it: 007 is another thing than 7.
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d*)?([eE][+-]?\d{1,3})?")


def rows_of(prepared: Prepared) -> Iterator[bytes]:
    """A row's raw cells where the data are a table, else its input and target as tensors; and the
    units that the rows belong to, where the recipe names them.

    Raw cells, not encoded ones: another split or another choice of inputs encodes the same row in
    another way, and it is the same person's row.
    """
    if prepared.frames is None:
        yield from example_rows(prepared.train)
        return
    yield from frame_rows(prepared.frames.train)
    if prepared.recipe.unit is not None:
        yield from unit_marks(prepared.frames.train, prepared.recipe.unit)


def canonical(cell: str) -> str:
    """A cell in the one spelling that rows are compared by.

    Blanks around it are taken off, texts are normalised (NFC), true and false are small; numbers
    are as single precision has them, so that 1.50 and 1.5e0 are one, and 0.1 stored as float32 too.

    >>> [canonical(c) for c in ("1.50", "+1.5e0", "2.0", " a ", "007", "True")]
    ['1.5', '1.5', '2', 'a', '007', 'true']
    """
    text = unicodedata.normalize("NFC", cell.strip())
    if not _NUMBER.fullmatch(text):
        return text.lower() if text.lower() in ("true", "false") else text
    if text.lstrip("+-").isdecimal():
        return str(int(text)) if len(text) < 4000 else text
    number = float(text)
    if number.is_integer() and abs(number) < 2**53:
        return str(int(number))
    return repr(_single(number))


def _single(number: float) -> float:
    """The nearest number that single precision has; what is too large stays as it is."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return number
    return rounded


def frame_rows(frame: pd.DataFrame) -> Iterator[bytes]:
    """Each row as "column, value" pairs in the order of the columns' names, missing cells left out.

    The order of rows and columns changes nothing, nor does a column without a value.
    """
    names = sorted(str(c) for c in frame.columns)
    by_name = {str(c): c for c in frame.columns}
    columns = [cells(frame[by_name[name]]) for name in names]
    heads = [name.strip().encode() + b"\x1f" for name in names]
    for row in zip(*columns, strict=True):
        yield b"\x1e".join(
            head + cell for head, cell in zip(heads, row, strict=True) if cell is not None
        )


def unit_marks(frame: pd.DataFrame, column: str) -> Iterator[bytes]:
    """The units (persons) of a table as bytes, each once: their column's name and value."""
    for value in sorted({cell for cell in cells(frame[column]) if cell is not None}):
        yield b"\x1dunit\x1f" + column.strip().encode() + b"\x1f" + value


def cells(column: pd.Series[Any]) -> list[bytes | None]:
    """The cells of a column in their one spelling, None where there is none: of shape (n,)."""
    values, is_missing = texts(column)
    known: dict[str, bytes] = {}
    for value in set(values[~is_missing]):
        known[value] = canonical(str(value)).encode("utf-8", "surrogatepass")
    return [
        None if missing else known[value] for value, missing in zip(values, is_missing, strict=True)
    ]


def example_rows(examples: Examples) -> Iterator[bytes]:
    """Each example's input and target as bytes, with their types."""
    inputs, targets = examples.inputs.cpu().numpy(), examples.targets.cpu().numpy()
    kind = f"{inputs.dtype}{inputs.shape[1:]}{targets.dtype}".encode()
    for one, target in zip(inputs, targets, strict=True):
        yield kind + b"\x1e" + one.tobytes() + b"\x1e" + target.tobytes()
