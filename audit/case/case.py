"""The case folder: one audit, sealed. Written once, never edited.

plan.json          what was to be measured, written before anything is measured
findings.jsonl     one canonical JSON finding a line
environment.json   versions, machine, times: what a rerun may differ in
artifacts/         curves, attributions, tables that findings point to
declared.yaml      thresholds that were written down before, where the plan names such a file
packs/             the policy packs as they were when the audit was planned
seal.json          SHA-256 of every file above

Until it is sealed a case is in the making in ``.NAME.partial-PID-*`` beside its place:

case/              the files above, as far as they are written
run.json           what the audit is, so that only the same one goes on with it
finished/          what each finished check answered
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from evenhand.audit.artifacts.artifact import ArtifactDocument
from evenhand.audit.case.environment import Environment
from evenhand.audit.case.findings import read_findings
from evenhand.audit.case.finished import Store
from evenhand.audit.case.plan import Plan, PlannedSubject
from evenhand.audit.case.secret import Secret, passing
from evenhand.audit.case.work import RUN, RUN_FILE, lock_work
from evenhand.audit.errors import AlteredEvidenceError, InputError, LimitError
from evenhand.audit.files.bounded import (
    MOST_JSON,
    read_json,
    read_text,
    require_writable,
)
from evenhand.audit.files.canonical import (
    canonical_bytes,
    digest_bytes,
    digest_file,
    digest_json,
    relative_files,
)
from evenhand.audit.files.disk import disk_error, write_whole
from evenhand.audit.files.making import creating, partial_name, put_in_place, require_free
from evenhand.audit.files.shapes import Shape, parsed
from evenhand.audit.files.within import LEAST_MEMORY, reading, size_of
from evenhand.audit.finding import Finding

SEAL_SCHEMA = "evenhand-seal/1"
SEAL_FILE = "seal.json"
# 1 had a finding's reason as one English text, which is read as a quote; 2 has it as codes.
FINDINGS_SCHEMA = "evenhand-findings/2"
_FINDINGS_SCHEMAS = ("evenhand-findings/1", FINDINGS_SCHEMA)
MOST_FILES, MOST_BYTES = 10_000, 2 << 30  # of a whole case
_MOST_SEAL = 4 << 20  # of the seal, which is written again to be compared
_S = TypeVar("_S", bound=Shape)
_D = TypeVar("_D", bound=ArtifactDocument)


@dataclass(frozen=True)
class Case:
    """A sealed case, read back. ``digest`` is the SHA-256 of the seal: the name of the evidence."""

    path: Path
    plan: Plan
    findings: tuple[Finding, ...]
    environment: Environment
    digest: str
    files: Mapping[str, str]

    @property
    def subject(self) -> PlannedSubject:
        """What was audited, as the plan has it (name, task, digests, sensitive features ...)."""
        return self.plan.subject

    def finding(self, finding_id: str) -> Finding:
        """The finding with this id. Raises InputError if the case has none."""
        for finding in self.findings:
            if finding.id == finding_id:
                return finding
        raise InputError(
            "case {path} has no finding {finding_id!r}",
            remedy="list the ids with: evenhand report CASE --format json",
            path=self.path,
            finding_id=finding_id,
        )

    def artifact(self, name: str) -> Any:
        """The JSON artifact stored as ``artifacts/<name>``, of any shape: one of a check that is
        not ours. Ours are read by ``document``.

        Raises InputError where there is none or it is no JSON, LimitError for one too large.
        """
        path = self.path / "artifacts" / name
        if f"artifacts/{name}" not in self.files:
            raise InputError(
                "case {path} has no artifact {name!r}",
                remedy="audit again",
                path=self.path,
                name=name,
            )
        try:
            return read_json(path)
        except ValueError as error:
            raise _unreadable(path, error) from None

    def holds(self, *kinds: type[ArtifactDocument]) -> bool:
        """Whether the case has an artifact of each of these kinds."""
        return all(f"artifacts/{kind.FILE}" in self.files for kind in kinds)

    def document(self, kind: type[_D]) -> _D | None:
        """The artifact of this kind; None where the case has none.

        Raises InputError for one of another shape (another version wrote it, or a stranger),
        LimitError for one too large.
        """
        if not self.holds(kind):
            return None
        try:
            return parsed(self.artifact(kind.FILE), kind)
        except ValueError as error:
            raise _unreadable(self.path / "artifacts" / kind.FILE, error) from None

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
    """Writes a case beside ``path`` and renames it into place when it is sealed.

    Used as a context manager. Left without ``seal`` it takes away what was written, unless checks
    had finished and ``resumable`` was called: then the work is kept, and ``resume`` goes on with
    it. A process that is killed leaves the same work behind. ``secret`` vouches for what is kept:
    without one, nothing of it is known again.
    """

    def __init__(
        self, path: Path, plan: Plan, *, resume: Path | None = None, secret: Secret | None = None
    ) -> None:
        self.path = path
        self._secret = secret or passing()
        self._work = resume or partial_name(path, ".")
        self._partial = self._work / "case"
        self._is_resumable = resume is not None
        require_free(path, "case folder", "a case is never edited")
        with creating(path, "case folder"):
            self._work.mkdir(parents=True, exist_ok=resume is not None)
            self._lock = lock_work(self._work)
            shutil.rmtree(self._partial, ignore_errors=True)  # written anew: it may be half a file
            self._partial.mkdir()
        self.finished = Store(self._work / "finished", self._secret)
        self._write("plan.json", canonical_bytes(plan.to_json()))

    def __enter__(self) -> CaseWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._partial.exists() or not self._is_resumable or self.finished.is_empty():
            shutil.rmtree(self._work, ignore_errors=True)
        os.close(self._lock)

    def resumable(self, run: Mapping[str, Any]) -> None:
        """Keeps what the audit is, so that it can be resumed from now on."""
        write_whole(self._work / RUN_FILE, canonical_bytes(self._secret.vouch(RUN, run)))
        self._is_resumable = True

    def add_artifact(self, name: str, value: Any) -> str:
        """Stores plain JSON as ``artifacts/<name>``; returns that relative path."""
        return self._write(f"artifacts/{name}", canonical_bytes(value))

    def add_pack(self, name: str, text: bytes) -> str:
        """Stores a policy pack's bytes as ``packs/<name>``; returns that relative path."""
        return self._write(f"packs/{name}", text)

    def add_file(self, name: str, text: bytes) -> str:
        """Stores a file that the plan names as ``name``; returns that relative path."""
        return self._write(name, text)

    def seal(
        self,
        findings: Iterable[Finding],
        environment: Environment,
        sealing: Callable[[str], None] | None = None,
    ) -> Case:
        """Writes findings and environment, seals every file, and moves the case into place.

        ``sealing`` is told the case's digest before it is in its place.
        """
        ordered = sorted(findings, key=lambda f: f.id)
        lines = b"".join(canonical_bytes(f.to_json()) + b"\n" for f in ordered)
        self._write("findings.jsonl", lines)
        self._write("environment.json", canonical_bytes(environment.to_json()))
        files = {n: digest_file(self._partial / n) for n in relative_files(self._partial)}
        told = {"schema": SEAL_SCHEMA, "findings": FINDINGS_SCHEMA, "files": files}
        seal = canonical_bytes(told)
        self._write(SEAL_FILE, seal)
        _require_size(self._partial, files)
        if sealing is not None:
            sealing(digest_bytes(seal))
        try:
            put_in_place(self._partial, self.path)
        except OSError as error:
            raise disk_error(f"move the finished case to {self.path}", error) from error
        return read_case(self.path)

    def _write(self, name: str, data: bytes) -> str:
        target = self._partial / name
        if not target.resolve().is_relative_to(self._partial.resolve()):
            raise InputError(
                "file name {name!r} leaves the case folder", remedy="rename it", name=name
            )
        if target.exists():
            raise InputError("file {name!r} is written twice", remedy="rename it", name=name)
        if name.endswith((".json", ".jsonl")):
            require_writable(name, len(data), _MOST_SEAL if name == SEAL_FILE else MOST_JSON)
        write_whole(target, data)
        return name


