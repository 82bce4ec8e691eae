"""Every case: what was audited, when, and in one sentence what the packs say of it."""

from __future__ import annotations

import streamlit as st

from dashboard import app, parts, state, store
from dashboard.context import Context
from dashboard.judging import PackChoice, planned
from dashboard.store import StoredCase
from dashboard.text import escape

_SHOWN_AT_FIRST = 20


def render(ctx: Context) -> None:
    """The page."""
    st.title(escape(ctx.t("nav.overview")), anchor=False)
    if not ctx.cases:
        parts.empty(ctx.t)
        return
    unsound = sum(stored.state != "sealed" for stored in ctx.cases)
    st.markdown(escape(ctx.t.count("overview.cases", len(ctx.cases))))
    if unsound:
        st.markdown(f":red[:material/report:] {escape(ctx.t.count('overview.unsound', unsound))}")
    shown = list(ctx.cases[:_SHOWN_AT_FIRST])
    for stored in shown:
        _card(ctx, stored)
    rest = ctx.cases[_SHOWN_AT_FIRST:]
    if rest:
        with st.expander(ctx.t.md("overview.more", number=len(rest))):
            for stored in rest:
                _card(ctx, stored)


def _card(ctx: Context, stored: StoredCase) -> None:
    with st.container(border=True):
        st.subheader(escape(stored.name), anchor=False)
        if stored.case is None:
            parts.case_problem(stored, ctx.t)
            return
        st.markdown(_facts(ctx, stored))
        packs = _packs(ctx, stored)
        if packs:
            parts.counts_by_pack(ctx, stored.case, packs)
        else:
            st.markdown(escape(ctx.t("overview.measured_only")))
        st.caption(ctx.t.md("facts.seal", digest=stored.case.digest))
        with st.container(horizontal=True):
            for page, name in ((parts.CHECKLIST, "checklist"), (parts.FINDINGS, "findings")):
                state.link(
                    page,
                    escape(ctx.t(f"open.{name}")),
                    icon=":material/arrow_forward:",
                    case=stored.key,
                    finding="",
                )


def _packs(ctx: Context, stored: StoredCase) -> list[PackChoice]:
    """The packs of the plan, and the one that the reader chose where it is another."""
    own = planned(stored.case) if stored.case else []
    chosen = ctx.pack if state.selection().get("pack") else None
    if chosen is None or chosen.planned or chosen.ref in {choice.ref for choice in own}:
        return own
    return [*own, chosen]


def _facts(ctx: Context, stored: StoredCase) -> str:
    """Model, data, task and date on one line of Markdown."""
    assert stored.case is not None
    known = store.facts(stored.case)
    none = ctx.t("facts.none")
    shown = [
        parts.named(ctx.t(f"facts.{name}"), escape(known[name] or none), ctx.t)
        for name in ("model", "data", "task", "target", "date")
    ]
    shown.append(ctx.t.md("facts.findings", number=len(stored.case.findings)))
    return " · ".join(shown)


if __name__ == "__main__":
    app.show(render)
