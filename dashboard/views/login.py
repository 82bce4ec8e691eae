"""Signing in and out, and who is shown to be there."""

from __future__ import annotations

import streamlit as st

from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.server import identity
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts


def admits(t: Translator) -> bool:
    """Whether this person may read; where not, says what to do instead of any page."""
    person = identity.current()
    if person.may("read"):
        return True
    st.title("evenhand", anchor=False)
    if not person.subject:
        st.markdown(t.md("login.needed"))
        st.button(t.md("login.button"), key="login", on_click=st.login, icon=":material/login:")
        return False
    parts.problem(
        t("login.unknown.title"), t("login.unknown", name=person.name), t("login.unknown.remedy")
    )
    parts.pairs([(t("login.issuer"), person.issuer), (t("login.subject"), person.subject)])
    _leave(t)
    return False


def sidebar(t: Translator) -> None:
    """Who is there, in which role, and how that is known."""
    person = identity.current()
    if person.known_by == "nobody":
        st.caption(t.md("sidebar.read_only"))
        return
    role = t(f"role.{person.role}")
    st.markdown(f":material/person: **{escape(person.name)}** · {escape(role)}")
    st.caption(t.md(f"login.known_by.{person.known_by}"))
    if person.known_by == "oidc":
        _leave(t)


def _leave(t: Translator) -> None:
    st.button(t.md("login.leave"), key="logout", on_click=st.logout, icon=":material/logout:")
