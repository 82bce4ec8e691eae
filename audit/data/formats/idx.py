"""IDX files, MNIST's format: a magic number, sizes as big-endian 32-bit numbers, then the bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.audit.data.formats.limits import Limits, check_expansion
from evenhand.audit.errors import InputError
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import numpy as np


def idx_array(file: Path, dimensions: int, most: int) -> np.ndarray:
    """The array of one IDX file of unsigned bytes with so many dimensions, uint8 of the shape that
    its header says. Raises InputError for another kind of file, or for one over ``most`` bytes."""
    import numpy as np

    try:
        with (gzip.open if file.suffix == ".gz" else open)(file, "rb") as handle:
            head = handle.read(4 + 4 * dimensions)
            if head[:4] != bytes([0, 0, 8, dimensions]):
                raise InputError(
                    "{file} starts with {head}, not with 000008{dimensions:02x}",
                    remedy="is it an IDX file of bytes in {dimensions} dimensions?",
                    file=file,
                    head=head[:4].hex(),
                    dimensions=dimensions,
                )
            shape = [int.from_bytes(head[i : i + 4], "big") for i in range(4, len(head), 4)]
            expected = math.prod(shape)
            if len(head) < 4 + 4 * dimensions or expected > most:
                raise InputError(
                    phrase(
                        "{file} says that it holds {shape} bytes, over {most:,}",
                        file=file,
                        shape=" x ".join(map(str, shape)),
                        most=most,
                    )
                    if expected > most
                    else phrase("{file} ends in its header", file=file),
                    remedy="use a smaller set, or download the file again",
                )
            # a set of nothing but zeros packs to a thousandth, and is copied twice more
            check_expansion(expected, file.stat().st_size, file, Limits())
            # One more than is said: what follows shows itself, a bomb is never unpacked.
            raw = handle.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            "cannot read {file}: {error}", remedy="download it again", file=file, error=error
        ) from None
    if len(raw) != expected:
        is_short = len(raw) < expected
        raise InputError(
            "{file} says {expected} bytes and holds {is_short}",
            remedy="download it again",
            file=file,
            expected=expected,
            is_short=len(raw) if is_short else "more",
        )
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape)
