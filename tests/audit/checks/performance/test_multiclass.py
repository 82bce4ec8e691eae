"""A model of several classes and its stored predictions say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sklearn import metrics

from evenhand.audit.cli import run


def test_a_multiclass_model_and_its_stored_predictions_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import skops.io
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    bunch = load_iris(as_frame=True)
    frame = bunch.frame.rename(columns={"target": "kind"})
    inputs = list(bunch.feature_names)
    model = LogisticRegression(max_iter=1000).fit(frame[inputs], frame["kind"])
    skops.io.dump(model, tmp_path / "iris.skops")
    frame.assign(guess=model.predict(frame[inputs])).to_csv(tmp_path / "iris.csv", index=False)
    shared = ["--target", "kind", "--json", "--quiet", "--checks", "performance.*"]
    data = str(tmp_path / "iris.csv")
    assert run(["audit", str(tmp_path / "iris.skops"), "--data", data, *shared]) == 0
    by_model = json.loads(capsys.readouterr().out)["findings"]
    stored = ["--predictions", data, "--predicted", "guess", "--task", "multiclass"]
    assert run(["audit", *stored, *shared]) == 0
    by_rows = {f["id"]: f["value"] for f in json.loads(capsys.readouterr().out)["findings"]}
    values = {f["id"]: f["value"] for f in by_model}
    name = "performance.multiclass/accuracy_score"
    assert values[name] == by_rows[name] == pytest.approx(model.score(frame[inputs], frame["kind"]))
    assert values["performance.multiclass/log_loss"] == pytest.approx(
        metrics.log_loss(frame["kind"], model.predict_proba(frame[inputs]))
    )
    assert by_rows["performance.multiclass/log_loss"] is None
    assert "performance.multiclass/recall_score@class=2" in values
