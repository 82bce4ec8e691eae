"""Several rows of one person: intervals and tests take them together, or are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from evenhand.audit.comparing.compare import compare
from evenhand.audit.comparing.gap_changes import gap_change
from evenhand.audit.errors import InputError
from evenhand.audit.finding import Finding
from evenhand.audit.measure.paired import mcnemar_exact, newcombe_paired
from evenhand.audit.measure.ranking import roc_auc
from evenhand.audit.measure.uncertainty.intervals import mean
from evenhand.audit.run.catalogue import checks
from evenhand.audit.run.run import audit, run_check
from evenhand.audit.subject.subject import build_subject
from evenhand.audit.subject.tallying.counts import count_groups
from evenhand.audit.words.reasons import render
from tests.audit.subjects import findings_of, one, stored_spec

ROWS = 6  # of each person


def visits(persons: int, seed: int, *, alike: float = 1.0) -> pd.DataFrame:
    """Rows of persons of two equal groups; of one person ``alike`` of the rows are copies."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), ROWS)
    own_y, own_hat = rng.integers(0, 2, (2, persons))
    keep = rng.random(person.size) < alike
    y = np.where(keep, own_y[person], rng.integers(0, 2, person.size))
    yhat = np.where(keep, own_hat[person], rng.integers(0, 2, person.size))
    g = np.array(["a", "b"])[person % 2]
    score = np.round(0.25 + 0.5 * yhat, 3)
    return pd.DataFrame({"g": g, "patient_id": person, "y": y, "yhat": yhat, "p": score})


def test_rows_that_are_copies_say_what_one_row_a_person_says(tmp_path: Path) -> None:
    """With six copies of each row, persons are the sample: limits are near those of one row each,
    and sqrt(6) = 2.4 times as wide as those that take rows for persons."""
    frame = visits(200, 1)
    base: dict[str, Any] = {"sensitive_features": ["g"], "positive_is": "benefit"}
    once = frame.drop_duplicates("patient_id")
    for check, measure, place in (
        ("fairness.group_rates", "selection_rate", {"group": {"g": "a"}}),
        ("fairness.group_rates", "true_positive_rate", {"group": {"g": "b"}}),
        ("fairness.gaps", "demographic_parity_difference", {"between": ("g",)}),
        ("fairness.gaps", "equalized_odds_difference", {"between": ("g",)}),
        ("fairness.impact_ratio", "impact_ratio", {"group": {"g": "a"}}),
        ("fairness.group_tests", "selection_rate_difference_to_rest", {"group": {"g": "a"}}),
        ("performance.classification", "accuracy_score", {}),
        ("performance.classification", "f1_score", {}),
    ):
        given = [
            findings_of(check, rows, tmp_path, unit=unit, **base)
            for rows, unit in ((frame, "patient_id"), (once, None), (frame, None))
        ]
        of_persons, one_each, of_rows = (one(found, measure, **place) for found in given)
        assert of_persons.value == pytest.approx(one_each.value), measure
        assert of_persons.counts["units"] <= 200
        width, wanted, short = (
            f.interval.high - f.interval.low for f in (of_persons, one_each, of_rows) if f.interval
        )
        assert 0.9 * wanted < width < 1.25 * wanted, measure
        assert width > 1.8 * short, measure


def test_a_group_test_counts_persons(tmp_path: Path) -> None:
    frame = visits(60, 4)
    base: dict[str, Any] = {"sensitive_features": ["g"], "positive_is": "benefit"}
    name = "selection_rate_difference_to_rest"
    found = [
        one(
            findings_of("fairness.group_tests", rows, tmp_path, unit=unit, **base),
            name,
            group={"g": "a"},
        )
        for rows, unit in (
            (frame, "patient_id"),
            (frame, None),
        )
    ]
    persons, rows = (f.p_value or 0.0 for f in found)
    # one row a person, 30 persons a group: the pooled z test by hand
    once = frame.drop_duplicates("patient_id")
    k = once.groupby("g")["yhat"].sum()
    pooled = k.sum() / 60
    z = abs(k["a"] - k["b"]) / 30 / (pooled * (1 - pooled) * 2 / 30) ** 0.5
    assert persons == pytest.approx(2 * norm.sf(z), abs=0.02)
    assert rows < persons


