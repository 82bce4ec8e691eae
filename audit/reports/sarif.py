"""SARIF 2.1.0: one run a pack, one rule an item, for code-scanning views.

Only what needs attention is a result: a common host lists every result as an alert, whatever its
kind, passed and waived ones too. Items without a result keep their status in their rule.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from audit.case import Case
from audit.reports.parts.outline import Pack, packs
from audit.reports.parts.text import plain
from audit.reports.parts.words import Words, words
from policies.verdict import Severity, Verdict

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
    language: str,
    gate: Mapping[str, object] | None,
) -> bytes:
    """A SARIF log with at least one run, as readers expect."""
    asked = packs(verdicts) or [Pack("none", "", ())]
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
        "sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [_run(case, pack, words(language), gate) for pack in asked],
    }
    return json.dumps(log, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"


def _run(case: Case, pack: Pack, say: Words, gate: Mapping[str, object] | None) -> dict[str, Any]:
    rules = [_rule(v, say) for v in pack.verdicts]
    return {
        "tool": {
            "driver": {
                "name": "evenhand",
                "version": plain(case.environment.get("evenhand", "unknown")),
                "rules": rules,
            }
        },
        "language": _LANGUAGES[say.language],
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": f"evenhand/{quote(pack.id)}/"},
        "originalUriBaseIds": {"CASE": {"description": {"text": "The folder of the sealed case."}}},
        "invocations": [_invocation(case, gate)],
        "results": [
            _result(case, v, index, say)
            for index, v in enumerate(pack.verdicts)
            if v.status in _KINDS
        ],
        "properties": {
            "case": case.digest,
            "pack": plain(pack.id),
            "packVersion": plain(pack.version),
            "subject": plain(case.subject["name"]),
            "counts": dict(pack.counts),
            "gate": None if gate is None else {k: gate[k] for k in sorted(gate)},
        },
    }


def _invocation(case: Case, gate: Mapping[str, object] | None) -> dict[str, Any]:
    """A check that crashed is a notification: it is no verdict, and must not be lost."""
    crashed = [f for f in case.findings if f.status == "error"]
    invocation: dict[str, Any] = {
        "executionSuccessful": not crashed,
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": plain(f"{f.id}: {f.reason}")}} for f in crashed
        ],
    }
    code = (gate or {}).get("exit_code")
    if isinstance(code, int):
        invocation["exitCode"] = code
    return invocation


def _rule(verdict: Verdict, say: Words) -> dict[str, Any]:
    title = plain(say.pick(verdict.title))
    clauses = [plain(f"{k} {v}") for k, v in sorted(verdict.clause.items())]
    fix = plain(say.pick(verdict.fix))
    basis = f"{say('evidence_for')} {say.listed(clauses)}. " if clauses else ""
    return {
        "id": plain(verdict.item),
        "shortDescription": {"text": title or plain(verdict.item)},
        "fullDescription": {"text": f"{basis}{title}" or plain(verdict.item)},
        "help": {"text": fix or title or plain(verdict.item)},
        "defaultConfiguration": {"level": _LEVELS[verdict.severity]},
        "properties": {
            "tags": ["responsible-ai", verdict.kind],
            "clause": {plain(k): plain(v) for k, v in verdict.clause.items()},
            "severity": verdict.severity,
            "obligation": verdict.obligation,
            "status": verdict.status,
            "underlying": verdict.underlying,
            "because": plain(say.pick(verdict.because)),
            "thresholdOrigin": verdict.threshold_origin,
        },
    }


def _result(case: Case, verdict: Verdict, index: int, say: Words) -> dict[str, Any]:
    kind = _KINDS[verdict.status]
    fixed = {"warn": "warning", "error": "error"}  # a crash is never a note
    level = fixed.get(verdict.status, _LEVELS[verdict.severity])
    word = say.term("status", verdict.status)
    key = json.dumps([verdict.pack, verdict.item, case.subject["name"]], ensure_ascii=True)
    return {
        "ruleId": plain(verdict.item),
        "ruleIndex": index,
        "kind": kind,
        "level": level if kind == "fail" else "none",
        "message": {"text": f"{word}: {plain(say.pick(verdict.because))}"},
        "locations": [_location(case, verdict)],
        "partialFingerprints": {"evenhandItem/v1": hashlib.sha256(key.encode()).hexdigest()},
        "properties": {
            "status": verdict.status,
            "reasonCode": plain(verdict.reason_code),
            "findings": [plain(f) for f in verdict.findings],
            "value": verdict.value,
            "threshold": verdict.threshold,
            "comparator": verdict.comparator,
            "rowsNeeded": verdict.rows_needed,
        },
    }


def _location(case: Case, verdict: Verdict) -> dict[str, Any]:
    """The line of the finding that decided; else the pack, as the case keeps it; else the plan."""
    lines = {f.id: number for number, f in enumerate(case.findings, start=1)}
    line = next((lines[name] for name in verdict.findings if name in lines), None)
    name = "findings.jsonl"
    if line is None:
        copies = (n for n in case.files if n.startswith("packs/"))
        name = next((n for n in copies if PurePosixPath(n).stem == verdict.pack), "plan.json")
    physical: dict[str, Any] = {
        "artifactLocation": _artifact(case, name),
        "region": {"startLine": line or 1},
    }
    return {"physicalLocation": physical}


def _artifact(case: Case, name: str) -> dict[str, str]:
    """Relative to the repository where the case lies below it, so that hosts can show the line."""
    folder = case.path
    if folder.is_absolute() or ".." in folder.parts:
        return {"uri": quote(name), "uriBaseId": "CASE"}
    return {"uri": quote(f"{folder.as_posix()}/{name}"), "uriBaseId": "%SRCROOT%"}
