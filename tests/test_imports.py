"""Who may import whom, and what stays out of memory: the walls of the house."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import ROOMS, ROOT, imports, modules
from tests.walls import WALLS

OURS = tuple(f"evenhand.{room}" for room in ROOMS)
MOST_FILES = 16  # of a room, besides folders
# Rooms where one file is one thing of a list that users add to: a check, a format, a command.
MOST_OF_A_LIST = 20
LISTS = (
    "audit/commands",
    "audit/models/formats",
    "audit/reports",
    "dashboard/pages",
    "trainers/architectures",
)
# Third-party libraries that may be loaded when a module is; the rest load inside functions.
AT_TOP = {
    "": {"pydantic", "yaml", "typer"},
    "evenhand.audit.integrations.pytest_plugin": {"pytest"},
    "evenhand.audit.integrations.mlflow_evaluator": {"mlflow"},
    "evenhand.dashboard": {"streamlit", "altair", "pandas", "pydantic", "yaml"},
    "evenhand.trainers.architectures": {"torch", "pydantic"},
    "evenhand.trainers.private.dp_optimizers": {
        "torch",
        "opacus",
    },  # its classes inherit from theirs
    "evenhand.trainers.fitting.estimators": {
        "numpy",
        "sklearn",
    },  # a scikit-learn estimator inherits from its own
}


def room_of(module: str, path: Path) -> str:
    """Where a module lives: its folder, or the module itself where it lies in a package's root."""
    parts = module.split(".")[1:]
    return "/".join(parts if path.name == "__init__.py" or len(parts) == 2 else parts[:-1])


def of_ours() -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports."""
    paths = dict(modules())
    found = {}
    for module, path in paths.items():
        if module in OURS:
            continue  # the packages' own lazy front doors
        names = set()
        for name in imports(ast.parse(path.read_text("utf-8"))):
            # "from evenhand.a import b" reads as evenhand.a.b, whether b is a module or in one
            names.add(name if name in paths else name.rpartition(".")[0])
        found[module] = {n for n in names if n in paths and n not in OURS} - {module}
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Nodes that can't be put in an order: what is left when whatever imports nothing is taken."""
    left = {node: set(targets) & set(graph) for node, targets in graph.items()}
    while free := [node for node, targets in left.items() if not targets & set(left)]:
        for node in free:
            del left[node]
    return [sorted(left)] if left else []


def test_walls() -> None:
    paths = dict(modules())
    seen: dict[str, set[str]] = {}
    for module, names in of_ours().items():
        room = room_of(module, paths[module])
        others = {room_of(n, paths[n]) for n in names} - {room}
        seen.setdefault(room, set()).update(others)
        for other in others:
            assert other in WALLS.get(room, "").split(), f"{module} ({room}) imports {other}"
    allowed = {room: set(others.split()) for room, others in WALLS.items()}
    assert allowed == seen, "the table of rooms names what is not imported"


def test_no_circles() -> None:
    modules_of_ours = of_ours()
    assert circles(modules_of_ours) == []
    assert circles({room: set(others.split()) for room, others in WALLS.items()}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["a", "b", "c"]]


def test_rooms_are_small() -> None:
    rooms: dict[str, int] = {}
    for _, path in modules():
        if path.name != "__init__.py":
            room = str(path.parent.relative_to(ROOT))
            rooms[room] = rooms.get(room, 0) + 1
    for room, n in rooms.items():
        is_list = room in LISTS or room.startswith("audit/checks/")
        most = MOST_OF_A_LIST if is_list else MOST_FILES
        assert n <= most, f"{room} holds {n} files: find the room that is in it"
    assert len(rooms) > 40


def rule(table: dict[str, set[str]], module: str) -> set[str]:
    fits = [p for p in table if p == "" or module == p or module.startswith(p + ".")]
    return table[max(fits, key=len)] if fits else set()


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value))
def test_heavy_libraries_load_inside_functions(module: str, path: Path) -> None:
    allowed = rule(AT_TOP, module) | {"evenhand"}
    tree = ast.parse(path.read_text("utf-8"))
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    for name in imports(ast.Module(body=list(top), type_ignores=[])):
        root = name.split(".")[0]
        assert root in sys.stdlib_module_names or root in allowed, f"{module} imports {name}"


