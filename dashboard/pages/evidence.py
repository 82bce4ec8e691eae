"""The evidence itself: what was planned, whether it is untouched, every file, every report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.case.environment import Environment
from evenhand.audit.errors import EvenhandError
from evenhand.audit.register.binding import UNBOUND, binding_of
from evenhand.audit.register.register import Entry, chain_problems
from evenhand.audit.reports import FORMATS
from evenhand.audit.reports.parts import outline
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.cases import archives, store
from evenhand.dashboard.server import starting
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import handing_on, parts
from evenhand.dashboard.views.context import Context

_ENTRIES_AT_FIRST = 200
_MADE, _CHECKED = "evenhand_report", "evenhand_checked"
# Made for one person at a time or of another page: they need what only a command line can say.
_NOT_OFFERED = ("adverse_action", "github")


def render(ctx: Context) -> None:
    """The page."""
    case = parts.readable_case(ctx)
    if case is None:
        return
    parts.heading(ctx, ctx.t("nav.evidence"), case)
    _seal(ctx, case)
    handing_on.received(ctx, case)
    _downloads(ctx, case)
    handing_on.offer(ctx, case, handing_on.policy(ctx))
    tabs = st.tabs(
        [ctx.t(f"evidence.{name}") for name in ("plan", "environment", "files", "register")]
    )
    with tabs[0]:
        st.caption(ctx.t.md("evidence.plan.about"))
        _facts(ctx, case.plan.to_json(), "plan")
    with tabs[1]:
        _opening(ctx, case.environment)
        _facts(ctx, case.environment.to_json(), "environment")
    with tabs[2]:
        _files(ctx, case)
    with tabs[3]:
        _register(ctx, case)


def _seal(ctx: Context, case: Case) -> None:
    """Whether the case is as it was sealed, in the register, and which commands ask again."""
    t = ctx.t
    registered = any(
        e.kind == "case" and e.vouched and e.body.get("digest") == case.digest
        for e in ctx.register.entries
    )
    st.markdown(f":green[:material/verified_user:] {escape(t('evidence.intact'))}")
    st.code(case.digest, language=None, wrap_lines=True)
    word = "registered" if registered else "not_registered"
    st.markdown(f":material/menu_book: {escape(t(f'evidence.{word}'))}")
    arguments = ["verify", str(archives.named(case.path)), "--register"]
    left, right = st.columns([3, 1], vertical_alignment="center")
    with left:
        st.code(starting.command_line(arguments), language="bash", wrap_lines=True)
    with right:
        asked = st.button(t.md("evidence.verify"), key="verify", icon=":material/fact_check:")
    if asked:
        with st.spinner(t.md("evidence.verifying")):
            told = json.loads(starting.run_briefly([*arguments, "--json"], expected=(0, 7)))
        st.session_state[_CHECKED] = (case.digest, told)
    digest, told = st.session_state.get(_CHECKED, ("", {}))
    if digest == case.digest:
        _verified(ctx, told)


def _verified(ctx: Context, answer: Mapping[str, Any]) -> None:
    t = ctx.t
    for found in answer.get("problems") or ():
        parts.problem(t("evidence.altered"), str(found))
    if not answer.get("problems"):
        register = answer.get("register") or {}
        st.success(
            t.md(
                "evidence.verified",
                entries=register.get("entries", 0),
                checkpoints=register.get("checkpoints", 0),
            )
        )
        for note in register.get("notes") or ():
            st.caption(escape(note))
    for signature in answer.get("signatures") or ():
        word = "holds" if signature.get("checked") else "unchecked"
        st.markdown(t.md(f"evidence.signature.{word}", key=signature.get("key")))


def _about(ctx: Context, name: str) -> str:
    """What a format is for, in the reader's language; else as the format itself says it."""
    known = ctx.t.term("report", name)
    return FORMATS[name].DESCRIPTION if known == name else known


def _downloads(ctx: Context, case: Case) -> None:
    """Every report format, rendered by the same command that a terminal runs."""
    t = ctx.t
    st.subheader(t.md("evidence.reports"), anchor=False)
    offered = [name for name in FORMATS if name not in _NOT_OFFERED]
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    with left:
        chosen = st.selectbox(
            t.md("evidence.format"),
            offered,
            index=offered.index("html"),
            format_func=lambda name: f"{name.replace('_', '-')} · {_about(ctx, name)}",
            key="report_format",
        )
    with middle:
        public = st.checkbox(t.md("evidence.public"), key="report_public")
    arguments = [
        "report",
        str(archives.named(case.path)),
        *starting.options(
            {
                "format": chosen.replace("_", "-"),
                "lang": t.lang,
                "public": public,
                "policy": handing_on.policy(ctx),
            }
        ),
    ]
    with right:
        if st.button(t.md("evidence.make"), key="make_report", icon=":material/description:"):
            st.session_state[_MADE] = (arguments, _made(ctx, arguments))
    st.code(starting.command_line(arguments), language="bash", wrap_lines=True)
    asked, content = st.session_state.get(_MADE, ([], None))
    if asked == arguments and content:
        name = f"{ctx.case.key if ctx.case else 'case'}-{chosen.replace('_', '-')}"
        st.download_button(
            t.md("evidence.download", size=f"{len(content):,}"),
            content,
            file_name=name + FORMATS[chosen].SUFFIX,
            mime=FORMATS[chosen].MEDIA_TYPE,
            icon=":material/download:",
            on_click="ignore",
            key="download_report",
        )


