"""The laws of an audit: same inputs, same bytes; nothing lost; a crash is a finding."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from evenhand.audit.case.case import Case, read_case
from evenhand.audit.errors import InputError
from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import Check, check, checks, measure_index, select
from evenhand.audit.run.run import PlannedPack, audit, run_check
from evenhand.audit.subject import deciding
from evenhand.audit.subject.spec import SubjectSpec, make_spec
from evenhand.audit.subject.subject import build_subject
from evenhand.audit.words.reasons import render
from tests.audit.people import people, skops_model
from tests.audit.subjects import confusion_rows, stored_spec

OPTIONS = {
    "explanation.attribution": {"rows": 40, "permutations": 3},
    "explanation.reasons": {"rows": 60},
    "explanation.counterfactual": {"rows": 25},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    skops_model(folder, people(seed=1))
    return folder


def model_spec(place: Path, frame: pd.DataFrame, name: str, **changes: Any) -> SubjectSpec:
    data = place / f"{name}.csv"
    frame.to_csv(data, index=False)
    return make_spec(
        {
            "name": "people",
            "model": str(place / "model.skops"),
            "data": str(data),
            "target": "y",
            "positive_label": 1,
            "positive_is": "benefit",
            "sensitive_features": ["race", "sex"],
            "options": OPTIONS,
            "seed": 5,
            **changes,
        }
    )


def findings_bytes(case: Case) -> bytes:
    return (case.path / "findings.jsonl").read_bytes()


def test_same_inputs_same_bytes_whatever_the_row_order(place: Path, tmp_path: Path) -> None:
    frame = people(seed=2)
    first = audit(model_spec(place, frame, "a"), tmp_path / "first")
    again = audit(model_spec(place, frame, "a"), tmp_path / "again")
    assert findings_bytes(first) == findings_bytes(again)
    assert (first.path / "plan.json").read_bytes() == (again.path / "plan.json").read_bytes()
    shuffled = model_spec(place, frame.sample(frac=1, random_state=3), "b")
    assert findings_bytes(audit(shuffled, tmp_path / "shuffled")) == findings_bytes(first)
    measured = {f.check for f in first.findings if f.status == "measured"}
    assert "explanation.attribution" in measured
    assert not [f for f in first.findings if f.status == "error"]


def test_each_artifact_that_a_finding_names_is_in_the_case(place: Path, tmp_path: Path) -> None:
    case = audit(model_spec(place, people(seed=2), "a"), tmp_path / "case")
    named = {(f.check, name) for f in case.findings for name in f.artifacts}
    assert {check_id for check_id, _ in named} >= {
        "explanation.attribution",
        "explanation.counterfactual",
        "explanation.quality",
        "explanation.reasons",
        "fairness.calibration",
        "fairness.thresholds",
    }
    for check_id, name in named:
        # as Case.artifact takes it: the name alone, whose file the seal holds
        assert "/" not in name, (check_id, name)
        assert name.startswith(check_id)
        assert case.artifact(name)


def test_another_seed_changes_only_what_draws(place: Path, tmp_path: Path) -> None:
    frame = people(seed=2)
    first = audit(model_spec(place, frame, "a"), tmp_path / "first")
    other = audit(model_spec(place, frame, "a", seed=6), tmp_path / "other")
    one, two = ({f.id: f for f in case.findings} for case in (first, other))
    changed = [k for k in one.keys() | two.keys() if one.get(k) != two.get(k)]
    # a group that a search finds may be found with one seed alone
    found = [f for k in changed for f in (one.get(k), two.get(k)) if f]
    assert not [f.id for f in found if f.seed is None]
    assert "explanation.attribution/completeness_gap" in changed


def test_renamed_groups_change_names_alone(place: Path, tmp_path: Path) -> None:
    frame = people(seed=2)
    renaming = {"a": "zebra", "b": "yak", "c": "aardvark"}
    renamed = frame.assign(race=frame["race"].map(renaming))

    def numbers(case: Case) -> dict[str, Any]:
        result = {}
        for f in case.findings:
            group = {k: renaming.get(v, v) if k == "race" else v for k, v in f.group.items()}
            key = (f.check, f.measure, tuple(sorted(group.items())), f.between, f.column)
            result[str(key)] = (f.value, f.interval, f.n, f.counts, f.status)
        return result

    first = audit(model_spec(place, frame, "a"), tmp_path / "first")
    other = audit(model_spec(place, renamed, "renamed"), tmp_path / "other")
    assert numbers(first) == numbers(other)


def test_another_batch_size_agrees_to_1e_6(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = model_spec(place, people(seed=2), "a")
    first = audit(spec, tmp_path / "first")
    monkeypatch.setattr(deciding, "BATCH", 7)
    other = audit(spec, tmp_path / "other")
    for one, two in zip(first.findings, other.findings, strict=True):
        assert one.id == two.id
        if one.value is not None:
            assert two.value == pytest.approx(one.value, abs=1e-6)


def test_a_crashed_check_is_a_finding_and_the_rest_goes_on(tmp_path: Path) -> None:
    def crash(subject: object, *, seed: int, levels: object) -> Any:
        yield Finding(id="x", check="x", measure="m", status="skipped", reason="r")
        raise ZeroDivisionError("seven")

    module = SimpleNamespace(
        measure=crash, MEASURES={"m": "", "k": ""}, TASKS={"binary"}, NEEDS=frozenset()
    )
    frame = confusion_rows({}, tp=3, fp=1, fn=1, tn=3)
    spec = stored_spec(frame, tmp_path)
    found = list(run_check(Check("my.check", module), build_subject(spec), spec, (0.95,)))
    assert [(f.measure, f.status, render(f.reason)) for f in found] == [
        ("m", "error", "ZeroDivisionError: seven"),
        ("k", "error", "ZeroDivisionError: seven"),
    ]


def test_rows_without_a_label_are_dropped_counted_and_named(tmp_path: Path) -> None:
    frame = confusion_rows({"g": "a"}, tp=12, fp=4, fn=4, tn=12)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=9, fp=4, fn=4, tn=9)])
    frame["y"] = frame["y"].astype(object).where(frame.reset_index().index != 0, None)
    case = audit(stored_spec(frame, tmp_path, sensitive_features=["g"]), tmp_path / "case")
    dropped = next(f for f in case.findings if f.measure == "dropped_row_count")
    assert (dropped.value, render(dropped.reason)) == (1.0, "1 rows: no true label")
    assert next(f for f in case.findings if f.measure == "row_count").value == len(frame) - 1


def test_the_plan_says_all_that_was_asked_and_packs_reach_it(tmp_path: Path) -> None:
    pack = PlannedPack("p", "1", "sha256:0", b"x: 1\n", levels=(0.9,), measures=frozenset())
    frame = confusion_rows({"g": "a"}, tp=12, fp=4, fn=4, tn=12)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=9, fp=4, fn=4, tn=9)])
    spec = stored_spec(frame, tmp_path, sensitive_features=["g"], min_group_size=5)
    case = read_case(audit(spec, tmp_path / "case", packs=[pack]).path)
    assert case.plan.levels == (0.95, 0.9)
    assert [p.to_json() for p in case.plan.packs] == [
        {"id": "p", "version": "1", "digest": "sha256:0"}
    ]
    assert [p.read_bytes() for p in case.pack_paths()] == [b"x: 1\n"]
    planned = {c.id: c.options for c in case.plan.checks}
    assert planned["fairness.gaps"] == {"min_group_size": 5}
    gap = next(f for f in case.findings if f.measure == "demographic_parity_difference")
    assert gap.interval is not None
    assert [i.level for i in (gap.interval, *gap.other_intervals)] == [0.95, 0.9]


def test_every_finding_of_a_real_audit_obeys_the_laws(place: Path, tmp_path: Path) -> None:
    case = audit(model_spec(place, people(seed=2), "a"), tmp_path / "case")
    known = measure_index()
    assert len({f.id for f in case.findings}) == len(case.findings)
    for f in case.findings:
        assert f.check in known[f"{f.check.split('.')[0]}.{f.measure}"]
        if f.status != "measured":
            assert render(f.reason)
            continue
        assert f.method
        assert f.unit
        is_bound = f.method.startswith("confidence bound")  # the value is an interval's end itself
        assert f.interval is not None or f.method == "count" or f.n == 1 or is_bound, f.id
        if f.interval is not None and f.value is not None:
            assert f.interval.low - 1e-12 <= f.value <= f.interval.high + 1e-12, f.id
        if f.unit == "rate" and f.value is not None:
            assert 0 <= f.value <= 1, f.id


@pytest.mark.parametrize("each", checks(), ids=lambda c: c.id)
def test_every_check_says_what_it_is(each: Check) -> None:
    described = each.describe()
    assert described["question"].endswith("?")
    assert described["measures"]
    assert described["source"]
    assert described["cost"] in ("fast", "slow")
    assert described["tasks"]
    assert json.dumps(described)
    assert each.module.__doc__


def test_a_task_has_one_check_for_each_measure_of_a_family() -> None:
    names = [f"{t} {c.family}.{m}" for c in checks() for m in c.measures for t in c.module.TASKS]
    assert len(names) == len(set(names))


def test_checks_are_chosen_by_pattern() -> None:
    assert [c.id for c in select(["fairness.ga*"])] == ["fairness.gaps"]
    assert len(select(["*"])) == len(checks())
    with pytest.raises(InputError, match="no check matches"):
        select(["fairness.*", "nothing.*"])
    with pytest.raises(InputError) as caught:
        check("fairness.gap")
    assert "fairness.gaps" in caught.value.remedy


def test_attribution_handles_columns_named_like_arguments(place: Path, tmp_path: Path) -> None:
    # real data has a column called "self" (loanapp's self-employed)
    wanted: Any = {"checks": ["explanation.attribution"], "options": {}}
    spec = model_spec(place, people(seed=2), "a", **wanted)
    case = audit(spec, tmp_path / "case")
    assert {f.column for f in case.findings} == {"income", "job", "self", ""}
    assert {f.status for f in case.findings} == {"measured"}


def test_a_pack_asks_and_the_audit_derives(tmp_path: Path) -> None:
    measures = frozenset({"data.row_count", "fairness.impact_ratio"})
    pack = PlannedPack("p", "1", "sha256:0", b"x: 1\n", measures=measures)
    frame = confusion_rows({"g": "a"}, tp=12, fp=4, fn=4, tn=12)
    frame = pd.concat([frame, confusion_rows({"g": "b"}, tp=9, fp=4, fn=4, tn=9)])

    def planned(name: str, *checks: str, packs: Any = (pack,)) -> list[str]:
        spec = stored_spec(frame, tmp_path, sensitive_features=["g"], checks=checks)
        case = audit(spec, tmp_path / name, packs=packs)
        return [c.id for c in case.plan.checks]

    needed = ["data.quality", "fairness.impact_ratio"]
    assert planned("1", "needed") == needed
    assert planned("2", "data.groups") == ["data.groups", *needed]
    with pytest.raises(InputError, match="no check is asked for"):
        planned("3", "needed", packs=())
