"""How a table is to be read, asked as the command line asks it: every field of the one record."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from evenhand.audit.data.written.declared import Reading, parts_of
from evenhand.dashboard.views.context import Context

# What may be typed, shown where nothing is yet.
EXAMPLES = {
    "types": "age=number, zip=text",
    "missing": "?, -999, age:99",
    "unknown": '"Not disclosed", sex:U',
    "encoding": "cp1252",
    "sheet": "2024",
    "labels": "1=hired, 0=rejected",
    "bins": "age=18,25,40,65",
}
_ONE_TEXT = ("encoding", "sheet")


def asked(ctx: Context, key: str, without: Collection[str] = ()) -> dict[str, object]:
    """What was declared, by the names of the options, but for those of ``without``; ``key`` tells
    the forms apart."""
    t = ctx.t
    typed: dict[str, object] = {}
    with st.expander(t.md("reading.title")):
        st.caption(t.md("reading.about"))
        places = st.columns(3)
        fields = {k: v for k, v in Reading.model_fields.items() if k not in without}
        for number, (name, info) in enumerate(fields.items()):
            with places[number % len(places)]:
                typed[name] = _field(ctx, f"{key}_{name}", name, _choices(info.annotation))
    return typed


def _field(ctx: Context, key: str, name: str, choices: tuple[str, ...]) -> object:
    t = ctx.t
    label, help_text = t.md(f"reading.{name}"), t.md(f"reading.{name}.help")
    if choices:
        options = ("", *choices)
        return st.selectbox(
            label, options, format_func=lambda o: o or t("reading.told"), key=key, help=help_text
        )
    text = st.text_input(label, key=key, placeholder=EXAMPLES.get(name), help=help_text)
    return text.strip() if name in _ONE_TEXT else parts_of(text)


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    parts = get_args(annotation)
    return next((_choices(p) for p in parts if get_origin(p) is Literal), ())
