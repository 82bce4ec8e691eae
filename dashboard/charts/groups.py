"""The figures: Altair charts of the tables in ``frames``. Pure; they compute no statistics."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from evenhand.audit.words.numbers import level_said, number
from evenhand.dashboard.charts.drawing import kept
from evenhand.dashboard.frames.findings import MARKS
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import BLUE, GREY, PURPLE

# A legend's signs without the dashes and faintness of the lines that share its colours.
LEGEND: dict[str, Any] = {
    "orient": "bottom",
    "title": None,
    "columns": 2,
    "symbolStrokeWidth": 0,
    "symbolOpacity": 1,
}
_ROW_HEIGHT = 34
_AXIS_HEIGHT = 64  # ticks and title, which share the height with the rows
_PADDING = 0.06
_COLOURS = {"measured": BLUE, "noted": BLUE, "small": PURPLE}
_SHAPES = {"measured": "circle", "noted": "triangle-up", "small": "diamond"}


def layered(*charts: Any) -> alt.LayerChart:
    """Charts on top of each other, the first one undermost."""
    return alt.LayerChart(layer=list(charts))


def value_range(frame: pd.DataFrame, *, is_rate: bool) -> tuple[float, float]:
    """The ends of the value axis: every point and interval with a margin, not stretched to zero.

    A rate stays within [0, 1]. Where there is no number at all the axis is [0, 1].
    """
    ends = pd.concat([frame["value"], frame["low"], frame["high"]]).dropna()
    if ends.empty:
        return 0.0, 1.0
    low, high = float(ends.min()), float(ends.max())
    margin = _PADDING * (high - low or abs(high) or 1.0)
    low, high = low - margin, high + margin
    return (max(low, 0.0), min(high, 1.0)) if is_rate else (low, high)


@kept
def group_chart(
    frame: pd.DataFrame,
    t: Translator,
    *,
    measure: str,
    unit: str,
    overall: float | None = None,
    description: str = "",
) -> alt.LayerChart:
    """Points with interval bars, one row a group; a group without a number is words alone.

    Parameters
    ----------
    frame        A table of ``frames.group_frame``.
    overall      The same measure over all rows: a dashed line, where there is one.
    description  Said in place of the picture to those who do not see it.
    """
    low, high = value_range(_with(frame, overall), is_rate=unit == "rate")
    scale = alt.Scale(domain=[low, high], zero=False, nice=False)
    title = f"{measure} ({t.term('unit', unit)})" if unit else measure
    y = alt.Y(
        "label:N",
        title=None,
        sort=list(frame["label"]),
        axis=alt.Axis(labelLimit=240, ticks=False, domain=False),
    )
    base = alt.Chart(frame).encode(y=y)
    drawn = base.transform_filter("isValid(datum.value)")
    marks = [m for m in _SHAPES if (frame["mark"] == m).any()] or ["measured"]
    colour = alt.Color(
        "mark:N",
        scale=alt.Scale(domain=marks, range=[_COLOURS[m] for m in marks]),
        legend=None,
    )
    shape = alt.Shape(
        "mark:N",
        scale=alt.Scale(domain=marks, range=[_SHAPES[m] for m in marks]),
        legend=None,
    )
    # the rows of undefined groups stay on the axis because this layer draws all of them
    rows = base.mark_point(opacity=0).encode(x=alt.value(0))
    bars = drawn.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=scale, title=title, axis=alt.Axis(format="~g", grid=True)),
        x2="high:Q",
        color=colour,
    )
    points = drawn.mark_point(filled=True, opacity=1).encode(
        x=alt.X("value:Q", scale=scale, title=title),
        color=colour,
        shape=shape,
        size=alt.condition("datum.chosen === true", alt.value(260), alt.value(110)),
        tooltip=_tooltip(t),
    )
    layers: list[Any] = [rows, bars, points]
    if overall is not None:
        layers.insert(1, _overall_rule(overall, scale, title))
    chart = alt.LayerChart(layer=layers)
    chart.height = _ROW_HEIGHT * max(len(frame), 1) + _AXIS_HEIGHT
    chart.description = description
    return chart


def describe(frame: pd.DataFrame, t: Translator, *, measure: str) -> str:
    """The chart in words: which measure, over how many groups, from where to where."""
    drawn = frame.dropna(subset=["value"])
    if drawn.empty:
        return t("chart.description.empty", measure=measure, groups=len(frame))
    ordered = drawn.sort_values("value", kind="stable")
    lowest, highest = ordered.iloc[0], ordered.iloc[-1]
    return t(
        "chart.description",
        measure=measure,
        groups=len(frame),
        missing=len(frame) - len(drawn),
        low_group=lowest["group"],
        low=number(lowest["value"]),
        high_group=highest["group"],
        high=number(highest["value"]),
    )


def legend(frame: pd.DataFrame, t: Translator, *, overall: float | None, is_rate: bool) -> str:
    """How to read the chart: its signs, its intervals, and where its axis starts."""
    low, high = value_range(_with(frame, overall), is_rate=is_rate)
    levels = sorted({level_said(level) for level in frame["level"].dropna()})
    sentences = []
    if levels:
        sentences.append(t("chart.interval", levels=", ".join(levels)))
    sentences += [
        t(f"chart.mark.{mark}")
        for mark in MARKS
        if mark != "measured" and mark in set(frame["mark"])
    ]
    if overall is not None:
        sentences.append(t("chart.overall", value=number(overall)))
    sentences.append(t("chart.axis", low=number(low), high=number(high)))
    return t("sentence.space").join(sentences)


def _overall_rule(overall: float, scale: alt.Scale, title: str) -> alt.Chart:
    data = pd.DataFrame({"overall": [overall]})
    return (
        alt.Chart(data)
        .mark_rule(strokeDash=[6, 4], color=GREY, strokeWidth=1.5)
        .encode(x=alt.X("overall:Q", scale=scale, title=title))
    )


def _tooltip(t: Translator) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("group:N", title=t("column.group")),
        alt.Tooltip("value:Q", title=t("column.value"), format=",.4~r"),
        alt.Tooltip("low:Q", title=t("column.low"), format=",.4~r"),
        alt.Tooltip("high:Q", title=t("column.high"), format=",.4~r"),
        alt.Tooltip("level:Q", title=t("column.level"), format=".1~%"),
        alt.Tooltip("n:Q", title="n"),
        alt.Tooltip("note:N", title=t("column.note")),
    ]


def _with(frame: pd.DataFrame, overall: float | None) -> pd.DataFrame:
    if overall is None:
        return frame
    extra = pd.DataFrame({"value": [overall], "low": [overall], "high": [overall]})
    return pd.concat([frame[["value", "low", "high"]], extra], ignore_index=True)
