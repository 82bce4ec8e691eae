"""A signed statement about a case: an in-toto Statement v1 in a DSSE envelope, RFC 8785 JSON.

The subjects are the case, and the model and data it was measured on, by SHA-256; the predicate
sums up findings and verdicts. Envelopes lie beside the sealed case, never in it:
``NAME.<key>.dsse.json``.

Sources: in-toto attestation framework, Statement v1; DSSE protocol v1 (PAE).
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.case.signing import PublicKey, SigningKey
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import canonical_bytes

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:evenhand:audit-result:1"
SUFFIX = ".dsse.json"
_MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Signature:
    """What checking one envelope gave; ``problem`` is empty where the signature holds."""

    place: str
    key: str
    statement: Mapping[str, Any]
    problem: str = ""


def make_statement(
    case: Case,
    verdicts: Sequence[Mapping[str, Any]],
    at: str,
    judged_by: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The statement about a sealed case. ``verdicts`` as plain JSON, ``at`` in ISO 8601 UTC.

    ``judged_by`` are the packs that gave the verdicts, by digest: ``packs`` are those of the plan.
    """
    subjects = {"case": case.digest, **case.subject.digests}
    statuses = Counter(f.status for f in case.findings)
    judged = Counter(str(v["status"]) for v in verdicts)
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}
            for name, digest in sorted(subjects.items())
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "name": case.subject.name,
            "plan": case.files["plan.json"],
            "findings": {
                "digest": case.files["findings.jsonl"],
                "count": len(case.findings),
                "by_status": dict(sorted(statuses.items())),
            },
            "packs": [p.to_json() for p in case.plan.packs],
            "judged_by": [dict(p) for p in judged_by],
            "verdicts": [
                {k: v[k] for k in ("pack", "item", "status", "underlying")} for v in verdicts
            ],
            "verdicts_by_status": dict(sorted(judged.items())),
            "evenhand": case.environment.evenhand,
            "signed_at": at,
        },
    }


def sign_statement(statement: Mapping[str, Any], key: SigningKey) -> bytes:
    """The DSSE envelope, as canonical JSON."""
    payload = canonical_bytes(dict(statement))
    return canonical_bytes(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": key.public.id, "sig": key.sign(_pae(payload))}],
        }
    )


def _pae(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def envelope_place(case: Path, key: PublicKey) -> Path:
    """Where the envelope of this key for this case lies."""
    whole = case.resolve()
    return whole.with_name(f"{whole.name}.{key.id[7:15]}{SUFFIX}")


def envelopes_of(case: Path) -> list[Path]:
    """The envelopes beside a case, by name."""
    whole = case.resolve()
    found = (p for p in whole.parent.iterdir() if p.is_file() and p.name.endswith(SUFFIX))
    return sorted(p for p in found if p.name.startswith(f"{whole.name}."))


def check_envelope(raw: bytes, case: Case, known: Mapping[str, PublicKey], place: str) -> Signature:
    """Checks one envelope against the case, and its signature where its key is in ``known``."""
    try:
        envelope: Any = json.loads(raw) if len(raw) <= _MOST_BYTES else None
        (signature,) = envelope["signatures"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        statement = json.loads(payload)
        key_id, sig = str(signature["keyid"]), str(signature["sig"])
        canonical = canonical_bytes(envelope) == raw and canonical_bytes(statement) == payload
        kinds = (envelope["payloadType"], statement["_type"], statement["predicateType"])
        subjects = {s["name"]: "sha256:" + s["digest"]["sha256"] for s in statement["subject"]}
        findings = statement["predicate"]["findings"]["digest"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Signature(place, "", {}, "is no signed statement about a case")
    key = known.get(key_id)
    problem = ""
    if not canonical or kinds != (PAYLOAD_TYPE, STATEMENT, PREDICATE):
        problem = "is not in the form that evenhand signs"
    elif key is not None and not key.accepts(sig, _pae(payload)):
        problem = "has a signature that is not its key's"
    elif subjects != {"case": case.digest, **case.subject.digests}:
        problem = "is about another case, model or data"
    elif findings != case.files["findings.jsonl"]:
        problem = "is about other findings"
    return Signature(place, key_id, statement, problem)


def read_envelope(path: Path) -> bytes:
    """An envelope's bytes, no more than one has. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as handle:
            return handle.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            "cannot read {path}: {strerror}", remedy="check it", path=path, strerror=error.strerror
        ) from error
