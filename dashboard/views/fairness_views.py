"""The views of the fairness page that are drawn from a case's artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

from evenhand.audit.artifacts.artifact import ArtifactDocument
from evenhand.audit.artifacts.fairness import Calibration, Thresholds, WorstGroups
from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError
from evenhand.audit.words.numbers import level_said
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.index import group_axis, group_name
from evenhand.dashboard.charts import fairness as charts_fairness
from evenhand.dashboard.frames import fairness as tables
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import figure, parts, state
from evenhand.dashboard.views.context import Context

_D = TypeVar("_D", bound=ArtifactDocument)


def thresholds(ctx: Context, case: Case) -> None:
    """The threshold explorer: a slider that moves every group's rate, in the browser."""
    t = ctx.t
    document = asked(ctx, case, Thresholds)
    if document is None:
        return
    keys = tables.swept_axes(one.group for one in document.groups)
    if not keys:
        parts.absent(t, t("explorer.too_many"))
        return
    left, right = st.columns(2)
    rates = sorted(document.rates, key=lambda r: r != "selection_rate")
    chosen = state.selection().get("rate", "")
    rate = chosen if chosen in rates else rates[0]
    with left:
        state.choose("rate", t("explorer.rate"), rates, rate, t.measure)
    with right:
        feature = parts.choose_feature(ctx, keys)
    frame = tables.explorer_frame(document, feature, rate, ctx.who, t)
    is_probability = frame["threshold"].min() >= 0 and frame["threshold"].max() <= 1
    own, shown = document.threshold, t.measure(rate)
    st.caption(t.md("explorer.what"))
    _followed(ctx, feature)
    groups, count = frame["group"].nunique(), len(document.thresholds)
    legend = t("explorer.legend", level=level_said(document.level))
    if own is not None:
        legend += t("sentence.space") + t("explorer.own", threshold=frames.number(own))
    figure.show(
        figure.Figure(
            name=f"thresholds-{rate}",
            chart=charts_fairness.explorer(
                frame, t, rate=shown, threshold=own, ink=ctx.ink, is_probability=is_probability
            ),
            frame=frame,
            words=t("explorer.words", rate=shown, groups=groups, count=count),
            legend=legend,
            how=_making(
                ctx,
                case,
                "swept_threshold_count",
                frames.formula(rate),
                f"Wilson score, {level_said(document.level)}",
            ),
            hidden=("from", "to", "told", "chosen"),
        ),
        t,
    )


def calibration(ctx: Context, case: Case) -> None:
    """Reliability curves by group."""
    t = ctx.t
    document = asked(ctx, case, Calibration)
    if document is None:
        return
    keys = tables.swept_axes(one.group for one in document.curves)
    if not keys:
        parts.absent(t, t("view.nothing"))
        return
    feature = parts.choose_feature(ctx, keys)
    frame = tables.calibration_frame(document, feature, ctx.who)
    st.caption(t.md("calibration.what"))
    _followed(ctx, feature)
    figure.show(
        figure.Figure(
            name="calibration",
            chart=charts_fairness.calibration(frame, t),
            frame=frame,
            words=t("calibration.words", groups=frame["group"].nunique()),
            legend=t("calibration.legend", level=level_said(document.level)),
            how=_making(
                ctx, case, "expected_calibration_error", t("calibration.formula"), document.bins
            ),
            hidden=("chosen",),
        ),
        t,
    )


def worst_groups(ctx: Context, case: Case) -> None:
    """Where the errors gather: what was confirmed, the error tree, a heat map of two columns."""
    t = ctx.t
    document = asked(ctx, case, WorstGroups)
    if document is None:
        return
    _tested(ctx, case, document)
    st.subheader(escape(t("worst.tree")), anchor=False)
    frame = tables.tree_frame(document, t)
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
    _heat(ctx, document, making)


def _tested(ctx: Context, case: Case, document: WorstGroups) -> None:
    t = ctx.t
    st.subheader(escape(t("worst.tested")), anchor=False)
    index = ctx.index(case)
    confirmed = sum(int(f.value or 0) for f in index.of("worst_groups_confirmed"))
    st.markdown(escape(t("worst.confirmed", number=confirmed, tested=len(document.tested))))
    for finding in index.of("worst_group_error_lift"):
        rows = f"{frames.about(finding, t)}{t('colon')}{frames.value_text(finding, t)}"
        st.markdown(f"- {escape(rows)}")
    frame = tables.tested_frame(document)
    if len(frame):
        parts.table(frame, t, name="tested", alt=t("worst.tested"))
        parts.download(frame, t, name="tested-groups")


def _heat(ctx: Context, document: WorstGroups, making: Sequence[tuple[str, str]]) -> None:
    t = ctx.t
    names = [one.column for one in document.columns]
    if len(names) < 2 or not document.pairs:
        return
    st.subheader(escape(t("worst.heat")), anchor=False)
    chosen = [
        v for v in (state.selection().get("input", ""), state.selection().get("input_by", "")) if v
    ]
    first = chosen[0] if chosen and chosen[0] in names else names[0]
    others = [n for n in names if n != first]
    second = chosen[-1] if chosen and chosen[-1] in others else others[0]
    left, right = st.columns(2)
    with left:
        state.choose("input", t("worst.first"), names, first, visible)
    with right:
        state.choose("input_by", t("worst.second"), others, second, visible)
    frame = tables.heat_frame(document, first, second, t)
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


def asked(ctx: Context, case: Case, kind: type[_D]) -> _D | None:
    """One of the case's artifacts; where it holds none, says so and returns None.

    The seal vouches for its bytes, not for its version: an artifact of another shape is said to be
    unreadable, never guessed at.
    """
    t = ctx.t
    check = kind.FILE.removesuffix(".json")
    if not case.holds(kind):
        reasons = [f for f in case.findings if f.check == check and f.status != "measured"]
        why = reasons[0].reason_text(t.lang) if reasons else t("view.not_asked", check=check)
        parts.absent(
            t, t("view.none", check=check, reason=visible(why)), f"evenhand checks show {check}"
        )
        return None
    try:
        return case.document(kind)
    except InputError:
        parts.problem(t("view.unreadable", name=kind.FILE), t("view.other_version"))
        return None


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
