"""A case as one zip file with the signatures beside it, for a third party to check.

    case/...          every file of the sealed case
    signatures/...    the signed statements about it
    register.jsonl, keys/..., evidence/..., handover.json
                      what its verdicts rest on beside it (evenhand.audit.register.handover)

Nothing is compressed, and names, times and order are fixed, so that the same case gives the same
bytes anywhere. What is read is written again and compared: a changed bit is found even where the
zip format itself would not mind.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from evenhand.audit.case.case import MOST_FILES, Case
from evenhand.audit.case.statement import envelopes_of, read_envelope
from evenhand.audit.errors import AlteredEvidenceError, InputError, LimitError
from evenhand.audit.files.within import LEAST_MEMORY, reading
from evenhand.audit.register.encrypted import decrypt, is_encrypted
from evenhand.audit.register.handover import EVIDENCE, HANDOVER, KEYS, REGISTER

MOST_BYTES = 256 << 20  # of an archive, which is held in memory four times while it is compared
_PARTS = ("case/", "signatures/", KEYS, EVIDENCE)
_TIME = (1980, 1, 1, 0, 0, 0)  # the first that the format knows


def archive_bytes(case: Case, beside: Mapping[str, bytes]) -> bytes:
    """The case, the statements beside it and the files of its hand-over as a zip file.

    Raises LimitError for over 256 MiB.
    """
    size = sum((case.path / n).stat().st_size for n in case.files)
    size += sum(map(len, beside.values()))
    if size > MOST_BYTES:
        raise LimitError(
            "case {case_path} has {size:,} bytes, over {most_bytes:,}: no archive is made of it",
            remedy="hand on the folder, with the *.dsse.json beside it; evenhand verify reads both",
            case_path=case.path,
            size=size,
            most_bytes=MOST_BYTES,
        )
    files = {f"case/{n}": (case.path / n).read_bytes() for n in (*case.files, "seal.json")}
    for path in envelopes_of(case.path):
        files[f"signatures/{path.name.removeprefix(case.path.resolve().name + '.')}"] = (
            read_envelope(path)
        )
    return _zip({**files, **beside})


def _zip(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, files[name])
    return made.getvalue()


def read_archive(path: Path) -> dict[str, bytes]:
    """The files of an archive by name, all of them checked to be safe to unpack.

    Raises InputError for what is no such archive or would not be safe, LimitError for more than one
    holds, AlteredEvidenceError for one whose bytes are not those that an export writes.
    """
    raw = _read(path)
    if is_encrypted(raw):
        raw = decrypt(raw, path)
    most = max(LEAST_MEMORY, 6 * len(raw))
    with reading(len(raw), path, memory=most, known=(Exception,)):
        files = _files(raw, path)
        is_ours = _zip(files) == raw
    if not is_ours:
        raise AlteredEvidenceError(
            "{path} was altered: its bytes are not those that `evenhand export` writes",
            remedy="do not rely on it: ask for the archive again, and compare its SHA-256",
            path=path,
        )
    return files


def unpack(files: Mapping[str, bytes], folder: Path) -> Path:
    """Writes the case of an archive's ``files`` into ``folder``; returns the case's own folder."""
    for name, data in files.items():
        if name.startswith("case/"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return folder / "case"


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise InputError(
                "{path} is no regular file", remedy="pass a case or its archive", path=path
            )
        if path.stat().st_size > MOST_BYTES:
            raise LimitError(
                "{path} has over {most_bytes:,} bytes",
                remedy="it is no exported case",
                path=path,
                most_bytes=MOST_BYTES,
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "cannot read {path}: {strerror}", remedy="check it", path=path, strerror=error.strerror
        ) from error


def _files(raw: bytes, path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
            _require_safe(members, path)
            return {m.filename: archive.read(m) for m in members}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise AlteredEvidenceError(
            "{path} is no whole zip file: {error}",
            remedy="ask for the archive again; `evenhand export CASE` writes one",
            path=path,
            error=error,
        ) from error


def _require_safe(members: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuses bombs, names that leave the folder, duplicates, links and encryption."""
    if len(members) > MOST_FILES or sum(m.file_size for m in members) > MOST_BYTES:
        raise LimitError(
            "{path} holds {n_members} files and claims more than an exported case may have",
            remedy="at most {most_files} files and {most_bytes} bytes are read",
            path=path,
            n_members=len(members),
            most_files=MOST_FILES,
            most_bytes=MOST_BYTES,
        )
    seen: set[str] = set()
    for member in members:
        name, plain = member.filename, PurePosixPath(member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        why = ""
        if plain.is_absolute() or ".." in plain.parts or "\\" in name or str(plain) != name:
            why = "leaves the folder"
        elif not name.startswith(_PARTS) and name not in (REGISTER, HANDOVER):
            why = "is no part of an exported case"
        elif name in seen:
            why = "is there twice"
        elif member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            why = "is compressed, which an export never is"
        elif kind not in (0, stat.S_IFREG) or member.is_dir() or member.flag_bits & 1:
            why = "is a link, a folder or encrypted"
        if why:
            raise InputError(
                "{path}: {name!r} {why}",
                remedy="it is not unpacked; ask for another",
                path=path,
                name=name,
                why=why,
            )
        seen.add(name)
