"""Training rows as bytes, for the ledger store to know them by; nothing else reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from audit.data import texts

if TYPE_CHECKING:
    import pandas as pd

    from trainers.fit import Examples
    from trainers.prepared import Prepared


def rows_of(prepared: Prepared) -> Iterator[bytes]:
    """A row's raw cells where the data are a table, else its input and target as tensors.

    Raw cells, not encoded ones: another split or another choice of inputs encodes the same row in
    another way, and it is the same person's row.
    """
    if prepared.frames is not None:
        return frame_rows(prepared.frames.train)
    return example_rows(prepared.train)


def frame_rows(frame: pd.DataFrame) -> Iterator[bytes]:
    """Each row as "column, value" pairs in the order of the columns' names, missing cells left out.

    The order of rows and columns changes nothing, nor does a column without a value.
    """
    names = sorted(str(c) for c in frame.columns)
    by_name = {str(c): c for c in frame.columns}
    cells = [texts(frame[by_name[name]]) for name in names]
    heads = [name.encode() + b"\x1f" for name in names]
    for i in range(len(frame)):
        yield b"\x1e".join(
            head + str(values[i]).encode()
            for head, (values, is_missing) in zip(heads, cells, strict=True)
            if not is_missing[i]
        )


def example_rows(examples: Examples) -> Iterator[bytes]:
    """Each example's input and target as bytes, with their types."""
    inputs, targets = examples.inputs.cpu().numpy(), examples.targets.cpu().numpy()
    kind = f"{inputs.dtype}{inputs.shape[1:]}{targets.dtype}".encode()
    for one, target in zip(inputs, targets, strict=True):
        yield kind + b"\x1e" + one.tobytes() + b"\x1e" + target.tobytes()