def test_coverage_where_persons_differ_strongly() -> None:
    """30 persons of 8 rows in each of two groups, whose own rates are 0.1 or 0.9: 400 samples."""
    from evenhand.audit.measure.groups.gaps import Family, GroupCount, gap

    rng = np.random.default_rng(12)
    persons, rows, held, short = 30, 8, 0, 0
    for _ in range(400):
        own = rng.choice([0.1, 0.9], 2 * persons)
        unit = np.repeat(np.arange(2 * persons), rows)
        selected = rng.random(unit.size) < own[unit]
        group = {"g": np.where(unit < persons, "a", "b").astype(object)}
        cells = count_groups(group, ["g"], None, selected, units=unit).cells()
        counted = [c.rate("selection_rate") for c in cells]
        at = [GroupCount(str(i), r.k, r.n, r.rows, r.weights) for i, r in enumerate(counted)]
        clustered = gap([Family("r", tuple(at), ())], scale="difference", levels=(0.95,))
        plain = [GroupCount(g.name, g.k, g.n) for g in at]
        naive = gap([Family("r", tuple(plain), ())], scale="difference", levels=(0.95,))
        assert clustered.interval is not None and naive.interval is not None
        # both groups' true rate is .5: the gap is 0
        held += clustered.interval.low <= 1e-12
        short += naive.interval.low <= 1e-12
    # three standard errors below .935: .935 - 3 sqrt(.935 * .065 / 400) = .898
    assert held / 400 > 0.9
    assert short / 400 < 0.7


def test_coverage_of_areas_and_means_of_persons() -> None:
    rng = np.random.default_rng(2)
    held = {"mean": 0, "area": 0}
    for _ in range(300):
        unit = np.repeat(np.arange(40), 6)
        own = rng.normal(size=40)
        values = own[unit] + 0.3 * rng.normal(size=unit.size)
        i = mean(values, (0.95,), units=unit).interval
        assert i is not None
        held["mean"] += i.low <= 0 <= i.high
        truth = np.repeat(rng.random(40) < 0.5, 6)
        if not truth.any() or truth.all():
            held["area"] += 1
            continue
        j = roc_auc(truth, values, (0.95,), unit).interval
        assert j is not None
        held["area"] += j.low <= 0.5 <= j.high
    assert held["mean"] / 300 > 0.9
    assert held["area"] / 300 > 0.9


def test_what_can_not_take_persons_together_has_no_interval_and_says_so(tmp_path: Path) -> None:
    """Over the catalogue: every interval and every p-value is of persons, or is not there."""
    frame = visits(80, 7, alike=0.8)
    spec = stored_spec(
        frame,
        tmp_path,
        sensitive_features=["g"],
        score="p",
        positive_is="benefit",
        unit="patient_id",
    )
    subject = build_subject(spec)
    left_out, kept = set(), set()
    for each in checks():
        if "binary" not in each.module.TASKS:
            continue
        for f in run_check(each, subject, spec, (0.95,)):
            assert isinstance(f, Finding)
            assert f.status != "error", (f.id, render(f.reason))
            if f.interval is not None or f.p_value is not None:
                assert f.counts["units"] <= 80, f.id
                kept.add(f.measure)
            elif "no interval and no test that hold" in render(f.reason):
                left_out.add(f.measure)
    assert {"selection_rate", "roc_auc_score", "roc_auc_score_difference", "log_loss"} <= kept
    assert {"balanced_accuracy_score", "expected_calibration_error", "calibration_slope"} <= kept
    assert {"relative_exposure", "ndcg_score", "adverse_impact_ratio"} <= kept
    assert {"between_group_theil_index", "theil_index", "bpsn_auc", "bnsp_auc"} <= kept
    assert {"worst_group_error_lift", "demographic_parity_difference_at_worst_threshold"} <= kept
    assert left_out == set(), "of stored predictions nothing is left out"


