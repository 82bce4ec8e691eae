"""evenhand verify: whether a case, an exported archive or the register is as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.tables import show
from evenhand.audit.errors import OK, AlteredEvidenceError, InputError
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.case.recompute import Recomputed
    from evenhand.audit.case.signing import PublicKey
    from evenhand.audit.case.statement import Signature
    from evenhand.audit.register.standing import Standing


def verify(
    case: Annotated[
        Path | None, typer.Argument(metavar="CASE", help="A case folder or an exported zip.")
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Check the register's chain and checkpoints too.")
    ] = False,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", help="A signer's public key; the case must be signed with each."),
    ] = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option("--checkpoints", help="A copy of the register's checkpoints, kept elsewhere."),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Work out again what the case's counts determine.")
    ] = False,
    as_json: sh.Json = False,
) -> int:
    """Check that no byte of a case, an archive or the register was changed, added or removed."""
    if case is None and not register:
        raise InputError("nothing to verify is named", remedy="name a CASE, or pass --register")
    keys = _keys(key or ())
    result: dict[str, Any] = {}
    problems: list[str] = []
    if case is not None:
        result = _case(case, keys, [k.id for k in _given(key or ())], recompute)
        problems += result["problems"]
    if register:
        found = _register(list(keys.values()), checkpoints or ())
        result["register"] = found
        problems += found["problems"]
    code = AlteredEvidenceError.exit_code if problems else OK
    if as_json:
        sh.print_json({**result, "problems": problems, "exit_code": code})
        return code
    if problems:
        what = f"case {case}" if case is not None and result["problems"] else "the register"
        raise AlteredEvidenceError(
            "{what} was altered: {problems}{problems_2}",
            remedy="do not rely on it: restore it from a copy, or audit again",
            what=what,
            problems="; ".join(problems[:8]),
            problems_2=_more(problems),
        )
    _show(result)
    return code


def _more(problems: list[str]) -> str:
    return f"; and {len(problems) - 8} more" if len(problems) > 8 else ""


def _given(paths: Any) -> list[PublicKey]:
    from evenhand.audit.case.signing import read_public_key

    return [read_public_key(path) for path in paths]


def _keys(paths: Any) -> dict[str, PublicKey]:
    """The keys that are given, and those that are known here."""
    from evenhand.audit.register.register import home
    from evenhand.audit.register.vouching import known_keys

    return {k.id: k for k in (*known_keys(home() / "keys"), *_given(paths))}


def _case(
    path: Path, keys: dict[str, PublicKey], required: list[str], recompute: bool
) -> dict[str, Any]:
    if path.is_dir() or not path.exists():
        from evenhand.audit.case.statement import envelopes_of, read_envelope

        envelopes = {p.name: read_envelope(p) for p in envelopes_of(path)} if path.exists() else {}
        return _checked(path, path, envelopes, keys, required, recompute)
    from evenhand.audit.register.opening import open_archive

    opened = open_archive(path, tuple(keys.values()))
    result = _checked(path, opened.case, opened.signatures, keys, required, recompute)
    handed = opened.handed
    result["handed_over"] = handed and {
        "entries": [{"seq": e.seq, "kind": e.kind, "key": e.voucher.key} for e in handed.entries],
        "evidence": sorted(handed.evidence),
        "sender": handed.sender,
        "unknown_keys": list(handed.unknown),
        "evidence_lacking": list(handed.lacking),
    }
    result["said"] = (
        handed.said()
        if handed
        else [
            "no entries of a register came along: attestations, waivers and sign-offs are not in it"
        ]
    )
    return result


def _checked(
    path: Path,
    folder: Path,
    envelopes: dict[str, bytes],
    keys: dict[str, PublicKey],
    required: list[str],
    recompute: bool,
) -> dict[str, Any]:
    """``path`` is what was named; ``folder`` where its files are."""
    from evenhand.audit.case.case import case_digest, read_case, verify_case
    from evenhand.audit.case.recompute import recompute as again
    from evenhand.audit.case.statement import check_envelope

    problems = [str(p) for p in verify_case(folder)]
    digest = case_digest(folder) if (folder / "seal.json").is_file() else None
    stands = _in_register(path, folder, digest)
    if stands is not None and stands.state == "differs":
        problems.append(f"seal.json: {stands.said}")
    signatures: list[Signature] = []
    numbers: list[Recomputed] = []
    if not problems:
        case: Case = read_case(folder)
        signatures = [check_envelope(raw, case, keys, n) for n, raw in envelopes.items()]
        problems += [f"{s.place} {s.problem}" for s in signatures if s.problem]
        signed = {s.key for s in signatures if not s.problem}
        problems += [f"no signature of the key {k}" for k in required if k not in signed]
        numbers = again(case) if recompute else []
        problems += [str(n) for n in numbers if not n.agrees]
    return {
        "case": str(path),
        "digest": digest,
        "intact": not problems,
        "registered": stands is not None and stands.state == "registered",
        "standing": stands and stands.to_json(),
        "problems": problems,
        "signatures": [
            {"file": s.place, "key": s.key, "checked": s.key in keys, "problem": s.problem}
            for s in signatures
        ],
        "recomputed": _sums(numbers) if recompute else None,
    }


def _sums(numbers: list[Recomputed]) -> dict[str, Any]:
    return {
        "findings": len({n.finding for n in numbers}),
        "numbers": len(numbers),
        "differing": [str(n) for n in numbers if not n.agrees],
        "ids": sorted({n.finding for n in numbers}),
    }


def _in_register(path: Path, folder: Path, digest: str | None) -> Standing | None:
    """How the case stands with the register; None without a seal to look for."""
    from evenhand.audit.case.case import read_environment
    from evenhand.audit.register.register import Register
    from evenhand.audit.register.standing import standing

    if digest is None:
        return None
    try:
        run = read_environment(folder).run
    except (OSError, AlteredEvidenceError):
        run = None  # it is told as a problem of the case
    return standing(path, digest, run, Register().snapshot())


def _register(keys: list[PublicKey], copies: Any) -> dict[str, Any]:
    from evenhand.audit.register.register import Register

    state = Register().verify(keys, copies)
    return {
        "entries": len(state.entries),
        "head": state.entries[-1].digest if state.entries else None,
        "checkpoints": state.checkpoints,
        "intact": not state.problems,
        "problems": list(state.problems),
        "notes": list(state.notes),
    }


def _show(result: dict[str, Any]) -> None:
    if "case" in result:
        where = "and in the register" if result["registered"] else "but not in this register"
        show(phrase("intact: every file is as sealed, {where}", where=where))
        show(result["digest"])
        for s in result["signatures"]:
            said = "holds" if s["checked"] else "not checked: pass its public key with --key"
            show(
                phrase("signature {file} of {key}: {said}", file=s["file"], key=s["key"], said=said)
            )
        for line in result.get("said", ()):
            show(line)
    if (sums := result.get("recomputed")) is not None:
        show(
            phrase(
                "recomputed: {numbers} numbers of {findings} findings follow from the counts "
                "in the case, and agree to 1e-9",
                numbers=sums["numbers"],
                findings=sums["findings"],
            )
        )
    if (found := result.get("register")) is not None:
        show(
            phrase(
                "register: {entries} entries, the chain holds, {checkpoints} signed "
                "checkpoints agree with it",
                entries=found["entries"],
                checkpoints=found["checkpoints"],
            )
        )
        for note in found["notes"]:
            show(phrase("note: {note}", note=note))


COMMANDS = (Command("verify", verify, order=60),)
