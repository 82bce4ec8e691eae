"""Columns, labels, roles and facts picked from the rows that a form names.

A field shows the answer that somebody gave; until somebody does, what is proposed, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from evenhand.audit.data.written.declared import parts_of
from evenhand.audit.words.numbers import number
from evenhand.audit.words.roles import ROLES, role_name
from evenhand.audit.words.text import visible
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.text import escape
from evenhand.dashboard.text import label as label_of
from evenhand.dashboard.views import parts
from evenhand.dashboard.working import proposing
from evenhand.dashboard.working.proposing import FormProposal

UNSAID = ""
_SHOWN_VALUES = 4
_REMEMBERED = "evenhand_answers_"


@dataclass
class Answering:
    """One form: ``name`` tells it from others, ``answers`` are what people gave so far by the keys
    of subject.yaml, ``problems`` what is wrong with a field."""

    t: Translator
    name: str
    proposal: FormProposal
    answers: MutableMapping[str, Any]
    problems: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> Any:
        """The answer, else what is proposed; None where there is neither."""
        if key in self.answers:
            return self.answers[key]
        return self.proposal.answer(key).get("value")

    def widget(self, key: str) -> str:
        """The key of a field's widget."""
        return f"{self.name}_{key}"

    def show(self, key: str, shown: Any) -> str:
        """Puts ``shown`` into the widget of ``key``; its name."""
        st.session_state[self.widget(key)] = shown
        return self.widget(key)

    def store(self, key: str, read: Callable[[Any], Any]) -> Callable[[], None]:
        """What keeps the answer once the widget of ``key`` was changed."""

        def keep() -> None:
            self.answers[key] = read(st.session_state[self.widget(key)])

        return keep

    def why(self, key: str) -> None:
        """Below a field: what is wrong with it, that it is needed, or why this is proposed."""
        if problem := self.problems.get(key):
            st.markdown(f":red[{escape(problem)}]")
            return
        told = self.proposal.answer(key)
        said = (told.get("evidence_said") or {}).get(self.t.lang)
        if key in self.answers:
            return
        if told.get("is_proposed") and said:
            st.caption(self.t.md("run.because", why=said))
        elif key in self.proposal.missing:
            text = self.t.pick(self.proposal.question(key).get("question") or {})
            st.markdown(f":red[{escape(self.t('run.needed', question=text))}]")


def remembered(name: str, of: object) -> MutableMapping[str, Any]:
    """The answers of a form, kept while the session lasts and as long as it is about ``of``."""
    key = _REMEMBERED + name
    kept = st.session_state.get(key)
    if kept is None or kept[0] != of:
        kept = st.session_state[key] = (of, {})
    answers: MutableMapping[str, Any] = kept[1]
    return answers


def preview(proposal: FormProposal, t: Translator) -> None:
    """The columns as they were read: what they hold, their values, empty cells."""
    rows = [
        {
            "name": visible(column["name"]),
            "holds": t.term("holds", str(column["kind"])),
            "values": _values(column, t),
            "distinct": column["n_values"],
            "empty": column["n_missing"],
        }
        for column in proposal.columns
    ]
    frame = pd.DataFrame(rows, columns=["name", "holds", "values", "distinct", "empty"])
    said = t("run.columns", rows=f"{proposal.told.get('n', 0):,}", columns=len(rows))
    with st.expander(escape(said), expanded=True):
        parts.table(frame, t, name="columns", alt=said)


def _values(column: Mapping[str, Any], t: Translator) -> str:
    counts = column.get("values") or {}
    if "low" in column and column["n_values"] > _SHOWN_VALUES:
        return f"{number(column['low'])} … {number(column['high'])}"
    if counts and column["n_values"] == column["n"] - column["n_missing"]:
        return t("run.each_once")
    shown = [f"{visible(value)} ({n:,})" for value, n in list(counts.items())[:_SHOWN_VALUES]]
    more = column["n_values"] - len(shown)
    return t("checklist.comma").join(shown) + (f" +{more:,}" if more > 0 else "")


def column(form: Answering, key: str, label: str, *, none: str = "run.none") -> str | None:
    """A column, or that there is none."""
    value = form.value(key)
    is_none = value is None and (key in form.answers or bool(form.proposal.answer(key)))
    place = NO_COLUMN if is_none else value if value in form.proposal.names else None
    options = [NO_COLUMN, *form.proposal.names]
    st.selectbox(
        label,
        options,
        key=form.show(key, place),
        index=None,
        format_func=lambda o: form.t(none) if o == NO_COLUMN else _column_said(form, o),
        placeholder=form.t("sidebar.choose"),
        on_change=form.store(key, lambda chosen: None if chosen == NO_COLUMN else chosen),
    )
    form.why(key)
    return None if place == NO_COLUMN else place


