"""SARIF 2.1.0: one run a pack, one rule an item, for code-scanning views.

Only what needs attention is a result: a common host lists every result as an alert, whatever its
kind, passed and waived ones too. Items without a result keep their status in their rule.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts.dossier import Dossier, sources
from evenhand.audit.reports.parts.outline import PackVerdicts, packs
from evenhand.audit.reports.parts.places import in_repository, place_of
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Severity, Verdict

MEDIA_TYPE = "application/sarif+json"
SUFFIX = ".sarif"
DESCRIPTION = "SARIF 2.1.0: one run a pack, one rule an item, for code-scanning views."

# The standard (3.27.10): only a result of kind "fail" has a level other than "none".
_KINDS = {
    "fail": "fail",
    "error": "fail",
    "warn": "fail",
    "inconclusive": "open",
    "needs-attestation": "review",
}
_LEVELS: dict[Severity, str] = {
    "blocker": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
_LANGUAGES = {"en": "en", "zh": "zh-CN"}


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """A SARIF log with at least one run, as readers expect."""
    asked = packs(verdicts) or [PackVerdicts("none", "", ())]
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
        "sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [_run(case, pack, words(lang), gate, dossier) for pack in asked],
    }
    return json.dumps(log, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"


def _run(
    case: Case, pack: PackVerdicts, say: Words, gate: Gate | None, dossier: Dossier
) -> dict[str, Any]:
    rules = [_rule(v, say) for v in pack.verdicts]
    return {
        "tool": {
            "driver": {
                "name": "evenhand",
                "version": visible(case.environment.evenhand or "unknown"),
                "rules": rules,
            }
        },
        "language": _LANGUAGES[say.lang],
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": f"evenhand/{quote(pack.id)}/"},
        "originalUriBaseIds": {"CASE": {"description": {"text": "The folder of the sealed case."}}},
        "invocations": [_invocation(case, gate)],
        "results": [
            _result(case, v, index, say, dossier)
            for index, v in enumerate(pack.verdicts)
            if v.status in _KINDS
        ],
        "properties": {
            "case": case.digest,
            "pack": visible(pack.id),
            "packVersion": visible(pack.version),
            "subject": visible(case.subject.name),
            "counts": dict(pack.counts),
            "gate": None if gate is None else gate.to_json(),
            "sources": {visible(k): visible(v) for k, v in sources(case, dossier, say)},
        },
    }


def _invocation(case: Case, gate: Gate | None) -> dict[str, Any]:
    """A check that crashed is a notification: it is no verdict, and must not be lost."""
    crashed = [f for f in case.findings if f.status == "error"]
    invocation: dict[str, Any] = {
        "executionSuccessful": not crashed,
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": visible(f"{f.id}: {f.reason_text()}")}}
            for f in crashed
        ],
    }
    if gate is not None:
        invocation["exitCode"] = gate.exit_code
    return invocation


def _rule(verdict: Verdict, say: Words) -> dict[str, Any]:
    title = visible(say.pick(verdict.title))
    clauses = [visible(f"{k} {v}") for k, v in sorted(verdict.clause.items())]
    fix = visible(say.pick(verdict.fix))
    basis = f"{say('evidence_for')} {say.listed(clauses)}. " if clauses else ""
    return {
        "id": visible(verdict.item),
        "shortDescription": {"text": title or visible(verdict.item)},
        "fullDescription": {"text": f"{basis}{title}" or visible(verdict.item)},
        "help": {"text": fix or title or visible(verdict.item)},
        "defaultConfiguration": {"level": _LEVELS[verdict.severity]},
        "properties": {
            "tags": ["responsible-ai", verdict.kind],
            "clause": {visible(k): visible(v) for k, v in verdict.clause.items()},
            "severity": verdict.severity,
            "obligation": verdict.obligation,
            "status": verdict.status,
            "underlying": verdict.underlying,
            "because": visible(say.pick(verdict.because)),
            "thresholdOrigin": verdict.threshold_origin,
        },
    }


def _result(
    case: Case, verdict: Verdict, index: int, say: Words, dossier: Dossier
) -> dict[str, Any]:
    kind = _KINDS[verdict.status]
    fixed = {"warn": "warning", "error": "error"}  # a crash is never a note
    level = fixed.get(verdict.status, _LEVELS[verdict.severity])
    word = say.term("status", verdict.status)
    key = json.dumps([verdict.pack, verdict.item, case.subject.name], ensure_ascii=True)
    return {
        "ruleId": visible(verdict.item),
        "ruleIndex": index,
        "kind": kind,
        "level": level if kind == "fail" else "none",
        "message": {"text": f"{word}: {visible(say.pick(verdict.because))}"},
        **_locations(case, verdict, dossier),
        "partialFingerprints": {"evenhandItem/v1": hashlib.sha256(key.encode()).hexdigest()},
        "properties": {
            "status": verdict.status,
            "reasonCode": visible(verdict.reason_code),
            "findings": [visible(f) for f in verdict.findings],
            "value": verdict.value,
            "threshold": verdict.threshold,
            "comparator": verdict.comparator,
            "rowsNeeded": verdict.rows_needed,
        },
    }


def _locations(case: Case, verdict: Verdict, dossier: Dossier) -> dict[str, Any]:
    """The item's line in its pack, and beside it the line of the finding that decided.

    Without the pack at hand the finding is the place; without a finding too, the plan.
    """
    place = place_of(case, verdict, dossier)
    finding = _finding_line(case, verdict)
    if place is None:
        name, line = ("findings.jsonl", finding) if finding else ("plan.json", 1)
        return {"locations": [{"physicalLocation": _physical(_artifact(case, name), line)}]}
    uri = quote(place.file)
    base = "%SRCROOT%" if place.is_in_repository else "CASE"
    found: dict[str, Any] = {
        "locations": [{"physicalLocation": _physical({"uri": uri, "uriBaseId": base}, place.line)}]
    }
    if finding:
        physical = _physical(_artifact(case, "findings.jsonl"), finding)
        text = {"text": visible(verdict.findings[0])}
        found["relatedLocations"] = [{"id": 1, "physicalLocation": physical, "message": text}]
    return found


def _finding_line(case: Case, verdict: Verdict) -> int | None:
    lines = {f.id: number for number, f in enumerate(case.findings, start=1)}
    return next((lines[name] for name in verdict.findings if name in lines), None)


def _physical(artifact: dict[str, str], line: int) -> dict[str, Any]:
    return {"artifactLocation": artifact, "region": {"startLine": line}}


def _artifact(case: Case, name: str) -> dict[str, str]:
    """Relative to the repository where the case lies below it, so that hosts can show the line."""
    inside = in_repository(case, name)
    if inside is None:
        return {"uri": quote(name), "uriBaseId": "CASE"}
    return {"uri": quote(inside), "uriBaseId": "%SRCROOT%"}
