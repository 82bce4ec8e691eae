"""What columns may be in an audit: one role each, classes however they are written, amounts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.subject import build_subject


def spec_of(folder: Path, frame: pd.DataFrame, **given: object) -> SubjectSpec:
    frame.to_csv(folder / "d.csv", index=False)
    named = {"predictions": str(folder / "d.csv"), "sensitive_features": ("sex",), "target": "y"}
    return SubjectSpec.model_validate({**named, "predicted": "p", "stream": False, **given})


def people(y: list[object], p: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"sex": ["F", "M"] * (len(y) // 2), "y": y, "p": p})


@pytest.mark.parametrize("given", [{"predicted": "y"}, {"sensitive_features": ("sex", "p")}])
def test_answers_have_one_role(tmp_path: Path, given: dict[str, object]) -> None:
    spec = spec_of(tmp_path, people([0, 1] * 4, [0, 1] * 4), positive_label="1", **given)
    with pytest.raises(InputError, match="it is the same column"):
        build_subject(spec)
    # Checks of the data alone read no answers.
    assert build_subject(spec.model_copy(update={"checks": ("data.groups",)})).n == 8


def test_classes_may_be_numbers_and_texts(tmp_path: Path) -> None:
    classes = ["0", "1", "2", "3+"]
    spec = spec_of(tmp_path, people(classes * 2, classes * 2), task="multiclass")
    assert build_subject(spec).truth.classes == ("0", "1", "2", "3+")


@pytest.mark.parametrize("given", [{}, {"positive_label": "50"}, {"task": "multiclass"}])
def test_amounts_are_told_to_be_a_regression(tmp_path: Path, given: dict[str, object]) -> None:
    amounts: list[object] = [30 + i / 4 for i in range(40)]
    spec = spec_of(tmp_path, people(amounts, amounts), **given)
    with pytest.raises(InputError, match="40 different numbers") as told:
        build_subject(spec)
    assert "--task regression" in told.value.remedy
    remedied = spec.model_copy(update={"task": "regression", "positive_label": None})
    assert build_subject(remedied).truth.values is not None


def test_grades_with_fractions_are_classes(tmp_path: Path) -> None:
    grades: list[object] = [1.0, 1.3, 1.7, 2.0] * 2
    spec = spec_of(tmp_path, people(grades, grades), task="multiclass")
    assert build_subject(spec).truth.classes == ("1", "1.3", "1.7", "2")
