"""Rows that stay on disk: the findings of an audit in memory, as far as counts can tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pytest

from evenhand.audit.case.case import Case, read_case
from evenhand.audit.cli import main
from evenhand.audit.errors import InputError, RowsOnDisk
from evenhand.audit.finding import Finding
from evenhand.audit.run.catalogue import checks
from evenhand.audit.run.run import audit
from evenhand.audit.subject import streamed
from evenhand.audit.subject.spec import SubjectSpec, make_spec
from evenhand.audit.subject.streamed import is_streamed, streamed_subject
from evenhand.audit.words.reasons import render
from tests.audit.people import people, skops_model

CHECKS = ("fairness.*", "performance.*", "data.*")
NEED_ROWS = {c.id for c in checks() if "rows" in c.module.NEEDS and "binary" in c.module.TASKS}


def made(n: int = 3000, seed: int = 3) -> pd.DataFrame:
    """Rows with missing sensitive values, missing labels, a group of three, and crossings."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["a", "b", "c d", "é"], n, p=[0.5, 0.3, 0.15, 0.05]).astype(object)
    race[rng.random(n) < 0.02] = None
    race[:3] = "tiny"
    label = rng.integers(0, 2, n).astype(object)
    label[5:25] = None
    return pd.DataFrame(
        {
            "race": race,
            "zone": rng.choice(["01", "1"], n),
            "old": rng.random(n) < 0.4,
            "y": label,
            "p": rng.integers(0, 2, n),
            "s": rng.integers(0, 100, n) / 100,
            "w": rng.integers(1, 5, n).astype(float),
        }
    )


def spec_of(path: Path, **changes: Any) -> SubjectSpec:
    named = {"predictions": str(path), "target": "y", "predicted": "p", "positive_label": 1}
    return make_spec(
        {
            **named,
            "sensitive_features": ["race", "old"],
            "control_features": ["zone"],
            "checks": CHECKS,
            "declared": {"reference.race.a": 0.5},
            **changes,
        }
    )


def write(frame: pd.DataFrame, folder: Path, kind: str) -> Path:
    path = folder / f"rows.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.assign(y=frame["y"].astype("Int64")).to_parquet(path, index=False)
    return path


def plain(case: Case) -> dict[str, dict[str, Any]]:
    return {f.id: f.to_json() for f in case.findings}


def both(spec: SubjectSpec, folder: Path) -> tuple[Case, Case]:
    loaded, counted = (spec.model_copy(update={"stream": stream}) for stream in (False, True))
    return audit(loaded, folder / "loaded"), audit(counted, folder / "counted")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("change", [{}, {"target": None}, {"predicted": None, "score": "s"}])
def test_what_counts_can_tell_is_bit_for_bit_the_same(
    kind: str, change: dict[str, Any], tmp_path: Path
) -> None:
    if change.get("score"):
        change = {**change, "threshold": 0.37}
    spec = spec_of(write(made(), tmp_path, kind), **change)
    cases = both(spec, tmp_path)
    loaded, counted = map(plain, cases)
    skipped = {i for i, f in counted.items() if f["status"] == "skipped"}
    same = [i for i in counted if i not in skipped]
    assert len(same) > 200
    for i in same:
        ours = {**loaded[i], "reason": "", "reason_codes": [], "artifacts": []}
        theirs = {**counted[i], "reason": "", "reason_codes": [], "artifacts": []}
        if "row_count" not in i:  # says that the rows were counted on disk
            assert loaded[i]["reason"] == counted[i]["reason"]
        if ours["p_value"] is not None:  # both have their own error budget: other tests, other p
            ours["method"] = theirs["method"] = ""
            ours["p_value"] = theirs["p_value"] = None
        assert ours == theirs, i
    # whatever is missing is of a check that needs rows, and that check says so
    for i in set(loaded) - set(counted):
        assert loaded[i]["check"] in NEED_ROWS | {"fairness.impact_ratio"}, i
    assert all("rows were counted on disk" in counted[i]["reason"] for i in skipped)
    assert cases[1].subject.streamed is True
    assert cases[0].subject.digests == cases[1].subject.digests


