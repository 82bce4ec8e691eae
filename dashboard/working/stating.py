"""Facts that packs ask of a case and nobody has stated: asked where they are missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import archives, writing
from evenhand.dashboard.server import identity
from evenhand.dashboard.text import escape
from evenhand.dashboard.text import label as label_of
from evenhand.dashboard.views import forms
from evenhand.dashboard.views.context import Context, Judged
from evenhand.policies.facts import AskedFact, heard, missing, written
from evenhand.policies.pack import Pack


def show(ctx: Context, case: Case, packs: Sequence[Judged]) -> None:
    """The form, where a verdict waits for a fact and the reader may state it."""
    t = ctx.t
    forms.told(ctx, "fact")
    loaded = [judged.choice.pack for judged in packs if judged.choice.pack]
    is_missed = any(v.reason_code == "fact-missing" for judged in packs for v in judged.verdicts)
    if not is_missed or archives.archive_of(case.path) is not None:
        return
    if not identity.current().may("attest"):
        return
    asked = wanted(ctx, case, loaded)
    with st.expander(escape(t.count("facts.missing", len(asked))), expanded=True):
        st.caption(t.md("facts.about"))
        _form(ctx, case, loaded, asked)


def wanted(ctx: Context, case: Case, packs: Sequence[Pack]) -> dict[str, AskedFact]:
    """What the packs ask that neither the plan nor anybody later says; those first that decide
    whether a pack applies."""
    known = heard(case, ctx.entries(case))[0].plan.facts
    found = [one for pack in packs for one in missing(pack, known)]
    return {one.fact: one for one in sorted(found, key=lambda one: bool(one.items))}


def _form(ctx: Context, case: Case, packs: Sequence[Pack], asked: dict[str, AskedFact]) -> None:
    t, typed = ctx.t, {}
    number = forms.form_number(f"facts:{packs[0].id}")
    with st.form(f"facts_{number}"):
        places = st.columns(2)
        for n, (fact, one) in enumerate(asked.items()):
            with places[n % len(places)]:
                typed[fact] = _field(ctx, number, one)
        sent = st.form_submit_button(t.md("facts.state"), type="primary")
    if sent:
        stated = {fact: _meant(asked[fact], value) for fact, value in typed.items() if value}
        forms.record(
            ctx,
            number,
            lambda: writing.state_facts(identity.current(), case, packs, stated),
        )


def _field(ctx: Context, number: str, fact: AskedFact) -> Any:
    """A box for one fact; of places there may be several."""
    t = ctx.t
    said = label_of(t.pick(fact.question))
    values = [written(value) for value in fact.values]
    key = f"fact_{number}_{fact.fact}"
    if fact.fact.endswith("places"):
        return st.multiselect(
            said, values, key=key, placeholder=t("run.fact.unsaid"), accept_new_options=True
        )
    return st.selectbox(
        said,
        values,
        key=key,
        index=None,
        format_func=lambda value: fact_word(value, ctx),
        placeholder=t("run.fact.unsaid"),
        accept_new_options=not fact.is_closed,
    )


def fact_word(value: str, ctx: Context) -> str:
    """A value that packs know, for people; any other as it is."""
    return visible(ctx.t.term("fact", value))


def _meant(asked: AskedFact, value: Any) -> Any:
    """What was chosen, as the pack has it."""
    own = {written(one): one for one in asked.values}
    return [own.get(v, v) for v in value] if isinstance(value, list) else own.get(value, value)
