"""Attribution maps as PNG bytes, and words as Markdown coloured by their attribution. Pure.

Colour is never alone: words that raise the output are bold with ▲, those that lower it have ▼.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Sequence

from dashboard.text import escape

_FOR, _AGAINST = (0, 114, 178), (213, 94, 0)  # Okabe and Ito's blue and vermilion
_WEAK = 0.15  # of the strongest word: below it a word is left as it is


def overlay(levels: str, image: str | None, *, height: int, width: int, colours: int) -> bytes:
    """An attribution map over the greys of its image, as PNG: blue raises, orange lowers.

    ``levels`` is the base64 of height x width signed bytes, ``image`` that of height x width x
    colours bytes or None. Raises ValueError for any other length.
    """
    signed = _bytes(levels, height * width)
    greys = [255] * (height * width)
    if image is not None:
        raw = _bytes(image, height * width * colours)
        greys = [sum(raw[i : i + colours]) // colours for i in range(0, len(raw), colours)]
    pixels = bytearray()
    for level, grey in zip(signed, greys, strict=True):
        strength = (level if level < 128 else level - 256) / 127
        share, faint = min(1.0, abs(strength)), 128 + grey // 2
        tint = _FOR if strength > 0 else _AGAINST
        pixels += bytes(round(faint * (1 - share) + part * share) for part in tint)
    return _png(bytes(pixels), height, width, zoom=max(1, 320 // width))


def coloured_words(words: Sequence[str], values: Sequence[float | None]) -> str:
    """The words as Markdown, each escaped; the ones that matter carry a sign and a colour.

    >>> coloured_words(["good", "day"], [0.5, 0.0])
    ':blue-background[**▲ good**] day'
    """
    strongest = max((abs(v) for v in values if v is not None), default=0.0)
    shown = []
    for word, value in zip(words, values, strict=True):
        text = escape(word)
        if value is None or not strongest or abs(value) < _WEAK * strongest:
            shown.append(text)
            continue
        sign, colour = ("▲", "blue") if value > 0 else ("▼", "orange")
        marked = f"{sign} {text}"
        is_strong = abs(value) > 0.5 * strongest
        shown.append(f":{colour}-background[{f'**{marked}**' if is_strong else marked}]")
    return " ".join(shown)


def _bytes(text: str, size: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {error}") from None
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes, expected {size}")
    return raw


def _png(pixels: bytes, height: int, width: int, *, zoom: int) -> bytes:
    """8-bit RGB pixels, each drawn ``zoom`` times ``zoom``. Source: W3C PNG, section 5."""
    rows = []
    for y in range(height):
        line = pixels[3 * width * y : 3 * width * (y + 1)]
        wide = b"".join(line[i : i + 3] * zoom for i in range(0, len(line), 3))
        rows += [b"\0" + wide] * zoom
    header = struct.pack(">IIBBBBB", width * zoom, height * zoom, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
