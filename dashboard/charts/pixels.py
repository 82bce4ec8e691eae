"""Attribution maps as PNG bytes, and words as Markdown coloured by their attribution. Pure.

Colour is never alone: words that raise the output are bold with ▲, those that lower it have ▼.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.reports.drawing.pixels import map_png
from evenhand.dashboard.text import escape

_WEAK = 0.15  # of the strongest word: below it a word is left as it is


def overlay(levels: str, image: str | None, *, height: int, width: int, colours: int) -> bytes:
    """An attribution map over the greys of its image, as PNG: blue raises, orange lowers.

    ``levels`` is the base64 of height x width signed bytes, ``image`` that of height x width x
    colours bytes or None. Raises ValueError for any other length.
    """
    size = {"height": height, "width": width, "colours": colours}
    return map_png(levels, image, **size, zoom=max(1, 320 // width))


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
