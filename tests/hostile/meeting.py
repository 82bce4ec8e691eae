"""A warm process that meets each command line in a child of its own, and measures what it took.

    python -m tests.hostile.meeting LINES.json

LINES.json holds [name, argv, EVENHAND_HOME or null]. Prints a line of JSON for each: its exit code
(negative: the signal that ended it), seconds, the most memory that it or a process of its held
(bytes), and what it said.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path


def warm() -> None:
    """Imports what reading, judging and reporting import, by doing each once."""
    from evenhand.audit.cli import run
    from tests.evidence.rows import audit_line, write_rows

    before = Path.cwd()
    home = os.environ.get("EVENHAND_HOME")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.environ["EVENHAND_HOME"] = str(Path(folder) / "home")
        os.chdir(folder)
        write_rows(Path(folder))
        checks = "data.quality,fairness.gaps,fairness.group_rates"
        assert run(audit_line("warm", checks=checks)) == 0
        run(["judge", "warm", "--policy", "baseline"])
        assert run(["report", "warm", "--policy", "baseline", "-o", "warm.html"]) == 0
        assert run(["verify", "warm"]) == 0
        assert run(["policies", "lint", "baseline"]) == 0
        os.chdir(before)
    if home is None:
        del os.environ["EVENHAND_HOME"]
    else:
        os.environ["EVENHAND_HOME"] = home
    import openpyxl  # noqa: F401
    import PIL.Image  # noqa: F401
    import pyarrow.feather
    import pyarrow.parquet  # noqa: F401

    gc.freeze()


def child(line: list[str], home: str | None, out: Path, err: Path) -> None:
    """The command line as ``python -m evenhand`` runs it, its two streams going to files."""
    if home is not None:
        os.environ["EVENHAND_HOME"] = home
    for number, place in ((1, out), (2, err)):
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
    from evenhand.audit.cli import main

    code = 70
    try:
        main(line)
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def meet(line: list[str], home: str | None, folder: Path) -> dict[str, object]:
    """What became of one command line."""
    out, err = folder / "out", folder / "err"
    started = time.monotonic()
    number = os.fork()
    if number == 0:
        child(line, home, out, err)
    _, status, used = os.wait4(number, 0)
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - started,
        "peak": used.ru_maxrss * 1024,
        "out": out.read_bytes().decode("utf-8", "backslashreplace"),
        "err": err.read_bytes().decode("utf-8", "backslashreplace"),
    }


def main() -> None:
    """Meets every line of the file that is named."""
    lines = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    warm()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"warm: {base / 2**20:.0f} MiB", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        for name, line, home in lines:
            met = meet(line, home, Path(folder))
            print("MET " + json.dumps({"name": name, **met}), flush=True)


if __name__ == "__main__":
    main()
