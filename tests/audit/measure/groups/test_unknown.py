"""Bounds on a gap over all assignments of unknown rows: every assignment tried, on small cases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.measure.groups.gaps import GroupCount
from evenhand.audit.measure.groups.unknown import lowest_ratio, narrowest, widest
from tests.audit.subjects import confusion_rows, findings_of, one


def groups_of(*counts: tuple[float, float]) -> list[GroupCount]:
    return [GroupCount(str(i), k, n) for i, (k, n) in enumerate(counts)]


def gap(groups: list[GroupCount]) -> float:
    rates = [g.k / g.n for g in groups]
    return max(rates) - min(rates)


def ratio(groups: list[GroupCount]) -> float:
    rates = [g.k / g.n for g in groups]
    return min(rates) / max(rates) if max(rates) > 0 else 1.0


def splits(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in splits(total - first, parts - 1):
            yield (first, *rest)


def every_assignment(
    groups: list[GroupCount], selected: int, rejected: int
) -> Iterator[list[GroupCount]]:
    for up, down in product(splits(selected, len(groups)), splits(rejected, len(groups))):
        yield [
            GroupCount(g.name, g.k + s, g.n + s + r)
            for g, s, r in zip(groups, up, down, strict=True)
        ]


def cases() -> Iterator[tuple[list[GroupCount], int, int]]:
    rng = np.random.default_rng(8)
    for _ in range(60):
        n = rng.integers(1, 9, size=int(rng.integers(2, 4)))
        counts = [(int(rng.integers(0, m + 1)), int(m)) for m in n]
        yield groups_of(*counts), int(rng.integers(0, 5)), int(rng.integers(0, 5))


def test_the_widest_gap_is_the_widest_of_all_assignments() -> None:
    for groups, selected, rejected in cases():
        tried = list(every_assignment(groups, selected, rejected))
        assert gap(widest(groups, selected, rejected)) == pytest.approx(max(map(gap, tried)))
        assert ratio(lowest_ratio(groups, selected, rejected)) == pytest.approx(
            min(map(ratio, tried))
        )


def test_the_narrowest_gap_bounds_all_assignments_and_is_nearly_reached() -> None:
    for groups, selected, rejected in cases():
        bound = narrowest(groups, selected, rejected)
        tried = list(every_assignment(groups, selected, rejected))
        assert gap(bound) <= min(map(gap, tried)) + 1e-12
        assert ratio(bound) >= max(map(ratio, tried)) - 1e-12
        # no row is lost or invented
        assert sum(g.n for g in bound) <= sum(g.n for g in groups) + selected + rejected + 1e-9


@pytest.mark.parametrize(
    ("counts", "selected", "rejected"),
    [
        (((1, 4), (3, 4)), 1, 1),
        (((0, 3), (1, 4), (4, 4)), 2, 1),
        (((1, 5), (2, 5)), 3, 2),
        (((2, 4), (2, 4)), 0, 3),
    ],
)
def test_the_narrowest_gap_is_what_ever_finer_rows_tend_to(
    counts: tuple[tuple[int, int], ...], selected: int, rejected: int
) -> None:
    """Every row cut into 12: the best assignment of the pieces comes within a piece's share."""
    fine = groups_of(*((12 * k, 12 * n) for k, n in counts))
    assignments = every_assignment(fine, 12 * selected, 12 * rejected)
    smallest = min(gap(g) for g in assignments)
    bound = gap(narrowest(groups_of(*counts), selected, rejected))
    assert bound <= smallest + 1e-12
    assert smallest - bound < 1 / 30


def test_the_check_reports_the_bounds(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a"}, tp=20, fp=0, fn=0, tn=20),
            confusion_rows({"g": "b"}, tp=16, fp=0, fn=0, tn=24),
            confusion_rows({"g": None}, tp=5, fp=0, fn=0, tn=5),
        ]
    )
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    stem = "demographic_parity_"
    # all selected unknown to a, all rejected to b: 25/45 - 16/45
    assert one(found, f"{stem}difference_highest").value == pytest.approx(25 / 45 - 16 / 45)
    assert one(found, f"{stem}ratio_lowest").value == pytest.approx(16 / 25)
    # selected to b: 21/45; rejected to a: 20/45; so the two levels meet, and no gap is possible
    lowest = one(found, f"{stem}difference_lowest")
    assert lowest.value == pytest.approx(0.0, abs=1e-12)
    assert one(found, f"{stem}ratio_highest").value == pytest.approx(1.0)
    assert lowest.counts["unknown"] == 10
    assert lowest.interval is not None
    assert "10 unknown rows" in lowest.method


