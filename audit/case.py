"""The case folder: one audit, sealed. Written once, never edited.

plan.json          what was to be measured, written before anything is measured
findings.jsonl     one canonical JSON finding a line
environment.json   versions, machine, times: what a rerun may differ in
artifacts/         curves, attributions, tables that findings point to
packs/             the policy packs as they were when the audit was planned
seal.json          SHA-256 of every file above
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from audit.canonical import canonical_bytes, digest_bytes, digest_file, digest_json, relative_files
from audit.errors import AlteredEvidenceError, InputError
from audit.finding import Finding

SEAL_SCHEMA = "evenhand-seal/1"
SEAL_FILE = "seal.json"


@dataclass(frozen=True)
class Case:
    """A sealed case, read back. ``digest`` is the SHA-256 of the seal: the name of the evidence."""

    path: Path
    plan: Mapping[str, Any]
    findings: tuple[Finding, ...]
    environment: Mapping[str, Any]
    digest: str
    files: Mapping[str, str]

    @property
    def subject(self) -> Mapping[str, Any]:
        """What was audited, as the plan has it (name, task, digests, sensitive features ...)."""
        subject: Mapping[str, Any] = self.plan["subject"]
        return subject

    def finding(self, finding_id: str) -> Finding:
        """The finding with this id. Raises InputError if the case has none."""
        for finding in self.findings:
            if finding.id == finding_id:
                return finding
        raise InputError(
            f"case {self.path} has no finding {finding_id!r}",
            remedy="list the ids with: evenhand report CASE --format json",
        )

    def artifact(self, name: str) -> Any:
        """The JSON artifact stored as ``artifacts/<name>``."""
        path = self.path / "artifacts" / name
        if f"artifacts/{name}" not in self.files:
            raise InputError(f"case {self.path} has no artifact {name!r}", remedy="audit again")
        return json.loads(path.read_text("utf-8"))

    def pack_paths(self) -> tuple[Path, ...]:
        """The copies of the policy packs that were asked for when the audit was planned."""
        return tuple(self.path / n for n in self.files if n.startswith("packs/"))


@dataclass(frozen=True)
class Problem:
    """One way in which a case differs from its seal."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


class CaseWriter:
    """Writes a case under a temporary name beside ``path``; ``seal`` renames it into place.

    Used as a context manager: leaving it without ``seal`` removes what was written, so that an
    interrupt leaves no half case behind.
    """

    def __init__(self, path: Path, plan: Mapping[str, Any]) -> None:
        self.path = path
        self._partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
        if path.exists():
            raise InputError(
                f"case folder {path} exists already; a case is never edited",
                remedy="choose another --out, or move the old case away",
            )
        try:
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise InputError(
                f"cannot create the case folder {path}: {error.strerror}",
                remedy="choose an --out that you may write to",
            ) from error
        self._write("plan.json", canonical_bytes(dict(plan)))

    def __enter__(self) -> CaseWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._partial, ignore_errors=True)

    def add_artifact(self, name: str, value: Any) -> str:
        """Stores plain JSON as ``artifacts/<name>``; returns that relative path."""
        return self._write(f"artifacts/{name}", canonical_bytes(value))

    def add_pack(self, name: str, text: bytes) -> str:
        """Stores a policy pack's bytes as ``packs/<name>``; returns that relative path."""
        return self._write(f"packs/{name}", text)

    def seal(self, findings: Iterable[Finding], environment: Mapping[str, Any]) -> Case:
        """Writes findings and environment, seals every file, and moves the case into place."""
        ordered = sorted(findings, key=lambda f: f.id)
        lines = b"".join(canonical_bytes(f.to_json()) + b"\n" for f in ordered)
        self._write("findings.jsonl", lines)
        self._write("environment.json", canonical_bytes(dict(environment)))
        files = {n: digest_file(self._partial / n) for n in relative_files(self._partial)}
        self._write(SEAL_FILE, canonical_bytes({"schema": SEAL_SCHEMA, "files": files}))
        _sync_folder(self._partial)
        try:
            self._partial.rename(self.path)
        except OSError as error:
            raise InputError(
                f"cannot move the finished case to {self.path}: {error.strerror}",
                remedy="choose another --out",
            ) from error
        _sync_folder(self.path.parent)
        return read_case(self.path)

    def _write(self, name: str, data: bytes) -> str:
        target = self._partial / name
        if not target.resolve().is_relative_to(self._partial.resolve()):
            raise InputError(f"file name {name!r} leaves the case folder", remedy="rename it")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise InputError(
                f"cannot write {name} into {self._partial}: {error.strerror}",
                remedy="free disk space or choose another --out",
            ) from error
        return name


