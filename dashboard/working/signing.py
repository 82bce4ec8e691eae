"""Signing a case off: who has, and the form in which every open item is accepted by name."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.dashboard.cases import archives, writing
from evenhand.dashboard.server import identity
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import forms
from evenhand.dashboard.views.context import Context, Judged


def show(ctx: Context, case: Case, packs: Sequence[Judged]) -> None:
    """Who has signed the case off, and the form to do it."""
    t = ctx.t
    signed = writing.sign_offs(case, ctx.entries(case))
    may = identity.current().may("sign-off") and archives.archive_of(case.path) is None
    if not signed and not may:
        return
    st.subheader(t.md("checklist.sign_off"), anchor=False)
    forms.told(ctx, "sign-off")
    for entry in signed:
        st.markdown(f":material/verified: {escape(writing.signed(entry, t))}")
        st.caption(escape(str(entry.body.get("statement") or "")))
    if not may or not packs:
        return
    names = [judged.choice.pack.id for judged in packs if judged.choice.pack]
    if forms.is_open("sign-off", names[0]):
        forms.sign_off(ctx, case, packs)
        return
    st.button(
        t.md("write.sign-off"),
        key="sign_off",
        icon=":material/verified:",
        on_click=forms.open_form,
        args=("sign-off", names[0]),
    )
