"""CycloneDX 1.6: a bill of materials of the audited model, with its model card.

The model is the component that the bill is about; the data and the libraries that it was audited
with are its parts. Numbers in the card are those of the case, each with its slice and interval.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import declared_favourable
from evenhand.audit.finding import Finding
from evenhand.audit.reports.parts import plain_words, sentences
from evenhand.audit.reports.parts.dossier import Dossier, sources
from evenhand.audit.reports.parts.groups import apart
from evenhand.audit.reports.parts.outline import unmeasured
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "application/vnd.cyclonedx+json; version=1.6"
SUFFIX = ".cdx.json"
DESCRIPTION = "CycloneDX 1.6: the model's bill of materials with a model card."

_SPACE = uuid.UUID("0b7a1c0e-93a1-5a0f-8f5e-3b1f5c1d7e22")  # ours, so that ids are repeatable
_MODEL, _DATA = "model", "data"
_APPROACHES = {
    "binary": "supervised",
    "multiclass": "supervised",
    "regression": "supervised",
    "generation": "self-supervised",
}
_MOST = 500


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """One JSON object; its serial number comes from the case's digest."""
    say = words(lang)
    packages = case.environment.packages
    libraries = [
        {
            "type": "library",
            "bom-ref": f"pkg:{n}",
            "name": visible(n),
            "version": visible(v),
            "purl": f"pkg:pypi/{quote(str(n).lower(), safe='')}@{quote(str(v), safe='')}",
        }
        for n, v in sorted(packages.items())
        if v != "not installed"
    ]
    metadata: dict[str, Any] = {
        "tools": {"components": [_tool(case)]},
        "component": _model(case, verdicts, dossier, say),
        "properties": _properties([*sources(case, dossier, say), *_gate(gate)]),
    }
    stamp = case.environment.finished_at
    if stamp:
        metadata["timestamp"] = str(stamp)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(_SPACE, case.digest).urn,
        "version": 1,
        "metadata": metadata,
        "components": [_data(case), *libraries],
        "dependencies": [
            {"ref": _MODEL, "dependsOn": sorted([_DATA, *(str(x["bom-ref"]) for x in libraries)])}
        ],
    }
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"


def _tool(case: Case) -> dict[str, Any]:
    version = visible(case.environment.evenhand or "unknown")
    return {"type": "application", "name": "evenhand", "version": version}


def _model(case: Case, verdicts: Sequence[Verdict], dossier: Dossier, say: Words) -> dict[str, Any]:
    subject = case.subject
    model = subject.model
    component: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": visible(subject.name),
        "description": visible(" ".join(sentences.subject_sentences(case, say))),
        "modelCard": {
            "bom-ref": "model-card",
            "modelParameters": _parameters(case),
            "quantitativeAnalysis": {"performanceMetrics": _metrics(case.findings)},
            "considerations": _considerations(case, verdicts, dossier, say),
        },
    }
    digest = subject.digests.get("model")
    properties = [
        ("model format", model and model.format),
        ("model digest", digest),
        ("isolation", case.environment.isolation),
    ]
    component["properties"] = _properties([(k, str(v)) for k, v in properties if v])
    return component


def _parameters(case: Case) -> dict[str, Any]:
    subject = case.subject
    task = subject.task or "unknown"
    parameters: dict[str, Any] = {"task": task, "datasets": [{"ref": _DATA}]}
    if task in _APPROACHES:
        parameters["approach"] = {"type": _APPROACHES[task]}
    architecture = case.plan.model_declared.get("architecture")
    if architecture:
        parameters["modelArchitecture"] = visible(json.dumps(architecture, sort_keys=True))
    return parameters


def _metrics(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Measured performance, rates by group, gaps and privacy, in the case's order."""
    families = ("performance.", "fairness.group_rates", "fairness.gaps", "privacy.")
    metrics: list[dict[str, Any]] = []
    for f in findings:
        if f.value is None or f.column or not f.check.startswith(families):
            continue
        one: dict[str, Any] = {"type": visible(f.measure), "value": repr(f.value)}
        about = [f"{k}={v}" for k, v in sorted(f.group.items())]
        about += [f"between {name}" for name in f.between]
        one["slice"] = visible("; ".join([*about, f"n={f.n}"]))
        if f.interval:
            low, high = repr(f.interval.low), repr(f.interval.high)
            one["confidenceInterval"] = {"lowerBound": low, "upperBound": high}
        metrics.append(one)
    return metrics[:_MOST]


def _considerations(
    case: Case, verdicts: Sequence[Verdict], dossier: Dossier, say: Words
) -> dict[str, Any]:
    declared = case.plan.declared
    use = next((declared[k] for k in sentences.USE_KEYS if declared.get(k)), None)
    limits = [
        f"{say.measure(f.measure)}: {say.reason(f.reason)}" for f in unmeasured(case.findings)
    ]
    considerations: dict[str, Any] = {
        "technicalLimitations": [visible(x) for x in dict.fromkeys(limits)][:_MOST],
        "ethicalConsiderations": [
            _consideration(v, say)
            for v in verdicts
            if v.status in ("fail", "error", "warn", "inconclusive", "waived", "needs-attestation")
        ],
        "fairnessAssessments": _assessments(case, say),
        "performanceTradeoffs": [visible(x) for x in plain_words.leaks(case, say)],
    }
    if use:
        considerations["useCases"] = [visible(use)]
    return considerations


def _consideration(verdict: Verdict, say: Words) -> dict[str, str]:
    """An open item as a risk, with what the pack says to do about it."""
    what = f"{verdict.pack} {verdict.item}: {say.pick(verdict.title)}"
    told = f"{what} ({say.term('status', verdict.status)}: {say.pick(verdict.because)})"
    return {"name": visible(told)} | (
        {"mitigationStrategy": visible(say.pick(verdict.fix))} if verdict.fix else {}
    )


def _assessments(case: Case, say: Words) -> list[dict[str, str]]:
    """One for each sensitive feature: the group that fares worst, and by how much."""
    assessments = []
    for feature in case.subject.sensitive_features:
        found = apart(case, str(feature), "selection_rate")
        worst = None
        outcome = declared_favourable(case.subject)
        ends = (None, None) if found is None else (found.lowest, found.highest)
        if outcome is not None and None not in ends:
            fares_worst = ends[0 if outcome.is_selection else 1]
            worst = fares_worst and fares_worst.group[str(feature)]
        lines = plain_words.worse_by(case, str(feature), say)
        assessments.append(
            {
                "groupAtRisk": visible(f"{feature} = {worst}" if worst is not None else feature),
                "harms": visible(" ".join(lines)),
            }
        )
    return assessments


def _data(case: Case) -> dict[str, Any]:
    data = case.subject.data
    digest = case.subject.digests.get("data")
    name = visible(data.path or "unknown")
    rows = {"properties": _properties([("rows", str(data.rows))])} if data.rows is not None else {}
    found: dict[str, Any] = {
        "type": "data",
        "bom-ref": _DATA,
        "name": name,
        "data": [{"type": "dataset", "name": name, "contents": rows}],
    }
    if digest:
        found["properties"] = _properties([("data digest", digest)])
    return found


def _gate(gate: Gate | None) -> list[tuple[str, str]]:
    return [(f"gate {k}", str(v)) for k, v in sorted(gate.to_json().items())] if gate else []


def _properties(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": f"evenhand:{visible(k)}", "value": visible(v)} for k, v in pairs]
