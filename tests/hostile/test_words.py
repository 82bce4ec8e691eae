"""Words of strangers in what commands print: no build runner takes them as a command.

On a GitHub runner a line that begins with ``::name::`` (after blanks), and ``##[name]`` anywhere in
one, is obeyed. ``evenhand report --format github`` prints such lines on purpose, one an annotation;
there, data may stand within a line alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import typer

from evenhand.audit import cli
from evenhand.audit.cli import run
from tests.audit.subjects import confusion_rows

COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)
ATTACKS = ("::stop-commands::x", "a\n::error::b\r\n  ::add-mask::c ##[error]d\x1b[2J\u202e")
OTHER = "b ::error file=x::y"  # long enough to be folded in a table, after a blank


def check(captured: tuple[str, str], said_by: object) -> None:
    for stream in captured:
        assert not COMMAND.search(stream), (said_by, COMMAND.search(stream))
        assert "\x1b" not in stream and "\u202e" not in stream, said_by


@pytest.mark.parametrize("attack", ATTACKS)
def test_arguments(
    attack: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    root = typer.main.get_command(cli.app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        below = [[name, sub] for sub in getattr(command, "commands", ())] or [[name]]
        for line in below:
            for arguments in ([*line, attack], [*line, f"--{attack}"]):
                if name in ("demo", "dashboard") and not arguments[-1].startswith("--"):
                    continue  # they would start
                assert run(arguments) in (0, 2, 7), arguments
                check(capsys.readouterr(), arguments)


@pytest.mark.parametrize("attack", ATTACKS)
def test_names_in_data(
    attack: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    groups = [
        confusion_rows({attack: attack}, tp=6, fp=2, fn=2, tn=6),
        confusion_rows({attack: OTHER * 12}, tp=2, fp=1, fn=4, tn=5),
    ]
    pd.concat(groups).to_csv("rows.csv", index=False)
    stored = ["--target", "y", "--predicted", "yhat", "--positive-label", "1", "--name", attack]
    audit = ["audit", "--predictions", "rows.csv", *stored, "--sensitive-features", attack.strip()]
    judged = ["-p", "baseline", "--checks", "fairness.gaps,performance.classification"]
    lines = [
        [*audit, *judged, "--out", "one"],
        [*audit, *judged, "--quiet", "--out", "two"],
        ["audit", "--predictions", "rows.csv", *stored, "--sensitive-features", "rase"],
        ["audit", "--predictions", "rows.csv", *stored, "--positive-label", attack],
        ["judge", "one", "-p", "baseline"],
        ["judge", "one", "-p", "baseline", "--json"],
        ["verify", "one", "--recompute"],
        ["compare", "one", "two"],
        ["runs", "list"],
        ["runs", "show", "1"],
        ["sign", "one"],
        ["report", "one", "--format", "markdown", "-p", "baseline"],
        ["sign-off", "one", "--by", attack, "--role", attack, "--statement", attack],
        ["verify", "one", "--register"],
    ]
    for line in lines:
        code = run(line)
        captured = capsys.readouterr()
        assert code in (0, 1, 2, 3, 4), (line, captured.err)
        check(captured, line)
    for case in ("one", "two"):
        assert Path(case, "seal.json").exists()
    run(["report", "one", "--format", "github", "-p", "baseline"])
    for line in capsys.readouterr().out.splitlines():
        assert re.match(r"::(error|warning|notice) [^:]*::", line) and "##[" not in line
