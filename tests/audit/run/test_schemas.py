"""The shipped JSON Schemas: made from the models, and met by cases that were really written."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

import evenhand
from evenhand.audit.artifacts.kinds import KINDS, as_document
from evenhand.audit.case.case import Case, read_case
from evenhand.audit.errors import AlteredEvidenceError
from evenhand.audit.files.canonical import canonical_bytes, digest_file
from evenhand.audit.run.run import audit
from evenhand.audit.run.schemas import RECORDS, json_schema, write_schemas
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack
from tests.audit.reports.explained_cases import CURVES
from tests.audit.subjects import stored_spec
from tests.dashboard.artifacts import write_full_case
from tests.dashboard.pairs import LEDGER
from tests.samples import write_sample_case

SHIPPED = Path(evenhand.__file__).parent / "audit" / "schemas"


def meets(value: Any, file: str) -> None:
    schema = json.loads((SHIPPED / file).read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A small audit of stored scores; 40 rows a group."""
    folder = tmp_path_factory.mktemp("audited")
    rng = np.random.default_rng(3)
    score = rng.uniform(size=80)
    frame = pd.DataFrame(
        {
            "y": (rng.uniform(size=80) < score).astype(int),
            "score": score.round(3),
            "sex": np.where(np.arange(80) % 2, "f", "m"),
        }
    )
    changes = {"predicted": None, "score": "score", "sensitive_features": ["sex"], "threshold": 0.5}
    spec = stored_spec(frame, folder, checks=["fairness.*", "data.*"], **changes)
    return audit(spec, folder / "case")


@pytest.fixture(scope="module")
def of_classes(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A small audit of three classes."""
    folder = tmp_path_factory.mktemp("classes")
    frame = pd.DataFrame(
        {"y": list("abcabc") * 5, "yhat": list("abcbca") * 5, "g": list("uv") * 15}
    )
    spec = stored_spec(
        frame,
        folder,
        positive_label=None,
        task="multiclass",
        sensitive_features=["g"],
        checks=["fairness.class_rates"],
    )
    return audit(spec, folder / "case")


def test_the_shipped_schemas_are_those_of_the_models(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    made = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert made == {p.name: p.read_bytes() for p in SHIPPED.iterdir()}, (
        "write them anew: python -m evenhand.audit.run.schemas audit/schemas"
    )
    for file in RECORDS:
        jsonschema.Draft202012Validator.check_schema(json_schema(file))
    with pytest.raises(jsonschema.ValidationError):
        meets({"schema": "evenhand-plan/1"}, "plan.schema.json")


def test_cases_meet_the_schemas(audited: Case, of_classes: Case, tmp_path: Path) -> None:
    sample, full = write_sample_case(tmp_path / "sample"), write_full_case(tmp_path / "full")
    seen: set[str] = set()
    for case in (audited, of_classes, sample, full):
        meets(json.loads((case.path / "plan.json").read_bytes()), "plan.schema.json")
        meets(json.loads((case.path / "environment.json").read_bytes()), "environment.schema.json")
        for line in (case.path / "findings.jsonl").read_bytes().splitlines():
            meets(json.loads(line), "finding.schema.json")
        for file in sorted((case.path / "artifacts").glob("*")):
            meets(json.loads(file.read_bytes()), f"{file.stem}.schema.json")
            seen.add(file.name)
    meets(LEDGER, "privacy.ledger.schema.json")
    meets(CURVES, "explanation.quality-curves.schema.json")
    assert seen | {"privacy.ledger.json", "explanation.quality-curves.json"} == set(KINDS)
    verdicts = judge(audited, load_pack("baseline"), (), as_of=date(2026, 11, 22))
    assert len(verdicts) > 5
    for verdict in verdicts:
        meets(verdict.to_json(), "verdict.schema.json")


def test_records_write_what_they_were_read_from(audited: Case, of_classes: Case) -> None:
    for case in (audited, of_classes):
        files = {"plan.json": case.plan, "environment.json": case.environment}
        for name, record in files.items():
            assert canonical_bytes(record.to_json()) == (case.path / name).read_bytes()
        artifacts = sorted((case.path / "artifacts").glob("*"))
        assert artifacts
        for file in artifacts:
            document = as_document(file.name, json.loads(file.read_bytes()))
            assert document is not None
            assert canonical_bytes(document.to_json()) == file.read_bytes()


OLD = {
    "schema": "evenhand-plan/1",
    "subject": {
        "name": "old",
        "task": "binary",
        "target": "y",
        "positive_label": "1",
        "positive_is": "benefit",
        "threshold": 1,
        "sensitive_features": ["sex"],
        "control_features": None,
        "digests": {"data": "sha256:0"},
        "model": None,
        "data": None,
        "of_another_version": {"deep": [1, None]},
    },
    "facts": {"subject.task": "binary", "subject.has_labels": True},
    "declared": None,
    "checks": [{"id": "fairness.gaps"}],
    "seed": 7,
    "levels": [0.95],
    "and_more": 1.5,
}


def rewritten(case: Case, place: Path, **files: Any) -> Path:
    """A copy of the case with other JSON in these files, sealed as whoever makes a case can."""
    place.mkdir()
    for name in ("findings.jsonl", "plan.json", "environment.json"):
        (place / name).write_bytes((case.path / name).read_bytes())
    for name, value in files.items():
        (place / f"{name}.json").write_bytes(canonical_bytes(value))
    digests = {p.name: digest_file(p) for p in place.iterdir()}
    seal = {"schema": "evenhand-seal/1", "files": digests}
    (place / "seal.json").write_bytes(canonical_bytes(seal))
    return place


def test_an_older_case_is_still_read_and_judged(tmp_path: Path) -> None:
    """One from before plans named packs, files of declarations and where the rows lay."""
    sample = write_sample_case(tmp_path / "sample")
    case = read_case(rewritten(sample, tmp_path / "old", plan=OLD, environment={"packages": None}))
    subject = case.subject
    assert (subject.threshold, subject.control_features, subject.data.path) == (1, (), None)
    assert (case.plan.packs, case.plan.declared, case.plan.published) == ((), {}, None)
    assert case.plan.minimum_size("fairness.gaps", 10) == 10
    # what has no name here is kept, and written again
    assert case.plan.to_json()["and_more"] == 1.5
    assert case.plan.to_json()["subject"]["of_another_version"] == {"deep": [1, None]}
    assert (case.environment.packages, case.environment.run) == ({}, None)
    assert judge(case, load_pack("baseline"), (), as_of=date(2026, 11, 22))
    # an artifact from before its kind had a name for its schema
    unnamed = {"level": 0.95, "bins": "equal mass by group", "curves": []}
    document = as_document("fairness.calibration.json", unnamed)
    assert document is not None
    assert document.model_dump()["schema_"] == "evenhand-calibration/1"
    assert document.to_json() == unnamed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "evenhand-plan/9"}, "schema: 'evenhand-plan/9' is none that is read here"),
        ({"seed": "7"}, "seed"),
        ({"levels": [True]}, "levels"),
        ({"checks": [{"id": 7}]}, "checks.0.id"),
        ({"subject": {"name": "x", "digests": {"data": 7}}}, "subject.digests.data"),
    ],
)
def test_another_shape_is_said_to_be_none(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    sample = write_sample_case(tmp_path / "sample")
    folder = rewritten(sample, tmp_path / "wrong", plan={**OLD, **change})
    with pytest.raises(AlteredEvidenceError, match="does not hold what its name says") as caught:
        read_case(folder)
    assert said in caught.value.message
