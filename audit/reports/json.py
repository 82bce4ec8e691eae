"""JSON: the whole case and every verdict, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "application/json"
SUFFIX = ".json"
DESCRIPTION = "Everything: plan, environment, findings, verdicts and gate, for programs."


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """One JSON object; texts keep all their languages, so ``lang`` changes nothing.

    Characters beyond ASCII are written as escapes: what a terminal or a page shows of this file
    cannot be reordered or hidden by a name in the data.
    """
    document = {
        "schema": "evenhand-report/1",
        "case": case.path.name if case.plan.published else str(case.path),
        "digest": case.digest,
        "files": dict(case.files),
        "plan": case.plan.to_json(),
        "environment": case.environment.to_json(),
        "findings": [f.to_json() for f in case.findings],
        "verdicts": [v.to_json() for v in verdicts],
        "gate": None if gate is None else gate.to_json(),
        "packs": [asdict(p) for p in dossier.packs],
        "register": [asdict(e) for e in dossier.used(case)],
        "standing": dossier.standing or None,
        "as_of": dossier.as_of or None,
    }
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n"