def test_a_person_in_two_groups_is_added_up_in_the_coarser_one() -> None:
    """Two jobs of one person: by sex alone their rows are one person's, by hand."""
    columns = {"sex": ["f"] * 4 + ["m"] * 2, "job": ["x", "x", "y", "y", "x", "y"]}
    groups = pd.DataFrame(columns, dtype=object)
    selected = np.array([1, 0, 1, 1, 0, 1], dtype=bool)
    unit = np.array([7, 7, 7, 8, 9, 9])
    counts = count_groups(groups, ["sex", "job"], None, selected, units=unit)
    women = counts.by(["sex"]).cells()[0]
    of = women.rate("selection_rate").weights
    # person 7: 2 of 3; person 8: 1 of 1
    assert (of.persons, of.cases, of.weight) == (2, 3.0, 4.0)
    assert of.plain == (4 + 1, 2 * 3 + 1, 9 + 1)
    # powers of 3 and 1; of all 4 rows and one more person's 2, theirs are 1/2 and 1/6
    assert of.powers == (4, 10, 28, 82)
    assert np.allclose(of.apart, (16 + 1.44, 4 * 6 + 1.44, 36 + 1.44))
    in_x = counts.by(["sex", "job"]).cells()[0].rate("selection_rate").weights
    assert (in_x.persons, in_x.cases, in_x.weight) == (1, 1.0, 2.0)
    level = {tuple(k.values()): part for k, part in counts.levels(["job"])}["y",]
    assert [c.rate("selection_rate").weights.persons for c in level.by(["sex"]).cells()] == [2, 1]


def test_a_column_that_looks_like_persons_is_warned_of(tmp_path: Path) -> None:
    frame = visits(30, 1)
    found = findings_of("data.quality", frame, tmp_path, sensitive_features=["g"])
    said = render(one(found, "row_count").reason)
    assert "patient_id" in said and "30 of its values name 180 rows" in said and "--unit" in said
    found = findings_of(
        "data.quality", frame, tmp_path, sensitive_features=["g"], unit="patient_id"
    )
    assert "patient_id" not in render(one(found, "row_count").reason)
    once = frame.drop_duplicates("patient_id")
    found = findings_of("data.quality", once, tmp_path, sensitive_features=["g"])
    assert "patient_id" not in render(one(found, "row_count").reason)


def test_two_models_are_compared_person_by_person(tmp_path: Path) -> None:
    """30 of 40 persons get another answer in all their 6 rows, 10 of them a worse one. Every person
    is +6, 0 or -6, so the exact test is McNemar's of 20 and 10 persons, not of 120 and 60 rows."""
    frame = visits(40, 3)
    person = frame["patient_id"].to_numpy()
    frame["a"] = np.isin(person % 4, (0, 1)).astype(int)
    frame["b"] = np.isin(person % 4, (0, 2, 3)).astype(int)
    base: dict[str, Any] = {"sensitive_features": ["g"], "unit": "patient_id", "target": "y"}
    base |= {"checks": ["fairness.group_rates"], "positive_is": "benefit"}
    cases = []
    for name in ("a", "b"):
        spec = stored_spec(frame, tmp_path, predicted=name, **base)
        cases.append(audit(spec, tmp_path / f"case-{name}"))
    assert cases[0].plan.subject.unit == "patient_id"
    found = {(r.measure, *r.group.values()): r for r in compare(*cases).results}
    whole = found["selection_rate",]
    # +6 for persons 1, 5, ...: 10 of them; -6 for 2, 3, 6, 7, ...: 20
    assert (whole.counts.first, whole.counts.second, whole.persons) == (60, 120, 40)
    assert whole.p_value == pytest.approx(mcnemar_exact(10, 20))
    assert whole.interval is not None and whole.interval.low < -0.25 < whole.interval.high
    rows = newcombe_paired(whole.counts)
    wide, narrow = (i.high - i.low for i in (whole.interval, rows))
    assert 1.8 * narrow < wide < 3.2 * narrow  # sqrt(6) = 2.4
    change = gap_change(*cases, ("g",), ("selection_rate",))
    assert change.counts["units"] == 40 and change.interval is not None


@pytest.mark.parametrize(
    ("column", "why"), [([None] + [1] * 179, "is empty in 1 rows"), ([1] * 180, "one person alone")]
)
def test_a_unit_that_tells_nobody_apart_is_refused(
    column: list[Any], why: str, tmp_path: Path
) -> None:
    frame = visits(30, 1).assign(who=column)
    with pytest.raises(InputError, match=why):
        findings_of("data.quality", frame, tmp_path, sensitive_features=["g"], unit="who")
