"""Charts drawn once: a chart is a pure function, and many people look at the same one."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import altair as alt
import pandas as pd

from evenhand.dashboard.i18n import Translator

_MOST = 256  # drawings of some ten kilobytes each
_KEPT: OrderedDict[bytes, str] = OrderedDict()
_LOCK = threading.Lock()
P = ParamSpec("P")

alt.theme.enable("none")  # its default fixes sizes that the page is to choose
alt.data_transformers.disable_max_rows()


@dataclass(frozen=True)
class Drawn:
    """A chart's Vega-Lite specification, data and all, as JSON."""

    text: str

    def to_dict(self) -> dict[str, Any]:
        """The specification; the caller's own to change."""
        spec: dict[str, Any] = json.loads(self.text)
        return spec


def kept(draw: Callable[P, alt.TopLevelMixin]) -> Callable[P, Drawn]:
    """Keeps what ``draw`` makes of the same frame and options; building and validating a chart
    takes Altair a tenth of a second."""

    @wraps(draw)
    def drawn(*args: P.args, **options: P.kwargs) -> Drawn:
        digest = hashlib.sha256(f"{draw.__module__}.{draw.__name__}".encode())
        for argument in (*args, sorted(options.items())):
            for part in _content(argument):
                digest.update(part)
        key = digest.digest()
        with _LOCK:
            text = _KEPT.get(key)
            if text is not None:
                _KEPT.move_to_end(key)
                return Drawn(text)
        text = json.dumps(draw(*args, **options).to_dict())
        with _LOCK:
            _KEPT[key] = text
            if len(_KEPT) > _MOST:
                _KEPT.popitem(last=False)
        return Drawn(text)

    return drawn


def _content(argument: Any) -> Iterator[bytes]:
    """What tells an argument of a chart from any other; of numbers, their bytes, which is fast."""
    if not isinstance(argument, pd.DataFrame):
        told = argument.lang if isinstance(argument, Translator) else argument
        yield repr(told).encode("utf-8", "surrogatepass")
        return
    for name, column in argument.items():
        yield repr((name, column.dtype, len(column))).encode("utf-8", "surrogatepass")
        values = column.to_numpy()
        if values.dtype.kind in "biufM":
            yield values.tobytes()
        else:
            yield repr(column.tolist()).encode("utf-8", "surrogatepass")
