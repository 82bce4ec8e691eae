"""Two or more cases: paired differences, verdicts that changed, attributions, energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.audit.words.numbers import level_said
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.cases.axes import axis_label
from evenhand.dashboard.cases.index import group_axis
from evenhand.dashboard.cases.store import StoredCase
from evenhand.dashboard.charts.compared import differences
from evenhand.dashboard.frames import compared as comparing
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context


def render(ctx: Context) -> None:
    """The page."""
    case = parts.readable_case(ctx)
    if case is None:
        return
    parts.heading(ctx, ctx.t("nav.compare"), case)
    others = choose_others(ctx)
    if not others:
        return
    st.caption(ctx.t.md("compare.what", a=_label(ctx.case)))
    found = paired(ctx, case, others)
    if found:
        show_differences(ctx, found)
    _changed(ctx, case, others)
    if found:
        _drift(ctx, found)
    _beside(ctx, case, others)


def choose_others(ctx: Context) -> dict[str, Case]:
    """The cases to hold the first one against, by their label; those chosen that are not here are
    named."""
    t = ctx.t
    here = ctx.case.key if ctx.case else ""
    known = {s.key: s for s in ctx.cases if s.cover is not None and s.key != here}
    if not known:
        parts.absent(t, t("compare.alone"), "evenhand audit SUBJECT.yaml")
        return {}
    asked = [k for k in state.selection().get("other", "").split(",") if k and k != here]
    chosen = [k for k in asked if k in known]
    state.several(
        "other",
        t("compare.against"),
        list(known),
        chosen,
        lambda k: _label(known[k]),
        t("sidebar.choose"),
    )
    for key in asked:
        if key not in known:
            st.warning(t.md("case.unknown", key=key))
    if not chosen:
        st.info(t.md("compare.choose"), icon=":material/info:")
    return {_label(known[k]): found for k in chosen if (found := known[k].case)}


def _label(stored: StoredCase | None) -> str:
    return visible(f"{stored.name} · {stored.key[:8]}") if stored else ""


def paired(ctx: Context, case: Case, others: Mapping[str, Case]) -> dict[str, Mapping[str, Any]]:
    """What the command says of each pair; pairs that it refuses are named with its reason."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, other in others.items():
        try:
            with st.spinner(ctx.t("compare.busy")):
                found[name] = _compared(case.digest, other.digest, case, other)
        except EvenhandError as error:
            parts.problem(ctx.t("compare.cannot", name=name), error.message, error.remedy)
    return found


@st.cache_data(max_entries=64, show_spinner=False)
def _compared(a_digest: str, b_digest: str, _a: Case, _b: Case) -> Mapping[str, Any]:
    return comparing.compared(_a.path, _b.path)


def show_differences(ctx: Context, pairs: Mapping[str, Mapping[str, Any]]) -> None:
    """The paired differences of one measure by group, as picture and table."""
    t = ctx.t
    st.subheader(escape(t("compare.paired")), anchor=False)
    measures, keys = comparing.measures(list(pairs.values())), comparing.axes(list(pairs.values()))
    asked, own = state.selection(), group_axis(ctx.who)
    measure = asked.get("rate", "") if asked.get("rate") in measures else measures[0]
    feature = asked.get("feature", "")
    feature = feature if feature in keys else own if own in keys else (keys or [""])[0]
    left, right = st.columns(2)
    with left:
        state.choose("rate", t("filter.measure"), measures, measure, t.measure)
    with right:
        if keys:
            state.choose("feature", t("filter.feature"), keys, feature, lambda k: axis_label(k, t))
    frame = comparing.paired_frame(pairs, measure, feature, ctx.who, t)
    first, shown = next(iter(pairs.values())), t.measure(measure)
    figure.show(
        figure.Figure(
            name=f"paired-{measure}",
            chart=differences(frame, t, title=t("compare.axis", measure=shown)),
            frame=frame,
            words=t("compare.words", measure=shown, groups=frame["group"].nunique()),
            legend=t("compare.legend", level=level_said(first["level"])),
            how=[
                (t("figure.formula"), t("compare.formula", measure=shown)),
                (t("column.method"), visible(first["test"])),
                (t("column.interval_method"), visible(first["interval"])),
                ("n", f"{first['n']:,}"),
                (t("compare.source"), t("compare.command")),
            ],
            hidden=("label", "chosen"),
        ),
        t,
    )


def _changed(ctx: Context, case: Case, others: Mapping[str, Case]) -> None:
    """Items of the chosen pack that one case passes and another doesn't."""
    t = ctx.t
    st.subheader(escape(t("compare.changed")), anchor=False)
    if ctx.pack is None:
        st.info(t.md("compare.no_pack"))
        return
    ours = ctx.judged(case, ctx.pack)
    theirs = {name: ctx.judged(other, ctx.pack) for name, other in others.items()}
    title = t.pick(ctx.pack.title)
    for judged in (ours, *theirs.values()):
        if judged.problem:
            parts.problem(t("pack.unjudged", pack=title), judged.problem)
            return
    frame = comparing.changed_frame(
        ours.verdicts, {name: judged.verdicts for name, judged in theirs.items()}, t
    )
    if frame.empty:
        st.markdown(escape(t("compare.unchanged", pack=title)))
        return
    st.caption(t.md("compare.changed_what", pack=title))
    parts.table(frame, t, name="changed", alt=t("compare.changed"))
    parts.download(frame, t, name="changed-verdicts")


def _drift(ctx: Context, found: Mapping[str, Mapping[str, Any]]) -> None:
    t = ctx.t
    st.subheader(escape(t("compare.drift")), anchor=False)
    st.caption(t.md("compare.drift_what"))
    frame = comparing.drift_frame(found, t)
    parts.table(frame, t, name="drift", alt=t("compare.drift"))
    parts.download(frame, t, name="attribution-drift")


def _beside(ctx: Context, case: Case, others: Mapping[str, Case]) -> None:
    """Energy, budget and quality of all chosen cases beside each other."""
    t = ctx.t
    st.subheader(escape(t("compare.beside")), anchor=False)
    frame = comparing.side_by_side(
        {_label(ctx.case): case, **others}, comparing.SIDE_BY_SIDE, ctx.t
    )
    if frame.empty:
        parts.absent(t, t("compare.beside_none"))
        return
    st.caption(t.md("compare.beside_what"))
    st.dataframe(
        frames.rounded(frame, *frame.columns[2:]),
        hide_index=True,
        placeholder="–",
        column_config={"measure": t("column.measure"), "unit": t("column.unit")},
        key="table_beside",
        alt=t("compare.beside"),
    )
    parts.download(frame, t, name="side-by-side")


if __name__ == "__main__":
    app.show(render)
