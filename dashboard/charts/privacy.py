"""The picture of the privacy page: what the ledger spent, and when. Pure."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from evenhand.dashboard.charts.drawing import kept
from evenhand.dashboard.charts.groups import LEGEND, layered
from evenhand.dashboard.frames.privacy import runs_on
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import BLUE, GREY, SERIES, SERIES_SHAPES

_HEIGHT = 320
_DAY_S, _HOUR_S = 86_400, 3_600
_MOST_TICKS = 8
# Seconds between ticks: numbers that people count time in.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200)


@kept
def ledger(frame: pd.DataFrame, t: Translator, *, epsilon: float) -> alt.LayerChart:
    """Epsilon so far as steps upwards, a mark a line of the ledger; ``epsilon`` is the total.

    Colour and shape both tell the kind of line; the dashed line is the total.
    """
    events = list(dict.fromkeys(frame["event"]))
    legend = alt.Legend(**LEGEND, labelLimit=260)
    colours = [SERIES[i % len(SERIES)] for i in range(len(events))]
    shapes = [SERIES_SHAPES[i % len(SERIES_SHAPES)] for i in range(len(events))]
    frame = _timed(frame)
    x = _across(frame, t)
    scale = alt.Scale(domain=[0.0, 1.08 * max(epsilon, float(frame["epsilon"].max()), 1e-9)])
    y = alt.Y("epsilon:Q", title=t("column.epsilon"), scale=scale)
    base = alt.Chart(frame).encode(x=x)
    line = base.mark_line(interpolate="step-after", color=BLUE, strokeWidth=2).encode(y=y)
    points = base.mark_point(size=90, filled=True, opacity=1).encode(
        y=y,
        color=alt.Color("event:N", scale=alt.Scale(domain=events, range=colours), legend=legend),
        shape=alt.Shape("event:N", scale=alt.Scale(domain=events, range=shapes), legend=legend),
        tooltip=[
            alt.Tooltip("at:N", title=t("column.at")),
            alt.Tooltip("event:N", title=t("column.event")),
            alt.Tooltip("steps:Q", title=t("column.steps"), format=","),
            alt.Tooltip("epsilon:Q", title=t("column.epsilon"), format=".4~r"),
        ],
    )
    total = (
        alt.Chart(pd.DataFrame({"total": [epsilon]}))
        .mark_rule(strokeDash=[6, 4], color=GREY, strokeWidth=1.5)
        .encode(y=alt.Y("total:Q", title=t("column.epsilon"), scale=scale))
    )
    chart = layered(total, line, points)
    chart.height = _HEIGHT
    return chart


def _timed(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with each time as milliseconds: text would be read as the reader's own time."""
    stamps = pd.to_datetime(frame["at"], utc=True)
    return frame.assign(ms=[round(stamp.timestamp()) * 1000 for stamp in stamps])


def _across(frame: pd.DataFrame, t: Translator) -> Any:
    if runs_on(frame) == "steps":
        return alt.X("steps:Q", title=t("column.steps"), axis=alt.Axis(format=","))
    first, last = int(frame["ms"].min()), int(frame["ms"].max())
    seconds = (last - first) / 1000
    # numbers alone: names of months would be English on every page
    form = "%Y-%m-%d" if seconds > 3 * _DAY_S else "%H:%M" if seconds > 3 * _HOUR_S else "%H:%M:%S"
    step = 1000 * next((s for s in _STEPS if seconds / s <= _MOST_TICKS), _DAY_S)
    step *= max(1, -(-(last - first) // (step * _MOST_TICKS)))
    # as a number: the ticks of a time scale cannot be chosen to the second
    return alt.X(
        "ms:Q",
        title=t("privacy.time", day=str(frame["at"].iloc[0])[:10]),
        scale=alt.Scale(domain=[first, last], nice=False, zero=False),
        axis=alt.Axis(
            labelExpr=f"utcFormat(datum.value, '{form}')",
            labelOverlap=True,
            values=list(range(-(-first // step) * step, last + 1, step)),
        ),
    )
