"""A predictor in this process: what is audited is what it answers, and the pack decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from evenhand.audit.api.auditing import audit_model, audit_predictions
from evenhand.audit.api.results import Result
from evenhand.audit.errors import InputError
from evenhand.audit.integrations.pytest_plugin import Auditor
from tests.policies.build import attestation_item, check, item, pack_data


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    y = (x + rng.normal(size=400) > 0).astype(int)
    return pd.DataFrame(
        {
            "x": x,
            "sex": np.where(rng.random(400) < 0.5, "f", "m"),
            "label": np.where(y, "yes", "no"),
        }
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    items = [item("ACC", check=check(threshold=0.6)), attestation_item("A-1")]
    (tmp_path / "house.yaml").write_text(json.dumps(pack_data(*items)))
    (tmp_path / "hard.yaml").write_text(
        json.dumps(pack_data(item("ACC", check=check(threshold=0.99)), id="hard"))
    )
    return tmp_path


def judged(home: Path, predictor: Any, rows: pd.DataFrame, **options: Any) -> Result:
    given: dict[str, Any] = {
        "policy": str(home / "house.yaml"),
        "target": "label",
        "positive_label": "yes",
        "sensitive_features": ["sex"],
        "checks": ["needed"],
        "out": home / f"case-{len(list(home.iterdir()))}",
        "attestations": "warn",
        **options,
    }
    if predictor is None:
        return audit_predictions(rows, **given)
    return audit_model(predictor, rows, scored_here=True, **given)


def accuracy(result: Result) -> float:
    (found,) = [f for f in result.case.findings if f.measure == "accuracy_score"]
    assert found.value is not None
    return found.value


def test_estimators_functions_and_stored_columns_agree(home: Path, rows: pd.DataFrame) -> None:
    model = LogisticRegression().fit(rows[["x"]], rows["label"])
    wanted = float((model.predict(rows[["x"]]) == rows["label"]).mean())

    def scores(frame: pd.DataFrame) -> Any:
        assert "label" not in frame  # the predictor never sees the answers
        return model.predict_proba(frame[["x"]])[:, 1]

    def labels(frame: pd.DataFrame) -> Any:
        return model.predict(frame[["x"]])

    stored = rows.assign(guess=model.predict(rows[["x"]]))
    for result in (
        judged(home, model, rows),
        judged(home, scores, rows),
        judged(home, labels, rows),
        judged(home, None, stored, predicted="guess"),
    ):
        assert accuracy(result) == pytest.approx(wanted, abs=1e-12)
        assert result.require() is result  # the pending attestation is shown, and does not block
        assert "A-1 needs-attestation" in str(result)


def test_a_pack_that_is_not_met_fails_and_says_what(home: Path, rows: pd.DataFrame) -> None:
    hard = str(home / "hard.yaml")

    def labels(frame: pd.DataFrame) -> Any:
        return np.where(frame["x"] > 0, "yes", "no")

    result = judged(home, labels, rows)
    failed = judged(home, labels, rows, policy=hard)
    assert (result.exit_code, failed.exit_code) == (0, 1)
    with pytest.raises(
        AssertionError,
        match=r"hard:ACC fail: a title: Of 100 people \d+ get the right answer: a rate of 0\.\d+ ",
    ):
        failed.require()
    baseline = judged(
        home,
        lambda f: np.where(f["x"] > 0, "yes", "no"),
        rows,
        policy=hard,
        baseline=failed.case.path,
    )
    assert (baseline.exit_code, baseline.gate.known) == (0, ("hard:ACC",))


def test_regression_takes_floats_as_values(home: Path, rows: pd.DataFrame) -> None:
    pack = pack_data(
        item(
            evidence={"select": "performance.root_mean_squared_error"},
            check=check("<=", 1e-9, decision="point", unit="unit of label"),
        )
    )
    (home / "values.yaml").write_text(json.dumps(pack))
    result = audit_model(
        lambda frame: frame["x"] * 2,
        rows.assign(label=rows["x"] * 2),
        policy=str(home / "values.yaml"),
        target="label",
        task="regression",
        checks=["needed"],
        out=home / "case",
    )
    assert result.exit_code == 0, str(result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sensitive": ["sex"]}, "unknown option 'sensitive'"),
        ({"target": "lable"}, "no column 'lable'"),
        ({"positive_label": "ja"}, "'ja' is no class of the predictor"),
    ],
)
def test_mistakes_are_named(
    home: Path, rows: pd.DataFrame, changes: dict[str, Any], message: str
) -> None:
    model = LogisticRegression().fit(rows[["x"]], rows["label"])
    with pytest.raises(InputError, match=message) as caught:
        judged(home, model, rows, **changes)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("predictor", "message"),
    [(lambda frame: np.zeros(3), "3 answers for 400 rows"), (object(), "object can't predict")],
)
def test_what_does_not_answer(home: Path, rows: pd.DataFrame, predictor: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        judged(home, predictor, rows)


@pytest.mark.evenhand(target="label", positive_label="yes", sensitive_features=["sex"])
class TestFixture:
    """The plug-in is loaded by its entry point, as in anybody's tests."""

    @pytest.mark.evenhand(checks=["needed"], positive_label="no")
    def test_markers_and_calls_add_up(
        self, home: Path, rows: pd.DataFrame, evenhand: Auditor, record_property: Any
    ) -> None:
        policy = str(home / "house.yaml")
        labels = np.where(rows["x"] > 0, "yes", "no")
        result = evenhand(lambda frame: labels, rows, policy=policy)
        assert result.case.subject.positive_label == "no"  # the nearer marker wins
        again = evenhand(lambda frame: labels, rows, policy=policy, positive_label="yes")
        assert again.case.subject.positive_label == "yes"
        assert result.case.path != again.case.path
        with pytest.raises(AssertionError, match="hard:ACC"):
            evenhand(lambda frame: labels, rows, policy=str(home / "hard.yaml"))
        assert (
            evenhand.judge(lambda frame: labels, rows, policy=str(home / "hard.yaml")).exit_code
            == 1
        )
