"""Subject files with values that no case can hold and paths that no file has: exit 2, never 70."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.cli import run
from tests.audit.subjects import confusion_rows

BASE = {
    "predictions": "rows.csv",
    "target": "y",
    "predicted": "yhat",
    "positive_label": "1",
    "sensitive_features": "[g]",
    "checks": "[fairness.gaps]",
}
NAN, OVER, HALF = ".nan", "9007199254740993", '"\\ud800"'
REFUSED = (
    *(("facts", f"{{a.b: {value}}}") for value in (NAN, ".inf", OVER, "9" * 400, HALF)),
    *(("facts", f"{{a.b: {value}}}") for value in ("0xFFFFFFFFFFFFFFFFF", "[1, .nan]")),
    *(("declared", f"{{accuracy_min: {value}}}") for value in (NAN, "18446744073709551616")),
    *(("threshold", value) for value in (NAN, "-.inf")),
    ("name", HALF),
    ("name", '"\\udfffx"'),
    ("min_group_size", "9" * 23),
    ("actionable", "{g: {min: .nan}}"),
    ("actionable", "{g: {step: .inf}}"),
    ("actionable", "{g: {values: [.nan]}}"),
    ("reference_applicant", "{g: .nan}"),
    ("classes", "[.nan, 1]"),
    ("inputs", "[{column: a, scale: .inf}]"),
    ("inputs", "[{column: a, mean: .nan}]"),
    ("architecture", "{name: mlp, parameters: {a: .nan}}"),
    ("architecture", "{name: mlp, parameters: {a: 2020-01-01}}"),
    ("options", "{fairness.gaps: {min_group_size: .nan}}"),
    ("options", "{fairness.gaps: {min_group_size: !!binary aGk=}}"),
    ("missing", f"[{HALF}]"),
    ("unknown", f"[{HALF}]"),
    ("predictions", '"\\ud800.csv"'),
    ("predictions", '"a\\0b"'),
    ("predictions", "x" * 5000),
    ("predictions", "x/" * 5000),
    ("join", '"\\0"\non: [g]'),
    ("out", "x" * 300),
    ("policy", '["\\0.yaml"]'),
    ("policy", f"[{'x' * 5000}]"),
    ("declared_file", '"\\0"'),
    ("sensitive_features", "[[]]\nroles: {race: [g]}"),
    ("bins", "{g: null}"),
)


def test_values_that_no_case_can_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    groups = [confusion_rows({"g": g}, tp=6, fp=2, fn=2, tn=6) for g in "ab"]
    pd.concat(groups).to_csv(tmp_path / "rows.csv", index=False)
    file = tmp_path / "subject.yaml"
    for key, value in REFUSED:
        lines = {**BASE, key: value}
        file.write_text("".join(f"{k}: {v}\n" for k, v in lines.items()))
        code = run(["audit", str(file), "--quiet"])
        said = capsys.readouterr().err
        assert code == 2 and "->" in said, (key, value[:40], code, said)
        assert key in said, (key, value[:40], said)
    file.write_text("".join(f"{k}: {v}\n" for k, v in BASE.items()))
    assert run(["audit", str(file), "--quiet", "--out", str(tmp_path / "case")]) == 0