NO_COLUMN = "\x00"  # no column has this name: it can't be written in a file


def _column_said(form: Answering, name: str) -> str:
    n = form.proposal.column(name).get("n_values", 0)
    return f"{visible(name)} ({form.t.count('run.distinct', n)})"


def one_of(
    form: Answering,
    key: str,
    label: str,
    options: Sequence[str],
    show: Callable[[str], str],
    *,
    is_open: bool = False,
) -> None:
    """One of several values; of ``is_open`` another may be typed."""
    value = form.value(key)
    said = None if value in (None, UNSAID) else str(value)
    known = list(dict.fromkeys([*options, *([said] if said is not None else [])]))
    st.selectbox(
        label,
        known,
        key=form.show(key, said),
        index=None,
        format_func=show,
        placeholder=form.t("sidebar.choose"),
        accept_new_options=is_open,
        on_change=form.store(key, lambda chosen: chosen),
    )
    form.why(key)


def label(form: Answering, key: str, of: str | None, said: str) -> None:
    """One of the values of the column ``of``, with their counts."""
    counts = form.proposal.column(of or "").get("values") or {}

    def show(value: str) -> str:
        return f"{visible(value)} ({counts[value]:,})" if value in counts else visible(value)

    one_of(form, key, said, list(counts), show, is_open=True)


def text(form: Answering, key: str, said: str, *, placeholder: str = "", hint: str = "") -> None:
    """Text; of several parts, apart by commas."""
    value = form.value(key)
    is_many = key in _OF_PARTS
    st.text_input(
        said,
        key=form.show(key, proposing.typed(key, value)),
        placeholder=placeholder or None,
        help=hint or None,
        on_change=form.store(key, lambda given: parts_of(given) if is_many else given.strip()),
    )
    form.why(key)


_OF_PARTS = ("bins", "unknown", "labels", "outcomes", "types", "missing")


def roles(form: Answering, said: str) -> list[str]:
    """The columns whose groups are compared, and which trait each of them is."""
    by_role = form.value("roles") or {}
    chosen = {c: role for role, columns in by_role.items() for c in columns}

    def keep() -> None:
        found: dict[str, list[str]] = {}
        for name in st.session_state[form.widget("sensitive")]:
            role = st.session_state.get(form.widget(f"role_{name}")) or chosen.get(name, "other")
            found.setdefault(role, []).append(name)
        form.answers["roles"] = found or None

    st.multiselect(
        said,
        form.proposal.names,
        key=form.show("sensitive", [c for c in chosen if c in form.proposal.names]),
        format_func=lambda name: _column_said(form, name),
        placeholder=form.t("sidebar.choose"),
        on_change=keep,
    )
    form.why("roles")
    places = st.columns(3)
    for n, (name, role) in enumerate(chosen.items()):
        with places[n % len(places)]:
            st.selectbox(
                label_of(form.t("run.role_of", column=visible(name))),
                ROLES,
                key=form.show(f"role_{name}", role),
                format_func=lambda one: role_name(one, form.t.lang),
                on_change=keep,
            )
    return list(chosen)


def facts(form: Answering, asked: Mapping[str, Mapping[str, Any]]) -> None:
    """Facts that packs ask for: ``asked`` holds each one's question and the values it knows."""
    given: dict[str, Any] = form.answers.get("facts") or {}
    places = st.columns(2)
    for n, (fact, one) in enumerate(asked.items()):
        with places[n % len(places)]:
            _fact(form, fact, one, given)


def _fact(form: Answering, fact: str, asked: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    key, t = f"fact_{fact}", form.t
    said = label_of(t.pick(asked["question"]))
    is_many = fact.endswith("places")

    def keep() -> None:
        value = st.session_state[form.widget(key)]
        kept = {**(form.answers.get("facts") or {}), fact: value or None}
        form.answers["facts"] = {k: v for k, v in kept.items() if v is not None}

    options = [str(value) for value in asked["values"]]
    known = given.get(fact)
    if is_many:
        chosen = [str(v) for v in known or ()]
        st.multiselect(
            said,
            list(dict.fromkeys([*options, *chosen])),
            key=form.show(key, chosen),
            placeholder=t("run.fact.unsaid"),
            accept_new_options=True,
            on_change=keep,
        )
        return
    st.selectbox(
        said,
        list(dict.fromkeys([*options, *([str(known)] if known is not None else [])])),
        key=form.show(key, None if known is None else str(known)),
        index=None,
        format_func=lambda value: visible(t.term("fact", value)),
        placeholder=t("run.fact.unsaid"),
        accept_new_options=True,
        on_change=keep,
    )
