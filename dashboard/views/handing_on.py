"""A case handed on: the archive to download, and what a recipient is told of one that came in."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.audit.reports import FORMATS
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases import archives, store
from evenhand.dashboard.server import identity, starting
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts, state
from evenhand.dashboard.views.context import Context

_MADE, _PUBLISHED = "evenhand_archive", "evenhand_public_summary"
LL144 = "us-nyc-ll144"


def note(ctx: Context, place: Path) -> None:
    """On the pages of a case from an archive: that it is one, and that it is only read."""
    archive = archives.archive_of(place)
    if archive is not None:
        st.info(ctx.t.md("archive.read_only", file=visible(archive.name)))


def received(ctx: Context, case: Case) -> None:
    """Who signed what came along, which keys are not known here, and what can't be checked."""
    if archives.archive_of(case.path) is None:
        return
    handed = archives.handed_with(case.path)
    st.subheader(ctx.t.md("archive.came"), anchor=False)
    if handed is None:
        st.warning(ctx.t.md("archive.older"))
        return
    for line in handed.said(ctx.t.lang):
        st.markdown(f"- {escape(line)}")


def policy(ctx: Context) -> list[str]:
    """The chosen pack where the plan has another: a command judges by the plan's own otherwise."""
    choice = ctx.pack
    return [] if choice is None or choice.planned or choice.pack is None else [choice.pack.id]


def offer(ctx: Context, case: Case, chosen: list[str]) -> None:
    """The archive of the case with what its verdicts rest on, as the command line writes it."""
    t = ctx.t
    if archives.archive_of(case.path) is not None:
        return
    st.subheader(t.md("archive.hand_on"), anchor=False)
    st.caption(t.md("archive.about"))
    arguments = ["export", str(case.path), *starting.options({"policy": chosen})]
    left, right = st.columns([3, 1], vertical_alignment="center")
    with left:
        st.code(starting.command_line(arguments), language="bash", wrap_lines=True)
    with right:
        asked = st.button(t.md("archive.make"), key="make_archive", icon=":material/folder_zip:")
    # what people stated since makes another archive
    wanted = (arguments, len(ctx.register.entries))
    if asked:
        try:
            with st.spinner(t.md("archive.making")):
                st.session_state[_MADE] = (wanted, starting.make_archive(arguments))
        except EvenhandError as error:
            parts.problem(t("archive.not_made"), error.message, error.remedy)
    made_for, made = st.session_state.get(_MADE, (None, None))
    if made is None or made_for != wanted:
        return
    st.markdown(t.md("archive.digest", digest=made.told["sha256"]))
    st.markdown(t.md("archive.key", key=made.told["key"]))
    counts = {"entries": len(made.told["entries"]), "files": made.told["evidence"]}
    st.markdown(t.md("archive.along", **counts))
    for file in made.told["evidence_lacking"]:
        st.warning(t.md("archive.lacking", file=visible(file)))
    st.download_button(
        t.md("archive.download", size=f"{len(made.content):,}"),
        made.content,
        file_name=f"{case.path.resolve().name}.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="download_archive",
    )


def publish(ctx: Context, case: Case, packs: Collection[str]) -> None:
    """The summary that Local Law 144 asks to publish, where its pack is one of ``packs``."""
    t = ctx.t
    if LL144 not in packs:
        return
    st.subheader(t.md("archive.public.title"), anchor=False)
    st.caption(t.md("archive.public.about"))
    asked = {"format": "ll144-summary", "public": True, "lang": t.lang, "policy": policy(ctx)}
    arguments = ["report", str(archives.named(case.path)), *starting.options(asked)]
    st.code(starting.command_line(arguments), language="bash", wrap_lines=True)
    wanted = (arguments, len(ctx.entries(case)))
    if st.button(t.md("archive.public.make"), key="make_public", icon=":material/description:"):
        try:
            with st.spinner(t.md("evidence.making")):
                st.session_state[_PUBLISHED] = (wanted, starting.run_briefly(arguments))
        except EvenhandError as error:
            parts.problem(t("archive.public.not_made"), error.message, error.remedy)
    made_for, made = st.session_state.get(_PUBLISHED, (None, None))
    if made is None or made_for != wanted:
        return
    st.download_button(
        t.md("archive.public.download", size=f"{len(made):,}"),
        made,
        file_name=f"ll144-summary{FORMATS['ll144_summary'].SUFFIX}",
        mime=FORMATS["ll144_summary"].MEDIA_TYPE,
        icon=":material/download:",
        on_click="ignore",
        key="download_public",
    )


def receive(ctx: Context) -> None:
    """An archive that somebody else handed on: uploaded, checked, and opened to be read."""
    t = ctx.t
    st.caption(t.md("archive.receive.about"))
    given = st.file_uploader(t.md("archive.receive"), type="zip", key="received_archive")
    if given is None:
        return
    try:
        place = archives.receive(identity.current(), given.name, given.getvalue())
    except EvenhandError as error:
        parts.problem(t("archive.not_received"), error.message, error.remedy)
        return
    st.success(t.md("archive.received", file=visible(given.name)))
    key = store.open_cover(place).key
    chosen = dict.fromkeys(("pack", "item", "finding", "verdict", "act"), "")
    for page, name in ((parts.SUMMARY, "summary"), (parts.CHECKLIST, "checklist")):
        state.link(page, t.md(f"nav.{name}"), icon=":material/arrow_forward:", case=key, **chosen)
    state.link(
        parts.EVIDENCE, t.md("archive.look"), icon=":material/arrow_forward:", case=key, **chosen
    )
