"""The bootstrap from counts: gaps by hand, names that don't matter, and simulated coverage."""

from __future__ import annotations

import numpy as np
import pytest

from evenhand.audit.measure.classification import measure_values
from evenhand.audit.measure.uncertainty.bootstrap import Against, bootstrap_gap, draw_tables
from evenhand.audit.measure.uncertainty.estimate import Estimate


def table(rates: list[float], n: int, rng: np.random.Generator) -> np.ndarray:
    """One data set: half of each group's n rows positive, selected at the group's rate."""
    half = n // 2
    hits = [(rng.binomial(half, p), rng.binomial(half, p)) for p in rates]
    return np.array([[half - fp, fp, half - tp, tp] for tp, fp in hits])


def found(
    counts: np.ndarray, name: str, against: Against, draws: int = 400, seed: int = 0
) -> Estimate:
    return bootstrap_gap(
        counts,
        lambda t: measure_values(t, name),
        against=against,
        levels=(0.95, 0.8),
        seed=(seed,),
        draws=draws,
        empty="no rows",
    )


def test_gaps_by_hand() -> None:
    # tn, fp, fn, tp. Selected: a 6 of 10, b 3 of 10, overall 9 of 20
    counts = np.array([[3, 1, 1, 5], [5, 1, 2, 2]])
    assert found(counts, "selection_rate", "between_groups").value == pytest.approx(0.3)
    assert found(counts, "selection_rate", "to_overall").value == pytest.approx(0.15)
    # F1: a 10 / (10 + 1 + 1), b 4 / (4 + 1 + 2)
    f1 = found(counts, "f1_score", "between_groups")
    assert f1.value == pytest.approx(10 / 12 - 4 / 7)
    wide, narrow = f1.intervals
    assert wide.low <= narrow.low <= f1.value <= narrow.high <= wide.high
    assert f1.method == "multinomial bootstrap from counts, 400 draws, simultaneous over groups"


def test_a_group_without_the_rate_is_left_out_and_counted() -> None:
    counts = np.array([[3, 1, 1, 5], [5, 1, 2, 2], [4, 4, 0, 0]])
    three = found(counts, "true_positive_rate", "between_groups")
    assert three.value == pytest.approx(5 / 6 - 2 / 4)
    assert (three.counts["groups"], three.counts["groups_left_out"]) == (3, 1)
    assert found(counts[1:], "true_positive_rate", "between_groups").value is None


def test_the_order_of_groups_changes_nothing() -> None:
    counts = np.array([[30, 10, 10, 50], [50, 10, 20, 20], [9, 2, 3, 4]])
    one = found(counts, "f1_score", "between_groups")
    other = found(counts[[2, 0, 1]], "f1_score", "between_groups")
    assert one == other


def test_draws_have_the_multinomials_mean_and_variance() -> None:
    counts = np.array([[400, 100], [300, 200]])
    drawn = np.concatenate(list(draw_tables(counts, 4000, (1,), prior=0.0)))
    assert drawn.sum(axis=(1, 2)).tolist() == [1000] * 4000
    assert drawn.mean(axis=0) == pytest.approx(counts, abs=1.5)
    share = counts / 1000
    assert drawn.var(axis=0) == pytest.approx(1000 * share * (1 - share), rel=0.1)


def coverage(
    rates: list[float], n: int, name: str, against: Against, times: int, draws: int
) -> float:
    """Share of simulated data sets whose 95 % interval holds the true gap."""
    rng = np.random.default_rng(5)
    exact = np.array([[0.5 * (1 - p), 0.5 * p, 0.5 * (1 - p), 0.5 * p] for p in rates])
    values = measure_values(exact, name)
    overall = measure_values(exact.sum(axis=0), name)
    truth = np.abs(values - overall).max() if against == "to_overall" else np.ptp(values)
    hits = total = 0
    for i in range(times):
        result = found(table(rates, n, rng), name, against, draws, seed=i)
        if result.interval is not None:
            total += 1
            hits += result.interval.low - 1e-9 <= truth <= result.interval.high + 1e-9
    return hits / max(total, 1)


@pytest.mark.parametrize(
    ("name", "against", "rates"),
    [
        ("selection_rate", "to_overall", [0.3, 0.5]),
        ("f1_score", "between_groups", [0.3, 0.6]),
        ("balanced_accuracy_score", "between_groups", [0.5, 0.5, 0.5]),
    ],
)
def test_coverage_is_at_least_nominal_within_simulation_error(
    name: str, against: Against, rates: list[float]
) -> None:
    # 400 data sets: standard error 0.011, three of them below 0.95
    assert coverage(rates, 100, name, against, 400, 200) >= 0.917


@pytest.mark.parametrize(
    ("name", "against", "rates"),
    [
        ("selection_rate", "to_overall", [0.3, 0.5]),
        ("f1_score", "between_groups", [0.3, 0.6]),
    ],
)
def test_coverage_with_weights_of_1_to_19(name: str, against: Against, rates: list[float]) -> None:
    rng = np.random.default_rng(6)
    exact = np.array([[0.5 * (1 - p), 0.5 * p, 0.5 * (1 - p), 0.5 * p] for p in rates])
    values, overall = measure_values(exact, name), measure_values(exact.sum(axis=0), name)
    truth = np.abs(values - overall).max() if against == "to_overall" else np.ptp(values)
    hits, widths = 0, []
    for i in range(400):
        cells = np.stack([rng.choice(4, 100, p=row) for row in exact])
        # who weighs much is another person each time: nearly half of the rows' worth is lost
        weight = rng.choice([1.0, 19.0], (2, 100), p=[0.8, 0.2])
        sums, squares = (
            np.stack([np.bincount(c, w**k, 4) for c, w in zip(cells, weight, strict=True)])
            for k in (1, 2)
        )
        counts = np.stack([np.bincount(c, minlength=4) for c in cells])
        result = bootstrap_gap(
            counts,
            lambda t: measure_values(t, name),
            against=against,
            levels=(0.95,),
            seed=(i,),
            draws=200,
            empty="no rows",
            weights=np.stack([sums, squares]),
        )
        assert result.value == pytest.approx(
            gap_of(measure_values(sums, name), sums, name, against)
        )
        assert result.n == 200 and result.interval is not None
        hits += result.interval.low <= truth <= result.interval.high
        widths.append(result.interval.high - result.interval.low)
    # standard error 0.011, three of them below 0.95
    assert hits / 400 >= 0.917
    plain = [found(table(rates, 100, rng), name, against, 200, i).interval for i in range(20)]
    assert np.mean(widths) > np.mean([p.high - p.low for p in plain if p is not None])


def gap_of(values: np.ndarray, sums: np.ndarray, name: str, against: Against) -> float:
    overall = measure_values(sums.sum(axis=0), name)
    return float(np.ptp(values) if against == "between_groups" else np.abs(values - overall).max())


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [20, 100, 1000])
@pytest.mark.parametrize("groups", [2, 5])
@pytest.mark.parametrize(
    ("name", "against"),
    [
        ("selection_rate", "to_overall"),
        ("selection_rate", "between_groups"),
        ("f1_score", "between_groups"),
    ],
)
def test_coverage_long(p: float, n: int, groups: int, name: str, against: Against) -> None:
    share = coverage(
        [p, min(1.5 * p, 1.0)] * (groups // 2) + [p] * (groups % 2), n, name, against, 2000, 400
    )
    print(f"coverage p={p} n={n} groups={groups} {name} {against}: {share:.3f}")
    assert share >= 0.93
