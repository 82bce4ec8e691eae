"""Commands are found where they lie: one file is one command, and no list names them."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from evenhand.audit import cli, commands
from evenhand.audit.commands.parts.command import Command

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
NEW = '''"""A command that somebody adds."""

import typer

from evenhand.audit.commands.parts.command import Command


def weigh(case: str, grams: int = 3) -> int:
    """Weigh a case."""
    print(f"{case} weighs {grams} g")
    return 4


COMMANDS = (Command("weigh", weigh, order=45),)
'''


def known() -> set[str]:
    """The names that people may type after ``evenhand``."""
    return set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


def test_every_file_declares_commands_and_every_command_runs() -> None:
    files = [m.name for m in pkgutil.iter_modules(commands.__path__) if not m.ispkg]
    declared: list[Command] = []
    for file in files:
        own = importlib.import_module(f"evenhand.audit.commands.{file}").COMMANDS
        assert own, f"{file} declares no command"
        declared += own
    names = [c.name for c in declared]
    assert len(set(names)) == len(names), "two commands have one name"
    assert len({c.order for c in declared}) == len(names), "two commands have one place"
    assert known() == set(names)
    assert [c.name for c in commands.commands()] == [
        c.name for c in sorted(declared, key=lambda c: c.order)
    ]
    for command in declared:
        if not isinstance(command.runs, typer.Typer):
            assert command.runs.__doc__, f"{command.name} has no help"


def test_a_new_command_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weigh.py").write_text(NEW)
    code = (
        "import sys\n"
        "from evenhand.audit import commands\n"
        "commands.__path__.append(sys.argv.pop(1))\n"
        "from evenhand.audit.cli import main\n"
        "main()\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )

    helped = run("--help").stdout
    assert "weigh" in helped
    # its order is 45: after judge (40), before report (50)
    assert helped.index("judge ") < helped.index("weigh ") < helped.index("report ")
    done = run("weigh", "x", "--grams", "5")
    assert (done.stdout, done.returncode) == ("x weighs 5 g\n", 4)


def test_the_library_never_calls_commands() -> None:
    for room in ("audit", "policies", "trainers", "dashboard"):
        for path in sorted((ROOT / room).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if place.startswith("audit/commands/") or place == "audit/cli.py":
                continue
            text = path.read_text("utf-8")
            found = re.findall(
                r"^\s*(?:from|import) evenhand\.audit\.(?:commands|cli)\b.*", text, re.M
            )
            assert not found, f"{place}: {found}"


def test_commands_in_the_documents_exist() -> None:
    checked = 0
    for path in DOCS:
        if path.name == "design.md":  # it names what is to come as well
            continue
        text = path.read_text("utf-8")
        shown = re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M)
        shown += re.findall(r"^    .*$", text, re.M)
        for name in re.findall(r"^\s*(?:\$ )?evenhand ([a-z-]+)", "\n".join(shown), re.M):
            assert name in known(), f"{path.name}: evenhand {name}"
            checked += 1
    assert checked >= 10
