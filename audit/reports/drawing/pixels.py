"""Heat maps over images, as PNG inside SVG, and words coloured by their attribution."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evenhand.audit.words.text import short, visible

if TYPE_CHECKING:
    from markupsafe import Markup

STEPS = 4  # how strongly a word may be coloured, in each direction
_FOR, _AGAINST = (0, 114, 178), (213, 94, 0)  # told apart by readers who don't see red or green


def heat_map(
    title: str,
    description: str,
    levels: str,
    image: str | None,
    *,
    height: int,
    width: int,
    colours: int,
) -> Markup:
    """An attribution map over the greys of its image: blue raises the score, orange lowers it.

    ``levels`` is the base64 of height x width signed bytes, ``image`` that of height x width x
    colours bytes. Raises ValueError for other lengths.
    """
    from markupsafe import Markup, escape

    size = {"height": height, "width": width, "colours": colours}
    png = base64.b64encode(map_png(levels, image, **size)).decode()
    head = f"<title>{escape(short(title))}</title><desc>{escape(short(description, 600))}</desc>"
    return Markup(  # noqa: S704 - texts are escaped, the rest is numbers and base64
        f'<svg class="heat" role="img" viewBox="0 0 {width} {height}">{head}'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{png}"/></svg>'
    )


def map_png(
    levels: str, image: str | None, *, height: int, width: int, colours: int, zoom: int = 1
) -> bytes:
    """The picture of ``heat_map`` as PNG, each pixel drawn ``zoom`` times ``zoom``.

    Raises ValueError for other lengths.
    """
    signed = _bytes(levels, height * width)
    greys = [255] * (height * width)
    if image is not None:
        raw = _bytes(image, height * width * colours)
        greys = [sum(raw[i : i + colours]) // colours for i in range(0, len(raw), colours)]
    pixels = bytearray()
    for level, grey in zip(signed, greys, strict=True):
        strength = level / 127 if level < 128 else (level - 256) / 127
        tint = _FOR if strength > 0 else _AGAINST
        share = min(1.0, abs(strength))
        faint = 128 + grey // 2  # the picture stays behind the map, and never hides it
        pixels += bytes(round(faint * (1 - share) + t * share) for t in tint)
    return _png(bytes(pixels), height, width, zoom)


def coloured_words(words: Sequence[str], values: Sequence[float | None]) -> Markup:
    """Words one after another, the stronger the more coloured; what raises the score is underlined,
    what lowers it dotted, so that colour isn't needed."""
    from markupsafe import Markup, escape

    strongest = max((abs(v) for v in values if v is not None), default=0.0)
    parts = []
    for word, value in zip(words, values, strict=True):
        shown = escape(visible(word))
        step = 0 if not strongest or value is None else round(STEPS * abs(value) / strongest)
        if step == 0 or value is None:
            parts.append(str(shown))
        else:
            sign = "up" if value > 0 else "down"
            parts.append(f'<span class="word {sign} s{step}">{shown}</span>')
    return Markup(" ".join(parts))  # noqa: S704 - each word is escaped above


def _bytes(text: str, size: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {error}") from None
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes, expected {size}")
    return raw


def _png(pixels: bytes, height: int, width: int, zoom: int) -> bytes:
    """A PNG of 8-bit RGB pixels, rows from the top. Source: W3C PNG specification, section 5."""
    rows = []
    for y in range(height):
        line = pixels[3 * width * y : 3 * width * (y + 1)]
        wide = b"".join(line[i : i + 3] * zoom for i in range(0, len(line), 3))
        rows += [b"\0" + wide] * zoom
    header = struct.pack(">IIBBBBB", width * zoom, height * zoom, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
