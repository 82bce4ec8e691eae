"""A mitigated folder is opened strictly: every change is met with a typed error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evenhand.audit.errors import AlteredEvidenceError, InputError, UnsafeModelError
from evenhand.trainers.mitigation import folder as mitigated_folder
from evenhand.trainers.mitigation.description import GroupRule, Operation
from tests.audit.people import skops_model
from tests.mitigation import biased, mitigated


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mitigated")
    skops_model(folder, biased(seed=1))
    return folder


def test_an_unseen_group_is_refused_not_rejected(place: Path, tmp_path: Path) -> None:
    # Fairlearn would select nobody of a group that it never saw
    for method in ("threshold", "correlation-remover"):
        made = mitigated(place, tmp_path / method, method)
        strangers = biased(20, seed=2).assign(race="z")
        with pytest.raises(InputError, match="never saw the group 'z'"):
            mitigated_folder.load(made.model).predict_proba(strangers)
        missing = biased(20, seed=2).assign(race=None)
        with pytest.raises(InputError, match="never saw the group 'unknown'"):
            mitigated_folder.load(made.model).predict_proba(missing)


def change_json(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "evenhand-mitigated/9"},
        {"unknown": 1},
        {"method": "grid-search"},
        {"rules": []},
        {"positive_label": "2"},
        {"classes": ["1", "1"]},
        {"sensitive_features": ["race", "sex"]},
        {"parts": [{"file": "../x.skops", "weight": 1.0}]},
        {"parts": [{"file": "estimator-00.skops", "weight": 1.0}]},
        {"privacy": {"epsilon": 1}},
        {"files": {"../outside": "sha256:0"}},
    ],
)
def test_changed_descriptions_are_refused(
    place: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    made = mitigated(place, tmp_path / "m", "threshold")
    assert mitigated_folder.recognises(made.model)
    change_json(made.model / "model.json", **changes)
    with pytest.raises(InputError):
        mitigated_folder.load(made.model)


def test_changed_parts_are_found(place: Path, tmp_path: Path) -> None:
    made = mitigated(place, tmp_path / "m", "grid-search", options={"grid_size": 4})
    part = made.model / "estimator-00.skops"
    part.write_bytes(part.read_bytes() + b"x")
    with pytest.raises(AlteredEvidenceError, match="estimator-00"):
        mitigated_folder.load(made.model)
    part.unlink()
    with pytest.raises(InputError, match="lacks estimator-00"):
        mitigated_folder.load(made.model)
    (made.model / "extra.pkl").write_bytes(b"")
    with pytest.raises(UnsafeModelError):
        mitigated_folder.load(made.model)


def test_rules_are_strict() -> None:
    always, never = (
        Operation(operator=">", threshold="-inf"),
        Operation(operator=">", threshold="inf"),
    )
    assert (always.limit, never.limit) == (-np.inf, np.inf)
    rule = GroupRule(group=("a",), p0=0.5, operation0=always, p1=0.5, operation1=never)
    assert rule.is_random
    assert not GroupRule(group=("a",), p0=1, operation0=always, p1=0, operation1=never).is_random
    with pytest.raises(ValueError, match="add up"):
        GroupRule(group=("a",), p0=0.5, operation0=always, p1=0.1, operation1=never)
    with pytest.raises(ValueError, match="go together"):
        GroupRule(group=("a",), p0=1, operation0=always, p1=0, operation1=never, p_ignore=0.1)
