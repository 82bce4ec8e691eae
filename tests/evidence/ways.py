"""Ways to forge a sealed case or a register, for whoever can write every file and has no key."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evenhand.audit.case.signing import own_key
from evenhand.audit.files.canonical import canonical_bytes
from tests.evidence.forging import edit_json, entry_digest, forge, insert, reseal
from tests.policies.build import OTHER_MODEL, attestation, waiver

Change = Callable[[Path], object]


@dataclass(frozen=True)
class Way:
    """``change`` is given the folder with ``case`` and ``home``; ``words`` are in what is said."""

    name: str
    change: Change
    words: str


def _sql(*lines: str) -> Change:
    def change(root: Path) -> None:
        database = sqlite3.connect(root / "home" / "register.sqlite")
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in database.execute(triggers).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        for line in lines:
            database.execute(line)
        database.commit()
        database.close()

    return change


def _edited(kind: str, *, chained: bool) -> Change:
    """Other words in the last entry of a kind; ``chained`` makes its digest anew."""

    def change(root: Path) -> None:
        _sql()(root)
        database = sqlite3.connect(root / "home" / "register.sqlite")
        asked = "SELECT seq, at, body, previous FROM evenhand_register WHERE kind = ?"
        seq, at, text, previous = database.execute(f"{asked} ORDER BY seq DESC", [kind]).fetchone()
        body = {**json.loads(text), "name": "another", "answer": "met", "by": "Mallory"}
        digest = entry_digest(seq, at, kind, body, previous) if chained else None
        database.execute(
            "UPDATE evenhand_register SET body = ?, digest = coalesce(?, digest) WHERE seq = ?",
            (json.dumps(body), digest, seq),
        )
        database.commit()
        database.close()

    return change


def _inserted(kind: str, body: dict[str, Any], *, sealed: bool) -> Change:
    return lambda root: insert(root / "home", kind, body, sealed=sealed)


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    def changed(root: Path) -> None:
        place = root / "home" / "register.checkpoints"
        place.write_bytes(b"".join(change(place.read_bytes().splitlines(keepends=True))))

    return changed


def _line(number: int, **fields: Any) -> Change:
    def change(lines: list[bytes]) -> list[bytes]:
        told = {**json.loads(lines[number]), **fields}
        lines[number] = canonical_bytes(told) + b"\n"
        return lines

    return _lines(change)


def _flip(name: str) -> Change:
    def change(root: Path) -> None:
        place = root / "case" / name
        raw = bytearray(place.read_bytes())
        raw[len(raw) // 2] ^= 1
        place.write_bytes(raw)

    return change


def _resealed(name: str, edit: Callable[[dict[str, Any]], object]) -> Change:
    def change(root: Path) -> None:
        edit_json(root / "case" / name, lambda body: edit(body) and None)
        reseal(root / "case")

    return change


def _linked(root: Path) -> None:
    place = root / "case" / "findings.jsonl"
    shutil.move(place, root / "elsewhere")
    place.symlink_to(root / "elsewhere")


def _pack_resealed(root: Path) -> None:
    place = root / "case" / "packs" / "house.yaml"
    place.write_bytes(place.read_bytes().replace(b"0.95", b"0.10"))
    reseal(root / "case")


def _emptied_resealed(root: Path) -> None:
    (root / "case" / "findings.jsonl").write_bytes(b"")
    reseal(root / "case")


def _other_key(root: Path) -> None:
    key = own_key(root / "mallory")
    (root / "home" / "keys" / "evenhand.pub").write_bytes(key.public.pem())


def _signed_by_other(root: Path) -> None:
    """Another key's signatures on the checkpoints, and its name in them."""
    key = own_key(root / "mallory")

    def change(lines: list[bytes]) -> list[bytes]:
        made = []
        for line in lines:
            told = json.loads(line)
            told["key"] = key.public.id
            told.pop("signature", None)
            told["signature"] = key.sign(canonical_bytes(told))
            made.append(canonical_bytes(told) + b"\n")
        return made

    _lines(change)(root)


