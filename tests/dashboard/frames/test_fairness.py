"""Tables of the fairness page against numbers worked out by hand in ``artifacts``."""

from __future__ import annotations

import math
from typing import Any

import pytest

from evenhand.audit.artifacts.fairness import Calibration, Thresholds, WorstGroups
from evenhand.audit.files.shapes import parsed
from evenhand.dashboard.cases.axes import axis as axis_of
from evenhand.dashboard.cases.index import build, group_axis, group_key, group_name
from evenhand.dashboard.charts import fairness as charts_fairness
from evenhand.dashboard.frames import fairness as tables
from evenhand.dashboard.frames import findings as frames
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.views import figure
from tests.dashboard import artifacts
from tests.samples import HOSTILE, finding, sample_findings

EN = Translator("en")


def thresholds(groups: int = 2) -> Thresholds:
    return parsed(artifacts.thresholds(groups), Thresholds)


def calibration() -> Calibration:
    return parsed(artifacts.calibration(), Calibration)


def worst_groups() -> WorstGroups:
    return parsed(artifacts.worst_groups(), WorstGroups)


def test_a_rate_at_a_threshold_is_its_cases_over_its_rows() -> None:
    frame = tables.explorer_frame(thresholds(), "race", "selection_rate", "race=g0", EN)
    mine = frame[frame["group"] == "g0"]
    assert list(mine["value"]) == [4 / 8, 3 / 8, 0.0]
    assert list(mine["cases"]) == [4, 3, 0]
    assert mine["chosen"].all() and not frame[frame["group"] != "g0"]["chosen"].any()
    assert next(iter(mine["told"])) == "g0: 0.50 (4 of 8)"
    assert len(frame) == 2 * 3  # all rows together are no group of race


def test_a_rate_without_rows_is_missing_not_zero() -> None:
    plain = artifacts.thresholds()
    plain["groups"][1] = {**plain["groups"][1], "tp": [0, 0, 0], "fn": [0, 0, 0]}
    frame = tables.explorer_frame(parsed(plain, Thresholds), "race", "true_positive_rate", "", EN)
    mine = frame[frame["group"] == "g0"]
    assert mine["value"].isna().all()
    assert set(mine["told"]) == {"g0: no rows"}


def test_each_place_of_the_slider_belongs_to_the_nearest_threshold() -> None:
    frame = tables.explorer_frame(thresholds(1), "race", "selection_rate", "", EN)
    for place, expected in ((0.0, 0.0), (0.24, 0.0), (0.26, 0.5), (0.74, 0.5), (1.0, 1.0)):
        here = frame[(frame["from"] <= place) & (place < frame["to"])]
        assert list(here["threshold"]) == [expected]


def test_the_explorer_carries_counts_and_slider_and_asks_no_server() -> None:
    frame = tables.explorer_frame(thresholds(), "race", "selection_rate", "", EN)
    spec = charts_fairness.explorer(
        frame, EN, rate="selection_rate", threshold=0.5, is_probability=True
    ).to_dict()
    slider = spec["params"][0]
    assert (slider["name"], slider["value"]) == ("chosen_threshold", 0.5)
    assert (slider["bind"]["min"], slider["bind"]["max"], slider["bind"]["step"]) == (0, 1, 0.01)
    rows = next(iter(spec["datasets"].values()))
    assert {"cases", "n", "from", "to"} <= set(rows[0])


def test_a_bin_is_its_positives_over_its_rows() -> None:
    frame = tables.calibration_frame(calibration(), "race", "race=black")
    assert list(frame["group"]) == ["white", "black"]
    assert list(frame["value"]) == [0.4, 0.4]
    assert list(frame["chosen"]) == [False, True]


def test_the_error_tree_is_in_reading_order_with_its_parents() -> None:
    frame = tables.tree_frame(worst_groups(), EN)
    assert list(frame["value"]) == [5 / 20, 4 / 8, 1 / 12]
    assert list(frame["depth"]) == [0, 1, 1]
    assert list(frame["above"])[1:] == [0, 0]
    assert list(frame["group"]) == ["all rows", "sex = F", "sex ≠ F"]


@pytest.mark.parametrize(("first", "second"), [("sex", "race"), ("race", "sex")])
def test_a_heat_map_is_the_same_from_both_sides(first: str, second: str) -> None:
    frame = tables.heat_frame(worst_groups(), first, second, EN)
    cells = {
        (row[first_of(first, row)], row[first_of(second, row)]): row["value"]
        for row in (
            {first: r["first"], second: r["second"], "value": r["value"]}
            for r in frame.to_dict("records")
        )
    }
    found = {frozenset(k): v for k, v in cells.items()}
    # sex F × race w: 4 of 8; M × w: 0 of 7; M × the hostile one: 1 of 5; F × hostile has no rows
    assert found == {
        frozenset(("F", "w")): 0.5,
        frozenset(("M", "w")): 0.0,
        frozenset(("M", HOSTILE)): 0.2,
    }


def first_of(name: str, row: dict[str, Any]) -> str:
    assert name in row
    return name


def test_tested_groups_hold_both_error_rates() -> None:
    frame = tables.tested_frame(worst_groups())
    row = frame.iloc[0]
    assert row["group"] == "sex = F"
    assert (row["value"], row["elsewhere"]) == (0.5, 1 / 6)


def test_the_index_finds_by_measure_group_and_overall() -> None:
    index = build(sample_findings(), ["race", "sex"])
    found = index.about_group("race=black", "selection_rate", "fairness.group_rates")
    assert found is not None and found.value == 0.75
    assert index.about_group("race=nobody", "selection_rate", "fairness.group_rates") is None
    overall = index.overall("accuracy_score")
    assert overall is not None and overall.value == 0.9
    assert index.groups[0] == "race=white"  # one feature before crossings, the largest first
    assert index.groups[-1] == "race=hispan&sex=female"


def test_a_group_key_survives_a_link() -> None:
    key = group_key({"ra&ce": "a=b", "sex": HOSTILE})
    assert group_axis(key) == axis_of(finding("a.b", "m", 1.0, group={"ra&ce": "x", "sex": "y"}))
    assert group_name(key) == f"ra&ce = a=b, sex = {HOSTILE}"


def test_the_gaps_of_a_rate_are_named_as_the_checks_name_them() -> None:
    assert frames.gaps_of("selection_rate", "difference") == ["demographic_parity_difference"]
    assert frames.gaps_of("accuracy_score", "ratio") == ["accuracy_score_ratio"]


def test_a_chart_is_drawn_as_svg_without_a_network() -> None:
    frame = tables.calibration_frame(calibration(), "race", "")
    drawn = figure.svg(charts_fairness.calibration(frame, EN).to_dict())
    assert drawn.startswith("<svg") and "white" in drawn
    assert not math.isnan(frame["value"].iloc[0])


def test_a_chart_of_many_groups_draws_both_ends_and_the_chosen_one() -> None:
    many = [
        finding("fairness.group_rates", "selection_rate", i / 100, group={"race": f"g{i:02}"})
        for i in range(100)
    ]
    frame = frames.group_frame(many, "race", {}, EN)
    frame["chosen"] = frame["group"] == "g50"
    drawn = frames.ends(frame)
    assert list(drawn["group"]) == [f"g{i:02}" for i in (*range(30), 50, *range(70, 100))]
    assert frames.ends(frame.head(60)) is not None and len(frames.ends(frame.head(60))) == 60
