"""A cohort's case against an audit of a file that holds its rows alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from evenhand.audit.case.case import Case
from evenhand.audit.case.plan import PlannedCheck
from evenhand.audit.case.secret import passing
from evenhand.audit.cli import run
from evenhand.audit.data.filtering import rows_where
from evenhand.audit.data.written.filters import parse_filter
from evenhand.audit.errors import InputError
from evenhand.audit.register.looks import RecordedLook
from evenhand.audit.run.cohorts import cohort_spec
from evenhand.audit.run.forgetting import PersonToForget, find
from evenhand.audit.run.found_groups import _of_level, found_groups, of_node
from evenhand.audit.run.looking import look_of
from evenhand.audit.run.run import audit
from evenhand.audit.subject.planned import planned_rows
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject
from tests.audit.people import people as people_of_model
from tests.audit.people import skops_model
from tests.audit.subjects import stored_spec

CHECKS = ["fairness.gaps", "fairness.group_rates", "performance.classification", "data.groups"]


def people(n: int = 600) -> pd.DataFrame:
    drawn = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "age": drawn.integers(18, 80, n),
            "sex": drawn.choice(["F", "M"], n),
            "job": drawn.choice(["nurse", "cook", "clerk"], n),
            "y": drawn.integers(0, 2, n).astype(float),
        }
    )
    frame["yhat"] = np.where(drawn.random(n) < 0.8, frame["y"], 1 - frame["y"]).astype(int)
    frame.loc[:4, "y"] = np.nan  # rows without a label are nobody's
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cohorts")


@pytest.fixture(scope="module")
def parent(folder: Path) -> Case:
    spec = stored_spec(
        people(), folder, sensitive_features=["sex", "job"], positive_is="benefit", checks=CHECKS
    )
    return audit(spec.model_copy(update={"seed": 7}), folder / "parent")


def test_findings_are_those_of_the_rows_alone(parent: Case, folder: Path) -> None:
    before = {p: p.read_bytes() for p in sorted(parent.path.rglob("*")) if p.is_file()}
    where = 'age >= 40 and job in ("nurse", "cook")'
    own = audit(cohort_spec(parent, name="older", where=where), folder / "cohort")
    frame = people()
    chosen = frame[(frame["age"] >= 40) & frame["job"].isin(["nurse", "cook"])]
    spec = stored_spec(
        chosen, folder, sensitive_features=["sex", "job"], positive_is="benefit", checks=CHECKS
    )
    alone = audit(spec.model_copy(update={"seed": 7}), folder / "alone")
    mine = [f.to_json() for f in own.findings]
    assert mine == [f.to_json() for f in alone.findings]
    assert len(mine) > 100
    assert own.subject.cohort is not None
    assert own.subject.cohort.parent == parent.digest
    assert "older" in own.subject.name
    after = {p: p.read_bytes() for p in sorted(parent.path.rglob("*")) if p.is_file()}
    assert before == after  # the parent stays as it is


def test_a_cohort_of_one_group_is_audited(parent: Case, folder: Path) -> None:
    own = audit(cohort_spec(parent, name="women", where="sex == 'F'"), folder / "women")
    gaps = [f for f in own.findings if f.measure == "demographic_parity_difference"]
    by = {f.between: f.status for f in gaps if not f.group}
    assert by["sex",] == "undefined"
    assert by["job",] == "measured"


def test_other_files_and_conditions_are_refused(parent: Case, folder: Path) -> None:
    with pytest.raises(InputError, match="not a column"):
        cohort_spec(parent, name="x", where="aeg > 3")
    with pytest.raises(InputError, match="under 10 nothing is said"):
        audit(cohort_spec(parent, name="few", where="age > 78 and job == 'cook'"), folder / "few")
    other = folder / "other.csv"
    people().assign(age=1).to_csv(other, index=False)
    with pytest.raises(InputError, match="is not the audited one"):
        cohort_spec(parent, name="x", where="age > 3", data=str(other))
    with pytest.raises(InputError, match=r"is not at .*nowhere"):
        cohort_spec(parent, name="x", where="age > 3", data=str(folder / "nowhere.csv"))


def test_no_person_is_kept_where_the_case_keeps_none(parent: Case) -> None:
    reasons = PlannedCheck(id="explanation.reasons", options={"keep_people": False, "rows": 60})
    plan = parent.plan.model_copy(update={"checks": (*parent.plan.checks, reasons)})
    hidden = replace(parent, plan=plan)
    people_of = {"explanation.reasons", "explanation.counterfactual"}
    asked: tuple[dict[str, Any], ...] = (
        {"checks": ["explanation.*"]},
        {"policy": ["baseline"]},
        {},
    )
    for changes in asked:
        options = cohort_spec(hidden, name="x", where="age > 3", **changes).options
        named = people_of & set(options)
        assert named
        assert not any(options[check]["keep_people"] for check in named)
        assert options["explanation.reasons"]["rows"] == 60
    assert "keep_people" not in str(cohort_spec(parent, name="x", where="age > 3").options)


def test_a_cohort_may_hold_any_row_of_the_file(
    parent: Case, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(folder / "forgetting"))
    place = folder / "forgetting" / "cases" / "older"
    audit(cohort_spec(parent, name="older", where="age >= 70"), place)
    told = find(PersonToForget(row=590, data=parent.subject.data_digest))
    assert [one.place for one in told] == [place.resolve()]


def test_a_cohort_is_no_look_at_growing_data(parent: Case) -> None:
    spec = cohort_spec(parent, name="older", where="age >= 70")
    subject = build_subject(spec)
    assert look_of(subject, spec, (), passing()) == RecordedLook()
    whole = spec.model_copy(update={"cohort": None})
    assert look_of(build_subject(whole), whole, (), passing()).sketch


def test_found_groups_are_conditions_of_just_their_rows(folder: Path) -> None:
    rows = people().dropna()
    rows.loc[(rows["sex"] == "F") & (rows["job"] == "cook"), "yhat"] = 1
    rows["the job"] = rows["job"].where(rows["job"] != "clerk", 'a "clerk\\"')
    spec = stored_spec(
        rows, folder, sensitive_features=["sex", "the job"], checks=["fairness.worst_groups"]
    )
    case = audit(spec, folder / "searched")
    _, frame = planned_rows(case.plan)
    sealed = json.loads((case.path / "artifacts" / "fairness.worst_groups.json").read_text())
    assert len(sealed["tree"]) > 2
    for node in sealed["tree"][1:]:
        chosen = rows_where(frame, parse_filter(of_node(case, node["id"])))
        assert int(chosen.sum()) == node["rows"]
    groups = found_groups(case)
    assert groups
    assert all(int(rows_where(frame, parse_filter(g.where)).sum()) > g.tested.rows for g in groups)
    with pytest.raises(InputError, match="no node 0"):
        of_node(case, 0)
    assert run(["cohort", str(case.path), "--find"]) == 0
    assert run(["cohort", str(case.path)]) == 2


def test_ranges_of_numbers_are_conditions(folder: Path) -> None:
    """A model's inputs are searched in bins; edges of thousands are written with commas."""
    frame = people_of_model(seed=1)
    frame["income"] *= 1000
    frame["income"] = frame["income"].round()
    model = skops_model(folder, frame, DecisionTreeClassifier(max_depth=3))
    data = folder / "incomes.csv"
    frame.to_csv(data, index=False)
    spec = make_spec(
        {
            "model": str(model),
            "data": str(data),
            "target": "y",
            "positive_label": 1,
            "sensitive_features": ["race"],
            "checks": ["fairness.worst_groups"],
        }
    )
    case = audit(spec, folder / "incomes")
    _, rows = planned_rows(case.plan)
    sealed = json.loads((case.path / "artifacts" / "fairness.worst_groups.json").read_text())
    nodes = [n for n in sealed["tree"][1:] if n["column"] == "income"]
    edges = [c for c in sealed["columns"] if c["column"] == "income"]
    levels = [(level, n) for c in edges for level, n in zip(c["levels"], c["rows"], strict=True)]
    assert any("," in level for level, _ in levels)
    for node in nodes:
        assert rows_where(rows, parse_filter(of_node(case, node["id"]))).sum() == node["rows"]
    for level, n in levels:
        where = _of_level(case.plan, "income", level)
        assert rows_where(rows, parse_filter(where)).sum() == n


def test_as_typed(
    parent: Case,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(folder / "home"))
    typed = ["cohort", str(parent.path), "--where", "age < 40", "--checks", "fairness.gaps"]
    assert run([*typed, "--out", str(folder / "typed"), "--json", "-q"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert {f["check"] for f in made["findings"]} == {"fairness.gaps"}
    assert run(["verify", str(folder / "typed"), "--recompute"]) == 0
    assert run(["report", str(folder / "typed"), "--format", "html"]) == 0
    said = capsys.readouterr().out
    assert "rows where age &lt; 40, of case" in said
    # a cohort of a cohort would be of other rows than it says
    assert run(["cohort", str(folder / "typed"), "--where", "sex == 'F'"]) == 2
    assert "is a cohort itself" in capsys.readouterr().err
