"""Identifiers as inputs: refused in private training unless named, told of elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers.job import prepare
from evenhand.trainers.recipe.recipe import as_recipe

PRIVATE = {"epsilon": 1.0, "delta": 1e-4}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    n = 120
    frame = pd.DataFrame(
        {
            "email": [f"person{i}@example.org" for i in range(n)],
            "x": rng.normal(size=n).round(3),
            "sex": rng.choice(["F", "M"], n),
            "y": rng.choice(["Yes", "No"], n),
        }
    )
    path = tmp_path_factory.mktemp("identifying") / "d.csv"
    frame.to_csv(path, index=False)
    return path


def recipe(rows: Path, **more: Any) -> Any:
    return as_recipe(
        {
            "data": str(rows),
            "target": "y",
            "positive_label": "Yes",
            "sensitive_features": ["sex"],
            **more,
        }
    )


def test_private_training_refuses_an_identifier_that_nobody_named(rows: Path) -> None:
    with pytest.raises(InputError, match=r"email: \d+ values, \d+ of them once") as refused:
        prepare(recipe(rows, private=PRIVATE))
    assert "--drop email" in refused.value.remedy


@pytest.mark.parametrize(
    "way_out",
    [
        {"drop": ["email"]},
        {"inputs": ["x", "email"]},
        {"public": {"categories": {"email": ["person1@example.org"]}}},
    ],
    ids=lambda way: next(iter(way)),
)
def test_each_remedy_leads_on(rows: Path, way_out: dict[str, Any]) -> None:
    prepared = prepare(recipe(rows, private=PRIVATE, **way_out))
    listed = [said for said in prepared.outside_guarantee if "single training row" in said]
    # 50 of the e-mail addresses are kept, and each is of one person
    of_email = "50 values of 'email' that a single training row has (encoder)"
    assert listed == ([of_email] if "inputs" in way_out else [])


@pytest.mark.parametrize("model", ["mlp", "random-forest"])
def test_plain_training_tells(rows: Path, model: str) -> None:
    notes = prepare(recipe(rows, model=model)).notes
    assert [n for n in notes if re.match(r"email: (\d+) values, \1 of them once", n)]
    assert not [n for n in prepare(recipe(rows, drop=["email"])).notes if "email" in n]