def test_p_values_are_the_same_before_the_shared_budget(tmp_path: Path) -> None:
    spec = spec_of(write(made(), tmp_path, "parquet"), error_budget="none")
    loaded, counted = map(plain, both(spec, tmp_path))
    tested = [i for i, f in counted.items() if f["p_value"] is not None]
    assert len(tested) > 20
    assert all(loaded[i]["p_value"] == counted[i]["p_value"] for i in tested)


def test_every_other_check_says_that_it_was_skipped(tmp_path: Path) -> None:
    path = write(made(), tmp_path, "parquet")
    spec = spec_of(path, stream=True, score="s", checks="*")
    case = audit(spec, tmp_path / "case")
    by_check: dict[str, list[Finding]] = {}
    for f in case.findings:
        by_check.setdefault(f.check, []).append(f)
    assert not [f.id for f in case.findings if f.status == "error"]
    no_model = {"fairness.consistency", "fairness.counterfactual", "performance.generalisation"}
    no_model |= {"privacy.membership_inference", "privacy.leakage_by_group"}  # training rows too
    assert len(NEED_ROWS - no_model) == 8
    for check in NEED_ROWS - no_model:
        assert {f.status for f in by_check[check]} == {"skipped"}, check
    assert "artifacts/decisions.json" not in case.files
    # the note reaches the reader of the case
    rows = next(f for f in by_check["data.quality"] if f.measure == "row_count")
    assert (rows.value, "counted on disk" in render(rows.reason)) == (2980, True)


def test_weighted_rates_agree_to_rounding(tmp_path: Path) -> None:
    spec = spec_of(write(made(), tmp_path, "parquet"), weight="w", checks="fairness.g*")
    loaded, counted = map(plain, both(spec, tmp_path))
    assert set(loaded) == set(counted)
    for i, f in loaded.items():
        assert counted[i]["status"] == f["status"]
        if f["value"] is not None:
            assert f["value"] == pytest.approx(counted[i]["value"], rel=1e-12)