def test_bounds_of_every_gap_hold_for_every_assignment(tmp_path: Path) -> None:
    """All ways to give 5 unknown rows to two groups, each counted by hand."""
    known = {"a": (9, 4, 3, 6), "b": (5, 6, 7, 4)}  # tp, fp, fn, tn
    frame = pd.concat(
        [
            *(
                confusion_rows({"g": g}, tp=c[0], fp=c[1], fn=c[2], tn=c[3])
                for g, c in known.items()
            ),
            confusion_rows({"g": None}, tp=2, fp=1, fn=1, tn=1),
        ]
    )
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g"])
    rates = {
        "equal_opportunity": lambda tp, fp, fn, tn: tp / (tp + fn),
        "false_positive_rate": lambda tp, fp, fn, tn: fp / (fp + tn),
        "precision_score": lambda tp, fp, fn, tn: tp / (tp + fp),
        "accuracy_score": lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
    }
    tried: dict[str, list[float]] = {}
    for given in product(range(3), range(2), range(2), range(2)):
        a = [k + u for k, u in zip(known["a"], given, strict=True)]
        b = [k + t - u for k, t, u in zip(known["b"], (2, 1, 1, 1), given, strict=True)]
        for name, rate in rates.items():
            ends = sorted([rate(*a), rate(*b)])
            tried.setdefault(f"{name}_difference", []).append(ends[1] - ends[0])
            tried.setdefault(f"{name}_ratio", []).append(ends[0] / ends[1])
        tpr = tried["equal_opportunity_difference"][-1]
        fpr = tried["false_positive_rate_difference"][-1]
        tried.setdefault("equalized_odds_difference", []).append(max(tpr, fpr))
        tried.setdefault("equalized_odds_difference_mean", []).append((tpr + fpr) / 2)
    for name, values in tried.items():
        low, high = one(found, f"{name}_lowest"), one(found, f"{name}_highest")
        assert low.value <= min(values) + 1e-12 and high.value >= max(values) - 1e-12, name
        # the wide end is reached by an assignment of whole rows
        wide = (low, min(values)) if name.endswith("ratio") else (high, max(values))
        assert wide[0].value == pytest.approx(wide[1]), name
        assert low.interval is not None and high.interval is not None
        assert "5 unknown rows assigned" in low.method


def test_bounds_hold_in_crossings_and_where_a_group_lacks_the_rate(tmp_path: Path) -> None:
    frame = pd.concat(
        [
            confusion_rows({"g": "a", "h": "x"}, tp=8, fp=2, fn=2, tn=8),
            confusion_rows({"g": "b", "h": "x"}, tp=5, fp=2, fn=5, tn=8),
            confusion_rows({"g": "b", "h": "y"}, tp=0, fp=4, fn=0, tn=9),
            confusion_rows({"g": None, "h": "y"}, tp=1, fp=0, fn=1, tn=0),
        ]
    )
    found = findings_of("fairness.gaps", frame, tmp_path, sensitive_features=["g", "h"])
    crossing = {"between": ("g", "h")}
    # 8 of 10 and 5 of 10; one more of each: 9/11 against 5/11. The third has no positives
    highest = one(found, "equal_opportunity_difference_highest", **crossing)
    assert highest.value == pytest.approx(9 / 11 - 5 / 11)
    assert "g=b, h=y (no positive labels)" in highest.reason
    # the unknown positive raises b, the other unknown lowers a: 8/11 - 6/11
    lowest = one(found, "equal_opportunity_difference_lowest", **crossing)
    assert lowest.value == pytest.approx(8 / 11 - 6 / 11)
    assert not [f for f in found if f.measure.endswith("_lowest") and f.between == ("h",)]