def test_checks_never_import_each_other() -> None:
    for module, path in modules():
        if module.startswith("evenhand.audit.checks.") and module.count(".") == 4:
            for name in imports(ast.parse(path.read_text("utf-8"))):
                if name.startswith("evenhand.audit.checks."):
                    shared = ("record", "compared", "needs")
                    assert name.split(".")[3] in shared, f"{module} imports {name}"


def test_files_and_functions_keep_to_one_job() -> None:
    for module, path in modules():
        text = path.read_text("utf-8")
        assert text.count("\n") <= 400, f"{module} has {text.count(chr(10))} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                start = node.body[0].lineno
                long = (node.end_lineno or start) - start
                assert long <= 50, f"{module}.{node.name} has {long} lines"


def test_the_formatter_lays_out_every_line() -> None:
    """No line escapes it: a line saved by an exception is a file that is too long for its job."""
    escapes = re.compile(r"# *fmt: *(skip|off|on)\b")
    paths = [path for _, path in modules()] + sorted((ROOT / "tests").rglob("*.py"))
    escaped = [str(p.relative_to(ROOT)) for p in paths if escapes.search(p.read_text("utf-8"))]
    assert escaped == []


LIGHT = """
import sys
sys.argv = ["evenhand"] + {arguments!r}
from evenhand.audit.cli import run
code = run({arguments!r})
heavy = ("torch", "pandas", "sklearn", "streamlit", "fairlearn", "captum")
heavy = [m for m in heavy if m in sys.modules]
print("\\nHEAVY", heavy, "CODE", code)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["policies", "list"], ["judge", "CASE"]])
def test_light_commands_stay_light(arguments: list[str], tmp_path: Path) -> None:
    from tests.samples import write_sample_case

    case = write_sample_case(tmp_path / "case")
    arguments = [a.replace("CASE", str(case.path)) for a in arguments]
    if arguments[0] == "judge":
        arguments += ["--policy", "baseline"]
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.format(arguments=arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert "HEAVY []" in done.stdout, done.stdout[-500:] + done.stderr[-500:]


def test_help_is_quick() -> None:
    """Under 0.7 s of CPU; the best of three, since other work on the machine costs cache."""
    import resource

    def cpu() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "evenhand", "--help"], cwd=ROOT, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu() for _ in range(3)) < 0.7


# ``import audit`` and the like: in code and strings, in documents, in entry points, after ``-m``.
_NAMES = "|".join(ROOMS)
_BARE = re.compile(
    rf"""^[ \t>.$]*(?:from|import)[ ]+(?:{_NAMES})(?:\.\w+)*(?:[ ]+(?:import|as)\b|[ ]*[;,]|[ ]*$)
    | (?<![\w-])-m[ ]+(?:{_NAMES})\b(?![-/])
    | import_module\([f]?["\'](?:{_NAMES})\b
    | =[ ]*["\'](?:{_NAMES})(?:\.\w+)+(?::\w+)?["\'][ ]*$
    | ["\'](?:from|import)[ ]+(?:{_NAMES})\b""",
    re.MULTILINE | re.VERBOSE,
)
_TEXTS = ("*.py", "*.md", "*.toml", "*.yaml", "*.yml", "*.json", "*.j2", "*.txt", "Makefile", "run")


def test_the_rooms_have_one_import_name() -> None:
    """``evenhand.audit`` and so on: a project may have packages called as the rooms are."""
    for bad in (
        "import audit",
        "    from trainers import train",
        "from audit.run.run import audit",
        "x = 'import policies.pack'",
        "python -m trainers recipe.yaml",
        'x = "audit.cli:main"',
        "import audit, json",
        'importlib.import_module("dashboard.app")',
    ):
        assert _BARE.search(bad), bad
    for good in ("from evenhand.audit import cli", "import audit logs", "-m evenhand.trainers"):
        assert not _BARE.search(good), good
    read = 0
    for place in (*ROOMS, "evenhand", "tests", "docs", ".ci", "."):
        folder = ROOT / place
        for pattern in _TEXTS:
            found = folder.glob(pattern) if place in (".", ".ci") else folder.rglob(pattern)
            for path in found:
                if path == Path(__file__) or not path.is_file():
                    continue
                read += 1
                if hit := _BARE.search(path.read_text("utf-8")):
                    raise AssertionError(f"{path.relative_to(ROOT)}: {hit[0].strip()!r}")
    assert read > 500
