"""A person with many rows: held out whole, capped in training, protected as one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.cli import run as evenhand
from evenhand.audit.errors import InputError
from evenhand.trainers import train
from evenhand.trainers.data.units import capped
from evenhand.trainers.job import prepare
from evenhand.trainers.ledger.store import LedgerStore
from evenhand.trainers.plan import plan
from evenhand.trainers.private.accounting import noise_for, row_delta, spent
from evenhand.trainers.private.bracket import Segment
from evenhand.trainers.recipe.recipe import as_recipe


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """600 visits of 90 persons; person p00 alone made 60 of them."""
    rng = np.random.default_rng(5)
    person = np.where(np.arange(600) < 60, 0, rng.integers(0, 90, 600))
    value = rng.normal(size=600)
    answer = np.where(value + rng.normal(size=600) > 0, "yes", "no")
    frame = pd.DataFrame({"person": [f"p{i:02}" for i in person], "value": value, "y": answer})
    frame.to_csv(tmp_path / "visits.csv", index=False)
    return tmp_path / "visits.csv"


@pytest.fixture
def given(visits: Path) -> dict:
    return {
        "data": str(visits),
        "target": "y",
        "positive_label": "yes",
        "unit": "person",
        "batch_size": 64,
        "epochs": 2,
        "architecture": {"hidden": [2]},
        "private": {"noise_multiplier": 8.0, "delta": 1e-4, "max_rows_per_unit": 3},
    }


def test_a_person_is_held_out_whole_and_trained_on_with_few_rows(given: dict) -> None:
    prepared = prepare(as_recipe({**given, "validation_share": 0.2}))
    frames = prepared.frames
    assert frames is not None and frames.validation is not None
    parts = [set(f["person"]) for f in (frames.train, frames.test, frames.validation)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 90
    assert frames.train["person"].value_counts().max() == 3
    # what is held out is not capped: 30 % of the persons bring all their rows
    assert len(frames.test) > 3 * len(parts[1])
    assert prepared.input_columns == ("value",)
    assert any("at most 3 rows each" in note for note in prepared.notes)
    # plainly trained, persons are still held out whole, and nothing is left out
    plain = prepare(as_recipe({**given, "private": None}))
    assert len(plain.train) + len(plain.test) == 600


def test_which_rows_are_kept_depends_on_the_person_alone(visits: Path) -> None:
    frame = pd.read_csv(visits)
    kept = capped(frame, "person", 2, seed=1)
    others = frame[frame["person"] != "p00"]
    pd.testing.assert_frame_equal(capped(others, "person", 2, 1), kept[kept["person"] != "p00"])
    turned = capped(frame.iloc[::-1], "person", 2, 1).sort_index()
    pd.testing.assert_frame_equal(turned, kept)
    assert not capped(frame, "person", 2, seed=2).equals(kept)
    assert (kept["person"].value_counts() <= 2).all() and kept["person"].nunique() == 90


def test_epsilon_of_a_person_by_group_privacy() -> None:
    # by hand, a row of (0.5, d): 3 rows have (1.5, d (1 + e^0.5 + e^1)) = (1.5, 5.367 d)
    assert row_delta(0.5, 1e-5, 3) == pytest.approx(1e-5 / (1 + math.exp(0.5) + math.e))
    segments = [Segment(6.0, 0.05, 50)]
    person = spent(segments, 1e-5, rows_per_unit=3)
    assert spent(segments, 1e-5, rows_per_unit=1) == spent(segments, 1e-5)
    # the lemma itself, read backwards: a row at some smaller delta costs a third
    at = row_delta(person.epsilon / 3, 1e-5, 3)
    row = spent(segments, at).epsilon
    assert 3 * row == pytest.approx(person.epsilon, rel=0.01) and 3 * row <= person.epsilon * 1.0001
    assert person.epsilon > 3 * spent(segments, 1e-5).epsilon
    assert person.epsilon < spent(segments, 1e-5, rows_per_unit=4).epsilon


def test_the_bound_holds_for_the_gaussian_whose_exact_cost_is_known() -> None:
    """One Gaussian step on every row: k rows are the same step, k times as far (Dwork and Roth
    2014), whose exact delta has a closed form (Balle and Wang 2018, theorem 8)."""
    from scipy.stats import norm

    noise, k, delta = 8.0, 4, 1e-5
    epsilon = spent([Segment(noise, 1.0, 1)], delta, rows_per_unit=k).epsilon
    far = k / noise
    exact = norm.cdf(far / 2 - epsilon / far) - math.exp(epsilon) * norm.cdf(
        -far / 2 - epsilon / far
    )
    assert exact <= delta


def test_many_rows_end_in_a_bound_and_not_in_a_failure() -> None:
    cost = spent([Segment(1.0, 0.02, 500)], 1e-5, rows_per_unit=200)
    assert math.isfinite(cost.epsilon) and "without amplification" in cost.note


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_noise_is_found_for_the_budget_of_a_person(rows: int) -> None:
    noise = noise_for(3.0, 1e-5, 0.1, 40, rows_per_unit=rows)
    cost = spent([Segment(noise, 0.1, 40)], 1e-5, rows_per_unit=rows)
    assert 0.97 * 3 < cost.epsilon <= 3.0


def test_the_record_says_who_is_protected(given: dict, tmp_path: Path) -> None:
    result = train(given, out=tmp_path / "model")
    told = result.privacy
    assert told is not None
    assert (told.unit, told.max_rows_per_unit) == ("person", 3)
    assert told.adjacency == "add/remove one person, with at most 3 training rows"
    segment = Segment(8.0, told.sample_rate, told.steps)
    assert told.epsilon == spent([segment], 1e-4, rows_per_unit=3).epsilon
    assert plan(given)["private"]["composition"]["runs"] == 2


def test_a_person_is_known_again_by_other_rows(given: dict, visits: Path, tmp_path: Path) -> None:
    train(given, out=tmp_path / "one")
    frame = pd.read_csv(visits)
    frame.assign(value=frame["value"] + 1).to_csv(tmp_path / "next_year.csv", index=False)
    later = {**given, "data": str(tmp_path / "next_year.csv")}
    both = train(later, out=tmp_path / "two").privacy
    assert both is not None and both.composition.runs == 2
    segments = [s for run in LedgerStore().runs() for s in run.record.segments]
    together = spent(segments, 1e-4, rows_per_unit=3).epsilon
    assert (both.composition.unit, both.composition.epsilon) == ("person", together)
    # a run that protects rows knows no persons: what all cost together is said for a row
    rows = {**given, "unit": None, "private": {"noise_multiplier": 8.0, "delta": 1e-4}}
    mixed = train(rows, out=tmp_path / "three").privacy
    assert mixed is not None
    assert (mixed.composition.unit, mixed.composition.runs) == ("row", 2)


def test_what_is_unclear_about_persons_is_refused(
    given: dict, visits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="unit='nobody'"):
        prepare(as_recipe({**given, "unit": "nobody"}))
    with pytest.raises(InputError, match="name the unit"):
        prepare(as_recipe({**given, "inputs": ["person", "value"]}))
    with pytest.raises(InputError, match="max_rows_per_unit needs unit"):
        as_recipe({**given, "unit": None})
    frame = pd.read_csv(visits)
    frame.loc[3, "person"] = None
    frame.to_csv(tmp_path / "gaps.csv", index=False)
    with pytest.raises(InputError, match="1 rows of the data have no 'person'"):
        prepare(as_recipe({**given, "data": str(tmp_path / "gaps.csv")}))
    command = ["train", "tabular", "--data", str(visits), "--target", "y", "--positive-label"]
    command += ["yes", "--private", "--unit", "person", "--max-rows-per-unit", "2", "--plan"]
    assert evenhand(command) == 0
    assert "one person, with at most 2 training rows" in capsys.readouterr().out
