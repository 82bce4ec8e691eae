"""The views of the fairness page that are drawn from a case's artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from evenhand.audit.case.case import Case
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.index import group_axis, group_name
from evenhand.dashboard.charts import fairness as charts_fairness
from evenhand.dashboard.frames import fairness as tables
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context

THRESHOLDS = "fairness.thresholds.json"
CALIBRATION = "fairness.calibration.json"
WORST = "fairness.worst_groups.json"


def thresholds(ctx: Context, case: Case) -> None:
    """The threshold explorer: a slider that moves every group's rate, in the browser."""
    t = ctx.t
    told = artifact(ctx, case, THRESHOLDS, "thresholds", "rates", "groups")
    if told is None:
        return
    keys = tables.swept_axes(told)
    if not keys:
        parts.absent(t, t("explorer.too_many"))
        return
    left, right = st.columns(2)
    rates = sorted(told["rates"], key=lambda r: r != "selection_rate")
    asked = state.selection().get("rate", "")
    rate = asked if asked in rates else "selection_rate"
    with left:
        state.choose("rate", t("explorer.rate"), rates, rate, visible)
    with right:
        feature = parts.choose_feature(ctx, keys)
    frame = tables.explorer_frame(told, feature, rate, ctx.who, t)
    is_probability = frame["threshold"].min() >= 0 and frame["threshold"].max() <= 1
    own = told["threshold"]
    st.caption(t.md("explorer.what"))
    _followed(ctx, feature)
    words = t(
        "explorer.words", rate=rate, groups=frame["group"].nunique(), count=len(told["thresholds"])
    )
    figure.show(
        figure.Figure(
            name=f"thresholds-{rate}",
            chart=charts_fairness.explorer(
                frame, t, rate=rate, threshold=own, ink=ctx.ink, is_probability=is_probability
            ),
            frame=frame,
            words=words,
            legend=t("explorer.legend", level=f"{told['level']:.0%}")
            + (
                t("sentence.space") + t("explorer.own", threshold=frames.number(own))
                if own is not None
                else ""
            ),
            how=_making(
                ctx,
                case,
                "swept_threshold_count",
                frames.formula(rate),
                f"Wilson score, {told['level']:.0%}",
            ),
            hidden=("from", "to", "told", "chosen"),
        ),
        t,
    )


def calibration(ctx: Context, case: Case) -> None:
    """Reliability curves by group."""
    t = ctx.t
    told = artifact(ctx, case, CALIBRATION, "curves", "level")
    if told is None:
        return
    keys = tables.swept_axes(told)
    if not keys:
        parts.absent(t, t("view.nothing"))
        return
    feature = parts.choose_feature(ctx, keys)
    frame = tables.calibration_frame(told, feature, ctx.who)
    st.caption(t.md("calibration.what"))
    _followed(ctx, feature)
    figure.show(
        figure.Figure(
            name="calibration",
            chart=charts_fairness.calibration(frame, t),
            frame=frame,
            words=t("calibration.words", groups=frame["group"].nunique()),
            legend=t("calibration.legend", level=f"{told['level']:.0%}"),
            how=_making(
                ctx, case, "expected_calibration_error", t("calibration.formula"), str(told["bins"])
            ),
            hidden=("chosen",),
        ),
        t,
    )


def worst_groups(ctx: Context, case: Case) -> None:
    """Where the errors gather: what was confirmed, the error tree, a heat map of two columns."""
    t = ctx.t
    told = artifact(ctx, case, WORST, "tree", "pairs", "columns", "tested")
    if told is None:
        return
    _tested(ctx, case, told)
    st.subheader(escape(t("worst.tree")), anchor=False)
    frame = tables.tree_frame(told, t)
    making = _making(ctx, case, "groups_searched", t("worst.formula"), "")
    worst = frame.sort_values("value", ascending=False).iloc[0]
    figure.show(
        figure.Figure(
            name="error-tree",
            chart=charts_fairness.tree(frame, t, ink=ctx.ink),
            frame=frame,
            words=t("worst.tree_words", nodes=len(frame), worst=worst["told"]),
            legend=t("worst.tree_legend"),
            how=making,
            hidden=("depth", "line", "above", "id", "short", "told"),
        ),
        t,
    )
    _heat(ctx, told, making)


def _tested(ctx: Context, case: Case, told: Mapping[str, Any]) -> None:
    t = ctx.t
    st.subheader(escape(t("worst.tested")), anchor=False)
    confirmed = ctx.index(case).of("worst_group_error_lift")
    st.markdown(escape(t("worst.confirmed", number=len(confirmed), tested=len(told["tested"]))))
    for finding in confirmed:
        rows = f"{frames.about(finding, t)}{t('colon')}{frames.value_text(finding, t)}"
        st.markdown(f"- {escape(rows)}")
    frame = tables.tested_frame(told)
    if len(frame):
        parts.table(frame, t, name="tested", alt=t("worst.tested"))
        parts.download(frame, t, name="tested-groups")


def _heat(ctx: Context, told: Mapping[str, Any], making: Sequence[tuple[str, str]]) -> None:
    t = ctx.t
    names = [c["column"] for c in told["columns"]]
    if len(names) < 2:
        return
    st.subheader(escape(t("worst.heat")), anchor=False)
    asked = [
        v for v in (state.selection().get("input", ""), state.selection().get("input_by", "")) if v
    ]
    first = asked[0] if asked and asked[0] in names else names[0]
    others = [n for n in names if n != first]
    second = asked[-1] if asked and asked[-1] in others else others[0]
    left, right = st.columns(2)
    with left:
        state.choose("input", t("worst.first"), names, first, visible)
    with right:
        state.choose("input_by", t("worst.second"), others, second, visible)
    frame = tables.heat_frame(told, first, second, t)
    figure.show(
        figure.Figure(
            name="error-heat-map",
            chart=charts_fairness.heat_map(frame, t, first=visible(first), second=visible(second)),
            frame=frame,
            words=t("worst.heat_words", first=first, second=second, cells=len(frame)),
            legend=t("worst.heat_legend"),
            how=making,
            hidden=("told",),
        ),
        t,
    )


def artifact(ctx: Context, case: Case, name: str, *needs: str) -> Mapping[str, Any] | None:
    """One of the case's artifacts; where it holds none, says so and returns None.

    The seal vouches for its bytes, not for its version: an artifact without the fields that this
    page draws is said to be unreadable, never guessed at.
    """
    t = ctx.t
    check = name.removesuffix(".json")
    if f"artifacts/{name}" not in case.files:
        reasons = [f for f in case.findings if f.check == check and f.status != "measured"]
        why = reasons[0].reason_text(t.lang) if reasons else t("view.not_asked", check=check)
        parts.absent(
            t, t("view.none", check=check, reason=visible(why)), f"evenhand checks show {check}"
        )
        return None
    told = case.artifact(name)
    if not isinstance(told, dict) or any(need not in told for need in needs):
        parts.problem(t("view.unreadable", name=name), t("view.other_version"))
        return None
    return told


def _followed(ctx: Context, feature: str) -> None:
    """Which line is the chosen group's, or that it is not among these."""
    if ctx.who:
        key = "view.followed" if group_axis(ctx.who) == feature else "view.not_followed"
        st.caption(ctx.t.md(key, group=group_name(ctx.who)))


def _making(
    ctx: Context, case: Case, measure: str, formula: str, intervals: str
) -> list[tuple[str, str]]:
    found = ctx.index(case).of(measure)
    pairs = figure.making(found[0], formula, ctx.t) if found else []
    return [*pairs, (ctx.t("column.interval_method"), intervals)] if intervals else pairs
