"""Words of strangers in what commands print: nobody obeys them, and nobody is misled by them.

``evenhand report --format github`` prints workflow commands on purpose, one an annotation; there,
data may stand within a line alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from evenhand.audit import cli
from evenhand.audit.cli import run
from evenhand.audit.commands import doctor
from evenhand.audit.reports import FORMATS
from tests.hostile import words
from tests.hostile.words import ATTACKS, EVIL, FILE, heard
from tests.source import modules

# Who may write to stdout or stderr, and by which function its text becomes visible.
DOORS = {
    "audit/cli.py": "own_version",  # a version, and nothing of a stranger's
    "audit/commands/init.py": "visible",
    "audit/commands/report.py": "annotations",  # lines that are made to be obeyed
    "audit/commands/parts/shared.py": "lines",
    "audit/commands/parts/tables.py": "lines",
    "audit/worker/serving.py": "",  # a worker's own, which lead nowhere
    "dashboard/server/launch.py": "lines",
    "trainers/command.py": "lines",
}


def all_commands() -> set[str]:
    root = typer.main.get_command(cli.app)
    return {
        f"{name} {below}" if below else name
        for name, command in root.commands.items()  # type: ignore[attr-defined]
        for below in (getattr(command, "commands", None) or [""])
    }


def prints(tree: ast.AST) -> Iterator[ast.AST]:
    """What writes to the streams of this process."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "typer.echo"):
            yield node
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr"):
            yield node


def test_few_files_print_and_each_makes_text_visible() -> None:
    found = {path.removeprefix("evenhand/"): tree for path, tree in parsed() if any(prints(tree))}
    assert set(found) == set(DOORS)
    for path, tree in found.items():
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        assert not DOORS[path] or DOORS[path] in names, path


def parsed() -> Iterator[tuple[str, ast.AST]]:
    for _, path in modules():
        yield path.relative_to(words_root()).as_posix(), ast.parse(path.read_text("utf-8"))


def words_root() -> Path:
    return Path(__file__).parents[2]


def test_every_command_has_a_line() -> None:
    assert {name for name, _ in words.lines(Path("x"))} | {"report"} == all_commands()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(doctor, "_isolation", lambda: doctor.Symptom("isolation", "ok", EVIL))
        data = folder / f"{FILE}.csv"
        words.write_rows(data)
        words.recipe(folder, data)
        words.pack(folder)
        yield folder


@pytest.fixture
def home(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENHAND_HOME", str(place / f"home {EVIL}"))
    return place


def check(captured: tuple[str, str], line: list[str]) -> None:
    for stream in captured:
        assert not heard(stream), (line, heard(stream))
        if "--json" not in line and "html" not in line:
            assert max(map(len, stream.split("\n"))) < words.LONGEST, line


def test_nothing_that_a_command_prints_is_obeyed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: dict[str, set[int]] = {}
    for name, line in words.lines(home):
        codes.setdefault(name, set()).add(run(line))
        captured = capsys.readouterr()
        assert not codes[name] & {70, 130}, (line, captured.err)
        check(captured, line)
    # They did what they are for, and not only refused.
    works = {name for name, seen in codes.items() if seen - {2}}
    assert set(codes) - works == {
        *("formats", "checks show", "policies lint", "mitigate", "demo")
    }, codes


@pytest.mark.slow
def test_nothing_that_slow_commands_print_is_obeyed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = []
    if not Path(home, f"model {FILE}").exists():
        assert run(next(words.lines(home))[1]) == 0  # trains the model
    for line in words.slow_lines(home):
        codes.append(run(line))
        check(capsys.readouterr(), line)
    assert codes == [0, 2, 0]


@pytest.mark.parametrize("format", sorted(FORMATS))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_report_on_stdout_is_obeyed(
    format: str, lang: str, home: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    if format == "pdf":
        pytest.skip("bytes that no terminal shows")
    case, house = str(home / f"case {FILE}"), str(home / f"{FILE}.yaml")
    assert Path(case).is_dir(), "made by the test before"
    code = run(["report", case, "--format", format, "-p", house, "--lang", lang])
    written, said = (stream.decode("utf-8") for stream in capfdbinary.readouterr())
    assert code in (0, 2), said
    assert not heard(said), heard(said)
    if format == "github":
        for one in written.splitlines():
            assert re.match(r"::(error|warning|notice) [^:]*::", one) and "##[" not in one
            assert "%0A" not in one.replace("%250A", "")  # a runner reads %0A as a line break
    else:
        assert not heard(written), heard(written)


@pytest.mark.parametrize("attack", [EVIL, ATTACKS["alone"], ATTACKS["long"]])
def test_arguments(
    attack: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in sorted(all_commands()):
        for arguments in ([*name.split(), attack], [*name.split(), f"--{attack}"]):
            if name in ("demo", "dashboard") and not arguments[-1].startswith("--"):
                continue  # they would start
            assert run(arguments) in (0, 2, 7), arguments
            check(capsys.readouterr(), arguments)
