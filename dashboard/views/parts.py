"""Parts that several pages share: problems, empty states, counts, tables, downloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.words.phrases import in_language
from evenhand.dashboard.cases.axes import axis_label
from evenhand.dashboard.cases.index import group_axis
from evenhand.dashboard.cases.store import StoredCase
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import verdict_markdown
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import state
from evenhand.dashboard.views.context import Context
from evenhand.policies.verdict import VERDICT_STATUSES, VerdictStatus

OVERVIEW, FINDINGS, CHECKLIST = "pages/overview.py", "pages/findings.py", "pages/checklist.py"
SUMMARY, FAIRNESS, COMPARE = "pages/summary.py", "pages/fairness.py", "pages/compare.py"
EXPLANATIONS, PRIVACY = "pages/explanations.py", "pages/privacy.py"
EVIDENCE, RUN, TRAIN = "pages/evidence.py", "pages/run.py", "pages/train.py"


def problem(title: str, what: str, remedy: str = "") -> None:
    """A red box: what is wrong, and what to do next."""
    lines = [f"**{escape(title)}**", escape(in_language(what))]
    if remedy:
        lines.append(f"→ {escape(in_language(remedy))}")
    st.error("\n\n".join(lines), icon=":material/report:")


def named(name: str, markdown: str, t: Translator) -> str:
    """``name: text`` with the name bold and the language's own colon."""
    return f"**{escape(name)}**{t('colon')}{markdown}"


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Headings and texts as a small table; both are shown literally."""
    table = pd.DataFrame([(f"**{escape(name)}**", escape(text)) for name, text in rows])
    st.table(table, hide_index=True, hide_header=True, border="horizontal")


def empty(t: Translator) -> None:
    """The first thing a new user sees: there is nothing yet, and how to get something."""
    st.info(t.md("empty.title"), icon=":material/info:")
    st.markdown(t("empty.demo"))
    st.code("evenhand demo", language="bash")
    st.markdown(t("empty.own"))
    st.code("evenhand audit SUBJECT.yaml --policy baseline", language="bash", wrap_lines=True)
    st.markdown(t("empty.browser"))
    state.link(RUN, escape(t("nav.run")), icon=":material/play_circle:")
    st.caption(t("empty.then"))


def absent(t: Translator, what: str, command: str = "") -> None:
    """What a case does not hold, and the command that would tell more or measure it."""
    st.info(escape(what), icon=":material/info:")
    if command:
        st.code(command, language="bash", wrap_lines=True)


def case_problem(stored: StoredCase, t: Translator) -> None:
    """What is wrong with a case that cannot be shown."""
    problem(t(f"state.{stored.state}.title"), stored.problem, stored.remedy)


def readable_case(ctx: Context) -> Case | None:
    """The selected case; where there is none to show, says why and returns None."""
    if not ctx.cases:
        empty(ctx.t)
        return None
    if ctx.case is None:
        key = state.selection().get("case", "")
        problem(
            ctx.t("case.unknown.title"),
            ctx.t("case.unknown", key=key),
            ctx.t("case.unknown.remedy"),
        )
        state.link(OVERVIEW, escape(ctx.t("nav.overview")), icon=":material/list:", case="")
        return None
    case = ctx.case.case
    if case is None:
        case_problem(ctx.case, ctx.t)
    return case


def heading(ctx: Context, title: str, case: Case) -> None:
    """The page's title and, below it, which evidence it shows."""
    st.title(escape(title), anchor=False)
    st.caption(
        ctx.t.md(
            "heading.case",
            name=case.subject.name,
            key=ctx.case.key if ctx.case else "",
        )
    )


def choose_feature(ctx: Context, keys: Sequence[str]) -> str:
    """The axis (``frames.axis``) to draw: the one asked for, else that of the chosen group, else
    the first."""
    asked, own = state.selection().get("feature", ""), group_axis(ctx.who)
    value = asked if asked in keys else own if own in keys else keys[0]
    state.choose("feature", ctx.t("filter.feature"), keys, value, lambda k: axis_label(k, ctx.t))
    return value


def count_badges(counts: Mapping[VerdictStatus, int], t: Translator) -> None:
    """Counts per status with icon and word, worst first; never one overall percentage."""
    with st.container(horizontal=True, gap="small"):
        for status in VERDICT_STATUSES:
            if counts.get(status):
                st.markdown(f"{verdict_markdown(status, t)} {counts[status]}", width="content")


def sentence(counts: Mapping[VerdictStatus, int], t: Translator) -> str:
    """The counts of all packs as one plain sentence.

    Says what was found, never that anybody complies with anything.
    """
    told: tuple[tuple[str, VerdictStatus], ...] = (
        ("sentence.fail", "fail"),
        ("sentence.error", "error"),
        ("sentence.inconclusive", "inconclusive"),
        ("sentence.warn", "warn"),
        ("sentence.attest", "needs-attestation"),
        ("sentence.waived", "waived"),
    )
    parts = [t.count(key, counts[status]) for key, status in told if counts.get(status)]
    held = counts.get("pass", 0) + counts.get("attested", 0)
    parts.append(t("sentence.held", held=held, total=sum(counts.values())))
    return t("sentence.join").join(parts) + t("sentence.end")


def table(
    frame: pd.DataFrame,
    t: Translator,
    *,
    name: str,
    hidden: tuple[str, ...] = (),
    alt: str,
    picks: Sequence[str] = (),
) -> None:
    """A sortable table with translated headings.

    ``picks`` are the finding ids of the rows: given, choosing a row selects its finding.
    """
    key = f"table_{name}"
    shown = frames.rounded(frame).drop(columns=list(hidden))
    if not picks:
        st.dataframe(
            shown,
            hide_index=True,
            column_config=headings(shown, t),
            placeholder="–",
            key=key,
            alt=alt,
        )
        return
    st.dataframe(
        shown,
        hide_index=True,
        column_config=headings(shown, t),
        placeholder="–",
        key=key,
        alt=alt,
        on_select=lambda: _pick(key, picks),
        selection_mode="single-row",
    )


def _pick(key: str, picks: Sequence[str]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    state.change(finding=picks[rows[0]] if rows and rows[0] < len(picks) else "")


def headings(frame: pd.DataFrame, t: Translator) -> dict[str, Any]:
    """Column settings of a table: translated headings and the form of numbers."""
    numeric = {"value", "low", "high"}
    return {
        c: st.column_config.NumberColumn(t(f"column.{c}"), format="plain")
        if c in numeric
        else st.column_config.NumberColumn(t("column.level"), format="percent")
        if c == "level"
        else t(f"column.{c}")
        for c in frame.columns
    }


def download_later(make: Callable[[], pd.DataFrame], t: Translator, *, name: str) -> None:
    """As ``download``, for a table that is only made once somebody asks for it."""
    st.download_button(
        t("download.csv"),
        lambda: frames.csv_bytes(make()),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"download_{name}",
    )


def download(frame: pd.DataFrame, t: Translator, *, name: str) -> None:
    """A button that hands the table on as CSV, safe to open in a spreadsheet."""
    download_later(lambda: frame, t, name=name)