CASE = (
    *(
        Way(f"a bit of {name}", _flip(name), name)
        for name in ("plan.json", "findings.jsonl", "environment.json")
    ),
    Way("a bit of the seal", _flip("seal.json"), "case case"),
    Way("a bit of a pack", _flip("packs/house.yaml"), "packs/house.yaml"),
    Way("a file is added", lambda r: (r / "case" / "more").write_text("x"), "more"),
    Way("a file is taken out", lambda r: (r / "case" / "findings.jsonl").unlink(), "findings"),
    Way("a file is a link", _linked, "findings.jsonl"),
    Way("a file is emptied", lambda r: (r / "case" / "plan.json").write_bytes(b""), "plan.json"),
    Way("the seal is taken out", lambda r: (r / "case" / "seal.json").unlink(), "seal.json"),
    Way(
        "the seal names fewer files",
        lambda r: edit_json(r / "case" / "seal.json", lambda b: b["files"].pop("findings.jsonl")),
        "findings.jsonl",
    ),
    Way("numbers, sealed anew", lambda r: forge(r / "case"), "another seal"),
    Way("a threshold, sealed anew", _pack_resealed, "another seal"),
    Way("no findings, sealed anew", _emptied_resealed, "another seal"),
    Way(
        "the plan's seed, sealed anew",
        _resealed("plan.json", lambda b: b.update(seed=8)),
        "another seal",
    ),
    Way(
        "the plan's model, sealed anew",
        _resealed("plan.json", lambda b: b["subject"]["digests"].update(model=OTHER_MODEL)),
        "another seal",
    ),
    Way(
        "the plan's facts, sealed anew",
        _resealed("plan.json", lambda b: b["facts"].update({"system.name": "Chat"})),
        "another seal",
    ),
    Way(
        "the environment, sealed anew",
        _resealed("environment.json", lambda b: b.update(evenhand="9.9.9")),
        "another seal",
    ),
)
KINDS = ("plan", "case", "signature", "fact", "attestation", "waiver", "sign-off")
STATED: tuple[tuple[str, dict[str, Any]], ...] = (
    attestation(),
    waiver(),
    ("fact", {"case": "sha256:" + "0" * 64, "facts": {"x": 1}}),
    ("sign-off", {"case": "sha256:" + "0" * 64, "by": "Mallory"}),
    ("case", {"path": "/nowhere", "digest": "sha256:" + "0" * 64}),
)
REGISTER = (
    *(Way(f"the words of the {k}", _edited(k, chained=False), "was changed") for k in KINDS),
    *(Way(f"the {k}, its digest anew", _edited(k, chained=True), "entry") for k in KINDS),
    *(
        Way(f"a {k} put in{', vouched by nobody' if s else ''}", _inserted(k, b, sealed=s), k)
        for k, b in STATED
        for s in (False, True)
    ),
    Way("the first entry is gone", _sql("DELETE FROM evenhand_register WHERE seq = 1"), "entry 1"),
    Way("one in the middle is gone", _sql("DELETE FROM evenhand_register WHERE seq = 3"), "entry"),
    Way(
        "the last is gone", _sql("DELETE FROM evenhand_register WHERE seq = 7"), "register are gone"
    ),
    Way("all are gone", _sql("DELETE FROM evenhand_register"), "register are gone"),
    Way(
        "two change places",
        _sql(
            "UPDATE evenhand_register SET seq = 99 WHERE seq = 3",
            "UPDATE evenhand_register SET seq = 3 WHERE seq = 4",
            "UPDATE evenhand_register SET seq = 4 WHERE seq = 99",
        ),
        "entry",
    ),
    Way(
        "an earlier time",
        _sql("UPDATE evenhand_register SET at = '2020-01-01T00:00:00.000+00:00' WHERE seq = 5"),
        "entry 5",
    ),
    Way(
        "an attestation turned into a waiver",
        _sql("UPDATE evenhand_register SET kind = 'waiver' WHERE kind = 'attestation'"),
        "was changed",
    ),
    Way(
        "another voucher's MAC",
        _sql("UPDATE evenhand_voucher SET mac = 'hmac-sha256:' || hex(zeroblob(32)), signature=''"),
        "vouched for by nobody",
    ),
    Way(
        "another signature beside the MAC",
        _sql(f"UPDATE evenhand_voucher SET signature = '{base64.b64encode(bytes(64)).decode()}'"),
        "has a signature that does not hold",
    ),
    Way(
        "another key's name beside the MAC",
        _sql(f"UPDATE evenhand_voucher SET key = 'sha256:{'0' * 64}'"),
        "is signed by a key that is not known here",
    ),
    Way("no first checkpoint", _lines(lambda ls: ls[1:]), "goes on from no line known"),
    Way("no checkpoint in the middle", _lines(lambda ls: ls[:2] + ls[3:]), "line 3"),
    Way("no last checkpoint", _lines(lambda ls: ls[:-1]), "checkpoint"),
    Way("no line of checkpoints", _lines(lambda ls: []), "checkpoint"),
    Way(
        "no file of checkpoints",
        lambda r: (r / "home" / "register.checkpoints").unlink(),
        "checkpoints",
    ),
    Way("half a checkpoint", _lines(lambda ls: [*ls[:-1], ls[-1][:40]]), "line"),
    Way("a checkpoint twice", _lines(lambda ls: [*ls, ls[-1]]), "line"),
    Way("checkpoints in another order", _lines(lambda ls: [ls[1], ls[0], *ls[2:]]), "line"),
    Way("another count", _line(-1, count=9), "line"),
    Way("another head", _line(-1, head="sha256:" + "0" * 64), "line"),
    Way("another time", _line(2, at="2020-01-01T00:00:00.000+00:00"), "line 3"),
    Way("another's signatures", _signed_by_other, "line"),
    Way("another public key", _other_key, "line"),
)
