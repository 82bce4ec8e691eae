"""Finished checks, kept so that none is measured twice: for ``--resume``, and from run to run.

A finished check is its findings, before p-values are adjusted over the whole audit, and its
artifacts. It is kept as one file whose name is the digest of everything that reaches the check,
and whose first line is a MAC of the rest by the home's secret: what was damaged, or put there by
somebody else, is measured again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evenhand.audit.case.secret import Secret, passing
from evenhand.audit.files.canonical import canonical_bytes, digest_file, digest_json
from evenhand.audit.files.disk import write_whole
from evenhand.audit.finding import Finding

SCHEMA = "evenhand-finished/4"


@dataclass(frozen=True)
class Finished:
    """What one check answered. ``artifacts`` holds plain JSON by name."""

    check: str
    findings: tuple[Finding, ...]
    artifacts: Mapping[str, Any]

    @property
    def went_through(self) -> bool:
        """Whether it is an answer: a crash may be the machine's fault, and is tried again."""
        return all(f.status != "error" for f in self.findings)

    @property
    def is_repeatable(self) -> bool:
        """Whether measuring again would give the same: not so for energy and time."""
        return self.went_through and all(f.reproducible for f in self.findings)


def text_of(key: str, finished: Finished, secret: Secret, keep_days: int | None = None) -> bytes:
    """What is kept of ``finished`` under ``key``: a line with the MAC of the rest, and JSON. With
    ``keep_days`` it says since when it is kept, and for how long it may be."""
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "key": key,
        "check": finished.check,
        "findings": [f.to_json() for f in finished.findings],
        "artifacts": dict(finished.artifacts),
    }
    if keep_days is not None:
        body |= {"keep_days": keep_days, "kept_at": datetime.now(UTC).isoformat(timespec="seconds")}
    text = canonical_bytes(body)
    return secret.mac(SCHEMA, text).encode() + b"\n" + text


class Store:
    """Finished checks below ``folder``, vouched for by ``secret``; without one none is known."""

    def __init__(self, folder: Path, secret: Secret | None = None) -> None:
        self.folder = folder
        self.secret = secret or passing()

    def get(self, key: str) -> Finished | None:
        """The check kept under ``key``; None where there is none, or none of this home's."""
        try:
            said, _, text = self._place(key).read_bytes().partition(b"\n")
            if not self.secret.accepts(said.decode("ascii"), SCHEMA, text):
                return None
            body = json.loads(text)
            if body["schema"] != SCHEMA or body["key"] != key:
                return None
            findings = tuple(Finding.model_validate(f) for f in body["findings"])
            return Finished(body["check"], findings, body["artifacts"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
            return None  # cut off or altered: measured again, and written anew

    def put(self, key: str, finished: Finished) -> None:
        """Keeps ``finished``. Raises InputError where the disk refuses."""
        self.put_text(key, text_of(key, finished, self.secret))

    def put_text(self, key: str, text: bytes) -> None:
        """The same for whoever has its ``text_of`` already: writing it out takes longest."""
        write_whole(self._place(key), text)

    def has(self, key: str) -> bool:
        """Whether there is anything under ``key``, whoever wrote it."""
        return self._place(key).exists()

    def is_empty(self) -> bool:
        """Whether no check is kept."""
        return not any(self.folder.glob("*/*.json"))

    def count(self) -> int:
        """How many checks are kept."""
        return sum(1 for _ in self.folder.glob("*/*.json"))

    def _place(self, key: str) -> Path:
        plain = key.removeprefix("sha256:")
        return self.folder / plain[:2] / f"{plain}.json"


@cache
def code_digest() -> str:
    """The digest of the source that measures: another version may measure otherwise."""
    files = {}
    for package in ("audit", "trainers"):
        found = find_spec(f"evenhand.{package}")
        for place in (found.submodule_search_locations or ()) if found else ():
            root = Path(place)
            for path in sorted(root.rglob("*.py")):
                files[f"{package}/{path.relative_to(root).as_posix()}"] = digest_file(path)
    return digest_json(files)


def module_digest(module: Any) -> str:
    """The digest of a check's own file, which a third party may have written."""
    path = getattr(module, "__file__", None)
    return digest_file(Path(path)) if path and Path(path).is_file() else "no file"
