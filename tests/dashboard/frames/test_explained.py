"""Tables of the explanations page against the artifacts in ``artifacts``, and pixels by hand."""

from __future__ import annotations

import base64
import io

import pytest

from evenhand.audit.artifacts.explanation import (
    Attributions,
    AttributionsByGroup,
    Counterfactuals,
    Reasons,
)
from evenhand.audit.files.shapes import parsed
from evenhand.dashboard.charts import explained as charts_explained
from evenhand.dashboard.charts import pixels
from evenhand.dashboard.frames import explained as tables
from evenhand.dashboard.i18n import Translator
from tests.dashboard import artifacts
from tests.samples import HOSTILE

EN, ZH = Translator("en"), Translator("zh")
ATTRIBUTIONS = parsed(artifacts.attributions(), Attributions)
BY_GROUP = parsed(artifacts.by_group(), AttributionsByGroup)
REASONS = parsed(artifacts.reasons(), Reasons)
CHANGES = parsed(artifacts.changes(), Counterfactuals)


def test_bars_are_the_columns_as_stored() -> None:
    frame = tables.bar_frame(ATTRIBUTIONS)
    assert list(frame["value"]) == [0.3, 0.1]
    assert frame["low"].isna().tolist() == [False, True]
    assert charts_explained.bars(frame, EN, unit="probability").to_dict()["height"] > 0


def test_groups_are_shown_in_the_order_of_all_rows() -> None:
    frame = tables.by_group_frame(BY_GROUP, "race", "race=black", EN)
    assert list(frame["column"]) == ["income", "other", "income", "other"]
    assert list(frame["value"]) == [0.3, 0.1, 0.2, 0.4]
    assert list(frame["chosen"]) == [False, False, True, True]
    assert tables.by_group_axes(BY_GROUP) == ["race"]


def test_dots_have_the_place_of_their_input_and_a_lane_each() -> None:
    frame = tables.swarm_frame(ATTRIBUTIONS)
    income = frame[frame["column"] == "income"]
    assert list(income["tone"]) == [0.0, 1.0]  # 10 is the lower of 10 and 30
    assert list(income["row"]) == [7, 3]
    assert income["spread"].nunique() == 2
    assert frame[frame["column"] == HOSTILE]["tone"].isna().all()  # a text has no order


def test_one_person_is_sorted_by_strength_with_words_for_the_direction() -> None:
    told = ATTRIBUTIONS
    place = tables.position(told, 7)
    assert place == 0
    frame = tables.person_frame(told, place, EN)
    assert list(frame["column"]) == ["income", HOSTILE]
    assert list(frame["direction"]) == ["lowers", "lowers"]
    assert tables.position(told, 99) is None


def test_rows_are_those_that_anything_explains() -> None:
    rows = tables.row_numbers(ATTRIBUTIONS, REASONS, CHANGES)
    assert rows == [3, 7]
    assert tables.row_numbers(None, None, None) == []


def test_reasons_and_change_of_a_refusal() -> None:
    told = REASONS
    frame = tables.reasons_frame(told.people[0], told, ZH)
    assert frame.iloc[0].to_dict() == {
        "place": 1,
        "column": "income",
        "compared": "低于参照",
        "reference": "25",
        "push": 0.4,
        "rise": 0.35,
    }
    change = tables.changes_frame(CHANGES.people[0])
    assert change.iloc[0].to_dict() == {"column": "income", "change": "+12.5"}


def test_a_map_is_drawn_over_its_image() -> None:
    from PIL import Image

    levels = base64.b64encode(bytes([127, 129, 0, 0])).decode()  # 1, -1, 0, 0
    image = base64.b64encode(bytes([0, 255, 100, 0])).decode()
    drawn = pixels.overlay(levels, image, height=2, width=2, colours=1)
    picture = Image.open(io.BytesIO(drawn))
    zoom = picture.width // 2
    at = [picture.getpixel((x * zoom, y * zoom)) for y in (0, 1) for x in (0, 1)]
    # full blue, full vermilion, then the faint greys 128 + 100 // 2 and 128 + 0
    assert at == [(0, 114, 178), (213, 94, 0), (178, 178, 178), (128, 128, 128)]


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="1 bytes, expected 4"):
        pixels.overlay(base64.b64encode(b"x").decode(), None, height=2, width=2, colours=1)
    with pytest.raises(ValueError, match="not base64"):
        pixels.overlay("*", None, height=1, width=1, colours=1)


def test_words_carry_a_sign_beside_their_colour_and_are_inert() -> None:
    shown = pixels.coloured_words(["bad", HOSTILE, "day"], [-0.5, 0.3, 0.0])
    assert shown.startswith(":orange-background[**▼ bad**] :blue-background[**▲ ")
    assert "\\<script" in shown and "<" not in shown.replace("\\<", "")
    assert shown.endswith(" day")