def read_case(path: str | Path) -> Case:
    """Reads a sealed case and checks its seal.

    Raises InputError if there is no case, AlteredEvidenceError if any byte differs.
    """
    folder = Path(path)
    size = size_of(folder)
    with reading(size, folder, memory=max(LEAST_MEMORY, 6 * size), known=(Exception,)):
        seal = read_seal(folder)
        return Case(
            path=folder,
            plan=read_plan(folder),
            findings=read_findings(folder),
            environment=read_environment(folder),
            digest=digest_json(seal),
            files=seal["files"],
        )


def read_seal(folder: Path) -> dict[str, Any]:
    """The seal of a case, with every file of the case held against it.

    Raises InputError if there is no case, AlteredEvidenceError if any byte differs, LimitError for
    more than a case holds.
    """
    problems = verify_case(folder)
    if problems:
        raise AlteredEvidenceError(
            "case {folder} differs from its seal: {problems}",
            remedy="do not rely on it: restore the case from a copy, or audit again",
            folder=folder,
            problems="; ".join(map(str, problems[:5])),
        )
    seal: dict[str, Any] = read_json(folder / SEAL_FILE)
    return seal


def read_plan(folder: Path) -> Plan:
    """The plan of a sealed case. Raises AlteredEvidenceError if it is none."""
    return _record(folder / "plan.json", Plan)


