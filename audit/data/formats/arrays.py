"""Arrays of NumPy in a zip file (.npz): what a header announces has to be what follows it."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING

from evenhand.audit.errors import InputError
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import numpy as np


def arrays_of(file: Path, *, most: int) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name, ``most`` bytes of them. Raises InputError."""
    import numpy as np

    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > most:
                raise InputError(
                    "{file} unpacks to {size:,} bytes, over {most:,}",
                    remedy="use a smaller set",
                    file=file,
                    size=size,
                    most=most,
                )
            for entry in archive.infolist():
                if entry.filename.endswith(".npy"):
                    _require_fit(archive, entry)
        with np.load(file, allow_pickle=False) as stored:
            return {name: np.asarray(stored[name]) for name in stored.files}
    except (
        *(OSError, ValueError, EOFError, KeyError, TypeError, SyntaxError, OverflowError),
        *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error, TokenError),
    ) as error:
        raise InputError(
            "{file} is not a readable .npz of arrays: {error}",
            remedy="write it with numpy.savez, without objects",
            file=file,
            error=error,
        ) from None


def _require_fit(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Raises ValueError where an array's header announces other bytes than follow it."""
    import numpy as np

    with archive.open(entry) as handle:
        version = np.lib.format.read_magic(handle)
        read = {(1, 0): np.lib.format.read_array_header_1_0}
        header = read.get(version, np.lib.format.read_array_header_2_0)
        shape, _, dtype = header(handle)
        follow = entry.file_size - handle.tell()
    whole = all(type(n) is int and n >= 0 for n in shape)
    if not whole or (math.prod(shape) * dtype.itemsize != follow and not dtype.hasobject):
        raise ValueError(
            phrase(
                "{filename} announces {shape} of {dtype}, {follow} bytes follow",
                filename=entry.filename,
                shape=shape,
                dtype=dtype,
                follow=follow,
            )
        )
