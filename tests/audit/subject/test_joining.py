"""Answers here, features there: one table of both, held against pandas' own merge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evenhand
from evenhand.audit.errors import InputError
from evenhand.audit.run.run import audit
from evenhand.audit.subject.spec import SubjectSpec, make_spec
from evenhand.audit.subject.subject import build_subject
from evenhand.audit.words.reasons import render

N = 120


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(2)
    answers = pd.DataFrame(
        {"id": range(N), "y": rng.integers(0, 2, N), "p": rng.random(N).round(2)}
    )
    people = pd.DataFrame(
        {"id": range(N), "sex": rng.choice(["F", "M"], N), "region": rng.choice(["n", "s"], N)}
    )
    return answers.sample(frac=1, random_state=1), people.sample(frac=1, random_state=2)


def spec_of(
    answers: pd.DataFrame, people: pd.DataFrame, folder: Path, **changes: Any
) -> SubjectSpec:
    answers.to_csv(folder / "answers.csv", index=False)
    people.to_csv(folder / "people.csv", index=False)
    given = {
        "predictions": str(folder / "answers.csv"),
        "join": str(folder / "people.csv"),
        "on": "id",
        "target": "y",
        "score": "p",
        "threshold": 0.5,
        "positive_label": 1,
        "sensitive_features": ["sex"],
        **changes,
    }
    return make_spec(given)


def rates(spec: SubjectSpec) -> dict[str, float]:
    subject = build_subject(spec)
    frame = subject.frame.assign(sex=subject.groups["sex"])
    return dict((frame["p"] >= 0.5).groupby(frame["sex"]).mean())


def test_rows_find_theirs_in_any_order(tmp_path: Path) -> None:
    answers, people = tables()
    right = answers.merge(people, on="id")
    found = rates(spec_of(answers, people, tmp_path))
    assert found == pytest.approx((right["p"] >= 0.5).groupby(right["sex"]).mean().to_dict())


def test_what_finds_no_partner_is_counted_and_stays(tmp_path: Path) -> None:
    answers, people = tables()
    people = people[people["id"] % 10 != 3]  # 12 answers have no person
    people = pd.concat([people, pd.DataFrame({"id": [900, 901], "sex": ["F", "M"]})])
    subject = build_subject(spec_of(answers, people, tmp_path))
    said = render(subject.notes)
    assert "108 of 120 rows of" in said and "12 have none" in said
    assert "2 rows of" in said and "left out" in said
    assert (subject.groups["sex"] == "unknown").sum() == 12
    assert subject.n == N


def test_keys_of_other_names_and_of_several_columns(tmp_path: Path) -> None:
    answers, people = tables()
    people = people.rename(columns={"id": "person"})
    right = rates(spec_of(*tables(), tmp_path))
    assert rates(spec_of(answers, people, tmp_path, on="id=person")) == right
    answers["half"], people["half"] = answers["id"] % 2, people["person"] % 2
    assert rates(spec_of(answers, people, tmp_path, on=["id=person", "half"])) == right


def test_types_are_of_the_file_that_has_the_column(tmp_path: Path) -> None:
    answers, people = tables()
    answers["id"] = answers["id"].map("{:04}".format)
    people["id"] = people["id"].map("{:04}".format)
    spec = spec_of(answers, people, tmp_path, types={"id": "text", "region": "category"})
    assert build_subject(spec).table.types["region"] == "category"
    people["id"] = people["id"].astype(int)
    with pytest.raises(InputError, match=r"no row of .* by id: '00\d\d'"):
        build_subject(spec_of(answers, people, tmp_path))


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda a, p: (a, pd.concat([p, p.iloc[:2]])), {}, "has 2 rows too many"),
        (lambda a, p: (a, p.assign(y=7)), {}, "column 'y' is in .* differs in 120 rows"),
        (lambda a, p: (a, p.assign(id=p["id"] + 5000)), {}, "no row of .* by id"),
        (lambda a, p: (a, p), {"on": "person"}, "'person' is not a column"),
        (lambda a, p: (a, p), {"on": ()}, "needs both --join FILE and --on COLUMN"),
        (lambda a, p: (a, p), {"stream": True}, "can't be"),
    ],
)
def test_what_does_not_fit_is_said(
    change: Any, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    from evenhand.audit.subject.streamed import open_subject

    with pytest.raises(InputError, match=said):
        open_subject(spec_of(*change(*tables()), tmp_path, **options))


def test_a_column_of_both_with_the_same_cells_is_one(tmp_path: Path) -> None:
    answers, people = tables()
    people = people.merge(answers[["id", "y"]], on="id")
    assert build_subject(spec_of(answers, people, tmp_path)).n == N


def test_the_plan_names_both_and_python_joins_frames(tmp_path: Path) -> None:
    answers, people = tables()
    case = audit(
        spec_of(answers, people, tmp_path, checks=["fairness.group_rates"]), tmp_path / "case"
    )
    assert case.subject.data.joined == str(tmp_path / "people.csv")
    assert case.subject.data.on == ("id",)
    result = evenhand.audit_predictions(
        answers,
        join=people,
        on="id",
        target="y",
        score="p",
        threshold=0.5,
        positive_label=1,
        sensitive_features="sex",
        checks=["fairness.group_rates"],
        out=tmp_path / "other",
    )
    one, other = (
        {f.id: f.value for f in found if f.measure == "selection_rate"}
        for found in (case.findings, result.case.findings)
    )
    assert one == other


def test_ids_that_do_not_name_one_row_are_told(tmp_path: Path) -> None:
    answers, people = tables()
    answers = answers.assign(person=answers["id"].where(answers["id"] > 3).replace(9, 8))
    said = render(build_subject(spec_of(answers, people, tmp_path, id="person")).notes)
    assert "id column 'person' is empty in 4 rows" in said
    assert "names 1 rows by an id that an earlier row has" in said
