"""OSCAL 1.1.3 assessment results: one result a pack, one observation and one finding an item.

OSCAL knows two states, satisfied and not satisfied. Only what passed or was attested is satisfied;
what is open says so in the reason, and items that don't apply are observations without a finding.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts.dossier import Dossier, sources
from evenhand.audit.reports.parts.outline import PackVerdicts, packs
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "application/json"
SUFFIX = ".json"
DESCRIPTION = "OSCAL assessment results (JSON), for governance, risk and compliance tools."

VERSION = "1.1.3"
_SPACE = uuid.UUID("6f0f3d2e-5b0e-5d0a-9c55-6d6b6f5a3c11")  # ours, so that ids are repeatable
_SATISFIED = {"pass": "pass", "attested": "pass", "fail": "fail"}
_WITHOUT_FINDING = ("not-applicable", "not-yet-applicable")
_METHODS = {"automated": ["TEST"], "attestation": ["EXAMINE"], "hybrid": ["TEST", "EXAMINE"]}


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """One JSON object; its ids and times come from the case, so that it can be made again."""
    say = words(lang)
    at = _time(case.environment.finished_at)
    title = visible(say("page_title", name=case.subject.name))
    plan = _id(case, "plan")
    results = [_result(case, p, at, say) for p in packs(verdicts) or [PackVerdicts("none", "", ())]]
    document = {
        "assessment-results": {
            "uuid": _id(case, "results"),
            "metadata": {
                "title": title,
                "last-modified": at,
                "version": case.digest,
                "oscal-version": VERSION,
                "props": _props([("tool", "evenhand"), *_gate(gate)]),
                "remarks": visible(
                    "; ".join(f"{name}: {value}" for name, value in sources(case, dossier, say))
                    + f". {say('law')}"
                ),
            },
            "import-ap": {"href": f"#{plan}", "remarks": "plan.json of the sealed case"},
            "results": results,
            "back-matter": {"resources": _resources(case, dossier, plan)},
        }
    }
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"


def _result(case: Case, pack: PackVerdicts, at: str, say: Words) -> dict[str, Any]:
    observations = [_observation(case, v, at, say) for v in pack.verdicts]
    findings = [_finding(case, v, say) for v in pack.verdicts if v.status not in _WITHOUT_FINDING]
    controls = [{"control-id": _token(v)} for v in pack.verdicts]
    selection: dict[str, Any] = {"include-controls": controls} if controls else {"include-all": {}}
    result: dict[str, Any] = {
        "uuid": _id(case, "result", pack.id, pack.version),
        "title": visible(f"{pack.id} {pack.version}".strip()),
        "description": visible(say("caption_verdicts", pack=pack.id, count=len(pack.verdicts))),
        "start": _time(case.environment.started_at),
        "end": at,
        "reviewed-controls": {"control-selections": [selection]},
    }
    if observations:
        result["observations"] = observations
    if findings:
        result["findings"] = findings
    return result


def _observation(case: Case, verdict: Verdict, at: str, say: Words) -> dict[str, Any]:
    props = [
        ("status", verdict.status),
        ("underlying", verdict.underlying),
        ("severity", verdict.severity),
        ("obligation", verdict.obligation),
        ("reason-code", verdict.reason_code),
    ]
    if verdict.value is not None:
        props.append(("value", repr(verdict.value)))
    if verdict.threshold is not None:
        props.append(("threshold", f"{verdict.comparator} {verdict.threshold!r}"))
    props += [("finding", f) for f in verdict.findings]
    return {
        "uuid": _id(case, "observation", verdict.pack, verdict.item),
        "title": _title(verdict, say),
        "description": visible(say.pick(verdict.because)),
        "methods": _METHODS[verdict.kind],
        "types": ["control-objective"],
        "props": _props(props),
        "collected": at,
    }


def _finding(case: Case, verdict: Verdict, say: Words) -> dict[str, Any]:
    state = "satisfied" if verdict.status in ("pass", "attested") else "not-satisfied"
    finding: dict[str, Any] = {
        "uuid": _id(case, "finding", verdict.pack, verdict.item),
        "title": _title(verdict, say),
        "description": visible(say.pick(verdict.because)),
        "target": {
            "type": "objective-id",
            "target-id": _token(verdict),
            "status": {
                "state": state,
                "reason": _SATISFIED.get(verdict.status, "other"),
                "remarks": visible(say.term("status", verdict.status)),
            },
        },
        "related-observations": [
            {"observation-uuid": _id(case, "observation", verdict.pack, verdict.item)}
        ],
    }
    if verdict.fix:
        finding["remarks"] = visible(f"{say('fix')} {say.pick(verdict.fix)}")
    return finding


def _resources(case: Case, dossier: Dossier, plan: str) -> list[dict[str, Any]]:
    """The sealed files, and the packs that judged, each with its SHA-256."""
    files = {name: digest for name, digest in case.files.items() if name != "plan.json"}
    resources = [(plan, "plan.json", case.files["plan.json"])]
    resources += [(_id(case, "file", name), name, digest) for name, digest in sorted(files.items())]
    resources += [(_id(case, "pack", p.id), f"{p.id} {p.version}", p.digest) for p in dossier.packs]
    return [
        {
            "uuid": one,
            "title": visible(name),
            "rlinks": [
                {
                    "href": re.sub(r"[^A-Za-z0-9._/-]", "_", name),
                    "hashes": [{"algorithm": "SHA-256", "value": digest.removeprefix("sha256:")}],
                }
            ],
        }
        for one, name, digest in resources
    ]


def _title(verdict: Verdict, say: Words) -> str:
    return visible(say.pick(verdict.title)) or visible(verdict.item)


def _gate(gate: Gate | None) -> list[tuple[str, str]]:
    """How the gate was set, without the list of what it let go."""
    return [
        (f"gate-{k.replace('_', '-')}", str(v))
        for k, v in sorted(gate.to_json().items() if gate else ())
        if isinstance(v, str | int | bool)
    ]


def _props(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Values that are one line without a space at either end, as OSCAL wants them."""
    return [
        {
            "name": name,
            "value": visible(value).strip() or "none",
            "ns": "https://evenhand.invalid/ns",
        }
        for name, value in pairs
    ]


def _token(verdict: Verdict) -> str:
    """The item as an OSCAL token: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^\w.-]", "_", f"{verdict.pack}_{verdict.item}", flags=re.ASCII)


def _id(case: Case, *parts: str) -> str:
    """A version 5 UUID that depends on the case and the parts alone."""
    return str(uuid.uuid5(_SPACE, json.dumps([case.digest, *parts])))


def _time(stamp: object) -> str:
    try:
        parsed = datetime.fromisoformat(str(stamp))
    except ValueError:
        parsed = datetime.fromtimestamp(0, UTC)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).isoformat(timespec="seconds")
