"""No automated item is out of reach: a fair model on many rows passes all that it can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.run import flow
from evenhand.audit.subject.spec import make_spec
from evenhand.policies.pack import shipped_packs
from evenhand.policies.schema import Item, Pack
from tests.policies.packs.every_item import automated_items, facts, verdict

# What only another case, or a number that nobody declared, could answer
OPEN = {"no-comparison", "undeclared"}
DECLARED = {"accuracy_min": 0.75, "balanced_accuracy_min": 0.75, "rows_min": 1000}


def fair_rows(n: int) -> pd.DataFrame:
    """Scores that know the odds; sex and race have nothing to do with anything."""
    rng = np.random.default_rng(2)
    z = 2.5 * rng.normal(size=n)
    chance = 1 / (1 + np.exp(-z))
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "race": rng.choice(["a", "b", "c"], n),
            "y": np.where(rng.random(n) < chance, "yes", "no"),
            "p": np.where(chance >= 0.5, "yes", "no"),
            "score": chance.round(6),
        }
    )


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("fair")
    fair_rows(5000).to_csv(folder / "rows.csv", index=False)
    asked: dict[str, Any] = {
        "predictions": str(folder / "rows.csv"),
        "target": "y",
        "predicted": "p",
        "score": "score",
        "positive_label": "yes",
        "positive_is": "benefit",
        "roles": {"sex": "sex", "race": "race"},
        "facts": {"system.domain": "hiring", "system.places": ["US-NY-NYC"]},
        "declared": DECLARED,
        "policy": tuple(shipped_packs()),
        "checks": ("needed",),
        "out": str(folder / "case"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(folder / "home"))
        yield flow.measure(make_spec(asked))[0]


def about(case: Case, pack: Pack, item: Item) -> Case:
    """The case with the facts that pack and item ask for, but none of what it knows itself."""
    given = {k: v for k, v in facts(pack, item).items() if not k.startswith("subject.")}
    plan = case.plan.model_copy(update={"facts": {**case.plan.facts, **given}})
    return replace(case, plan=plan)


@pytest.mark.parametrize(("pack", "item"), list(automated_items()))
def test_a_fair_model_passes_it(fair: Case, pack: Pack, item: Item) -> None:
    said = verdict(pack, item, about(fair, pack, item))
    if said.underlying == "inconclusive":
        assert said.reason_code in OPEN, said.because["en"]
        return
    # what is signed for elsewhere waits for a signature, and its number has passed
    assert said.underlying in ("pass", "attested", "needs-attestation", "not-applicable"), (
        said.because["en"]
    )


def test_most_of_them_are_really_asked(fair: Case) -> None:
    said = []
    for each in automated_items():
        pack, item = each.values
        said.append(verdict(pack, item, about(fair, pack, item)).underlying)
    assert said.count("pass") >= 45
