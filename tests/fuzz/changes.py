"""Changes that a fuzz makes: to bytes, and to values of JSON."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

ASKED = int(os.environ.get("EVENHAND_FUZZ", "0"))
profile = settings(
    max_examples=ASKED or 300,
    derandomize=not ASKED,
    deadline=None,
    database=None,
    phases=[Phase.generate] if not ASKED else [Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)

# (what to do, where as a share of the length, a byte)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["flip", "flip", "flip", "cut", "zero", "double", "insert"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 255),
    ),
    min_size=1,
    max_size=4,
)


def changed(raw: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    """``raw`` with some bytes flipped, or a part of it cut off, zeroed or doubled."""
    for what, share, byte in changes:
        at = int(share * len(raw))
        end = at + byte
        if what == "flip" and raw:
            raw = raw[:at] + bytes([raw[at] ^ byte]) + raw[at + 1 :]
        elif what == "cut":
            raw = raw[:at]
        elif what == "zero":
            raw = raw[:at] + bytes(len(raw[at:end])) + raw[end:]
        elif what == "double":
            raw = raw[:end] + raw[at:end] + raw[end:]
        elif what == "insert":
            raw = raw[:at] + bytes([byte]) + raw[at:]
    return raw


# Values of which some reader of JSON thinks otherwise than another.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**53, 2**64, -(2**70), 0.5, 1e308, 1e-320, -0.0),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "1", "nan", "\0", "\ud800", "a\nb"),
    *("\u202e", "x" * 2000, [], {}, [[]], [None], {"": {}}, {"a": [1, {"b": None}]}, [0, 0]),
)
# (where, as a walk down the value; what to do there; an odd value)
WALKS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 50), min_size=1, max_size=4),
        st.sampled_from(["put", "put", "drop", "again", "key"]),
        st.sampled_from(ODD),
    ),
    min_size=1,
    max_size=3,
)


def walked(value: Any, walks: list[tuple[list[int], str, Any]]) -> Any:
    """A copy of plain JSON with some of its parts put otherwise, dropped or repeated."""
    for path, what, odd in walks:
        value = _at(value, path, what, odd)
    return value


def _at(value: Any, path: list[int], what: str, odd: Any) -> Any:
    if not path or not isinstance(value, dict | list) or not value:
        return odd
    at, *rest = path
    if isinstance(value, dict):
        key = list(value)[at % len(value)]
        if rest and isinstance(value[key], dict | list):
            return {**value, key: _at(value[key], rest, what, odd)}
        if what == "drop":
            return {k: v for k, v in value.items() if k != key}
        if what in ("again", "key"):
            return {**value, f"{odd}": value[key]}
        return {**value, key: odd}
    place = at % len(value)
    if rest and isinstance(value[place], dict | list):
        return [*value[:place], _at(value[place], rest, what, odd), *value[place + 1 :]]
    if what == "drop":
        return [*value[:place], *value[place + 1 :]]
    if what == "again":
        return [*value, value[place]]
    return [*value[:place], odd, *value[place + 1 :]]
