"""Why the model says what it says: for everybody, by group, and for one person."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from evenhand.audit.artifacts.explanation import Attributions, AttributionsByGroup
from evenhand.audit.case.case import Case
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.charts import explained as charts_explained
from evenhand.dashboard.frames import explained as tables
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context
from evenhand.dashboard.views.explained_person import one_person
from evenhand.dashboard.views.fairness_views import asked


def render(ctx: Context) -> None:
    """The page."""
    case = parts.readable_case(ctx)
    if case is None:
        return
    parts.heading(ctx, ctx.t("nav.explanations"), case)
    views: dict[str, Callable[[Context, Case], None]] = {
        "everybody": _everybody,
        "groups": _by_group,
        "person": one_person,
    }
    names = {"everybody": "view.everybody", "groups": "view.groups", "person": "view.person"}
    chosen = state.selection().get("view", "")
    view = chosen if chosen in views else "everybody"
    state.switch("view", ctx.t("fairness.view"), list(views), view, lambda v: ctx.t(names[v]))
    views[view](ctx, case)


def _everybody(ctx: Context, case: Case) -> None:
    """Mean |attribution|, and for tables the dots of single people and one column's dependence."""
    t = ctx.t
    document = asked(ctx, case, Attributions)
    if document is None:
        return
    st.markdown(escape(_how_read(ctx, document)))
    making = _making(ctx, case, document)
    frame = tables.bar_frame(document)
    unit = visible(t.term("unit", document.unit))
    st.subheader(escape(t("explained.bars")), anchor=False)
    drawn = frame.head(15)
    first = frame.iloc[0]["column"]
    figure.show(
        figure.Figure(
            name="attributions",
            chart=charts_explained.bars(drawn, t, unit=unit),
            frame=frame,
            words=t("explained.bars_words", first=first, count=len(frame), n=document.n),
            legend=t("explained.bars_legend", shown=len(drawn), count=len(frame)),
            how=making,
        ),
        t,
    )
    if document.kind == "tabular" and document.values:
        _swarm(ctx, document, making)
        _dependence(ctx, document, making)
    elif document.words:
        _words(ctx, document)


def _how_read(ctx: Context, document: Attributions) -> str:
    return ctx.t(
        "explained.how_read",
        n=document.n,
        rows=document.n_rows,
        target=tables.target_words(document.target, ctx.t),
        baseline=ctx.t.term("baseline", document.baseline),
    )


def _swarm(ctx: Context, document: Attributions, making: list[tuple[str, str]]) -> None:
    t, frame = ctx.t, tables.swarm_frame(document)
    if frame.empty:
        return
    st.subheader(escape(t("explained.swarm")), anchor=False)
    has_tones = bool(frame["tone"].notna().any())
    figure.show(
        figure.Figure(
            name="attributions-of-people",
            chart=charts_explained.swarm(
                frame, t, unit=visible(t.term("unit", document.unit)), ink=ctx.ink
            ),
            frame=frame,
            words=t("explained.swarm_words", columns=frame["column"].nunique(), dots=len(frame)),
            legend=t("explained.swarm_legend" if has_tones else "explained.swarm_plain"),
            how=making,
            hidden=("tone", "spread"),
        ),
        t,
    )


def _dependence(ctx: Context, document: Attributions, making: list[tuple[str, str]]) -> None:
    t = ctx.t
    columns = [c.column for c in document.columns if c.column in document.inputs]
    if not columns:
        parts.absent(t, t("explained.no_inputs"))
        return
    chosen = state.selection().get("input", "")
    column = chosen if chosen in columns else columns[0]
    st.subheader(escape(t("explained.dependence")), anchor=False)
    half, _ = st.columns(2)
    with half:
        state.choose("input", t("explained.column"), columns, column, visible)
    frame = tables.dependence_frame(document, column)
    shown = visible(column)
    figure.show(
        figure.Figure(
            name="dependence",
            chart=charts_explained.dependence(
                frame, t, column=shown, unit=visible(t.term("unit", document.unit))
            ),
            frame=frame,
            words=t("explained.dependence_words", column=shown, n=len(frame)),
            legend=t("explained.dependence_legend"),
            how=making,
        ),
        t,
    )


def _words(ctx: Context, document: Attributions) -> None:
    """The words that move the output most, over all explained texts."""
    import pandas as pd

    t = ctx.t
    st.subheader(escape(t("explained.words")), anchor=False)
    rows = [(visible(w.word), w.mean, w.mean_absolute, w.n) for w in document.words]
    frame = pd.DataFrame(rows, columns=["word", "mean", "value", "n"])
    parts.table(frame, t, name="words", alt=t("explained.words"))
    parts.download(frame, t, name="words")


def _by_group(ctx: Context, case: Case) -> None:
    """What moves each group's score: a dot a group in each column's row."""
    t = ctx.t
    document = asked(ctx, case, AttributionsByGroup)
    if document is None:
        return
    keys = tables.by_group_axes(document)
    if not keys:
        parts.absent(t, t("view.nothing"))
        return
    half, _ = st.columns(2)
    with half:
        key = parts.choose_feature(ctx, keys)
    frame = tables.by_group_frame(document, key, ctx.who, t)
    shifts = ctx.index(case).of("attribution_rank_shift")
    figure.show(
        figure.Figure(
            name="attributions-by-group",
            chart=charts_explained.by_group(frame, t, unit=visible(t.term("unit", document.unit))),
            frame=frame,
            words=t("explained.group_words", groups=frame["group"].nunique()),
            legend=t("explained.group_legend"),
            how=[
                (t("figure.formula"), t("explained.formula")),
                (t("column.method"), visible(document.method)),
                *(figure.making(shifts[0], "", t) if shifts else ()),
            ],
            hidden=("chosen",),
        ),
        t,
    )
    for finding in shifts:
        line = f"{frames.about(finding, t)}{t('colon')}{frames.value_text(finding, t)}"
        st.markdown(f"**{escape(t.measure(finding.measure))}** · {escape(line)}")


def _making(ctx: Context, case: Case, document: Attributions) -> list[tuple[str, str]]:
    found = ctx.index(case).of("mean_absolute_attribution")
    pairs = figure.making(found[0], ctx.t("explained.formula"), ctx.t) if found else []
    return [
        *pairs,
        (ctx.t("explained.baseline"), visible(ctx.t.term("baseline", document.baseline))),
    ]


if __name__ == "__main__":
    app.show(render)
