"""Whom the model treats how: rates by group, gaps, thresholds, calibration, worst groups."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.words.text import visible
from evenhand.dashboard import app
from evenhand.dashboard.cases import store
from evenhand.dashboard.cases.axes import axes, axis_label
from evenhand.dashboard.cases.axes import axis as axis_of
from evenhand.dashboard.cases.index import Index, group_axis, group_key, group_name
from evenhand.dashboard.charts import groups as charts
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context
from evenhand.dashboard.views.fairness_views import calibration, thresholds, worst_groups

_FAMILIES = ("fairness", "data", "performance")
_FIRST = "selection_rate"


def render(ctx: Context) -> None:
    """The page."""
    case = parts.readable_case(ctx)
    if case is None:
        return
    parts.heading(ctx, ctx.t("nav.fairness"), case)
    views: dict[str, Callable[[Context, Case], None]] = {
        "groups": _groups,
        "thresholds": thresholds,
        "calibration": calibration,
        "worst": worst_groups,
    }
    asked = state.selection().get("view", "")
    view = asked if asked in views else "groups"
    state.switch("view", ctx.t("fairness.view"), list(views), view, lambda v: ctx.t(f"view.{v}"))
    views[view](ctx, case)


def _groups(ctx: Context, case: Case) -> None:
    """One measure by group, and the gap between them as a difference or a ratio."""
    t, index = ctx.t, ctx.index(case)
    measures = _measures(index)
    if not measures:
        parts.absent(t, t("fairness.none"), "evenhand audit SUBJECT.yaml")
        return
    asked = state.selection().get("measure", "")
    measure = asked if asked in measures else _FIRST if _FIRST in measures else measures[0]
    keys = axes(f for f in index.of(measure) if not f.column)
    if asked and asked not in measures:
        drawn = frames.BEHIND_GAP.get(asked)
        measure = drawn if drawn in measures else measure
        keys = axes(f for f in index.of(measure) if not f.column)
        st.caption(t.md("fairness.other_measure", asked=t.measure(asked), drawn=t.measure(measure)))
    left, right = st.columns(2)
    with left:
        state.choose("measure", t("filter.measure"), measures, measure, t.measure)
    with right:
        feature = parts.choose_feature(ctx, keys)
    checks = sorted({f.check for f in index.of(measure) if axis_of(f) == feature})
    for check in checks:
        _measure(ctx, case, index, (check, measure, feature))


def _measures(index: Index) -> list[str]:
    """Every measure that is held for groups of people, those of fairness first."""
    found: dict[str, str] = {}
    for check, measure, axis in index.by_axis:
        if axis and not axis.endswith("#") and check.partition(".")[0] in _FAMILIES:
            found.setdefault(measure, check)
    return sorted(found, key=lambda m: (not found[m].startswith("fairness.group_rates"), m))


def _measure(ctx: Context, case: Case, index: Index, place: tuple[str, str, str]) -> None:
    t, (check, measure, feature) = ctx.t, place
    findings = index.by_axis[place]
    frame = frames.group_frame(findings, feature, store.minimum_sizes(case), t)
    frame["chosen"] = frame["id"].isin(f.id for f in findings if group_key(f.group) == ctx.who)
    first, shown = findings[0], t.measure(measure)
    whole = index.overall(measure, check=check) or index.overall(measure)
    overall = whole.value if whole else None
    words = charts.describe(frame, t, measure=shown)
    st.subheader(
        escape(t("fairness.by", measure=shown, feature=axis_label(feature, t))),
        anchor=False,
    )
    _gap(ctx, index, measure, feature)
    _chosen(ctx, index, place)
    drawn = frames.ends(frame)
    chart = charts.group_chart(
        drawn,
        t,
        measure=shown,
        unit=visible(first.unit),
        overall=overall,
    )
    legend = charts.legend(drawn, t, overall=overall, is_rate=first.unit == "rate")
    if len(drawn) < len(frame):
        legend += t("sentence.space") + t("chart.ends", drawn=len(drawn), all=len(frame))
    figure.show(
        figure.Figure(
            name=f"groups-{check}-{measure}",
            chart=chart,
            frame=frame,
            words=words,
            legend=legend,
            how=figure.making(first, frames.formula(measure), t),
            hidden=("label", "mark", "id", "chosen"),
        ),
        t,
    )


def _gap(ctx: Context, index: Index, measure: str, feature: str) -> None:
    """The gap between the groups, as the reader wants it told, with a link to its making."""
    t = ctx.t
    gaps_by_scale = {
        scale: [
            g for name in frames.gaps_of(measure, scale) for g in _between(index, name, feature)
        ]
        for scale in ("difference", "ratio")
    }
    offered = [scale for scale, gaps in gaps_by_scale.items() if gaps]
    if not offered:
        st.caption(t.md("fairness.no_gap", measure=t.measure(measure)))
        return
    asked = state.selection().get("scale", "")
    scale = asked if asked in offered else offered[0]
    state.switch("scale", t("fairness.scale"), offered, scale, lambda s: t(f"scale.{s}"))
    for gap in gaps_by_scale[scale]:
        st.markdown(parts.named(t.measure(gap.measure), escape(frames.value_text(gap, t)), t))
        if gap.reason:
            st.caption(escape(visible(gap.reason_text(t.lang))))
        state.link(
            parts.FINDINGS,
            escape(t("open.making")),
            icon=":material/straighten:",
            finding=gap.id,
            measure=gap.measure,
            family="",
            status="",
            group="",
        )


def _between(index: Index, measure: str, feature: str) -> list[Finding]:
    return [
        f
        for f in index.of(measure, check="fairness.gaps") or index.of(measure)
        if f.between and "&".join(quote(b, safe="") for b in sorted(f.between)) == feature
    ]


def _chosen(ctx: Context, index: Index, place: tuple[str, str, str]) -> None:
    """What the chosen group's own number is, or why it is not among these."""
    if not ctx.who:
        return
    check, measure, feature = place
    t, name = ctx.t, group_name(ctx.who)
    found = index.about_group(ctx.who, measure, check)
    if found is None:
        st.info(t.md("fairness.chosen_absent", group=name, measure=t.measure(measure)))
        return
    if group_axis(ctx.who) != feature:
        st.caption(t.md("fairness.chosen_elsewhere", group=name))
    st.markdown(
        ":blue[:material/group:] " + parts.named(name, escape(frames.value_text(found, t)), t)
    )


if __name__ == "__main__":
    app.show(render)
