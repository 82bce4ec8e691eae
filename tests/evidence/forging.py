"""What somebody who can write the files, and has no key, does to cases, caches and registers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evenhand.audit.files.canonical import canonical_bytes, digest_bytes, digest_file

Edit = Callable[[dict[str, Any]], None]


def reseal(case: Path) -> str:
    """Makes a case's seal anew over whatever the files say now; returns its digest."""
    seal = json.loads((case / "seal.json").read_bytes())
    files = {n: digest_file(case / n) for n in seal["files"]}
    raw = canonical_bytes({**seal, "files": files})
    (case / "seal.json").write_bytes(raw)
    return digest_bytes(raw)


def forge(case: Path) -> str:
    """Moves every measured value of a case to 0.99 and seals it anew."""
    path = case / "findings.jsonl"
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    for line in lines:
        if line["value"] is not None:
            line["value"] = 0.99
    path.write_bytes(b"".join(canonical_bytes(line) + b"\n" for line in lines))
    return reseal(case)


def edit_json(path: Path, edit: Edit) -> None:
    """Changes a canonical JSON file."""
    body = json.loads(path.read_bytes())
    edit(body)
    path.write_bytes(canonical_bytes(body))


def poison(kept: Path, *, first_line: bool) -> None:
    """Sets every value in a kept answer to 0.99; ``first_line`` makes a plain digest of it anew."""
    said, _, text = kept.read_bytes().partition(b"\n")
    body = json.loads(text)
    for finding in body["findings"]:
        if finding["value"] is not None:
            finding["value"] = 0.99
    text = canonical_bytes(body)
    kept.write_bytes((digest_bytes(text).encode() if first_line else said) + b"\n" + text)


def insert(home: Path, kind: str, body: dict[str, Any], *, sealed: bool = False) -> int:
    """Puts an entry behind the last by plain SQL, its digest and chain as they have to be; with
    ``sealed`` also what vouches for it, made up. Returns its number."""
    database = sqlite3.connect(home / "register.sqlite")
    last = database.execute(
        "SELECT seq, digest, at FROM evenhand_register ORDER BY seq DESC"
    ).fetchone()
    seq, previous, at = last[0] + 1, last[1], last[2]
    digest = entry_digest(seq, at, kind, body, previous)
    database.execute(
        "INSERT INTO evenhand_register VALUES (?,?,?,?,?,?)",
        (seq, at, kind, json.dumps(body), previous, digest),
    )
    if sealed:
        database.execute(
            "INSERT INTO evenhand_voucher VALUES (?,?,?,?)",
            (digest, "hmac-sha256:" + "0" * 64, "sha256:" + "0" * 64, "A" * 86 + "=="),
        )
    database.commit()
    database.close()
    return int(seq)


def entry_digest(seq: int, at: str, kind: str, body: Any, previous: str) -> str:
    """The digest that the register's chain asks for: it is no secret how it is made."""
    entry = {"seq": seq, "at": at, "kind": kind, "body": body, "previous": previous}
    return digest_bytes(canonical_bytes(entry))