def read_case(path: str | Path) -> Case:
    """Reads a sealed case and checks its seal.

    Raises InputError if there is no case, AlteredEvidenceError if any byte differs.
    """
    folder = Path(path)
    problems = verify_case(folder)
    if problems:
        raise AlteredEvidenceError(
            f"case {folder} differs from its seal: " + "; ".join(map(str, problems[:5])),
            remedy="do not rely on it: restore the case from a copy, or audit again",
        )
    seal = json.loads((folder / SEAL_FILE).read_text("utf-8"))
    findings = _read_findings(folder)
    return Case(
        path=folder,
        plan=json.loads((folder / "plan.json").read_text("utf-8")),
        findings=findings,
        environment=json.loads((folder / "environment.json").read_text("utf-8")),
        digest=digest_json(seal),
        files=seal["files"],
    )


def verify_case(path: str | Path) -> list[Problem]:
    """Every changed, added or missing file of a case; an empty list means that the seal holds.

    Raises InputError if ``path`` is no case folder at all.
    """
    folder = Path(path)
    seal_path = folder / SEAL_FILE
    if not folder.is_dir():
        raise InputError(f"no case folder at {folder}", remedy="check the path, or run an audit")
    if not (seal_path.exists() or (folder / "plan.json").exists()):
        raise InputError(
            f"{folder} is not a case: it has neither plan.json nor seal.json",
            remedy="pass the folder that `evenhand audit --out` wrote",
        )
    if not seal_path.is_file() or seal_path.is_symlink():
        return [Problem(SEAL_FILE, "missing")]
    sealed, problems = _read_seal(seal_path)
    present = set(relative_files(folder)) - {SEAL_FILE}
    for name in sorted(present | set(sealed)):
        file = folder / name
        if name not in sealed:
            problems.append(Problem(name, "added after sealing"))
        elif name not in present:
            problems.append(Problem(name, "missing"))
        elif file.is_symlink() or not file.is_file():
            problems.append(Problem(name, "replaced by something that is not a plain file"))
        elif digest_file(file) != sealed[name]:
            problems.append(Problem(name, "changed"))
    return problems


def _read_seal(path: Path) -> tuple[dict[str, str], list[Problem]]:
    raw = path.read_bytes()
    try:
        seal = json.loads(raw)
        files = dict(seal["files"])
        canonical = canonical_bytes(seal) == raw and seal["schema"] == SEAL_SCHEMA
    except (ValueError, KeyError, TypeError):
        return {}, [Problem(SEAL_FILE, "is not a seal")]
    missing = {"plan.json", "findings.jsonl", "environment.json"} - set(files)
    problems = [Problem(name, "not covered by the seal") for name in sorted(missing)]
    if not canonical:
        problems.append(Problem(SEAL_FILE, "is not in canonical form"))
    return files, problems


def _read_findings(folder: Path) -> tuple[Finding, ...]:
    try:
        # Not splitlines(): a group's name may hold U+2028, which is a line break to it alone.
        lines = (folder / "findings.jsonl").read_text("utf-8").split("\n")
        return tuple(Finding.model_validate_json(line) for line in lines if line)
    except (ValidationError, UnicodeDecodeError) as error:
        raise AlteredEvidenceError(
            f"{folder / 'findings.jsonl'} does not hold findings: {error}",
            remedy="the case was written by another version or altered: audit again",
        ) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def find_cases(folders: Sequence[Path]) -> list[Path]:
    """Case folders directly below each of ``folders``, oldest name first."""
    found = (p.parent for f in folders if f.is_dir() for p in f.glob(f"*/{SEAL_FILE}"))
    return sorted(p for p in found if not p.name.startswith("."))


def case_digest(path: Path) -> str:
    """The digest of a case's seal file, without reading the rest."""
    return digest_bytes((path / SEAL_FILE).read_bytes())
