"""Proxies, representation, ranking and the search for the worst groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, hypergeom
from sklearn.metrics import mutual_info_score, ndcg_score

from evenhand.audit.case.case import read_case
from evenhand.audit.measure import dependence as d
from evenhand.audit.measure.groups.exposure import ndcg, ndcg_estimate, position_weights
from evenhand.audit.measure.groups.representation import total_variation
from evenhand.audit.measure.groups.worst_groups import Levels, confirm, heat_map, search
from evenhand.audit.run.run import audit
from tests.audit.subjects import findings_of, one, stored_spec

SEED = (3, 4)


def test_mutual_information_equals_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    x, s = rng.integers(0, 5, 500), rng.integers(0, 3, 500)
    s[x == 0] = 0
    table = d.contingency(x, s)
    assert d.mutual_information(table) == pytest.approx(mutual_info_score(x, s))
    share = np.bincount(s) / 500
    entropy = -(share * np.log(share)).sum()
    found = d.uncertainty_coefficient(table, (0.95,), SEED)
    assert found.value == pytest.approx(mutual_info_score(x, s) / entropy)


def test_strength_is_one_for_a_copy_and_near_none_for_noise() -> None:
    rng = np.random.default_rng(2)
    s = rng.integers(0, 3, 400)
    assert d.uncertainty_coefficient(d.contingency(s, s), (0.95,), SEED).value == 1.0
    lows, p_values = [], []
    for trial in range(60):
        x = rng.integers(0, 8, 200)
        s = rng.integers(0, 2, 200)
        interval = d.uncertainty_coefficient(d.contingency(x, s), (0.95,), (trial,)).interval
        assert interval is not None
        lows.append(interval.low)
        p_values.append(d.permutation_p_value(x, s, 39, (trial,)))
    assert np.mean(np.array(lows) == 0) >= 0.95
    assert np.mean(np.array(p_values) <= 0.1) <= 0.2
    assert d.permutation_p_value(s, s, 39, SEED) == 1 / 40


def test_levels_of_numbers_and_texts() -> None:
    codes = d.levels_of(pd.Series([1.0, 2.0, 3.0, 4.0, None]), 2)
    assert len(set(codes[:2])) == 1
    assert len(set(codes)) == 3
    assert d.levels_of(pd.Series(["a", "b", "a", None]), 10).tolist() == [0, 1, 0, 2]


def test_proxies_find_the_stand_in_and_not_the_noise(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    g = rng.choice(["a", "b"], 600, p=[0.7, 0.3])
    place = np.where(rng.random(600) < 0.9, g, "x")
    frame = pd.DataFrame({"g": g, "place": place, "noise": rng.normal(size=600), "y": 1, "yhat": 1})
    frame.loc[:100, "y"] = 0
    found = findings_of("data.proxies", frame, tmp_path, sensitive_features=["g"])
    strong = one(found, "proxy_strength", column="place")
    weak = one(found, "proxy_strength", column="noise")
    assert strong.value is not None
    assert weak.interval is not None
    assert strong.value > 0.8
    assert weak.interval.low == 0
    assert "permutation p = 0.005 (199 shuffles)" in strong.method
    area = one(found, "proxy_auc", column="noise", group={"g": "a"}).interval
    assert area is not None
    assert area.low < 0.5 < area.high
    sure = one(found, "proxy_auc", column="place", group={"g": "a"}).value
    assert sure is not None
    assert sure > 0.9
    assert {f.column for f in found} == {"place", "noise"}


def test_areas_of_noise_are_not_biased_away_from_a_half() -> None:
    rng = np.random.default_rng(4)
    from evenhand.audit.measure.ranking import roc_auc

    found = []
    for trial in range(200):
        x, inside = rng.integers(0, 10, 200), rng.random(200) < 0.3
        told = d.foretell(x, inside, (trial,))
        found.append(roc_auc(told.is_member, told.share, (0.95,)).value)
    # the standard error of the mean is about 0.06 / sqrt(200) = 0.004
    assert np.mean(np.array(found, dtype=float)) == pytest.approx(0.5, abs=0.015)


def test_representation_against_declared_shares(tmp_path: Path) -> None:
    frame = pd.DataFrame({"g": list("a" * 60 + "b" * 40), "yhat": [0, 1] * 50})
    declared = {"reference.g.a": 0.5, "reference.g.b": 0.4, "reference.g.c": 0.1}
    base: dict[str, Any] = {"target": None, "sensitive_features": ["g"]}
    found = findings_of("data.representation", frame, tmp_path, declared=declared, **base)
    more = one(found, "representation_difference", group={"g": "a"})
    assert more.value == pytest.approx(0.1)
    assert more.p_value == pytest.approx(binomtest(60, 100, 0.5).pvalue)
    absent = one(found, "representation_difference", group={"g": "c"})
    assert absent.value == pytest.approx(-0.1)
    # |.6 - .5| + |.4 - .4| + |0 - .1| = .2, halved
    assert one(found, "representation_distance").value == pytest.approx(0.1)
    nothing = findings_of("data.representation", frame, tmp_path, **base)
    assert {f.status for f in nothing} == {"not_applicable"}
    wrong = {"reference.g.a": 60}
    found = findings_of("data.representation", frame, tmp_path, declared=wrong, **base)
    assert "is no share" in found[0].reason


def test_distances_interval_starts_at_zero_for_the_declared_shares() -> None:
    rng = np.random.default_rng(5)
    shares = [0.5, 0.3, 0.2]
    held = 0
    for _ in range(300):
        found = total_variation(rng.multinomial(200, shares).tolist(), shares, (0.95,))
        assert found.interval is not None
        held += found.interval.low == 0
    assert held >= (0.95 - 3 * 0.0126) * 300  # less three standard errors


def test_exposure_and_ndcg_equal_scikit_learns_with_ties() -> None:
    rng = np.random.default_rng(6)
    score = rng.integers(0, 6, 40).astype(float)
    relevance = rng.integers(0, 2, 40).astype(float)
    assert ndcg(relevance, score) == pytest.approx(ndcg_score([relevance], [score]))
    # three places, the last two tied: 1, and the mean of 1/log2(3) and 1/log2(4)
    shared = (1 / np.log2(3) + 1 / 2) / 2
    assert position_weights(np.array([2.0, 5.0, 2.0])) == pytest.approx([shared, 1, shared])
    assert ndcg(np.zeros(3), np.arange(3.0)) is None


def test_ranking_by_hand(tmp_path: Path) -> None:
    # a holds places 1 to 10, b places 11 to 20: the top tenth (2 places) is a's
    frame = pd.DataFrame(
        {"s": np.arange(20, 0, -1), "g": list("a" * 10 + "b" * 10), "y": [0, 1] * 10}
    )
    found = findings_of(
        "fairness.ranking",
        frame,
        tmp_path,
        predicted=None,
        score="s",
        threshold=10,
        sensitive_features=["g"],
    )
    weights = 1 / np.log2(np.arange(20) + 2)
    seen = one(found, "relative_exposure", group={"g": "a"}).value
    assert seen == pytest.approx(weights[:10].mean() / weights.mean())
    assert one(found, "top_k_selection_rate", group={"g": "a"}).value == pytest.approx(0.2)
    assert one(found, "top_k_selection_rate_difference").value == pytest.approx(0.2)
    own = ndcg_score([[0, 1] * 5], [list(range(10, 0, -1))])
    assert one(found, "ndcg_score", group={"g": "b"}).value == pytest.approx(own)


def test_a_perfect_ranking_has_no_interval_and_a_faulty_one_covers_the_truth() -> None:
    perfect = ndcg_estimate(np.array([1.0] * 5 + [0] * 5), np.arange(10.0, 0, -1), (0.95,), [0])
    assert (perfect.value, perfect.intervals) == (1.0, ())
    assert "every draw" in perfect.reason
    # scores of positives lie 1 above those of negatives; the truth is that of very many rows
    rng = np.random.default_rng(0)

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        relevance = (rng.random(n) < 0.4).astype(float)
        return relevance, relevance + rng.normal(size=n)

    truth = np.mean([ndcg(*drawn(100)) or 0.0 for _ in range(4000)])
    held = 0
    for i in range(200):
        interval = ndcg_estimate(*drawn(100), (0.95,), [i]).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert held >= (0.95 - 3 * 0.0154) * 200  # less three standard errors


def columns_of(rng: np.random.Generator, n: int) -> list[Levels]:
    return [
        Levels(f"c{i}", rng.integers(0, size, n), tuple(map(str, range(size))))
        for i, size in enumerate((3, 4, 2, 5))
    ]


def at(columns: list[Levels], rows: slice) -> list[Levels]:
    return [Levels(c.column, c.codes[rows], c.names) for c in columns]


def test_pure_noise_is_confirmed_no_more_often_than_alpha() -> None:
    rng = np.random.default_rng(7)
    trials = 200
    alarms = 0
    for _ in range(trials):
        columns, wrong = columns_of(rng, 600), rng.random(600) < 0.2
        first, second = slice(0, 300), slice(300, 600)
        found, looked_at = search(at(columns, first), wrong[first], depth=2, smallest=10, most=10)
        assert found
        assert looked_at > 50
        tested = confirm(found, at(columns, second), wrong[second])
        alarms += any(c.adjusted <= 0.05 for c in tested)
    # at most 5 % of 200 = 10; 18 is that plus 2.6 standard errors
    assert alarms <= 18


def test_a_planted_group_is_found_and_its_p_value_is_fishers() -> None:
    rng = np.random.default_rng(8)
    columns = columns_of(rng, 2000)
    planted = (columns[0].codes == 1) & (columns[3].codes == 2)
    wrong = rng.random(2000) < np.where(planted, 0.6, 0.1)
    found, _ = search(at(columns, slice(0, 1000)), wrong[:1000], depth=2, smallest=10, most=10)
    assert found[0].where == ((0, 1), (3, 2))
    second = at(columns, slice(1000, 2000))
    best = confirm(found, second, wrong[1000:])[0]
    inside = planted[1000:]
    assert (best.rows, best.errors) == (inside.sum(), (wrong[1000:] & inside).sum())
    tail = hypergeom.sf(best.errors - 1, 1000, wrong[1000:].sum(), best.rows)
    assert best.p_value == pytest.approx(tail)
    assert best.adjusted < 1e-4


def test_heat_map_adds_up() -> None:
    rng = np.random.default_rng(9)
    columns, wrong = columns_of(rng, 200), rng.random(200) < 0.3
    shown = heat_map(columns, wrong)
    assert len(shown["pairs"]) == 6
    assert all(np.sum(p["rows"]) == 200 for p in shown["pairs"])
    assert all(np.sum(p["errors"]) == wrong.sum() for p in shown["columns"])


def test_worst_groups_check_names_the_planted_crossing(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    n = 1500
    frame = pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], n),
            "h": rng.choice(["u", "v", "w"], n),
            "y": rng.integers(0, 2, n),
        }
    )
    bad = (frame["g"] == "a") & (frame["h"] == "v")
    flip = rng.random(n) < np.where(bad, 0.5, 0.05)
    frame["yhat"] = np.where(flip, 1 - frame["y"], frame["y"])
    spec = stored_spec(
        frame, tmp_path, sensitive_features=["g", "h"], checks=["fairness.worst_groups"]
    )
    case = read_case(audit(spec, tmp_path / "case").path)
    found = list(case.findings)
    lift = one(found, "worst_group_error_lift", group={"g": "a", "h": "v"})
    assert lift.value == pytest.approx(0.45, abs=0.12)
    assert lift.interval is not None
    assert lift.interval.low > 0.2
    assert "by Holm over" in lift.method
    shown = case.artifact("fairness.worst_groups.json")
    assert shown["tree"][0]["rows"] == n
    assert shown["errors"] == int(flip.sum())
    split = shown["tree"][1]
    assert (split["column"], split["level"]) in {("g", "a"), ("g", "b"), ("h", "v")}
