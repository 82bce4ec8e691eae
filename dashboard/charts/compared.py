"""The pictures of the compare, privacy and overview pages. Pure."""

from __future__ import annotations

import altair as alt
import pandas as pd

from evenhand.dashboard.charts.drawing import kept
from evenhand.dashboard.charts.groups import LEGEND, layered
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import GREY, SERIES, SERIES_DASHES, SERIES_SHAPES

_ROW = 34


@kept
def differences(frame: pd.DataFrame, t: Translator, *, title: str) -> alt.LayerChart:
    """Paired differences with intervals, a row a group, around the line of no difference."""
    against = list(dict.fromkeys(frame["against"]))
    labels = list(dict.fromkeys(frame["label"]))
    legend = alt.Legend(orient="bottom", title=t("column.against"), labelLimit=260)
    shown = legend if len(against) > 1 else None
    colours = [SERIES[i % len(SERIES)] for i in range(len(against))]
    shapes = [SERIES_SHAPES[i % len(SERIES_SHAPES)] for i in range(len(against))]
    colour = alt.Color("against:N", scale=alt.Scale(domain=against, range=colours), legend=shown)
    base = alt.Chart(frame).encode(
        y=alt.Y("label:N", title=None, sort=labels, axis=alt.Axis(labelLimit=220, ticks=False)),
        yOffset=alt.YOffset("against:N", sort=against),
    )
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(color=GREY, strokeWidth=2)
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=title), x2="high:Q", color=colour
    )
    points = (
        base.transform_filter("isValid(datum.value)")
        .mark_point(filled=True, opacity=1)
        .encode(
            x=alt.X("value:Q", title=title),
            color=colour,
            shape=alt.Shape(
                "against:N", scale=alt.Scale(domain=against, range=shapes), legend=shown
            ),
            size=alt.condition("datum.chosen", alt.value(240), alt.value(110)),
            tooltip=[
                alt.Tooltip("group:N", title=t("column.group")),
                alt.Tooltip("value:Q", title=t("column.difference"), format="+.4~r"),
                alt.Tooltip("low:Q", title=t("column.low"), format="+.4~r"),
                alt.Tooltip("high:Q", title=t("column.high"), format="+.4~r"),
                alt.Tooltip("outcome:N", title=t("column.outcome")),
                alt.Tooltip("n:Q", title="n"),
            ],
        )
    )
    rows = base.mark_point(opacity=0).encode(x=alt.value(0))
    chart = layered(rows, zero.encode(x="x:Q"), bars, points)
    lines = max(len(labels), 1) * max(1.0, 0.7 * len(against))
    chart.height = _ROW * lines + 70 + (90 if len(against) > 1 else 0)
    return chart


@kept
def trend(frame: pd.DataFrame, t: Translator, *, measure: str) -> alt.LayerChart:
    """One measure of every case along the date of its audit, a line a model."""
    models = list(dict.fromkeys(frame["model"]))
    colours = [SERIES[i % len(SERIES)] for i in range(len(models))]
    shapes = [SERIES_SHAPES[i % len(SERIES_SHAPES)] for i in range(len(models))]
    dashes = [SERIES_DASHES[i % len(SERIES_DASHES)] for i in range(len(models))]
    legend = alt.Legend(**LEGEND, labelLimit=240)
    shown = legend if len(models) <= 12 else None
    colour = alt.Color("model:N", scale=alt.Scale(domain=models, range=colours), legend=shown)
    axis = alt.Axis(format=_day_or_minute(frame), labelOverlap=True, tickCount=6)
    base = alt.Chart(frame).encode(x=alt.X("date:T", title=t("facts.date"), axis=axis))
    # above the chart: along the axis a long name would be cut
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    lines = base.mark_line(strokeWidth=1.5).encode(
        y=y,
        color=colour,
        strokeDash=alt.StrokeDash(
            "model:N", scale=alt.Scale(domain=models, range=dashes), legend=None
        ),
    )
    bars = base.mark_rule(opacity=0.85).encode(
        y=alt.Y("low:Q", title=None), y2="high:Q", color=colour
    )
    points = base.mark_point(size=80, filled=True, opacity=1).encode(
        y=y,
        color=colour,
        shape=alt.Shape("model:N", scale=alt.Scale(domain=models, range=shapes), legend=shown),
        tooltip=["model:N", "date:T", alt.Tooltip("value:Q", format=".4~r"), "n:Q"],
    )
    chart = layered(bars, lines, points)
    chart.title = alt.TitleParams(measure, anchor="start", fontSize=12, fontWeight="normal")
    chart.height = 260 + (18 * -(-len(models) // 2) + 30 if shown else 0)
    return chart


def _day_or_minute(frame: pd.DataFrame) -> str:
    """Numbers alone: names of months would be English on every page."""
    days = pd.to_datetime(frame["date"])
    return "%Y-%m-%d" if (days.max() - days.min()).days > 2 else "%m-%d %H:%M"
