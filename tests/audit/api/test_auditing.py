"""Models and rows of this process: frames of every kind, objects saved or asked here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import evenhand
from evenhand.audit.api import options as api_options
from evenhand.audit.api.options import GateOptions, OpeningOptions, SubjectOptions
from evenhand.audit.api.sources import save_sklearn
from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.run import flow
from evenhand.audit.subject.spec import SubjectSpec
from tests.audit.api.people import OPTIONS, fitted, people

CHECKS = ["performance.classification", "fairness.gaps"]


def numbers(result: evenhand.Result) -> dict[str, Any]:
    return {f.id: (f.status, f.value, f.interval, f.n, f.counts) for f in result.findings}


def test_frames_of_every_kind_and_files_agree(tmp_path: Path) -> None:
    rows = people()
    rows.to_parquet(tmp_path / "rows.parquet")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    kinds: list[Any] = [
        rows,
        rows.set_index(rows.index + 7),
        pa.Table.from_pandas(rows),
        pl.from_pandas(rows),
        pl.from_pandas(rows).lazy(),
        tmp_path / "rows.parquet",
        str(tmp_path / "rows.csv"),
    ]
    found = [
        numbers(evenhand.audit_predictions(kind, **OPTIONS, predicted="approved", checks=CHECKS))
        for kind in kinds
    ]
    assert len(found[0]) > 10
    assert all(other == found[0] for other in found[1:])
    with pytest.raises(InputError, match="list is no data frame"):
        evenhand.audit_predictions([1, 2], predicted="x")  # type: ignore[arg-type]


def test_a_fitted_object_is_audited_as_its_file_would_be(tmp_path: Path) -> None:
    model, rows = fitted(), people()
    wanted = float((model.predict(rows[["income"]]) == rows["repaid"]).mean())
    saved = evenhand.audit_model(model, rows, **OPTIONS, checks=CHECKS)
    assert saved.case.subject.model is not None and saved.case.subject.model.format == "skops"
    place = save_sklearn(model, tmp_path)
    by_path = evenhand.audit_model(place, rows, **OPTIONS, checks=CHECKS)
    here = evenhand.audit_model(model, rows, **OPTIONS, checks=CHECKS, scored_here=True)
    assert numbers(saved) == numbers(by_path)
    assert saved.case.subject.digests == by_path.case.subject.digests
    for result in (saved, by_path, here):
        (accuracy,) = [f for f in result.findings if f.measure == "accuracy_score"]
        assert accuracy.value == pytest.approx(wanted, abs=1e-12)


def test_the_same_object_is_saved_in_the_same_bytes(tmp_path: Path) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    from evenhand.audit.models.formats.skops import open_estimator

    rows = people()
    steps = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    model = make_pipeline(steps, RandomForestClassifier(3, random_state=0))
    model.fit(rows[["sex", "income"]], rows["repaid"])
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        place = save_sklearn(model, tmp_path / name)
        made.append(place.read_bytes())
        opened = open_estimator(place)
        wanted = model.predict_proba(rows[["sex", "income"]])
        np.testing.assert_array_equal(opened.predict_proba(rows[["sex", "income"]]), wanted)
    assert made[0] == made[1]


def test_what_cannot_be_saved_is_said() -> None:
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Own(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def predict(self, rows: pd.DataFrame) -> Any:
            return (rows["income"] > 22).astype(int)

    with pytest.raises(InputError, match="not opened as data") as caught:
        evenhand.audit_model(Own(), people(), **OPTIONS, checks=CHECKS)
    assert "scored_here=True" in caught.value.remedy
    result = evenhand.audit_model(Own(), people(), **OPTIONS, checks=CHECKS, scored_here=True)
    assert result.case.subject.name == "Own"


def test_a_torch_module_with_declared_inputs(tmp_path: Path) -> None:
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(1, 1))
    with torch.no_grad():
        module[0].weight.fill_(1.0)
        module[0].bias.fill_(-22.0)  # positive where income is over 22, which is: approved
    declared: dict[str, Any] = {"inputs": "income", "outputs": "logits", "classes": [0, 1]}
    try:
        result = evenhand.audit_model(module, people(), **OPTIONS, **declared, checks=CHECKS)
    except UnsafeModelError as refused:
        pytest.skip(f"programs of torch are not opened here: {refused.message}")
    (accuracy,) = [f for f in result.findings if f.measure == "accuracy_score"]
    assert accuracy.value == 0.8
    assert (
        result.case.subject.model is not None and result.case.subject.model.format == "torch-export"
    )


def test_a_torch_module_without_declared_inputs_is_refused() -> None:
    import torch

    with pytest.raises(InputError, match="which columns does Linear read") as caught:
        evenhand.audit_model(torch.nn.Linear(1, 1), people(), **OPTIONS)
    assert "inputs=" in caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sensitve": "sex"}, "unknown option 'sensitve'"),
        ({"target": "repayed"}, "repayed"),
        ({"fail_on": "hihg"}, "hihg"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], message: str) -> None:
    options = {**OPTIONS, "predicted": "approved", "checks": CHECKS, **changes}
    with pytest.raises(InputError, match=message) as caught:
        evenhand.audit_predictions(people(), **options)
    assert caught.value.remedy
    with pytest.raises(InputError, match="which rows"):
        evenhand.audit_model(fitted())


def test_options_are_those_of_the_models() -> None:
    """The dictionaries repeat, for editors, what the pydantic model and the gate define."""
    import inspect

    from evenhand.audit.api.settings import Gating, OpeningSettings, Running
    from evenhand.audit.worker.isolation.levels import make_rules

    beside = {"model", "data", "predictions", "policy", "out"}
    assert set(SubjectOptions.__annotations__) == set(SubjectSpec.model_fields) - beside
    gate = set(inspect.signature(flow.gate).parameters) - {"verdicts", "before"}
    assert (
        set(GateOptions.__annotations__) == set(Gating.model_fields) == gate | {"baseline", "as_of"}
    )
    rules = inspect.signature(make_rules).parameters
    assert set(OpeningOptions.__annotations__) == set(OpeningSettings.model_fields) == set(rules)
    own = inspect.signature(evenhand.audit_model).parameters
    for settings, parameters in ((OpeningSettings, rules), (Running, own)):
        for name, field in settings.model_fields.items():
            assert parameters[name].default == field.default, name
    assert get_type_hints(api_options.AuditOptions)
