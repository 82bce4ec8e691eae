"""The dashboard's entry: ``streamlit run dashboard/app.py -- [CASE ...]``. See ``launch``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.audit.words.phrases import speak
from evenhand.audit.words.text import visible
from evenhand.dashboard import i18n
from evenhand.dashboard.cases import index
from evenhand.dashboard.cases.judging import PackChoice
from evenhand.dashboard.cases.store import StoredCase
from evenhand.dashboard.server import collecting
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import context, handing_on, login, parts, state, tour
from evenhand.dashboard.views.context import Context

# page file, name in the locales, icon
PAGES = (
    (parts.OVERVIEW, "overview", ":material/list:"),
    (parts.SUMMARY, "summary", ":material/article:"),
    (parts.FAIRNESS, "fairness", ":material/balance:"),
    (parts.EXPLANATIONS, "explanations", ":material/lightbulb:"),
    (parts.PRIVACY, "privacy", ":material/lock:"),
    (parts.CHECKLIST, "checklist", ":material/checklist:"),
    (parts.COMPARE, "compare", ":material/compare_arrows:"),
    (parts.FINDINGS, "findings", ":material/straighten:"),
    (parts.EVIDENCE, "evidence", ":material/folder_open:"),
    (parts.RUN, "run", ":material/play_circle:"),
    (parts.TRAIN, "train", ":material/model_training:"),
)
_ICON = Path(__file__).with_name("icon.svg")
_INSIDE = "evenhand_inside"
_SIGNS = {"sealed": "", "altered": "‼ ", "unreadable": "‼ ", "missing": "‼ "}


def main() -> None:
    """Runs the selected page between the sidebar and the register's state."""
    ctx = context.gather()
    speak(ctx.t.lang)
    page = st.navigation(
        [
            st.Page(file, title=ctx.t(f"nav.{name}"), default=file == parts.OVERVIEW)
            for file, name, _ in PAGES
        ],
        position="hidden",
    )
    # a file of ours: browsers would fetch a Material symbol from a font service
    st.set_page_config(page_title=f"{page.title} · evenhand", page_icon=_ICON, layout="wide")
    if not login.admits(ctx.t):
        return
    with st.sidebar:
        _sidebar(ctx)
    if ctx.register.problem:
        parts.problem(ctx.t("register.title"), ctx.register.problem, ctx.register.remedy)
    st.session_state[_INSIDE] = True
    try:
        tour.show(ctx, page.url_path)
        if ctx.case and ctx.case.cover:
            handing_on.note(ctx, ctx.case.cover.path)
        page.run()
    except EvenhandError as error:
        parts.problem(ctx.t("problem.title"), error.message, error.remedy)
    finally:
        st.session_state[_INSIDE] = False
        collecting.settle()


def show(render: Callable[[Context], None]) -> None:
    """What a page file does when it is run: draws itself, inside the app.

    A server that was just started takes a folder named ``pages`` for Streamlit's older kind of
    app and runs the page alone when the first link leads to it; then the app is run around it.
    """
    if st.session_state.get(_INSIDE):
        render(context.current())
    else:
        main()


def _sidebar(ctx: Context) -> None:
    st.markdown("### evenhand")
    for file, name, icon in PAGES:
        state.link(file, escape(ctx.t(f"nav.{name}")), icon=icon)
    if ctx.cases:
        keys = list(dict.fromkeys(stored.key for stored in ctx.cases))
        by_key = {stored.key: stored for stored in reversed(ctx.cases)}
        state.choose(
            "case",
            ctx.t("sidebar.case"),
            keys,
            ctx.case.key if ctx.case else None,
            lambda key: _case_label(by_key[key], ctx),
            placeholder=ctx.t("sidebar.choose"),
        )
    if ctx.case and ctx.case.case:
        _group(ctx, ctx.case.case)
    if ctx.packs:
        by_ref = {choice.ref: choice for choice in ctx.packs}
        state.choose(
            "pack",
            ctx.t("sidebar.pack"),
            list(by_ref),
            ctx.pack.ref if ctx.pack else None,
            lambda ref: _pack_label(by_ref[ref], ctx),
            placeholder=ctx.t("sidebar.choose"),
        )
    state.switch(
        "lang",
        "Language / 语言",
        list(i18n.LANGUAGES),
        ctx.t.lang,
        lambda lang: i18n.LANGUAGES[lang],
    )
    tour.sidebar(ctx)
    st.caption(ctx.t.md("sidebar.as_of", date=ctx.as_of.isoformat()))
    login.sidebar(ctx.t)


def _group(ctx: Context, case: Case) -> None:
    """The group that every page follows, chosen once."""
    known, who = ctx.index(case).groups, ctx.who
    if not known and not who:
        return
    options = ["", *known] if who in known or not who else ["", who, *known]
    state.choose(
        "who",
        ctx.t("sidebar.group"),
        options,
        who,
        lambda key: index.group_name(key) if key else ctx.t("sidebar.group.all"),
    )


def _case_label(stored: StoredCase, ctx: Context) -> str:
    word = "" if stored.state == "sealed" else f" ({ctx.t(f'state.{stored.state}')})"
    return visible(f"{_SIGNS[stored.state]}{stored.name}{word} · {stored.key[:8]}")


def _pack_label(choice: PackChoice, ctx: Context) -> str:
    version = f" · {choice.pack.version}" if choice.pack else ""
    planned = f" ({ctx.t('pack.planned')})" if choice.planned else ""
    return visible(f"{ctx.t.pick(choice.title)}{version}{planned}")


if __name__ == "__main__":
    main()
