"""Every measure has a name in both languages, in one table."""

from __future__ import annotations

import json

import pytest

from evenhand.audit.run.catalogue import checks
from evenhand.audit.words.measures import TABLE, known_name, measure_name

NAMES: dict[str, dict[str, str]] = json.loads(TABLE.read_text("utf-8"))
MEASURES = sorted({measure for check in checks() for measure in check.measures})
# Named, though no check of the catalogue measures them: other checks may.
AHEAD = {"brier_score_loss", "empirical_epsilon"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_measure_of_the_catalogue_has_a_name(lang: str) -> None:
    assert len(MEASURES) > 200
    assert [m for m in MEASURES if not known_name(m, lang)] == []
    # a name tells two measures apart, but for the rows of a group, which two checks count
    names: dict[str, list[str]] = {}
    for measure in MEASURES:
        names.setdefault(measure_name(measure, lang), []).append(measure)
    assert [n for n in names.values() if len(n) > 1] == [["count", "group_count"]]


def test_every_name_is_of_a_measure_and_in_both_languages() -> None:
    assert {n for n in NAMES if not n.startswith("*")} - set(MEASURES) == AHEAD
    for name, texts in NAMES.items():
        assert set(texts) == {"en", "zh"} and all(t.strip() for t in texts.values()), name
        is_chinese = any("\u4e00" <= c <= "\u9fff" for c in texts["zh"])
        assert is_chinese or name == "f1_score", name


def test_bounds_and_what_no_table_has() -> None:
    assert measure_name("accuracy_score_ratio_highest", "zh").startswith(
        measure_name("accuracy_score_ratio", "zh")
    )
    assert known_name("their_own_rate", "en") is None
    assert measure_name("their_own_rate", "zh") == "Their own rate"
