"""The pictures of the fairness page. Pure; the threshold explorer is moved in the browser."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from evenhand.dashboard.charts.drawing import kept
from evenhand.dashboard.charts.groups import LEGEND, layered
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import GREY, INK, SERIES, SERIES_DASHES, SERIES_SHAPES, VERMILION

_ROW = 44
_CURVES_HEIGHT = 220
_SLIDER_STEPS = 200
_UPRIGHT = 4  # names beside each other on a narrow screen


@kept
def explorer(
    frame: pd.DataFrame,
    t: Translator,
    *,
    rate: str,
    threshold: float | None,
    is_probability: bool,
    ink: str = INK,
) -> alt.VConcatChart:
    """Every group's rate at a threshold that a slider moves, above the rates at all thresholds.

    The counts of every threshold travel with the chart, so that nothing is asked of the server
    while the slider moves. ``threshold`` is where it stands first: the model's own.
    """
    known = frame["threshold"]
    low, high = float(known.min()), float(known.max())
    step = 0.01 if is_probability else (high - low) / _SLIDER_STEPS or 1.0
    first = float(known.median()) if threshold is None else threshold
    slider = alt.param(
        name="chosen_threshold",
        value=first,
        bind=alt.binding_range(min=low, max=high, step=step, name=t("explorer.slider")),
    )
    here = "datum.from <= chosen_threshold && chosen_threshold < datum.to"
    names = list(dict.fromkeys(frame["group"]))
    chart = alt.vconcat(
        _rates_here(frame, t, rate, here, names, ink),
        _curves(frame, t, rate, names, threshold),
        spacing=24,
    ).add_params(slider)
    return chart.resolve_scale(color="shared", shape="shared")


def _rates_here(
    frame: pd.DataFrame, t: Translator, rate: str, here: str, names: list[str], ink: str
) -> alt.LayerChart:
    # no axis to the left: in a concatenation it would push the chart out of the page
    y = alt.Y("group:N", title=None, sort=names, axis=None)
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(frame).transform_filter(here).encode(y=y)
    x = alt.X("value:Q", scale=scale, title=t("explorer.here", rate=rate))
    colour, shape = _by_group(names)
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=scale, title=t("explorer.here", rate=rate)),
        x2="high:Q",
        color=colour,
    )
    points = (
        base.transform_filter("isValid(datum.value)")
        .mark_point(size=110, filled=True, opacity=1)
        .encode(x=x, color=colour, shape=shape, tooltip=_tips(t))
    )
    told = base.mark_text(align="left", dy=-13, fontSize=12, color=ink).encode(
        x=alt.value(4), text="told:N"
    )
    chart = layered(bars, points, told)
    chart.height = _ROW * max(len(names), 1)
    return chart


def _curves(
    frame: pd.DataFrame, t: Translator, rate: str, names: list[str], threshold: float | None
) -> alt.LayerChart:
    colour, _ = _by_group(names)
    x = alt.X("threshold:Q", title=t("explorer.curves", rate=rate))
    base = alt.Chart(frame).encode(x=x)
    dash = alt.StrokeDash(
        "group:N", scale=alt.Scale(domain=names, range=_cycle(SERIES_DASHES, names)), legend=None
    )
    inside = alt.Axis(title=None, labelAlign="left", labelPadding=-4, ticks=False, domain=False)
    bands = base.mark_area(opacity=0.12).encode(
        y=alt.Y("low:Q", axis=inside), y2="high:Q", color=colour
    )
    lines = base.mark_line().encode(
        y=alt.Y("value:Q", scale=alt.Scale(domain=[0, 1]), axis=inside),
        color=colour,
        strokeDash=dash,
        strokeWidth=alt.condition("datum.chosen", alt.value(4), alt.value(1.8)),
    )
    one = pd.DataFrame({"at": [0.0]})
    rule = (
        alt.Chart(one)
        .transform_calculate(at="chosen_threshold")
        .mark_rule(color=GREY, strokeWidth=2)
        .encode(x="at:Q")
    )
    layers: list[Any] = [bands, lines, rule]
    if threshold is not None:
        own = alt.Chart(pd.DataFrame({"own": [threshold]}))
        layers.append(own.mark_rule(strokeDash=[4, 4], color=GREY).encode(x="own:Q"))
    chart = layered(*layers)
    chart.height = _CURVES_HEIGHT
    return chart


@kept
def calibration(frame: pd.DataFrame, t: Translator) -> alt.LayerChart:
    """The share of positives against the mean score of each bin, a line with intervals a group;
    on the dotted diagonal a score means what it says."""
    names = list(dict.fromkeys(frame["group"]))
    colour, shape = _by_group(names, legend=True)
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("score:Q", scale=scale, title=t("calibration.score"))
    base = alt.Chart(frame).encode(x=x)
    y = alt.Y("value:Q", scale=scale, title=t("calibration.share"))
    dash = alt.StrokeDash(
        "group:N", scale=alt.Scale(domain=names, range=_cycle(SERIES_DASHES, names)), legend=None
    )
    wide = alt.condition("datum.chosen", alt.value(4), alt.value(1.6))
    ends = pd.DataFrame({"a": [0.0, 1.0], "b": [0.0, 1.0]})
    diagonal = alt.Chart(ends).mark_line(strokeDash=[2, 4], color=GREY).encode(x="a:Q", y="b:Q")
    bars = base.mark_rule(opacity=0.85).encode(
        y=alt.Y("low:Q", title=t("calibration.share")), y2="high:Q", color=colour
    )
    lines = base.mark_line().encode(y=y, color=colour, strokeDash=dash, strokeWidth=wide)
    points = base.mark_point(size=60, filled=True, opacity=1).encode(
        y=y, color=colour, shape=shape, tooltip=[alt.Tooltip("score:Q", format=".3f"), *_tips(t)]
    )
    chart = layered(diagonal, bars, lines, points)
    chart.height = 380
    return chart


@kept
def tree(frame: pd.DataFrame, t: Translator, *, ink: str = INK) -> alt.LayerChart:
    """The error tree read from top to bottom, indented; size is rows, colour the error rate."""
    placed = frame.assign(x=frame["depth"] * 1.0)
    lines = placed.dropna(subset=["above"]).copy()
    lines["above_x"] = lines["x"] - 1.0
    deepest = float(placed["x"].max())
    scale = alt.Scale(domain=[-0.3, deepest + 4.6])  # room for words
    y_scale = alt.Scale(domain=[-0.6, len(placed) - 0.4], reverse=True)
    y = alt.Y("line:Q", axis=None, scale=y_scale)
    down = (
        alt.Chart(lines)
        .mark_rule(color=GREY, opacity=0.6)
        .encode(
            x=alt.X("above_x:Q", axis=None, scale=scale),
            y=alt.Y("above:Q", axis=None, scale=y_scale),
            y2="line:Q",
        )
    )
    across = (
        alt.Chart(lines)
        .mark_rule(color=GREY, opacity=0.6)
        .encode(x=alt.X("above_x:Q", axis=None, scale=scale), x2="x:Q", y=y)
    )
    base = alt.Chart(placed).encode(x=alt.X("x:Q", axis=None, scale=scale), y=y)
    dots = base.mark_circle(opacity=1, stroke=GREY).encode(
        size=alt.Size("n:Q", legend=None, scale=alt.Scale(range=[40, 400])),
        color=_errors(t),
        tooltip=["told:N"],
    )
    words = base.mark_text(align="left", dx=14, fontSize=12, limit=420, color=ink).encode(
        text="short:N"
    )
    chart = layered(down, across, dots, words)
    chart.height = 30 * len(placed) + 30
    return chart


@kept
def heat_map(frame: pd.DataFrame, t: Translator, *, first: str, second: str) -> alt.LayerChart:
    """The error rate of every crossing of two columns' levels, with the counts written in."""
    base = alt.Chart(frame).encode(
        x=alt.X("second:N", title=second, sort=None, axis=_few(frame["second"].nunique())),
        y=alt.Y("first:N", title=first, sort=None, axis=alt.Axis(labelLimit=120)),
    )
    cells = base.mark_rect(stroke=GREY).encode(
        color=_errors(t), tooltip=["first:N", "second:N", "told:N"]
    )
    words = (
        base.transform_calculate(counts="datum.errors + '/' + datum.n")
        .mark_text(fontSize=11)
        .encode(
            text="counts:N",
            color=alt.condition(
                alt.datum.value > _dark_from(frame), alt.value("#ffffff"), alt.value("#111111")
            ),
        )
    )
    chart = layered(cells, words)
    chart.height = 44 * frame["first"].nunique() + 190
    return chart