@pytest.mark.parametrize("change", [{}, {"predicted": None, "score": "s", "threshold": 0.37}])
def test_rows_of_persons_are_taken_together_on_disk_too(
    change: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's rows lie in several batches: 40 persons of 25 rows, in batches of 170."""
    monkeypatch.setattr("evenhand.audit.data.reading.rows_on_disk._BATCH", 170)
    frame = made(1000).assign(who=np.arange(1000) % 40)
    path = write(frame, tmp_path, "parquet")
    changes = {"unit": "who", "error_budget": "none", "control_features": [], **change}
    spec = spec_of(path, checks=("fairness.gaps", "fairness.group_rates"), **changes)
    loaded, counted = map(plain, both(spec, tmp_path))
    told = [i for i, f in counted.items() if "units" in f["counts"]]
    assert len(told) > 50 and set(counted) == set(loaded)
    for i, found in counted.items():
        assert found["counts"] == loaded[i]["counts"], i
        one, other = found["interval"], loaded[i]["interval"]
        assert (one is None) == (other is None), i
        if one is not None:
            assert [one["low"], one["high"]] == pytest.approx([other["low"], other["high"]]), i
    alone = write(frame.assign(who=7), tmp_path, "parquet")
    with pytest.raises(InputError, match="one person alone"):
        streamed_subject(spec_of(alone, stream=True, **changes))


def test_rows_in_another_order_give_the_same_case(tmp_path: Path) -> None:
    frame = made()
    found = []
    for part, rows in (("a", frame), ("b", frame.sample(frac=1, random_state=1))):
        (tmp_path / part).mkdir()
        path = write(rows, tmp_path / part, "parquet")
        found.append(plain(audit(spec_of(path, stream=True), tmp_path / part / "case")))
    assert found[0] == found[1]


def test_folders_of_parquet_and_arrow_files(tmp_path: Path) -> None:
    frame = made().assign(y=lambda f: f["y"].astype("Int64"))
    whole = plain(audit(spec_of(write(frame, tmp_path, "parquet"), stream=True), tmp_path / "w"))
    arrow = tmp_path / "rows.arrow"
    feather.write_feather(pa.Table.from_pandas(frame), str(arrow), compression="uncompressed")
    folder = tmp_path / "parts"
    for zone, part in frame.groupby("zone"):
        place = folder / f"part={zone}"
        place.mkdir(parents=True)
        part.to_parquet(place / "rows.parquet", index=False)
    for path in (arrow, folder):
        assert is_streamed(spec_of(path)) == path.is_dir()  # an audit in memory can't read a folder
        spec = spec_of(path, stream=True)
        assert plain(audit(spec, tmp_path / f"case-{path.stem}")) == whole


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_model_is_asked_batch_by_batch(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = people(5000)
    model = skops_model(tmp_path, frame)
    path = tmp_path / f"rows.{kind}"
    frame.to_parquet(tmp_path / "rows.parquet")
    if kind == "arrow":
        feather.write_feather(pa.Table.from_pandas(frame), str(path))
    monkeypatch.setattr("evenhand.audit.data.reading.rows_on_disk._BATCH", 700)
    named = {"target": "y", "positive_label": 1, "sensitive_features": ["sex", "race"]}
    checks = {"checks": ("fairness.g*", "performance.classification"), "model": str(model)}
    data = str(tmp_path / "rows.parquet")
    loaded = plain(audit(make_spec({**named, **checks, "data": data}), tmp_path / "a"))
    spec = make_spec({**named, **checks, "data": str(path), "stream": True})
    counted = plain(audit(spec, tmp_path / "b"))
    for i, f in counted.items():
        if f["status"] != "skipped":
            assert f == loaded[i]
    skipped = {f["measure"] for f in counted.values() if f["status"] == "skipped"}
    assert skipped == {"roc_auc_score", "log_loss"}


def test_the_rule_of_when_rows_stay_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(made(), tmp_path, "parquet")
    # 3,000 rows of 7 columns at 100 bytes a cell are 2.1 MB: over half of 4 MB
    for memory, expected in ((4_100_000, True), (4_300_000, False), (None, False)):
        monkeypatch.setattr(streamed, "available_memory", lambda memory=memory: memory)
        assert is_streamed(spec_of(path)) is expected
    monkeypatch.setattr(streamed, "available_memory", lambda: 1)
    assert not is_streamed(spec_of(path, stream=False))
    assert not is_streamed(spec_of(path, task="multiclass"))
    assert is_streamed(spec_of(write(made(), tmp_path, "csv")))
    assert not is_streamed(spec_of(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        ({}, {"target": "nothing"}, "'nothing' is not a column"),
        ({}, {"positive_label": 7}, "positive label"),
        ({}, {"positive_label": None}, "needs a positive label"),
        ({}, {"task": "regression"}, "counted for binary tasks"),
        ({"y": 1}, {}, "one class only"),
        ({"race": "a"}, {}, "fewer than two groups"),
        ({"p": 2}, {}, "not a label of the target"),
        ({"w": 0.0}, {"weight": "w"}, "only zeros"),
        ({"s": np.nan}, {"score": "s"}, "missing or not finite"),
    ],
)
def test_what_is_refused_in_memory_is_refused_on_disk(
    columns: dict[str, Any], changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write(made().assign(**columns), tmp_path, "parquet")
    with pytest.raises(InputError, match=message):
        streamed_subject(spec_of(path, stream=True, **changes))


def test_whoever_asks_for_rows_is_told(tmp_path: Path) -> None:
    subject = streamed_subject(spec_of(write(made(), tmp_path, "parquet")))
    for ask in (
        lambda: subject.frame["race"],
        lambda: subject.groups.columns,
        lambda: len(subject.table.frame),
        lambda: list(subject.frame),
    ):
        with pytest.raises(RowsOnDisk, match="counted on disk"):
            ask()
    assert subject.n == 2980
    assert subject.n_dropped == 20
    assert subject.missing_cells("race") > 0


def test_the_command_line_streams(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    path = write(made(), tmp_path, "parquet")
    asked = f"audit --predictions {path} --stream --target y --predicted p --positive-label 1"
    options = ["--sensitive-features", "race,old", "--out", str(tmp_path / "case"), "--json"]
    with pytest.raises(SystemExit) as ended:
        main([*asked.split(), *options])
    assert ended.value.code == 0
    printed = capsys.readouterr()
    assert "counted on disk" in printed.err
    assert json.loads(printed.out)["case"] == str(tmp_path / "case")
    assert read_case(tmp_path / "case").subject.streamed is True
