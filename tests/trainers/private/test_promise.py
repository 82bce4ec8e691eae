"""What is promised of a row is promised of a row of the file: nothing around the training tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers import train
from evenhand.trainers.plan import plan
from evenhand.trainers.recipe.recipe import Recipe, as_recipe

PRIVATE = {"noise_multiplier": 4, "delta": 1e-4}


def given(recipe: dict, **changes: Any) -> Recipe:
    return as_recipe({**recipe, "batch_size": 64, "private": PRIVATE, **changes})


def test_plain_pretraining_on_the_same_rows_is_found_in_any_order_and_file(
    recipe: dict, table: pd.DataFrame, tmp_path: Path
) -> None:
    """The kind: rows recognised by the digest of their file, which any rearrangement changes."""
    plain = train(recipe, out=tmp_path / "plain")
    table.iloc[::-1].to_csv(tmp_path / "reversed.csv", index=False)
    half = table.iloc[:200].assign(more="x")
    half.drop(columns="more").to_csv(tmp_path / "half.csv", index=False)
    for name in ("reversed.csv", "half.csv"):
        private = given(recipe, data=str(tmp_path / name), init_from=str(plain.model))
        with pytest.raises(InputError, match=r"without privacy on \d+ of the \d+ rows of this run"):
            train(private, out=tmp_path / "private")
    # other rows: nothing is shared, and nothing is refused
    other = table.assign(income=table["income"] + 100)
    other.to_csv(tmp_path / "other.csv", index=False)
    apart = given(recipe, data=str(tmp_path / "other.csv"), init_from=str(plain.model))
    assert train(apart, out=tmp_path / "apart").privacy.is_certified


def test_plain_rows_are_remembered_through_a_model_between(
    recipe: dict, table: pd.DataFrame, tmp_path: Path
) -> None:
    first = train(recipe, out=tmp_path / "first")
    table.assign(income=table["income"] + 100).to_csv(tmp_path / "other.csv", index=False)
    apart = {**recipe, "data": str(tmp_path / "other.csv")}
    between = train({**apart, "init_from": str(first.model)}, out=tmp_path / "between")
    table.iloc[::-1].to_csv(tmp_path / "reversed.csv", index=False)
    private = given(recipe, data=str(tmp_path / "reversed.csv"), init_from=str(between.model))
    with pytest.raises(InputError, match="without privacy on"):
        train(private, out=tmp_path / "private")


def test_with_public_rows_nothing_tells_how_many_there_are(
    recipe: dict, table: pd.DataFrame, tmp_path: Path
) -> None:
    """One row less: rate, steps, divisor and every published count stay; arXiv 2605.15648."""
    told = []
    for name, rows in (("all", table), ("less", table.drop(index=3))):
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
        private = {"noise_multiplier": 4, "delta": 1e-4, "public_rows": 300}
        asked = given(recipe, data=str(tmp_path / f"{name}.csv"), private=private, test_share=0.3)
        told.append(plan(asked)["private"])
        folder = train(asked, out=tmp_path / name).model
        split = json.loads((folder / "split.json").read_text())
        says = json.loads((folder / "model.json").read_text())
        assert split["n_train"] == says["n_train"] == says["privacy"]["n_train"] == 300
        assert not {"notes", "held_out_rows_equal_to_a_training_row"} & set(split)
        assert all("number of training rows" not in item for item in told[-1]["outside_guarantee"])
    for name in ("sample_rate", "steps", "expected_batch_size", "epsilon"):
        assert told[0][name] == told[1][name]
    # without it, what follows the number of rows is listed as outside
    plain = plan(given(recipe, private={"noise_multiplier": 4, "delta": 1e-4}))["private"]
    assert any("divisor" in item for item in plain["outside_guarantee"])


def test_a_private_model_at_chance_says_so(
    recipe: dict, table: pd.DataFrame, tmp_path: Path
) -> None:
    """Answers that were shuffled follow nothing; 95 of 100 such models are told of."""
    shuffled = table["answer"].sample(frac=1, random_state=1).to_numpy()
    table.assign(answer=shuffled).to_csv(tmp_path / "shuffled.csv", index=False)
    drowned = train(given(recipe, data=str(tmp_path / "shuffled.csv")), out=tmp_path / "drowned")
    assert any("not shown to decide better than chance" in note for note in drowned.notes)
    learnt = train({**recipe, "epochs": 30}, out=tmp_path / "learnt")
    assert not any("chance" in note for note in learnt.notes)
