"""One case on one page, for somebody who reads no statistics."""

from __future__ import annotations

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.dashboard import app
from evenhand.dashboard.cases import store
from evenhand.dashboard.cases.index import group_name
from evenhand.dashboard.frames import plain_words
from evenhand.dashboard.look import verdict_markdown
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts, state
from evenhand.dashboard.views.context import Context
from evenhand.policies import gate
from evenhand.policies.verdict import VERDICT_STATUSES

_OPEN = VERDICT_STATUSES[: VERDICT_STATUSES.index("warn") + 1]
_SHOWN = 5


def render(ctx: Context) -> None:
    """The page."""
    case = parts.readable_case(ctx)
    if case is None:
        return
    t, index = ctx.t, ctx.index(case)
    parts.heading(ctx, t("nav.summary"), case)
    _section(ctx, "summary.does", plain_words.does(case, index, t))
    _worse(ctx, case)
    _section(ctx, "summary.leaks", plain_words.leaks(index, t))
    _link(ctx, parts.PRIVACY, "open.privacy")
    _open(ctx, case)
    _section(ctx, "summary.energy", plain_words.energy(index, t))
    st.caption(t.md("summary.caution"))


def _section(ctx: Context, title: str, lines: list[str]) -> None:
    if lines:
        st.subheader(escape(ctx.t(title)), anchor=False)
        st.markdown("\n".join(f"- {escape(line)}" for line in lines))


def _worse(ctx: Context, case: Case) -> None:
    """The groups at both ends of each rate, and the group to follow."""
    t, index = ctx.t, ctx.index(case)
    told = plain_words.works_worse(case, index, store.minimum_sizes(case), t)
    st.subheader(escape(t("summary.worse")), anchor=False)
    if not told:
        st.markdown(escape(t("summary.worse_none")))
    for feature, lines in told:
        st.markdown(f"**{escape(t('summary.by', feature=feature))}**")
        st.markdown("\n".join(f"- {escape(line)}" for line in lines))
    if ctx.who:
        st.markdown(f":blue[:material/group:] **{escape(group_name(ctx.who))}**")
        own = plain_words.about_group(case, index, ctx.who, t) or [t("summary.who_none")]
        st.markdown("\n".join(f"- {escape(line)}" for line in own))
    _link(ctx, parts.FAIRNESS, "open.fairness")


def _open(ctx: Context, case: Case) -> None:
    """What the packs leave open: the counts in a sentence, then the items that matter most."""
    t = ctx.t
    st.subheader(escape(t("summary.open")), anchor=False)
    chosen = ctx.pack if state.selection().get("pack") else None
    packs = [chosen] if chosen else ctx.planned(case)
    if not packs:
        st.markdown(escape(t("overview.measured_only")))
        return
    for choice in packs:
        judged = ctx.judged(case, choice)
        st.markdown(f"**{escape(t.pick(choice.title))}**")
        if judged.problem:
            parts.problem(t("pack.unjudged", pack=t.pick(choice.title)), judged.problem)
            continue
        st.markdown(escape(parts.sentence(gate.counts(judged.verdicts), t)))
        left = sorted(
            (v for v in judged.verdicts if v.status in _OPEN), key=lambda v: _OPEN.index(v.status)
        )
        for verdict in left[:_SHOWN]:
            because = escape(t.pick(verdict.because))
            title = f"{verdict_markdown(verdict.status, t)} · {escape(t.pick(verdict.title))}"
            st.markdown(f"- {title}. {because}" if because else f"- {title}")
        if len(left) > _SHOWN:
            st.markdown(escape(t("summary.more", number=len(left) - _SHOWN)))
    _link(ctx, parts.CHECKLIST, "open.checklist")


def _link(ctx: Context, page: str, key: str) -> None:
    state.link(page, escape(ctx.t(key)), icon=":material/arrow_forward:")


if __name__ == "__main__":
    app.show(render)
