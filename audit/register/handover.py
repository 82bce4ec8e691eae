"""What is handed on with a case: the register's entries that its verdicts used, for a recipient who
has neither this register nor its secret.

    register.jsonl      the entries, each with its digest and the public-key signature of its home
    keys/<name>.pub     the public keys of those who signed
    evidence/<sha256>   the files that attestations lean on
    handover.json       which of all these belong to the case, signed: nothing can be left out

A signature shows that the holder of a key entered something; whose key it is, an archive can't
show. A key that the recipient doesn't know is therefore named, to be compared with what the sender
said otherwise.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evenhand.audit.case.signing import PublicKey, SigningKey, public_key_of
from evenhand.audit.errors import AlteredEvidenceError
from evenhand.audit.files.canonical import canonical_bytes, digest_bytes
from evenhand.audit.register.register import Entry
from evenhand.audit.register.vouching import Voucher, is_signed
from evenhand.audit.words.text import name as shown

REGISTER, HANDOVER, KEYS, EVIDENCE = "register.jsonl", "handover.json", "keys/", "evidence/"
_SCHEMA = "evenhand-handover/1"
_MOST_ENTRIES = 10_000


@dataclass(frozen=True)
class HandedOver:
    """What came with an archive and holds together. ``sender`` signed that this is all of it;
    ``keys`` are by name, ``unknown`` those of them that are not known here."""

    case: str
    entries: tuple[Entry, ...]
    keys: Mapping[str, PublicKey]
    evidence: Mapping[str, bytes]
    sender: str
    unknown: tuple[str, ...]

    @property
    def lacking(self) -> tuple[str, ...]:
        """Evidence that an entry leans on and that did not come along, by its name."""
        named = [
            (str(file.get("path")), "sha256:" + str(file.get("sha256", "")).removeprefix("sha256:"))
            for entry in self.entries
            for file in entry.body.get("evidence") or ()
        ]
        return tuple(name for name, digest in named if digest not in self.evidence)

    def said(self, language: str = "en") -> list[str]:
        """What the recipient has to know, in sentences; what can't be checked here is last."""
        zh = language == "zh"
        by = ", ".join(sorted({e.voucher.key for e in self.entries} | {self.sender}))
        n = len(self.entries)
        if zh:
            lines = [f"随附发送方登记簿的 {n} 条记录，由密钥 {by} 签名"]
            lines += [
                f"此处不认识密钥 {key}：请与签名者另行告知的比对，再放入 EVENHAND_HOME/keys/known"
                for key in self.unknown
            ]
            lines += [f"证据 {shown(name)} 未随附，无法核对" for name in self.lacking]
        else:
            counted = "1 entry" if n == 1 else f"{n} entries"
            lines = [f"{counted} of the sender's register came along, signed by {by}"]
            lines += [
                f"key {key} is not known here: compare it with what the signer told you, and put "
                "it into EVENHAND_HOME/keys/known to know it"
                for key in self.unknown
            ]
            lines += [
                f"the evidence {shown(name)} did not come along, and can't be checked"
                for name in self.lacking
            ]
        return [*lines, UNCHECKED["zh" if zh else "en"]]


UNCHECKED = {
    "en": "not to be checked here: that model and data are those of the digests (they are not in "
    "the archive), the times (the sender's clock), and what else the sender's register holds",
    "zh": "此处无法核对：模型与数据是否即摘要所指（档案中没有它们）、各时间（取自发送方时钟）、"
    "发送方登记簿中的其他内容",
}


def pieces(
    case: str,
    entries: Sequence[Entry],
    keys: Mapping[str, PublicKey],
    evidence: Mapping[str, bytes],
    signer: SigningKey,
) -> dict[str, bytes]:
    """The files of a hand-over of the case with that digest, by their names in the archive."""
    lines = [
        canonical_bytes(
            {
                "seq": e.seq,
                "at": e.at,
                "kind": e.kind,
                "body": dict(e.body),
                "previous": e.previous,
                "digest": e.digest,
                "key": e.voucher.key,
                "signature": e.voucher.signature,
            }
        )
        for e in entries
    ]
    stated = canonical_bytes(
        {
            "schema": _SCHEMA,
            "case": case,
            "entries": [e.digest for e in entries],
            "evidence": sorted(evidence),
        }
    )
    envelope = {
        "payload": base64.b64encode(stated).decode(),
        "key": signer.public.id,
        "signature": signer.sign(_message(stated)),
    }
    used = {e.voucher.key for e in entries}
    public = {**{k: v for k, v in keys.items() if k in used}, signer.public.id: signer.public}
    files = {REGISTER: b"".join(line + b"\n" for line in lines)}
    files[HANDOVER] = canonical_bytes(envelope)
    files |= {f"{KEYS}{k.removeprefix('sha256:')}.pub": v.pem() for k, v in public.items()}
    return files | {EVIDENCE + name.removeprefix("sha256:"): evidence[name] for name in evidence}


