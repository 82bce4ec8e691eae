"""A chart as every page shows it: with its legend, its table, its making, and its downloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from evenhand.dashboard.charts.drawing import Drawn
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.text import escape
from evenhand.dashboard.views import parts


@dataclass(frozen=True)
class Figure:
    """What is shown: ``words`` say it to those who don't see the picture, ``how`` are pairs of a
    heading and a text that let somebody compute it again. ``frame`` holds every number drawn."""

    name: str
    chart: Drawn
    frame: pd.DataFrame
    words: str
    legend: str = ""
    how: Sequence[tuple[str, str]] = ()
    hidden: tuple[str, ...] = ()


def show(figure: Figure, t: Translator) -> None:
    """Draws the figure; its table and its making are one click away."""
    spec = figure.chart.to_dict()
    st.vega_lite_chart(spec=spec, width="stretch", key=f"chart_{figure.name}", alt=figure.words)
    if figure.legend:
        st.caption(escape(figure.legend))
    with st.expander(escape(t("figure.table"))):
        parts.table(figure.frame, t, name=figure.name, hidden=figure.hidden, alt=figure.words)
    if figure.how:
        with st.expander(escape(t("how.title"))):
            parts.pairs(figure.how)
    with st.container(horizontal=True, gap="small"):
        parts.download(figure.frame, t, name=figure.name)
        _svg_button(figure, t)


def _svg_button(figure: Figure, t: Translator) -> None:
    st.download_button(
        t("figure.svg"),
        lambda: svg(figure.chart.to_dict()),
        file_name=f"{figure.name}.svg",
        mime="image/svg+xml",
        icon=":material/download:",
        on_click="ignore",
        key=f"svg_{figure.name}",
    )


def svg(spec: dict[str, Any]) -> str:
    """The picture of a Vega-Lite specification, drawn here: nothing is fetched for it."""
    import vl_convert

    sized = {"width": 640, **spec} if "vconcat" not in spec else spec
    drawn: str = vl_convert.vegalite_to_svg(sized, allowed_base_urls=[])
    return drawn


def making(finding: Any, formula: str, t: Translator) -> list[tuple[str, str]]:
    """How the numbers of a figure were made: the formula, then what ``finding`` says of itself."""
    rest = [pair for pair in frames.how_computed(finding, t) if pair[0] != t("column.id")]
    return [(t("figure.formula"), formula), *rest] if formula else rest
