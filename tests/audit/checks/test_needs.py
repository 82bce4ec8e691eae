"""What checks need is asked in one place, before they are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evenhand.audit.checks.needs import NEEDS, lacking, require
from evenhand.audit.errors import RowsOnDisk
from evenhand.audit.run.catalogue import Check, check, checks
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.subject import Stored, Subject, build_subject
from tests.audit.subjects import rows, stored_spec

TABLE = rows(
    ({"g": "a", "y": 1, "p": 1}, 20),
    ({"g": "a", "y": 0, "p": 1}, 10),
    ({"g": "b", "y": 1, "p": 0}, 30),
)


@pytest.fixture
def spec(tmp_path: Path) -> SubjectSpec:
    return stored_spec(TABLE, tmp_path, predicted="p", sensitive_features=["g"])


@pytest.fixture
def subject(spec: SubjectSpec) -> Subject:
    return build_subject(spec)


def without(subject: Subject, need: str) -> Subject:
    """The subject without what ``need`` names, as an audit without it has it."""
    changes: dict[str, dict[str, Any]] = {
        "model": {"model": None},
        "sensitive_features": {"sensitive_features": ()},
        "labels": {"target": None},
        "scores": {"stored": Stored("p", None)},
        "training_data": {"training": None},
        "rows": {"counts": SimpleNamespace(n=60)},
    }
    return replace(subject, **changes[need])


def test_every_need_is_one_that_can_be_asked_for() -> None:
    assert {need for c in checks() for need in c.module.NEEDS} == NEEDS


@pytest.mark.parametrize("need", sorted(NEEDS))
def test_what_is_lacking_is_named_before_the_check_is_run(
    subject: Subject, spec: SubjectSpec, need: str
) -> None:
    """The check's own code would fail: it is never reached."""

    def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> None:
        raise AssertionError("was run")

    module = SimpleNamespace(
        QUESTION="?",
        TASKS=frozenset({"binary"}),
        NEEDS=frozenset({need}),
        SOURCE="",
        COST="fast",
        MEASURES={"one": "", "two": ""},
        measure=measure,
    )
    found = list(run_check(Check("a.b", module), without(subject, need), spec, (0.95,)))
    assert [f.measure for f in found] == ["one", "two"]
    status = "skipped" if need == "rows" else "not_applicable"
    assert {f.status for f in found} == {status}
    assert all(len(f.reason) == 1 for f in found)


def test_a_need_that_nobody_knows_is_an_error_of_the_check(subject: Subject) -> None:
    with pytest.raises(ValueError, match="NEEDS names 'gradients'; known are labels, model"):
        lacking(subject, {"gradients"})


def test_rows_on_disk_are_said_last(subject: Subject) -> None:
    streamed = without(subject, "rows")
    with pytest.raises(RowsOnDisk):
        require(streamed, "rows", "labels")
    assert type(lacking(replace(streamed, target=None), {"rows", "labels"})) is not RowsOnDisk


@pytest.mark.parametrize("check_id", [c.id for c in checks()])
def test_a_check_of_the_catalogue_says_what_it_needs(
    subject: Subject, spec: SubjectSpec, check_id: str
) -> None:
    """A subject without anything: no check crashes, and none answers what it lacks."""
    bare = subject
    for need in sorted(NEEDS - {"rows"}):
        bare = without(bare, need)
    one = check(check_id)
    found = list(run_check(one, bare, spec, (0.95,)))
    assert [f.id for f in found if f.status == "error"] == []
    if one.module.NEEDS - {"rows"} and "binary" in one.module.TASKS:
        assert {f.status for f in found} == {"not_applicable"}
