"""The group chart: an honest axis, words for what has no point, a description."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evenhand.dashboard.charts import groups as charts
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import Translator
from tests.samples import finding, sample_findings

EN = Translator("en")
RATES = [f for f in sample_findings() if f.measure == "selection_rate"]
MINIMUM = {"fairness.group_rates": 10}


def frame_of(key: str = "race") -> pd.DataFrame:
    return frames.group_frame(RATES, key, MINIMUM, EN)


def spec(frame: pd.DataFrame, **options: Any) -> dict[str, Any]:
    chart = charts.group_chart(frame, EN, measure="selection_rate", unit="rate", **options)
    result: dict[str, Any] = chart.to_dict()
    return result


def test_the_axis_holds_every_interval_and_is_not_stretched_to_zero() -> None:
    # ends are 0.3 and 0.941; 6 % of 0.641 is added on both sides
    low, high = charts.value_range(frame_of(), is_rate=True)
    assert low == pytest.approx(0.3 - 0.06 * 0.641)
    assert high == pytest.approx(0.941 + 0.06 * 0.641)


def test_a_rate_stays_between_zero_and_one() -> None:
    frame = frame_of("race&sex")  # 1.0 [0.34, 1.0]
    assert charts.value_range(frame, is_rate=True)[1] == 1.0
    assert charts.value_range(frame, is_rate=False)[1] > 1.0


def test_one_value_alone_has_an_axis_too() -> None:
    frame = frames.group_frame([finding("a.b", "m", 5.0, group={"r": "x"})], "r", {}, EN)
    assert charts.value_range(frame, is_rate=False) == pytest.approx((4.7, 5.3))
    assert charts.value_range(frame.assign(value=None), is_rate=True) == (0.0, 1.0)


def test_no_scale_of_a_value_includes_zero_by_force() -> None:
    for layer in spec(frame_of(), overall=0.9)["layer"]:
        scale = layer["encoding"]["x"].get("scale")
        assert scale is None or scale["zero"] is False


def test_points_have_shapes_and_intervals_have_lines() -> None:
    layers = spec(frame_of("race&sex"))["layer"]
    kinds = [layer["mark"]["type"] for layer in layers]
    assert kinds == ["point", "rule", "point"]
    assert layers[-1]["encoding"]["shape"]["scale"]["range"] == ["diamond"]
    assert layers[1]["encoding"]["x"]["field"] == "low"
    assert layers[1]["encoding"]["x2"]["field"] == "high"


def test_a_group_without_a_number_keeps_its_row_and_gets_no_point() -> None:
    undefined = finding(
        "fairness.group_rates", "selection_rate", None, group={"race": "z"}, reason="no rows", n=0
    )
    frame = frames.group_frame([*RATES, undefined], "race", MINIMUM, EN)
    made = spec(frame)
    assert "z (n=0) · Undefined" in made["layer"][0]["encoding"]["y"]["sort"]
    assert made["layer"][-1]["transform"] == [{"filter": "isValid(datum.value)"}]


def test_the_value_over_all_rows_is_a_dashed_line() -> None:
    layers = spec(frame_of(), overall=0.9)["layer"]
    assert [layer["mark"].get("strokeDash") for layer in layers] == [None, [6, 4], None, None]


def test_the_description_names_lowest_and_highest() -> None:
    told = charts.describe(frame_of(), EN, measure="selection_rate")
    assert "3 groups, 0 of them without a number" in told
    assert "highest 0.92 for white" in told
    nothing = frames.group_frame([], "race", {}, EN)
    assert "none with a number" in charts.describe(nothing, EN, measure="x")
    assert spec(frame_of(), description=told)["description"] == told


def test_the_legend_explains_only_what_is_drawn() -> None:
    plain = charts.legend(frame_of(), EN, overall=None, is_rate=True)
    assert plain == "Lines are 95% intervals. The axis runs from 0.262 to 0.979."
    small = charts.legend(frame_of("race&sex"), EN, overall=0.9, is_rate=True)
    assert "A diamond is a group too small to compare." in small
    assert "The dashed line is the value over all rows, 0.90." in small
