"""Rows and columns that give the answers away, planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import check
from evenhand.audit.run.run import run_check
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject
from evenhand.audit.worker.opened import Opened
from evenhand.policies.judge import judge
from evenhand.policies.pack import load_pack
from tests.audit.subjects import findings_of, one
from tests.policies.build import DAY, make_case


def table(n: int = 200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n).round(6)
    frame = pd.DataFrame(
        {"x": x, "z": rng.normal(size=n).round(6), "sex": rng.choice(["F", "M"], n)}
    )
    frame["y"] = (x + rng.normal(size=n) > 0).astype(int)
    return frame.assign(email=[f"p{seed}-{i}@x.org" for i in range(n)])


class Sure:
    """Reads x and email; the answer is x's sign, and its folder says what ``says`` has."""

    format, task, classes = "test", "binary", ("0", "1")
    input_columns: tuple[str, ...] = ("x", "email")
    gradients = None

    def __init__(self, says: dict[str, Any]) -> None:
        self.maker_says = says

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        p = np.where(frame["x"] > 0, 0.9, 0.1)
        return np.column_stack([1 - p, p])


def found_of(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    data: pd.DataFrame,
    training: pd.DataFrame | None = None,
    check_id: str = "data.leakage",
    **says: Any,
) -> list[Finding]:
    data.to_csv(folder / "d.csv", index=False)
    asked: dict[str, Any] = {"model": "m", "data": str(folder / "d.csv"), "target": "y"}
    if training is not None:
        training.to_csv(folder / "t.csv", index=False)
        asked["training_data"] = str(folder / "t.csv")
    if says.get("digest_as"):
        from evenhand.audit.files.canonical import digest_file

        says = {says["digest_as"]: digest_file(folder / "d.csv"), "n_train": says["n_train"]}
    opened = Opened(Sure(says), folder / "m", "sha256:0")
    monkeypatch.setattr("evenhand.audit.subject.subject.begin_model", lambda *_: lambda: opened)
    spec = make_spec({**asked, "positive_label": 1, "sensitive_features": ["sex"]})
    return list(run_check(check(check_id), build_subject(spec), spec, (0.95,)))


def test_rows_of_both_files_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """60 of 200 audited rows are trained on; 20 more people come again with another z."""
    audited = table()
    again = audited[60:80].assign(z=9.0)
    training = pd.concat([audited[:60], again, table(100, seed=1)])
    found = found_of(monkeypatch, tmp_path, audited, training)
    rate = one(found, "training_row_rate")
    assert rate.value == pytest.approx(60 / 200)
    assert rate.reason_text() == "60 audited rows are among the training rows too"
    assert one(found, "shared_key_rate", column="email").value == pytest.approx(80 / 200)
    named = one(found, "identifier_input_count")
    assert named.value == 1
    assert "email: 200 values, 200 of them once" in named.reason_text()


def test_what_the_models_folder_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unknown = one(found_of(monkeypatch, tmp_path, table()), "training_row_rate")
    assert unknown.status == "not_applicable"
    assert "--training-data" in unknown.reason_text()
    of_source = {"digest_as": "source_digest", "n_train": 140}
    trained = one(found_of(monkeypatch, tmp_path, table(), **of_source), "training_row_rate")
    assert trained.value == pytest.approx(140 / 200)
    assert "was trained on 140 rows of this file" in trained.reason_text()
    held_out = {"digest_as": "held_out_digest", "n_train": 140}
    held = one(found_of(monkeypatch, tmp_path, table(), **held_out), "training_row_rate")
    assert held.value == 0


def test_the_gap_leaves_out_what_both_files_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The gap is that of the files without the rows in common, computed here."""
    audited, others = table(), table(100, seed=1)
    training = pd.concat([audited[:60], others])

    def accuracy(rows: pd.DataFrame) -> float:
        return float(((rows["x"] > 0) == rows["y"]).mean())

    asked = {"check_id": "performance.generalisation"}
    found = found_of(monkeypatch, tmp_path, audited, training, **asked)
    gap = one(found, "accuracy_generalisation_gap")
    assert gap.value == pytest.approx(accuracy(training) - accuracy(audited[60:]))
    assert "60 rows that are in both files were left out" in gap.reason_text()
    held = {"digest_as": "held_out_digest", "n_train": 160}
    found = found_of(monkeypatch, tmp_path, audited, training, **asked, **held)
    gap = one(found, "accuracy_generalisation_gap")
    assert gap.value == pytest.approx(accuracy(others) - accuracy(audited))
    found = found_of(monkeypatch, tmp_path, audited, audited, **asked)
    assert {f.status for f in found} == {"undefined"}
    assert "every audited row is among the training rows" in found[0].reason_text()


def test_columns_that_give_the_target_away(tmp_path: Path) -> None:
    frame = table().rename(columns={"email": "id"})
    frame = frame.assign(yhat=frame["y"], code=np.where(frame["y"] == 1, "won", "lost"))
    frame["days"] = np.where(frame["y"] == 1, 0, 1 + np.arange(200) % 30)
    found = findings_of("data.leakage", frame, tmp_path, sensitive_features=["sex"])
    copied = one(found, "target_copy_count")
    assert copied.value == 2
    assert copied.reason_text() == "the target written otherwise: code, days"
    declared = findings_of("data.leakage", frame, tmp_path, outcomes=["code", "days"])
    assert one(declared, "target_copy_count").value == 0


def test_the_baseline_fails_what_gives_the_answers_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """60 of 200 rows were trained on, and "z" is the answer in other words."""
    audited = table()

    def statuses(frame: pd.DataFrame, training: pd.DataFrame) -> list[str]:
        monkeypatch.setattr(Sure, "input_columns", ("x", "z"))
        found = found_of(monkeypatch, tmp_path, frame, training)
        said = {v.item: v for v in judge(make_case(*found), load_pack("baseline"), (), as_of=DAY)}
        return [said[item].status for item in ("BASE-DATA-5", "BASE-DATA-6")]

    leaky = audited.assign(z=audited["y"] * 7.5 - 2)
    assert statuses(leaky, pd.concat([leaky[:60], table(100, seed=1)])) == ["fail", "fail"]
    assert statuses(audited, table(100, seed=1)) == ["pass", "pass"]


def test_where_rows_repeat_equal_ones_tell_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two values a column: every row of one file has its like in the other, by chance alone."""
    coarse = [
        table(200, seed)[["x", "sex", "y"]].assign(x=lambda t: (t["x"] > 0) * 1.0, email="same")
        for seed in (0, 1)
    ]
    rate = one(found_of(monkeypatch, tmp_path, *coarse), "training_row_rate")
    assert rate.status == "not_applicable" and rate.value is None
    assert "rows repeat within the training file" in rate.reason_text()
