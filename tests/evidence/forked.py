"""A process that has loaded everything and forks a child for each command line: quick to kill.

Reads one JSON object a line: argv (empty: ``keep``, without measuring anything), cwd, env, and
what is to go wrong:
    die_at   the child kills itself (SIGKILL) before its n-th write, flush, rename or new
             folder; of a write one half is done first
    fail_at  that operation fails, as on a full disk
    after    the child is killed after so many seconds
Answers one JSON object a line: code (negative: the signal), err, operations.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WRAPPED = ("write", "fsync", "replace", "rename", "mkdir", "link", "ftruncate")


class Trouble:
    """Counts the operations, and makes the n-th go wrong."""

    def __init__(self, die_at: int, fail_at: int) -> None:
        self.die_at, self.fail_at, self.done = die_at, fail_at, 0
        for name in WRAPPED:
            setattr(os, name, self.wrap(name, getattr(os, name)))

    def wrap(self, name: str, real: Any) -> Any:
        def operation(*arguments: Any, **named: Any) -> Any:
            self.done += 1
            if self.done == self.die_at:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            if self.done == self.fail_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **named)

        return operation


def keep(argv: list[str]) -> int:
    """Everything that an audit puts on the disk, with findings made up: it takes milliseconds."""
    from evenhand.audit.case.case import CaseWriter, read_case
    from evenhand.audit.case.environment import Environment
    from evenhand.audit.case.finished import Finished
    from evenhand.audit.case.signing import own_key
    from evenhand.audit.case.statement import envelope_place, make_statement, sign_statement
    from evenhand.audit.case.work import unfinished
    from evenhand.audit.errors import EvenhandError
    from evenhand.audit.files.disk import write_whole
    from evenhand.audit.register.register import Register, home
    from tests.samples import sample_findings, sample_plan

    findings, place, register = sample_findings()[:4], Path("case"), Register()
    try:
        if not place.exists():
            register.append("plan", {"plan": "sha256:0", "name": "made"})
            work = next(iter(unfinished(Path(), "case")), None)
            with CaseWriter(place, sample_plan(), resume=work) as writer:
                writer.resumable({"plan": "made"})
                writer.finished.put("sha256:00", Finished("c", tuple(findings), {}))
                writer.add_artifact("curve.json", {"x": [0, 1]})
                writer.seal(findings, Environment(evenhand="made"))
        case, key = read_case(place), own_key(home() / "keys")
        if not any(e.kind == "case" for e in register.entries()):
            register.append("case", {"digest": case.digest, "path": str(place.resolve())})
        signed = sign_statement(make_statement(case, [], "2026-11-22"), key)
        write_whole(envelope_place(place, key.public), signed)
        return 0
    except EvenhandError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def child(order: dict[str, Any], answer: Path) -> None:
    from evenhand.audit.cli import run

    os.environ.update(order.get("env", {}))
    os.chdir(order["cwd"])
    err, real_write = io.StringIO(), os.write
    trouble = Trouble(order.get("die_at", 0), order.get("fail_at", 0))
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        code = (run if order["argv"] else keep)(order["argv"])
    told = json.dumps({"code": code, "err": err.getvalue(), "operations": trouble.done})
    handle = os.open(answer, os.O_WRONLY | os.O_CREAT)
    real_write(handle, told.encode())


def serve(order: dict[str, Any], answer: Path) -> dict[str, Any]:
    answer.unlink(missing_ok=True)
    number = os.fork()
    if number == 0:
        try:
            child(order, answer)
        finally:
            os._exit(0)
    if "after" in order:
        time.sleep(order["after"])
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    _, status = os.waitpid(number, 0)
    if os.WIFSIGNALED(status):
        return {"code": -os.WTERMSIG(status), "err": "", "operations": 0}
    told: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    return told


def warm() -> None:
    """Imports whatever an audit imports, by one: five times as long as the audit itself takes."""
    from evenhand.audit.case.finished import code_digest
    from evenhand.audit.cli import run
    from tests.evidence.rows import audit_line, write_rows

    code_digest()  # of the source as it was loaded: it stays the same if a file is edited meanwhile
    before, silent = Path.cwd(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(silent):
        os.environ["EVENHAND_HOME"] = str(Path(folder) / "home")
        os.chdir(folder)
        write_rows(Path(folder))
        assert run(audit_line("warm")) == 0
        assert keep([]) == 0
        os.chdir(before)
    gc.freeze()  # the children share what is there


def main() -> None:
    warm()
    answer = Path(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line), answer)), flush=True)


if __name__ == "__main__":
    main()
