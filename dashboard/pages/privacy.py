"""What the model gives away about its training rows, as far as the case holds it."""

from __future__ import annotations

import streamlit as st

from evenhand.audit.artifacts.kinds import LedgerTimeline
from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.words.numbers import at_most
from evenhand.audit.words.reasons import render as reason_words
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.charts import privacy as charts_privacy
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.frames import plain_words
from evenhand.dashboard.frames.privacy import ledger_frame
from evenhand.dashboard.pages.compare import choose_others, paired, show_differences
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts
from evenhand.dashboard.views.context import Context
from evenhand.dashboard.views.fairness_views import asked

_BUDGET = ("declared_epsilon", "declared_delta")
_LEDGER = "privacy.ledger"
_NO_SAMPLE = ("low", "high")  # what was counted and worked out has no interval


def render(ctx: Context) -> None:
    """The page."""
    case = parts.readable_case(ctx)
    if case is None:
        return
    parts.heading(ctx, ctx.t("nav.privacy"), case)
    _budget(ctx, case)
    _ledger(ctx, case)
    _outside(ctx, case)
    _attacks(ctx, case)
    _cost(ctx, case)


def _budget(ctx: Context, case: Case) -> None:
    """The declared epsilon and delta, and how they were accounted."""
    t, index = ctx.t, ctx.index(case)
    st.subheader(escape(t("privacy.budget")), anchor=False)
    st.markdown("\n".join(f"- {escape(line)}" for line in plain_words.leaks(index, t)))
    found = [f for measure in _BUDGET for f in index.of(measure) if f.value is not None]
    if found:
        _table(ctx, found, "budget", *_NO_SAMPLE)
        with st.expander(escape(t("how.title"))):
            parts.pairs(figure.making(found[0], t("privacy.formula"), t))


def _ledger(ctx: Context, case: Case) -> None:
    """What the ledger adds up to, and how it came about line by line."""
    t, index = ctx.t, ctx.index(case)
    st.subheader(escape(t("privacy.ledger")), anchor=False)
    found = [
        f
        for held in index.by_measure.values()
        for f in held
        if f.check == _LEDGER and f.status in ("measured", "undefined")
    ]
    if not found:
        parts.absent(t, t("privacy.no_ledger"))
        return
    _table(ctx, found, "ledger", *_NO_SAMPLE)
    with st.expander(escape(t("how.title"))):
        for f in found:
            st.markdown(
                parts.named(
                    t.measure(f.measure), escape(visible(f.method or f.reason_text(t.lang))), t
                )
            )
    _timeline(ctx, case)


def _timeline(ctx: Context, case: Case) -> None:
    """Epsilon so far along the ledger's lines, as the audit read them from the model folder."""
    t = ctx.t
    st.subheader(escape(t("privacy.timeline")), anchor=False)
    if not case.holds(LedgerTimeline):
        parts.absent(t, t("privacy.no_timeline"))
        return
    document = asked(ctx, case, LedgerTimeline)
    if document is None:
        return
    frame = ledger_frame(document, t)
    epsilon = at_most(document.epsilon)
    line = ctx.index(case).overall("ledger_line_count")
    figure.show(
        figure.Figure(
            name="ledger-timeline",
            chart=charts_privacy.ledger(frame, t, epsilon=document.epsilon),
            frame=frame,
            words=t(
                "privacy.timeline_words",
                shown=len(frame),
                lines=document.n_lines,
                steps=f"{frame['steps'].iloc[-1]:,}",
                epsilon=epsilon,
            ),
            legend=t(
                "privacy.timeline_legend",
                shown=len(frame),
                lines=document.n_lines,
                epsilon=epsilon,
                delta=at_most(document.delta),
            ),
            how=figure.making(line, t("privacy.timeline_formula"), t) if line else (),
        ),
        t,
    )


def _outside(ctx: Context, case: Case) -> None:
    """What was learnt from the training rows beside the guarantee."""
    t, index = ctx.t, ctx.index(case)
    if not any(f.value is not None for f in index.of("declared_epsilon")):
        return
    st.subheader(escape(t("privacy.outside")), anchor=False)
    told = index.overall("outside_guarantee_count")
    items = [reason_words((reason,), t.lang) for reason in told.reason] if told else []
    if items:
        st.markdown("\n".join(f"- {escape(visible(item))}" for item in items))
    elif told:
        st.markdown(escape(t("privacy.outside_none")))
    else:
        parts.absent(t, t("privacy.outside_unknown"))
    doubts = index.overall("uncertified_reason_count")
    if doubts and doubts.value:
        parts.problem(t("privacy.uncertified"), visible(doubts.reason_text(t.lang)))


def _attacks(ctx: Context, case: Case) -> None:
    t = ctx.t
    st.subheader(escape(t("privacy.attacks")), anchor=False)
    found = plain_words.attacks(ctx.index(case))
    if found:
        _table(ctx, found, "attacks")
    else:
        parts.absent(t, t("privacy.no_attacks"))


def _cost(ctx: Context, case: Case) -> None:
    """What privacy costs each group: this case against a plain one, on the same rows."""
    st.subheader(escape(ctx.t("privacy.cost")), anchor=False)
    st.caption(ctx.t.md("privacy.cost_what"))
    others = choose_others(ctx)
    found = paired(ctx, case, others) if others else {}
    if found:
        show_differences(ctx, found)


def _table(ctx: Context, found: list[Finding], name: str, *left_out: str) -> None:
    frame = frames.findings_frame(found, ctx.t)
    hidden = ("family", "check", "measure", "id", "about", "level", *left_out)
    parts.table(frame, ctx.t, name=name, hidden=hidden, alt=ctx.t(f"privacy.{name}"))
    parts.download(frame, ctx.t, name=f"privacy-{name}")


if __name__ == "__main__":
    app.show(render)
