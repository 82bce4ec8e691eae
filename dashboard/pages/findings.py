"""What was measured: a table with filters, a chart of groups, and how each number came about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.finding import STATUSES, Finding, Status
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.cases import store
from evenhand.dashboard.cases.axes import axes, axis_label
from evenhand.dashboard.cases.index import Index
from evenhand.dashboard.charts import groups as charts
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.look import finding_markdown
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context

_ALL = ""
_MOST_ROWS = 1000  # of the table on the page; the download has all


def render(ctx: Context) -> None:
    """The page."""
    case = parts.readable_case(ctx)
    if case is None:
        return
    parts.heading(ctx, ctx.t("nav.findings"), case)
    index = ctx.index(case)
    _totals(ctx, index.statuses)
    selected = _filters(ctx, index)
    shown = frames.select(
        index.of(selected["measure"]) if selected["measure"] else case.findings,
        family_name=selected["family"],
        status=selected["status"],
        text=selected["group"],
    )
    _table(ctx, case, shown)
    _detail(ctx, case)
    _groups(ctx, case, selected["measure"])


def _totals(ctx: Context, counted: Mapping[Status, int]) -> None:
    with st.container(horizontal=True, gap="small"):
        for status in STATUSES:
            if counted.get(status):
                st.markdown(f"{finding_markdown(status, ctx.t)} {counted[status]}", width="content")


def _filters(ctx: Context, index: Index) -> dict[str, str]:
    """Draws the filters; returns what is selected, without what this case does not have."""
    t, selection = ctx.t, state.selection()
    known: dict[str, list[str]] = {
        "family": sorted({check.partition(".")[0] for check in index.checks}),
        "measure": sorted(index.by_measure, key=t.measure),
        "status": [s for s in STATUSES if index.statuses.get(s)],
    }
    shows: dict[str, Callable[[str], str]] = {
        "family": lambda v: t.term("family", visible(v)),
        "measure": t.measure,
        "status": lambda v: t.term("finding", v),
    }
    selected = {"group": selection.get("group", "")}
    with st.container(key="filters"):
        columns = st.columns(4)
        for column, (name, values) in zip(columns, known.items(), strict=False):
            value = selection.get(name, _ALL)
            selected[name] = value if value in values else _ALL
            with column:
                state.choose(
                    name,
                    t(f"filter.{name}"),
                    [_ALL, *values],
                    selected[name],
                    _all_or(shows[name], t("filter.all")),
                )
        with columns[3]:
            state.search("group", t("filter.group"), placeholder=t("filter.group.example"))
    for name in known:
        if selection.get(name) and not selected[name]:
            st.warning(t.md("filter.unknown", name=t(f"filter.{name}"), value=selection[name]))
    return selected


def _all_or(show: Callable[[str], str], everything: str) -> Callable[[str], str]:
    return lambda value: show(value) if value else everything


def _detail(ctx: Context, case: Case) -> None:
    """The finding that the link or the reader selected, in full."""
    wanted = state.selection().get("finding", "")
    if not wanted:
        return
    finding = ctx.index(case).by_id.get(wanted)
    if finding is None:
        st.warning(ctx.t.md("finding.unknown", id=wanted))
        return
    with st.container(border=True, key="selected_finding"):
        name = ctx.t.measure(finding.measure)
        st.markdown(f"#### {escape(name)}: {escape(frames.value_text(finding, ctx.t))}")
        st.markdown(
            f"{finding_markdown(finding.status, ctx.t)} · {escape(frames.about(finding, ctx.t))}"
        )
        if finding.status != "measured":
            st.markdown(
                parts.named(ctx.t("column.note"), escape(finding.reason_text(ctx.t.lang)), ctx.t)
            )
        with st.expander(escape(ctx.t("how.title")), expanded=True):
            parts.pairs(frames.how_computed(finding, ctx.t))


def _groups(ctx: Context, case: Case, measure: str) -> None:
    """The chart of one measure over the groups of one feature, with its table beside it."""
    t = ctx.t
    places = ctx.index(case).by_axis
    measures = list(dict.fromkeys(measure for _, measure, _ in places))
    if not measures:
        return
    st.subheader(escape(t("groups.title")), anchor=False)
    drawn, why = _measure_drawn(measures, measure)
    if drawn is None:
        st.info(t.md("groups.none", measure=t.measure(measure)))
        return
    if why:
        st.caption(t.md(f"groups.{why}", measure=t.measure(measure), drawn=t.measure(drawn)))
    shown = {(check, key): places[check, m, key] for check, m, key in places if m == drawn}
    keys = axes(first for first, *_ in shown.values())
    asked = state.selection().get("feature", "")
    key = asked if asked in keys else keys[0]
    half, _ = st.columns(2)
    with half:
        state.choose("feature", t("filter.feature"), keys, key, lambda k: axis_label(k, t))
    if asked and asked != key:
        place = axis_label(asked, t)
        st.caption(t.md("groups.feature_unknown", drawn=t.measure(drawn), feature=place))
    for check, axis in sorted(shown):
        if axis == key:
            _chart(ctx, case, shown[check, axis], key)


def _measure_drawn(measures: Sequence[str], measure: str) -> tuple[str | None, str]:
    """The measure to draw and, if it is not the one asked for, the locale key that says why."""
    if measure in measures:
        return measure, ""
    behind = frames.BEHIND_GAP.get(measure)
    if behind in measures:
        return behind, "behind"
    if measure:
        return None, ""
    first = next((m for m in frames.BEHIND_GAP.values() if m in measures), measures[0])
    return first, "first"


def _chart(ctx: Context, case: Case, findings: Sequence[Finding], key: str) -> None:
    t, first = ctx.t, findings[0]
    frame = frames.group_frame(findings, key, store.minimum_sizes(case), t)
    drawn = frames.ends(frame)
    whole = ctx.index(case).overall(first.measure, check=first.check)
    overall = whole.value if whole else None
    legend = charts.legend(drawn, t, overall=overall, is_rate=first.unit == "rate")
    if len(drawn) < len(frame):
        legend += t("sentence.space") + t("chart.ends", drawn=len(drawn), all=len(frame))
    measure, unit = t.measure(first.measure), visible(first.unit)
    figure.show(
        figure.Figure(
            name=f"groups-{first.check}-{first.measure}",
            chart=charts.group_chart(drawn, t, measure=measure, unit=unit, overall=overall),
            frame=frame,
            words=charts.describe(frame, t, measure=measure),
            legend=legend,
            how=figure.making(first, frames.formula(first.measure), t),
            hidden=("label", "mark", "id"),
        ),
        t,
    )


def _table(ctx: Context, case: Case, shown: Sequence[Finding]) -> None:
    """The findings that the filters leave; choosing a row or a name shows it in full."""
    t = ctx.t
    st.subheader(escape(t("findings.title")), anchor=False)
    st.caption(t.md("findings.shown", shown=len(shown), total=len(case.findings)))
    if not shown:
        st.info(t.md("findings.none"))
        return
    rest = len(shown) - _MOST_ROWS
    everything, shown = shown, shown[:_MOST_ROWS]
    if rest > 0:
        st.caption(t.md("findings.cut", shown=len(shown), rest=rest))
    ids = [f.id for f in shown]
    frame = frames.findings_frame(shown, t)
    hidden = ("id", "measure")
    parts.table(frame, t, name="findings", hidden=hidden, alt=t("nav.findings"), picks=ids)
    name = f"findings-{ctx.case.key if ctx.case else ''}"
    parts.download_later(lambda: frames.findings_frame(everything, t), t, name=name)
    wanted = state.selection().get("finding", "")
    names = {f.id: f"{t.measure(f.measure)} · {frames.about(f, t)}" for f in shown}
    state.choose(
        "finding",
        t("findings.choose"),
        ids if wanted in ids or not wanted else [wanted, *ids],
        wanted or None,
        lambda i: visible(names.get(i, i)),
        placeholder=t("findings.choose.none"),
    )


if __name__ == "__main__":
    app.show(render)
