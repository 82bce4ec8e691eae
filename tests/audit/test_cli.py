"""The command line as its users type it: train, audit, judge, report, verify; codes and streams."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.audit.cli import run
from tests.audit.people import people, skops_model
from tests.audit.subjects import confusion_rows

STORED = [
    "--target",
    "y",
    "--predicted",
    "yhat",
    "--positive-label",
    "1",
    "--sensitive-features",
    "race",
    "--quiet",
]


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    frame = pd.concat(
        [
            confusion_rows({"race": "a"}, tp=60, fp=20, fn=20, tn=60),
            confusion_rows({"race": "b"}, tp=20, fp=10, fn=40, tn=50),
        ]
    )
    frame.to_csv("rows.csv", index=False)
    return tmp_path


def pack_text(threshold: float, comparator: str = "<=", **item: Any) -> str:
    """A pack of one item about the selection rate gap."""
    import yaml

    document = {
        "schema": "rai-pack/1",
        "id": "mine",
        "version": "2026.11.0",
        "title": {"en": "Mine", "zh": "我的"},
        "jurisdiction": "INT",
        "kind": "house",
        "legal_status": {"state": "voluntary", "checked_on": "2026-11-22"},
        "sources": {"us": {"cite": "our own rule"}},
        "languages": ["en", "zh"],
        "items": [
            {
                "id": "MINE-1",
                "clause": {"us": "1"},
                "title": {"en": "Small gap", "zh": "差距小"},
                "kind": "automated",
                "severity": "high",
                "obligation": "must",
                "evidence": {
                    "select": "fairness.demographic_parity_difference",
                    "between": ["race"],
                },
                "check": {
                    "comparator": comparator,
                    "threshold": threshold,
                    "threshold_origin": "convention",
                    "decision": "bound",
                },
                "on_fail": {"fix": {"en": "mend it", "zh": "修正"}},
                **item,
            }
        ],
    }
    return yaml.safe_dump(document, allow_unicode=True)


def audited(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
    code = run(["audit", "--predictions", "rows.csv", *STORED, "--json", *options])
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, json.loads(captured.out)


def test_json_holds_case_findings_verdicts_and_code(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = audited(capsys, "--out", "case", "--policy", "baseline")
    assert answer["exit_code"] == code
    assert answer["case"] == "case"
    assert {v["item"] for v in answer["verdicts"]}
    measures = {f["measure"] for f in answer["findings"]}
    assert {"selection_rate", "accuracy_score", "demographic_parity_difference"} <= measures
    # a selects 80 of 160, b 30 of 120: 0.25 by hand
    gap = next(f for f in answer["findings"] if f["measure"] == "demographic_parity_difference")
    assert gap["value"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("threshold", "code"), [(0.6, 0), (0.25, 3), (0.05, 1)], ids=["pass", "inconclusive", "fail"]
)
def test_exit_codes_follow_the_verdict(
    where: Path, capsys: pytest.CaptureFixture[str], threshold: float, code: int
) -> None:
    Path("mine.yaml").write_text(pack_text(threshold), encoding="utf-8")
    found, answer = audited(capsys, "--out", "case", "--policy", "mine.yaml")
    assert found == code, answer["verdicts"]
    assert run(["judge", "case", "--policy", "mine.yaml"]) == code
    assert run(["judge", "case"]) == code, "by default the packs it was planned for"
    assert run(["judge", "case", "--inconclusive", "fail"]) == (1 if code else 0)
    assert run(["judge", "case", "--fail-on", "blocker"]) == 0


def test_a_missing_attestation_alone_is_exit_4(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attest = {
        "role": "data owner",
        "question": {"en": "Is it so?", "zh": "是否如此？"},
        "valid_for": "P90D",
    }
    text = pack_text(0.6, kind="hybrid", attest=attest)
    Path("mine.yaml").write_text(text, encoding="utf-8")
    assert audited(capsys, "--out", "case", "--policy", "mine.yaml")[0] == 4
    assert run(["judge", "case", "--attestations", "warn"]) == 0


def test_a_pack_that_does_not_apply_is_exit_2(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = pack_text(0.6, applies_when={"fact": "subject.has_model", "eq": True})
    Path("mine.yaml").write_text(text, encoding="utf-8")
    assert audited(capsys, "--out", "case", "--policy", "mine.yaml")[0] == 2


def test_another_level_reaches_the_plan(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = pack_text(0.6).replace("decision: bound", "decision: bound\n    ci: {level: 0.9}")
    Path("mine.yaml").write_text(text, encoding="utf-8")
    code, answer = audited(capsys, "--out", "case", "--policy", "mine.yaml")
    assert code == 0
    assert answer["verdicts"][0]["interval"]["level"] == 0.9


def test_altered_case_is_exit_7_everywhere(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audited(capsys, "--out", "case")
    assert run(["verify", "case"]) == 0
    findings = Path("case/findings.jsonl")
    findings.write_bytes(findings.read_bytes().replace(b"0.25", b"0.05"))
    capsys.readouterr()
    for command in (["verify", "case"], ["judge", "case", "-p", "baseline"], ["report", "case"]):
        assert run(command) == 7
        assert "findings.jsonl: changed" in capsys.readouterr().err
    assert run(["verify", "case", "--json"]) == 7
    assert json.loads(capsys.readouterr().out)["problems"] == ["findings.jsonl: changed"]


def test_a_case_sealed_anew_is_told_from_the_register(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from evenhand.audit.case.case import CaseWriter, read_case

    audited(capsys, "--out", "case")
    old = read_case("case")
    Path("case").rename("old")
    with CaseWriter(Path("case"), old.plan.model_copy(update={"seed": 99})) as writer:
        writer.seal(old.findings, old.environment)
    assert run(["verify", "case"]) == 7
    assert "another seal" in capsys.readouterr().err
    assert run(["verify", "old"]) == 0


def test_altered_register_is_exit_7(
    where: Path, capsys: pytest.CaptureFixture[str], own_home: Path
) -> None:
    import sqlite3

    audited(capsys, "--out", "case")
    connection = sqlite3.connect(own_home / "register.sqlite")
    connection.execute("DROP TRIGGER evenhand_register_no_update")
    connection.execute("UPDATE evenhand_register SET body = '1'")
    connection.commit()
    connection.close()
    assert run(["judge", "case", "-p", "baseline"]) == 7
    assert run(["audit", "--predictions", "rows.csv", *STORED, "--out", "case2"]) == 7
    assert not Path("case2").exists()


@pytest.mark.parametrize("name", ["html", "json", "markdown", "junit", "sarif", "model-card"])
def test_every_report_format(where: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    audited(capsys, "--out", "case", "--policy", "baseline")
    assert run(["report", "case", "--format", name, "-o", "out/report"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "wrote out/report\n")
    assert Path("out/report").stat().st_size > 500
    assert run(["report", "case", "--format", name, "-o", "case/report"]) == 2
    assert run(["verify", "case"]) == 0
    assert run(["report", "case", "--format", name + "x"]) == 2


def test_results_on_stdout_messages_on_stderr_and_quiet(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = ["audit", "--predictions", "rows.csv", *STORED[:-1]]
    assert run([*loud, "--out", "one"]) == 0
    captured = capsys.readouterr()
    assert "fairness.gaps" in captured.err
    assert "Gap by race: selected" in " ".join(captured.out.split())
    assert run([*loud, "--quiet", "--out", "two"]) == 0
    assert capsys.readouterr().err == ""


def test_control_characters_from_data_are_not_obeyed(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.read_csv("rows.csv")
    frame["race"] = frame["race"].replace("b", "\x1b[31mred\x1b[0m\u202e")
    frame.loc[:3, "race"] = "\x07"
    frame.to_csv("rows.csv", index=False)
    assert run(["audit", "--predictions", "rows.csv", *STORED, "-p", "baseline"]) in (1, 3)
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out
    assert "\u202e" not in captured.out
    assert "\x07" not in captured.out


def test_subject_yaml_says_the_same_as_the_options(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, by_options = audited(capsys, "--out", "one", "--seed", "3", "--name", "n")
    Path("sub").mkdir()
    Path("sub/subject.yaml").write_text(
        "name: n\npredictions: ../rows.csv\ntarget: y\npredicted: yhat\npositive_label: 1\n"
        "sensitive_features: [race]\nseed: 3\nout: case\n"
    )
    assert run(["audit", "sub/subject.yaml", "--json", "--quiet"]) == 0
    by_file = json.loads(capsys.readouterr().out)
    assert by_file["findings"] == by_options["findings"]
    assert by_file["case"] == "sub/case"


def test_model_and_data(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    skops_model(where, people(seed=1))
    people(seed=2).to_csv("test.csv", index=False)
    options = "--data test.csv --target y --positive-label 1 --positive-is benefit --seed 7 --json"
    checks = ["--checks", "performance.*,fairness.*", "--sensitive-features", "race,sex", "--quiet"]
    assert run(["audit", "model.skops", *options.split(" "), *checks]) == 0
    answer = json.loads(capsys.readouterr().out)
    families = {f["check"].split(".")[0] for f in answer["findings"]}
    assert families == {"performance", "fairness"}
    Path("model.pkl").write_bytes(b"\x80\x04\x95.")
    assert run(["audit", "model.pkl", *options.split(" ")]) == 5


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert "fairness.gaps" in {c["id"] for c in listed}
    assert run(["checks", "show", "fairness.group_rates"]) == 0
    assert "false_positive_rate" in capsys.readouterr().out
    assert run(["checks", "show", "fairness.group_rate"]) == 2
    capsys.readouterr()
    assert run(["policies", "list", "--json"]) == 0
    assert "baseline" in {p["id"] for p in json.loads(capsys.readouterr().out)}
    assert run(["policies", "show", "baseline"]) == 0
    assert "BASE-FAIR-1" in capsys.readouterr().out


def test_lint_finds_unknown_measures(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "lint"]) == 0
    assert "error" not in capsys.readouterr().out
    text = pack_text(0.1).replace("parity_difference", "parity_diference")
    Path("mine.yaml").write_text(text, encoding="utf-8")
    assert run(["policies", "lint", "mine.yaml"]) == 2
    assert "demographic_parity_difference" in capsys.readouterr().out


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    symptoms = {s["what"]: s["state"] for s in json.loads(capsys.readouterr().out)["symptoms"]}
    assert symptoms["register"] == "ok"
    assert symptoms["torch"] == "ok"


def test_interrupt_is_130_and_leaves_no_case(
    where: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("evenhand.audit.measure.groups.gaps.gap", interrupted)
    assert run(["audit", "--predictions", "rows.csv", *STORED, "--out", "out/case"]) == 130
    assert list(Path("out").iterdir()) == []


def test_a_bug_of_ours_is_70_without_a_traceback(
    where: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **options: Any) -> Any:
        raise RuntimeError("boom")

    monkeypatch.setattr("evenhand.audit.run.run.make_plan", broken)
    assert run(["audit", "--predictions", "rows.csv", *STORED]) == 70
    message = capsys.readouterr().err
    assert "boom" in message
    assert "Traceback" not in message


def test_train_then_audit(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people(300, seed=1).to_csv("train.csv", index=False)
    shared = ["--target", "y", "--positive-label", "1", "--sensitive-features", "race,sex"]
    private = ["--private", "--epsilon", "3", "--delta", "1e-3", "--epochs", "3"]
    train = ["train", "tabular", "--data", "train.csv", *shared]
    assert run([*train, *private, "--out", "m", "--json", "--quiet"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["epsilon"] <= 3
    assert trained["delta"] == 1e-3
    assert trained["accountant"] == "PRV"
    assert run(["audit", "m", "--data", trained["held_out"], *shared, "--json", "-q"]) == 0
    found = {f["id"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    epsilon = found["privacy.declared_budget/declared_epsilon"]
    assert epsilon["value"] == pytest.approx(trained["epsilon"])
    accuracy = found["performance.classification/accuracy_score"]
    assert accuracy["value"] == pytest.approx(trained["test_accuracy"])
    assert not [f for f in found.values() if f["status"] == "error"]
    assert run([*train, "--epsilon", "3", "--out", "n"]) == 2
    assert run([*train, "--out", "m"]) == 2  # it is there already


def test_demo_quick(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--quick", "--json", "--quiet"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [m["name"] for m in answer["models"]] == ["logistic", "mlp", "mlp-private"]
    for model in answer["models"]:
        assert Path(model["report"]).is_file()
        assert run(["verify", model["case"]]) == 0
        assert abs(model["findings"]["accuracy"]["n"] - 597) < 4 * 20.4  # a coin a row
    private = answer["models"][2]["findings"]["epsilon (declared)"]
    assert 0 < private["value"] <= 3
