"""Classes N and O: cases, archives of cases and registers that were made to be read by a victim.

A case here is sealed: who makes one can seal anything into it.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from evenhand.audit.case.case import read_case
from evenhand.audit.files.canonical import canonical_bytes, digest_bytes, digest_file
from evenhand.audit.register.archive import archive_bytes
from evenhand.audit.register.register import Register
from tests.hostile.tables import STRINGS
from tests.samples import finding, write_sample_case

DEEP = "[" * 200_000
TERABYTE = 1 << 40


@dataclass(frozen=True)
class Sample:
    """A hostile case: its name, the command lines that meet it, and whose EVENHAND_HOME."""

    name: str
    lines: tuple[list[str], ...]
    home: Path | None = None


def _sealed(case: Path, **said: str) -> None:
    """A seal that fits the files as they are, but for the digests and names in ``said``."""
    names = [p.relative_to(case).as_posix() for p in case.rglob("*") if p.is_file()]
    files = {n: digest_file(case / n) for n in names if n != "seal.json" and n not in said}
    seal = {"schema": "evenhand-seal/1", "files": {**files, **said}}
    (case / "seal.json").write_bytes(canonical_bytes(seal))


def _text(name: str, text: str) -> Callable[[Path], None]:
    def change(case: Path) -> None:
        (case / name).parent.mkdir(exist_ok=True)
        (case / name).write_text(text, "utf-8")
        _sealed(case)

    return change


def _json(name: str, **parts: Any) -> Callable[[Path], None]:
    def change(case: Path) -> None:
        (case / name).write_bytes(
            canonical_bytes({**json.loads((case / name).read_bytes()), **parts})
        )
        _sealed(case)

    return change


def _sparse(name: str) -> Callable[[Path], None]:
    def change(case: Path) -> None:
        (case / name).parent.mkdir(exist_ok=True)
        if name != "seal.json":
            _sealed(case, **{name: digest_bytes(b"")})
        with (case / name).open("wb") as handle:
            handle.truncate(TERABYTE)

    return change


def _instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(case: Path) -> None:
        digest = digest_file(case / name)
        (case / name).unlink()
        make(case / name)
        if name != "seal.json":
            _sealed(case, **{name: digest})

    return change


def _names(name: str) -> Callable[[Path], None]:
    return lambda case: _sealed(case, **{name: digest_bytes(b"")})


def _line(**parts: Any) -> str:
    honest = finding("data.groups", "label_rate", 0.5).to_json()
    return json.dumps({**honest, **parts}) + "\n"


def _strings(case: Path) -> None:
    """A case of the right shape, every name in it a string that some reader may obey."""
    lines = [
        _line(
            id=f"data.groups/x@{i}",
            measure=text,
            check=text,
            unit=text,
            method=text,
            reason=text,
            column=text,
            group={text: text},
            between=[text],
            artifacts=[text],
        )
        for i, text in enumerate(STRINGS.values())
    ]
    (case / "findings.jsonl").write_text("".join(lines), "utf-8")
    for name in ("plan.json", "environment.json"):
        tree = json.loads((case / name).read_bytes())
        tree |= {"evenhand": STRINGS["ansi"], "isolation": STRINGS["script"]}
        if "subject" in tree:
            texts = list(STRINGS.values())
            tree["subject"] |= {"name": STRINGS["script"], "target": STRINGS["ansi"]}
            tree["subject"] |= {"positive_label": STRINGS["bidi"], "sensitive_features": texts}
            tree["declared"] = dict.fromkeys(texts, STRINGS["template"])
        (case / name).write_bytes(canonical_bytes(tree))
    _sealed(case)


def _envelope(text: str) -> Callable[[Path], None]:
    return lambda case: (case.parent / f"{case.name}.0.dsse.json").write_text(text) and None


CASES: dict[str, Callable[[Path], None]] = {
    "link": _instead("findings.jsonl", lambda p: p.symlink_to("/etc/passwd")),
    "pipe": _instead("findings.jsonl", os.mkfifo),
    "pipe_seal": _instead("seal.json", os.mkfifo),
    "device": _instead("environment.json", lambda p: p.symlink_to("/dev/zero")),
    "sparse_artifact": _sparse("artifacts/attributions.json"),
    "sparse_findings": _sparse("findings.jsonl"),
    "sparse_seal": _sparse("seal.json"),
    "deep_seal": lambda case: (case / "seal.json").write_text(DEEP) and None,
    "deep_plan": _text("plan.json", DEEP),
    "deep_findings": _text("findings.jsonl", DEEP),
    "deep_artifact": _text("artifacts/explanation.attribution.json", DEEP),
    "subject": _json("plan.json", subject=["x"]),
    "digests": _json("plan.json", subject={"name": "x", "digests": {"data": ["x"]}}),
    "facts": _json("plan.json", facts=[1]),
    "checks": _json("plan.json", checks={"id": 1}),
    "environment": _json("environment.json", packages=7, finished_at=[]),
    "times": _json("environment.json", started_at="\x1b[2J", finished_at="9999999999"),
    "number": _text("findings.jsonl", _line(value=1).replace('"value": 1', '"value": 1e999')),
    "digits": _text("findings.jsonl", _line(n=1).replace('"n": 1', f'"n": {"9" * 5000}')),
    "interval": _text("findings.jsonl", _line(interval={"low": 2, "high": 1})),
    "surrogate": _text("findings.jsonl", _line(reason="x").replace("x", "\\ud800")),
    "up": _names("../../../etc/passwd"),
    "absolute": _names("/etc/passwd"),
    "strings": _strings,
    "envelope_deep": _envelope(DEEP),
    "envelope_text": _envelope(json.dumps(dict.fromkeys(STRINGS.values(), 1))),
    "envelope_empty": _envelope(
        json.dumps({"payload": base64.b64encode(b"[]").decode(), "signatures": [{}]})
    ),
}


READ = ("strings", "times", "pack", "deep_artifact", "envelope_text")  # by judge and report


def _zip(honest: bytes, change: str, canary: Path) -> bytes:
    made = io.BytesIO(honest)
    method = zipfile.ZIP_DEFLATED if change == "bomb" else zipfile.ZIP_STORED
    with zipfile.ZipFile(made, "a", method) as archive:
        names = {"up": f"case/../../../../../../..{canary}", "absolute": str(canary)}
        info = zipfile.ZipInfo(names.get(change, "case/x"))
        info.external_attr = (stat.S_IFLNK if change == "link" else stat.S_IFREG | 0o644) << 16
        info.compress_type = method
        with archive.open(info, "w") as handle:
            for _ in range(300 if change == "bomb" else 1):
                handle.write(bytes(1 << 20) if change == "bomb" else b"/etc/passwd")
    return made.getvalue()


def archives(folder: Path, honest: Path, canary: Path) -> Iterator[Sample]:
    """Zip files that leave their folder, burst, or are none."""
    whole = archive_bytes(read_case(honest), {})
    made = {c: _zip(whole, c, canary) for c in ("up", "absolute", "link", "bomb")}
    made |= {"cut": whole[: len(whole) // 2], "twice": whole + whole, "text": b"PK\3\4" * 99}
    for name, raw in made.items():
        (folder / f"{name}.zip").write_bytes(raw)
        yield Sample(f"N.zip_{name}", (["verify", str(folder / f"{name}.zip"), "--recompute"],))
    with (folder / "sparse.zip").open("wb") as handle:
        handle.truncate(TERABYTE)
    yield Sample("N.zip_sparse", (["verify", str(folder / "sparse.zip")],))


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
ROW = "INSERT INTO evenhand_register VALUES (2, 'x', 'case', {}, 'p', 'd')"
REGISTERS: dict[str, list[str]] = {
    "view": [
        "ALTER TABLE evenhand_register RENAME TO other",
        f"CREATE VIEW evenhand_register AS {ENDLESS}"
        "SELECT i AS seq, 'x' AS at, 'case' AS kind, '{}' AS body, 'p' AS previous, 'd' AS digest "
        "FROM n",
    ],
    "cell": [ROW.format("zeroblob(70000000)")],
    "deep": [ROW.format(f"'{DEEP}'")],
    "no_json": [ROW.format("'<script>'")],
    "list": [ROW.format("'[1]'")],
    "blob": [ROW.format("x'ff00fe'")],
    "columns": ["ALTER TABLE evenhand_register DROP COLUMN kind"],
}


def registers(folder: Path, honest: Path) -> Iterator[Sample]:
    """Homes whose register lies, never ends, or is none."""
    for name in (*REGISTERS, "text", "checkpoints", "key"):
        home = folder / f"home_{name}"
        register = Register(f"sqlite:///{home / 'register.sqlite'}")
        with mock.patch.dict(os.environ, {"EVENHAND_HOME": str(home)}):
            register.append("waiver", {"n": 0})
        if name in REGISTERS:
            database = sqlite3.connect(home / "register.sqlite")
            for statement in REGISTERS[name]:
                database.execute(statement)
            database.commit()
            database.close()
        file = {"checkpoints": "register.checkpoints", "key": "keys/evenhand.pub"}.get(
            name, "register.sqlite"
        )
        if name not in REGISTERS:
            (home / file).write_text(f"{STRINGS['ansi']}\n{DEEP}\n", "utf-8")
        judged = ["judge", str(honest), "--policy", "baseline"]
        yield Sample(f"O.{name}", (["verify", "--register"], judged), home)


def make(folder: Path, canary: Path) -> Iterator[Sample]:
    """Every sample of the two classes."""
    honest = write_sample_case(folder / "honest").path
    carrier = f"a: !!python/object/apply:os.system ['touch {canary}']\n"
    changes = {**CASES, "pack": _text("packs/evil.yaml", carrier)}
    for number, (name, change) in enumerate(changes.items()):
        case = write_sample_case(folder / name).path
        change(case)
        report = ["report", str(case), "--policy", "baseline", "-o", str(folder / f"{name}.html")]
        judged = ["judge", str(case)] + ([] if name == "pack" else ["--policy", "baseline"])
        lines = (["verify", str(case)], judged, report)
        # What is refused when it is read is refused by all three alike.
        yield Sample(f"N.{name}", lines if name in READ else (lines[0], lines[1 + number % 2]))
    yield from archives(folder, honest, canary)
    yield from registers(folder, honest)