def _made(ctx: Context, arguments: list[str]) -> bytes | None:
    try:
        with st.spinner(ctx.t.md("evidence.making")):
            return starting.run_briefly(arguments)
    except EvenhandError as error:
        parts.problem(ctx.t("evidence.not_made"), error.message, error.remedy)
        return None


def _opening(ctx: Context, environment: Environment) -> None:
    """How the model was opened: what kept its code away from this machine."""
    isolation = environment.isolation
    if isolation:
        st.markdown(parts.named(ctx.t("evidence.isolation"), escape(isolation), ctx.t))


def _facts(ctx: Context, told: Mapping[str, Any], name: str) -> None:
    """Plain JSON as a table of dotted names, and as it is."""
    pairs = [(visible(key), visible(text)) for key, text in outline.flat(told)]
    frame = pd.DataFrame(pairs, columns=["name", "says"])
    parts.table(frame, ctx.t, name=name, alt=ctx.t(f"evidence.{name}"))
    st.download_button(
        ctx.t.md("evidence.json"),
        json.dumps(told, ensure_ascii=False, indent=2),
        file_name=f"{name}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key=f"json_{name}",
    )


def _files(ctx: Context, case: Case) -> None:
    t = ctx.t
    rows = [
        {"file": visible(name), "bytes": (case.path / name).stat().st_size, "sha256": digest}
        for name, digest in sorted(case.files.items())
    ]
    frame = pd.DataFrame(rows)
    st.caption(t.md("evidence.files.about", number=len(rows)))
    parts.table(frame, t, name="files", alt=t("evidence.files"))
    parts.download(frame, t, name="files")


def _register(ctx: Context, case: Case) -> None:
    """The register as it stands, newest first, with its chain checked."""
    t, entries = ctx.t, ctx.register.entries
    came = [e for e in ctx.entries(case) if e not in entries]
    if ctx.register.problem:
        return  # said at the top of every page
    assert not chain_problems(entries)  # a snapshot with a broken chain is a problem
    st.markdown(f":green[:material/link:] {escape(t.count('evidence.chain', len(entries)))}")
    only = st.toggle(t.md("evidence.only_case"), key="register_only_case")
    shown = [*came, *(e for e in reversed(entries) if not only or _concerns(e, case))]
    if not shown:
        st.info(t.md("evidence.no_entries"))
        return
    frame = pd.DataFrame([_row(ctx, e) for e in shown[:_ENTRIES_AT_FIRST]])
    parts.table(frame, t, name="register", alt=t("evidence.register"))
    if len(shown) > _ENTRIES_AT_FIRST:
        st.caption(t.md("evidence.latest", shown=_ENTRIES_AT_FIRST, total=len(shown)))
    parts.download(pd.DataFrame([_row(ctx, e) for e in shown]), t, name="register")


def _concerns(entry: Entry, case: Case) -> bool:
    return case.digest in (entry.body.get("digest"), entry.body.get("case"))


def _row(ctx: Context, entry: Entry) -> dict[str, object]:
    body = entry.body
    about = " · ".join(str(body[k]) for k in ("pack", "item", "name", "answer") if body.get(k))
    by = str(body.get("by") or body.get("approved_by") or "")
    known = str(body.get("known_by") or "")
    return {
        "seq": entry.seq,
        "at": store.moment(entry.at),
        "kind": ctx.t.term("entry", entry.kind),
        "about": visible(about),
        "by": visible(by),
        "bound": _bound(ctx, entry),
        "known_by": ctx.t(f"login.known_by.{known}") if known in ("oidc", "stated") else "",
        "digest": entry.digest,
    }


def _bound(ctx: Context, entry: Entry) -> str:
    """What a statement is bound to; "" for entries that state nothing."""
    if entry.kind not in ("attestation", "waiver", "sign-off", "fact"):
        return ""
    binds = binding_of(entry)
    return binds.words(ctx.t.lang) if binds else UNBOUND[ctx.t.lang]


if __name__ == "__main__":
    app.show(render)