def read_environment(folder: Path) -> Environment:
    """The environment of a sealed case. Raises AlteredEvidenceError if it is none."""
    return _record(folder / "environment.json", Environment)


def verify_case(path: str | Path) -> list[Problem]:
    """Every changed, added or missing file of a case; an empty list means that the seal holds.

    Raises InputError if ``path`` is no case folder at all, LimitError for more than a case holds.
    """
    folder = Path(path)
    seal_path = folder / SEAL_FILE
    if not folder.is_dir():
        raise InputError(
            "no case folder at {folder}", remedy="check the path, or run an audit", folder=folder
        )
    if not (seal_path.exists() or (folder / "plan.json").exists()):
        raise InputError(
            "{folder} is not a case: it has neither plan.json nor seal.json",
            remedy="pass the folder that `evenhand audit --out` wrote",
            folder=folder,
        )
    if not seal_path.is_file() or seal_path.is_symlink():
        return [Problem(SEAL_FILE, "missing")]
    sealed, problems = _read_seal(seal_path)
    present = set(relative_files(folder)) - {SEAL_FILE}
    _require_size(folder, present)
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


def _require_size(folder: Path, names: Collection[str]) -> None:
    """Before a byte is hashed: a file may say that it is a terabyte long."""
    size = sum((folder / name).lstat().st_size for name in names)
    if len(names) > MOST_FILES or size > MOST_BYTES:
        raise LimitError(
            "case {folder} holds {n_names:,} files of {size:,} bytes in all",
            remedy="at most {most_files:,} files and {most_bytes:,} bytes are read: is it a case?",
            folder=folder,
            n_names=len(names),
            size=size,
            most_files=MOST_FILES,
            most_bytes=MOST_BYTES,
        )


def _read_seal(path: Path) -> tuple[dict[str, str], list[Problem]]:
    try:
        raw = read_text(path, _MOST_SEAL)
        seal = json.loads(raw)
        files = dict(seal["files"])
        canonical = canonical_bytes(seal) == raw.encode() and seal["schema"] == SEAL_SCHEMA
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}, [Problem(SEAL_FILE, "is not a seal")]
    found = seal.get("findings", _FINDINGS_SCHEMAS[0])
    if found not in _FINDINGS_SCHEMAS:
        what = f"says that the findings are of schema {found!r}, which this version does not read"
        return files, [Problem(SEAL_FILE, what)]
    missing = {"plan.json", "findings.jsonl", "environment.json"} - set(files)
    problems = [Problem(name, "not covered by the seal") for name in sorted(missing)]
    if not canonical:
        problems.append(Problem(SEAL_FILE, "is not in canonical form"))
    return files, problems


def _unreadable(file: Path, why: ValueError) -> InputError:
    return InputError(
        "{file} cannot be read: {why}",
        remedy="another version wrote it, or it is none of ours: audit again with this version",
        file=file,
        why=why,
    )


def _record(file: Path, shape: type[_S]) -> _S:
    try:
        return parsed(read_json(file), shape)
    except ValueError as error:
        raise AlteredEvidenceError(
            "{file} does not hold what its name says: {error}",
            remedy="the case was written by another version or altered: audit again",
            file=file,
            error=error,
        ) from None


def artifact_files(folder: Path) -> list[str]:
    """The JSON artifacts that a case's seal names, as paths within it, in order."""
    names = sorted(read_seal(folder)["files"])
    return [n for n in names if n.startswith("artifacts/") and n.endswith(".json")]


def find_cases(folders: Sequence[Path]) -> list[Path]:
    """Case folders directly below each of ``folders``, oldest name first."""
    found = (p.parent for f in folders if f.is_dir() for p in f.glob(f"*/{SEAL_FILE}"))
    return sorted(p for p in found if not p.name.startswith("."))


def case_digest(path: Path) -> str:
    """The digest of a case's seal file, without reading the rest."""
    return digest_bytes((path / SEAL_FILE).read_bytes())
