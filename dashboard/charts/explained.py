"""The pictures of the explanations page. Pure."""

from __future__ import annotations

import altair as alt
import pandas as pd

from evenhand.dashboard.charts.drawing import kept
from evenhand.dashboard.charts.groups import layered
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import BLUE, GREY, INK, SERIES, SERIES_SHAPES, VERMILION

_ROW = 26
_NAMES = alt.Axis(labelLimit=170, ticks=False, domain=False)


@kept
def bars(frame: pd.DataFrame, t: Translator, *, unit: str) -> alt.LayerChart:
    """Mean |attribution| of the strongest columns, with intervals."""
    title = f"{t('explained.mean_absolute')} ({unit})"
    base = alt.Chart(frame).encode(
        y=alt.Y("column:N", title=None, sort=list(frame["column"]), axis=_NAMES)
    )
    drawn = base.mark_bar(color=BLUE, height=12).encode(
        x=alt.X("value:Q", title=title),
        tooltip=["column:N", alt.Tooltip("value:Q", format=".4~r"), "n:Q"],
    )
    ends = base.mark_rule(color=GREY, strokeWidth=2).encode(
        x=alt.X("low:Q", title=title), x2="high:Q"
    )
    chart = layered(drawn, ends)
    chart.height = _ROW * max(len(frame), 1) + 50
    return chart


@kept
def by_group(frame: pd.DataFrame, t: Translator, *, unit: str) -> alt.LayerChart:
    """The same by group: a dot a group in each column's row, told apart by shape and colour."""
    names = list(dict.fromkeys(frame["group"]))
    columns = list(dict.fromkeys(frame["column"]))
    legend = alt.Legend(orient="bottom", title=None, columns=2, labelLimit=240)
    colours = [SERIES[i % len(SERIES)] for i in range(len(names))]
    shapes = [SERIES_SHAPES[i % len(SERIES_SHAPES)] for i in range(len(names))]
    base = alt.Chart(frame).encode(y=alt.Y("column:N", title=None, sort=columns, axis=_NAMES))
    title = f"{t('explained.mean_absolute')} ({unit})"
    lines = base.mark_rule(color=GREY, opacity=0.5).encode(
        x=alt.X("min(value):Q", title=title), x2="max(value):Q"
    )
    dots = base.mark_point(filled=True, opacity=0.95).encode(
        x=alt.X("value:Q", title=title),
        color=alt.Color("group:N", scale=alt.Scale(domain=names, range=colours), legend=legend),
        shape=alt.Shape("group:N", scale=alt.Scale(domain=names, range=shapes), legend=legend),
        size=alt.condition("datum.chosen", alt.value(220), alt.value(80)),
        tooltip=["group:N", "column:N", alt.Tooltip("value:Q", format=".4~r"), "n:Q", "rank:Q"],
    )
    chart = layered(lines, dots)
    chart.height = _ROW * max(len(columns), 1) + 110
    return chart


@kept
def swarm(frame: pd.DataFrame, t: Translator, *, unit: str, ink: str = INK) -> alt.LayerChart:
    """A dot a person in each column's row: where it pushed the output, and how high its input."""
    columns = list(dict.fromkeys(frame["column"]))
    placed = frame.assign(line=[columns.index(c) for c in frame["column"]])
    placed["y"] = placed["line"] + 0.36 * placed["spread"]
    names = pd.DataFrame({"column": columns, "line": range(len(columns))})
    scale = alt.Scale(domain=[-0.6, len(columns) - 0.4], reverse=True)
    title = f"{t('explained.attribution')} ({unit})"
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(color=GREY).encode(x="x:Q")
    tone = alt.Color(
        "tone:Q",
        title=t("explained.tone"),
        scale=alt.Scale(domain=[0, 1], range=[BLUE, "#bbbbbb", VERMILION]),
        legend=alt.Legend(orient="bottom", values=[0, 1], labelExpr=_ends(t), gradientLength=160),
    )
    dots = (
        alt.Chart(placed)
        .mark_circle(size=38, opacity=0.85)
        .encode(
            x=alt.X("attribution:Q", title=title),
            y=alt.Y("y:Q", axis=None, scale=scale),
            color=tone,
            tooltip=["column:N", alt.Tooltip("attribution:Q", format=".4~r"), "input:N", "row:Q"],
        )
    )
    words = (
        alt.Chart(names)
        .mark_text(align="left", dy=-15, fontSize=12, color=ink)
        .encode(x=alt.value(2), y=alt.Y("line:Q", axis=None, scale=scale), text="column:N")
    )
    chart = layered(zero, dots, words)
    chart.height = 46 * max(len(columns), 1) + 80
    return chart


@kept
def dependence(frame: pd.DataFrame, t: Translator, *, column: str, unit: str) -> alt.LayerChart:
    """Attribution against input of one column, a dot a person."""
    is_number = pd.api.types.is_numeric_dtype(frame["input"])
    x = (
        alt.X("input:Q" if is_number else "input:N", title=column, scale=alt.Scale(zero=False))
        if is_number
        else alt.X("input:N", title=column, sort=None)
    )
    zero = alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(color=GREY).encode(y="y:Q")
    dots = (
        alt.Chart(frame)
        .mark_circle(size=55, color=BLUE, opacity=0.8)
        .encode(
            x=x,
            y=alt.Y("attribution:Q", title=f"{t('explained.attribution')} ({unit})"),
            tooltip=["input", alt.Tooltip("attribution:Q", format=".4~r"), "row:Q"],
        )
    )
    chart = layered(zero, dots)
    chart.height = 320
    return chart


@kept
def person(frame: pd.DataFrame, t: Translator, *, unit: str) -> alt.LayerChart:
    """What pushed one person's output up and down, bars from zero; hatching of words beside."""
    words = [t("explained.raises"), t("explained.lowers")]
    shown = frame.assign(
        label=[
            f"{c} = {v}" if v else c for c, v in zip(frame["column"], frame["input"], strict=True)
        ]
    )
    base = alt.Chart(shown).encode(
        y=alt.Y("label:N", title=None, sort=list(dict.fromkeys(shown["label"])), axis=_NAMES)
    )
    drawn = base.mark_bar(height=12).encode(
        x=alt.X("attribution:Q", title=f"{t('explained.attribution')} ({unit})"),
        color=alt.Color(
            "direction:N",
            scale=alt.Scale(domain=words, range=[BLUE, VERMILION]),
            legend=alt.Legend(orient="bottom", title=None),
        ),
        tooltip=[
            "column:N",
            "input:N",
            alt.Tooltip("attribution:Q", format="+.4~r"),
            "direction:N",
        ],
    )
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(color=GREY).encode(x="x:Q")
    chart = layered(drawn, zero)
    chart.height = _ROW * max(len(frame), 1) + 90
    return chart


def _ends(t: Translator) -> str:
    low, high = t("explained.low"), t("explained.high")
    return f"datum.value < 0.5 ? '{low}' : '{high}'"
