"""Subject files with values changed: a spec that can be sealed, or a typed error that says what.

300 examples, the same ones every time; EVENHAND_FUZZ=20000 asks for more, at random.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given

from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import canonical_bytes
from evenhand.audit.subject.spec import SubjectSpec, make_spec
from evenhand.audit.subject.subject_file import read_spec
from tests.fuzz.changes import WALKS, profile, walked

WHOLE: dict[str, Any] = {
    "name": "loans",
    "task": "binary",
    "model": "m.skops",
    "preprocess": "scale.skops",
    "classes": ["no", 1],
    "inputs": ["age", {"column": "job", "categories": ["a", "b"], "mean": 0}],
    "outputs": "logits",
    "architecture": {"name": "mlp", "parameters": {"hidden": [4], "rate": 0.1}},
    "data": "rows.csv",
    "training_data": "rows.csv",
    "predictions": "rows.csv",
    "join": "more.csv",
    "on": ["id=number"],
    "target": "y",
    "outcomes": ["paid"],
    "threshold": 0.5,
    "positive_label": 1,
    "positive_is": "benefit",
    "sensitive_features": ["race"],
    "keep_days": 90,
    "roles": {"race": ["race"]},
    "control_features": ["age"],
    "facts": {"system.domain": "credit", "system.users": [1, 2.5, True]},
    "declared": {"accuracy_min": 0.8},
    "declared_file": "declared.yaml",
    "proxies": ["zip"],
    "reference_applicant": {"age": 30},
    "actionable": {"age": {"min": 0, "max": 9.5, "step": 1, "values": [1, "a"]}},
    "policy": ["baseline"],
    "checks": ["fairness.*"],
    "options": {"fairness.gaps": {"min_group_size": 5}},
    "types": {"age": "number"},
    "missing": ["age:-9"],
    "unknown": ["race:other"],
    "labels": {"yes": "1"},
    "bins": {"age": [20, 40]},
    "decimal": ",",
    "dates": "dmy",
    "encoding": "latin-1",
    "sheet": "one",
    "seed": 7,
    "level": 0.9,
    "min_group_size": 3,
    "out": "case",
    "cohort": {"name": "women", "where": "sex == 'F'", "parent": "sha256:0"},
}


@profile
@given(WALKS)
def test_values(walks: list[tuple[list[int], str, Any]]) -> None:
    values = walked(WHOLE, walks)
    if isinstance(values, dict):
        with contextlib.suppress(InputError):
            canonical_bytes(make_spec(values).model_dump(mode="json"))


@profile
@given(WALKS)
def test_files(walks: list[tuple[list[int], str, Any]]) -> None:
    file = Path(FOLDER, "subject.yaml")
    file.write_text(yaml.safe_dump(walked(WHOLE, walks)), "utf-8")
    with contextlib.suppress(InputError):
        canonical_bytes(read_spec(file).model_dump(mode="json"))


FOLDER = ""


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    global FOLDER
    FOLDER = str(tmp_path_factory.mktemp("subjects"))


def test_the_whole_subject_has_every_key() -> None:
    """A new key is fuzzed too, or named here."""
    left = {"endpoint", "truncate", "id", "stream", "predicted", "score", "weight", "unit"}
    assert set(WHOLE) == set(SubjectSpec.model_fields) - left - {"error_budget", "words"}
