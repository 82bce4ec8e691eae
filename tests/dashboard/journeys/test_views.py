"""The journeys of CI meet everything that people may see, at least twice."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.dashboard.journey_views import ALL, IN_CI, views_of


def test_every_language_width_and_theme_is_met_at_least_twice_in_ci() -> None:
    met = Counter(
        part for views in IN_CI.values() for v in views for part in (v.lang, v.width, v.dark)
    )
    wanted = {part for v in ALL for part in (v.lang, v.width, v.dark)}
    assert {part for part, times in met.items() if times >= 2} == wanted


def test_the_matrix_takes_every_journey_through_every_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENHAND_MATRIX", raising=False)
    assert {len(views_of(journey)) for journey in IN_CI} <= {1, 2}
    monkeypatch.setenv("EVENHAND_MATRIX", "1")
    assert {tuple(views_of(journey)) for journey in IN_CI} == {ALL}
    assert len({str(view) for view in ALL}) == 8