def _few(levels: int) -> alt.Axis:
    """A few names stand upright; many would run into each other."""
    if levels <= _UPRIGHT:
        return alt.Axis(labelLimit=120, labelAngle=0)
    return alt.Axis(labelLimit=120)


def _dark_from(frame: pd.DataFrame) -> float:
    return 0.55 * float(frame["value"].max()) if len(frame) else 1.0


def _errors(t: Translator) -> alt.Color:
    ends = ["#ffffff", VERMILION, "#5a2600"]
    return alt.Color(
        "value:Q",
        title=t("worst.rate"),
        scale=alt.Scale(range=ends, domainMin=0, zero=True),
        legend=alt.Legend(orient="bottom", format=".0%", gradientLength=160),
    )


def _by_group(names: list[str], *, legend: bool = False) -> tuple[alt.Color, alt.Shape]:
    shown: Any = alt.Legend(**LEGEND) if legend else None
    colour = alt.Color(
        "group:N", scale=alt.Scale(domain=names, range=_cycle(SERIES, names)), legend=shown
    )
    shape = alt.Shape(
        "group:N", scale=alt.Scale(domain=names, range=_cycle(SERIES_SHAPES, names)), legend=shown
    )
    return colour, shape


def _cycle(values: tuple[Any, ...], names: list[str]) -> list[Any]:
    return [values[i % len(values)] for i in range(len(names))]


def _tips(t: Translator) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("group:N", title=t("column.group")),
        alt.Tooltip("value:Q", title=t("column.value"), format=".4~r"),
        alt.Tooltip("low:Q", title=t("column.low"), format=".4~r"),
        alt.Tooltip("high:Q", title=t("column.high"), format=".4~r"),
        alt.Tooltip("cases:Q", title=t("column.cases")),
        alt.Tooltip("n:Q", title="n"),
    ]
