"""What the reader has selected, kept in the address, so that a link shows what its sender saw.

Streamlit drops the query when it switches pages, so every link between pages is made with
``link`` here and carries the whole selection; what is remembered in the session is the fallback
for an address without any. Widgets write through ``choose`` and ``search``: the address is the one
truth, the widget shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from evenhand.dashboard.text import escape

KEYS = (
    "case",
    "pack",
    "lang",
    "measure",
    "feature",
    "finding",
    "family",
    "status",
    "group",
    "verdict",
    "item",
    "act",
    "both",
    "who",
    "other",
    "view",
    "scale",
    "rate",
    "row",
    "input",
    "input_by",
    "model",
    "task",
    "outcome",
    "trend",
    "page",
    "tour",
)
# Changing one of these makes the finding that was looked at another question.
_UNSELECTS_FINDING = {"case", "measure", "feature", "family", "status", "group"}
_MEMORY = "evenhand_selection"
_LONGEST = 2000


def sync() -> dict[str, str]:
    """Reads the selection from the address, else from the session; makes both agree."""
    asked = {k: st.query_params[k][:_LONGEST] for k in KEYS if st.query_params.get(k)}
    selected = asked or dict(st.session_state.get(_MEMORY, {}))
    _keep(selected)
    return selected


def selection() -> dict[str, str]:
    """The selection of this run; only what is selected has a key."""
    return dict(st.session_state.get(_MEMORY, {}))


def change(**changes: str) -> None:
    """Selects; an empty text deselects."""
    selected = selection()
    if _UNSELECTS_FINDING & {k for k, v in changes.items() if selected.get(k, "") != v}:
        changes.setdefault("finding", "")
    _keep({k: v for k, v in {**selected, **changes}.items() if v})


def link(page: str, label: str, *, icon: str | None = None, **changes: str) -> None:
    """A link to another page (``pages/findings.py``) with the selection and ``changes``.

    ``label`` is Markdown: data in it must have been escaped.
    """
    target = {k: v for k, v in {**selection(), **changes}.items() if v}
    st.page_link(page, label=label, icon=icon, query_params=target)


def choose(
    name: str,
    label: str,
    options: Sequence[str],
    value: str | None,
    show: Callable[[str], str],
    *,
    placeholder: str | None = None,
) -> None:
    """A select box over ``options`` that writes the selection ``name``."""
    key = f"choose_{name}"
    st.session_state[key] = value
    st.selectbox(
        escape(label),
        options,
        index=0 if value is not None else None,
        key=key,
        format_func=show,
        on_change=_store,
        args=(name, key),
        placeholder=placeholder,
    )


def several(
    name: str,
    label: str,
    options: Sequence[str],
    values: Sequence[str],
    show: Callable[[str], str],
    placeholder: str,
) -> None:
    """A box that takes several ``options``; writes them, joined by commas, to ``name``."""
    key = f"several_{name}"
    st.session_state[key] = list(values)
    st.multiselect(
        escape(label),
        options,
        key=key,
        format_func=show,
        on_change=_store_several,
        args=(name, key),
        placeholder=placeholder,
    )


def search(name: str, label: str, *, placeholder: str) -> None:
    """A text box that writes the selection ``name``."""
    key = f"search_{name}"
    st.session_state[key] = selection().get(name, "")
    st.text_input(
        escape(label), key=key, on_change=_store, args=(name, key), placeholder=placeholder
    )


def switch(
    name: str, label: str, options: Sequence[str], value: str, show: Callable[[str], str]
) -> None:
    """Radio buttons side by side that write the selection ``name``."""
    key = f"switch_{name}"
    st.session_state[key] = value
    st.radio(
        escape(label),
        options,
        key=key,
        format_func=show,
        on_change=_store,
        args=(name, key),
        horizontal=True,
    )


def _store(name: str, key: str) -> None:
    change(**{name: str(st.session_state.get(key) or "")})


def _store_several(name: str, key: str) -> None:
    change(**{name: ",".join(st.session_state.get(key) or ())})


def _keep(selected: dict[str, str]) -> None:
    st.session_state[_MEMORY] = selected
    others = {k: st.query_params.get_all(k) for k in st.query_params if k not in KEYS}
    if st.query_params.to_dict() != {**{k: v[-1] for k, v in others.items()}, **selected}:
        st.query_params.from_dict({**others, **selected})