def read_handover(
    files: Mapping[str, bytes], case: str, known: Mapping[str, PublicKey], where: Path
) -> HandedOver | None:
    """What came along in an archive's ``files``, checked; None for an archive of an older version.

    ``known`` are keys that the recipient knows. Raises AlteredEvidenceError for anything that was
    changed, left out or put in.
    """
    if HANDOVER not in files and REGISTER not in files:
        return None
    keys = {}
    for name in (n for n in files if n.startswith(KEYS)):
        key = public_key_of(files[name], f"{where}: {name}")
        keys[key.id] = key
    all_keys = {**keys, **known}
    stated, sender = _stated(files, all_keys, where)
    entries = _entries(files.get(REGISTER, b""), all_keys, where)
    evidence = {
        f"sha256:{n.removeprefix(EVIDENCE)}": files[n] for n in files if n.startswith(EVIDENCE)
    }
    for name, content in evidence.items():
        if digest_bytes(content) != name:
            raise _changed(where, f"evidence {name} has another content")
    found = {
        "schema": _SCHEMA,
        "case": case,
        "entries": [e.digest for e in entries],
        "evidence": sorted(evidence),
    }
    if found != stated:
        parts = [part for part in found if found[part] != stated.get(part)]
        raise _changed(where, f"what its sender signed names other {' and '.join(parts)}")
    unknown = tuple(sorted({*(e.voucher.key for e in entries), sender} - set(known)))
    return HandedOver(case, entries, all_keys, evidence, sender, unknown)


def _stated(
    files: Mapping[str, bytes], keys: Mapping[str, PublicKey], where: Path
) -> tuple[dict[str, Any], str]:
    """What the sender signed, and with which key."""
    try:
        envelope = json.loads(files[HANDOVER])
        payload = base64.b64decode(envelope["payload"], validate=True)
        name, signature = str(envelope["key"]), str(envelope["signature"])
        stated = json.loads(payload)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _changed(where, f"{HANDOVER} is missing or can't be read") from None
    key = keys.get(name)
    if key is None or not key.accepts(signature, _message(payload)):
        raise _changed(where, f"{HANDOVER} is not signed by {name}")
    if not isinstance(stated, dict):
        raise _changed(where, f"{HANDOVER} states nothing")
    return stated, name


def _entries(lines: bytes, keys: Mapping[str, PublicKey], where: Path) -> tuple[Entry, ...]:
    entries = []
    rows = lines.splitlines()
    if len(rows) > _MOST_ENTRIES:
        raise _changed(where, f"{REGISTER} has {len(rows)} lines, over {_MOST_ENTRIES}")
    for number, row in enumerate(rows, start=1):
        try:
            line = json.loads(row)
            voucher = Voucher("", str(line.pop("key")), str(line.pop("signature")))
            entry = Entry(**line, voucher=voucher)
        except (KeyError, TypeError, ValueError, RecursionError, AttributeError):
            raise _changed(where, f"line {number} of {REGISTER} is no entry") from None
        if not entry.is_whole():
            raise _changed(where, f"entry {entry.seq} ({entry.kind}) was changed")
        if not is_signed(entry.digest, entry.voucher, keys):
            raise _changed(where, f"entry {entry.seq} ({entry.kind}) has no signature that holds")
        entries.append(replace(entry, vouched="signature"))
    return tuple(entries)


def _message(stated: bytes) -> bytes:
    return b"evenhand-handover/1\n" + stated


def _changed(where: Path, problem: str) -> AlteredEvidenceError:
    return AlteredEvidenceError(
        "{where} was altered: {problem}",
        remedy="do not rely on it: ask for the archive again, and compare its SHA-256",
        where=where,
        problem=problem,
    )
