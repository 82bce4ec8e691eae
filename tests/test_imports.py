"""Who may import whom, and what stays out of memory: the walls of the house."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import ROOMS, ROOT, imports, modules

OURS = tuple(f"evenhand.{room}" for room in ROOMS)
MOST_FILES = 18  # of a room, besides folders

# Room -> the rooms that its files import, also inside functions and for types. A room is a folder,
# or a file that lies in one of the four packages itself. The rule is both ways: what is not here
# may not be imported, and what is here is imported.
WALLS: dict[str, str] = {
    "audit/api": (
        "audit/artifacts audit/case audit/comparing audit/data audit/data/written audit/errors "
        "audit/files audit/finding audit/models audit/models/formats audit/reason audit/reports "
        "audit/reports/parts audit/run audit/subject audit/words audit/worker/isolation "
        "policies/gate policies/pack policies/verdict policies/words"
    ),
    "audit/artifacts": "audit/files",
    "audit/asking": (
        "audit/artifacts audit/attribution audit/attribution/quality audit/attribution/recourse "
        "audit/checks audit/claims audit/data audit/errors audit/favourable audit/finding "
        "audit/measure audit/models audit/reason audit/subject"
    ),
    "audit/attribution": (
        "audit/attribution/recourse audit/data audit/errors audit/measure/uncertainty audit/models"
    ),
    "audit/attribution/kinds": "audit/attribution audit/errors audit/models",
    "audit/attribution/quality": (
        "audit/attribution audit/attribution/kinds audit/data audit/errors audit/models "
        "audit/reason"
    ),
    "audit/attribution/recourse": "audit/data audit/errors audit/reason",
    "audit/case": (
        "audit/artifacts audit/errors audit/favourable audit/files audit/finding "
        "audit/measure/uncertainty"
    ),
    "audit/checks": (
        "audit/artifacts audit/errors audit/finding audit/measure/uncertainty audit/models "
        "audit/reason audit/subject"
    ),
    "audit/checks/data": (
        "audit/asking audit/checks audit/data audit/errors audit/finding audit/measure "
        "audit/measure/groups "
        "audit/measure/uncertainty audit/reason audit/subject"
    ),
    "audit/checks/energy": (
        "audit/checks audit/claims audit/errors audit/finding audit/measure/uncertainty "
        "audit/reason audit/subject"
    ),
    "audit/checks/explanation": (
        "audit/asking audit/attribution audit/attribution/kinds audit/attribution/quality "
        "audit/attribution/recourse audit/checks audit/errors audit/finding audit/measure "
        "audit/measure/attribution audit/measure/groups audit/measure/uncertainty "
        "audit/reason audit/subject audit/words"
    ),
    "audit/checks/fairness": (
        "audit/asking audit/checks audit/claims audit/data audit/errors audit/favourable "
        "audit/finding audit/measure audit/measure/groups audit/measure/uncertainty audit/reason "
        "audit/subject"
    ),
    "audit/checks/performance": (
        "audit/asking audit/checks audit/errors audit/finding audit/measure "
        "audit/measure/uncertainty "
        "audit/reason audit/subject"
    ),
    "audit/checks/plan": (
        "audit/checks audit/errors audit/finding audit/measure/uncertainty audit/reason "
        "audit/subject"
    ),
    "audit/checks/privacy": (
        "audit/checks audit/claims audit/errors audit/finding audit/measure/uncertainty "
        "audit/reason audit/subject"
    ),
    "audit/checks/robustness": (
        "audit/asking audit/checks audit/finding audit/measure/uncertainty audit/reason "
        "audit/subject"
    ),
    "audit/claims": "audit/errors audit/files",
    "audit/cli": (
        "audit/commands audit/commands/parts audit/errors audit/interrupts audit/run "
        "audit/surroundings audit/words"
    ),
    "audit/commands": (
        "audit/api audit/artifacts audit/case audit/commands/parts audit/comparing audit/data "
        "audit/data/written audit/errors audit/files audit/finding audit/models audit/reports "
        "audit/reports/parts audit/run audit/subject audit/words audit/worker "
        "audit/worker/isolation dashboard/export dashboard/server policies/facts policies/gate "
        "policies/lint policies/pack policies/recording policies/verdict trainers/data "
        "trainers/datasets trainers/fitting trainers/ledger trainers/mitigation trainers/plan "
        "trainers/private trainers/recipe trainers/validate"
    ),
    "audit/commands/parts": (
        "audit/api audit/case audit/comparing audit/data/written audit/errors audit/finding "
        "audit/measure/groups audit/reason audit/run audit/subject audit/words "
        "audit/worker/isolation policies/facts policies/gate policies/lint policies/pack "
        "policies/verdict trainers/mitigation"
    ),
    "audit/comparing": (
        "audit/artifacts audit/case audit/data audit/errors audit/favourable audit/finding "
        "audit/measure audit/measure/attribution "
        "audit/measure/uncertainty audit/reason audit/subject audit/words"
    ),
    "audit/data": ("audit/data/written audit/errors audit/files audit/reason audit/words"),
    "audit/data/counting": "audit/data audit/data/written audit/errors audit/files",
    "audit/data/written": "audit/errors",
    "audit/errors": "audit/reason audit/words",
    "audit/favourable": "audit/errors audit/reason",
    "audit/files": "audit/errors",
    "audit/finding": "audit/reason audit/words",
    "audit/integrations": "audit/api audit/errors audit/files policies/gate",
    "audit/interrupts": "",
    "audit/measure": "audit/data audit/finding audit/measure/uncertainty audit/reason",
    "audit/measure/attribution": "audit/finding audit/measure/uncertainty audit/reason audit/words",
    "audit/measure/disclosure": "audit/measure",
    "audit/measure/groups": "audit/finding audit/measure audit/measure/uncertainty audit/reason",
    "audit/measure/uncertainty": "audit/finding audit/reason",
    "audit/models": "audit/data audit/errors",
    "audit/models/formats": "audit/data audit/errors audit/files audit/models",
    "audit/reason": "",
    "audit/reports": (
        "audit/artifacts audit/case audit/errors audit/favourable audit/finding "
        "audit/reports/drawing audit/reports/parts audit/words policies/gate policies/verdict"
    ),
    "audit/reports/drawing": (
        "audit/artifacts audit/case audit/errors audit/reports/parts audit/words"
    ),
    "audit/reports/parts": (
        "audit/artifacts audit/case audit/favourable audit/finding audit/measure/disclosure "
        "audit/reason audit/words policies/gate policies/verdict"
    ),
    "audit/run": (
        "audit/artifacts audit/asking audit/attribution audit/attribution/recourse audit/case "
        "audit/checks audit/comparing audit/data audit/errors audit/favourable audit/files "
        "audit/finding "
        "audit/measure/uncertainty audit/reason audit/subject audit/worker "
        "audit/worker/isolation policies/facts policies/gate policies/judge policies/pack "
        "policies/verdict"
    ),
    "audit/subject": (
        "audit/case audit/data audit/data/counting audit/data/written audit/errors audit/files "
        "audit/finding audit/measure audit/models audit/reason audit/words audit/worker "
        "audit/worker/isolation"
    ),
    "audit/surroundings": "",
    "audit/words": "audit/reason",
    "audit/worker": (
        "audit/attribution audit/errors audit/files audit/models audit/words audit/worker/isolation"
    ),
    "audit/worker/isolation": "audit/errors",
    "dashboard/app": (
        "audit/case audit/errors audit/words dashboard/cases dashboard/i18n dashboard/server "
        "dashboard/text dashboard/views"
    ),
    "dashboard/cases": (
        "audit/case audit/errors audit/files audit/finding audit/words dashboard/i18n "
        "dashboard/server policies/judge policies/pack policies/recording policies/schema "
        "policies/verdict"
    ),
    "dashboard/charts": (
        "audit/reports/drawing audit/words dashboard/frames dashboard/i18n dashboard/look "
        "dashboard/text"
    ),
    "dashboard/export": (
        "audit/artifacts audit/case audit/errors audit/finding audit/reports/drawing "
        "audit/reports/parts audit/words dashboard/cases dashboard/frames dashboard/i18n "
        "dashboard/text policies/pack policies/verdict"
    ),
    "dashboard/frames": (
        "audit/artifacts audit/case audit/errors audit/favourable audit/finding audit/reason "
        "audit/surroundings audit/words dashboard/cases dashboard/i18n dashboard/look "
        "dashboard/text policies/verdict"
    ),
    "dashboard/i18n": "audit/words dashboard/text",
    "dashboard/look": "audit/finding dashboard/i18n policies/verdict",
    "dashboard/pages": (
        "audit/artifacts audit/case audit/errors audit/finding audit/reports "
        "audit/reports/parts audit/words dashboard/app dashboard/cases dashboard/charts "
        "dashboard/frames dashboard/i18n dashboard/look dashboard/server dashboard/text "
        "dashboard/views policies/gate policies/pack policies/schema policies/verdict"
    ),
    "dashboard/server": (
        "audit/case audit/errors audit/files audit/interrupts audit/surroundings policies/recording"
    ),
    "dashboard/text": "audit/words",
    "dashboard/views": (
        "audit/artifacts audit/case audit/errors audit/favourable audit/finding audit/words "
        "dashboard/cases dashboard/charts dashboard/frames dashboard/i18n dashboard/look "
        "dashboard/server dashboard/text policies/gate policies/pack policies/schema "
        "policies/statements policies/verdict"
    ),
    "policies/deciding": (
        "audit/case audit/comparing audit/errors audit/finding audit/measure/uncertainty "
        "audit/reason audit/words policies/demands policies/schema policies/verdict "
        "policies/words"
    ),
    "policies/demands": "policies/verdict",
    "policies/extending": "policies/demands policies/schema policies/verdict",
    "policies/facts": (
        "audit/case audit/errors audit/words policies/deciding policies/demands policies/schema"
    ),
    "policies/gate": "audit/errors policies/verdict",
    "policies/judge": (
        "audit/case audit/words policies/deciding policies/facts policies/schema "
        "policies/statements policies/verdict policies/words"
    ),
    "policies/lint": "audit/errors policies/demands policies/schema",
    "policies/pack": (
        "audit/errors audit/files policies/demands policies/extending policies/schema"
    ),
    "policies/recording": (
        "audit/case audit/errors audit/files policies/schema policies/statements policies/verdict"
    ),
    "policies/schema": "audit/files audit/words policies/demands policies/verdict",
    "policies/statements": (
        "audit/case audit/errors audit/files audit/words policies/schema policies/terms "
        "policies/words"
    ),
    "policies/terms": "",
    "policies/verdict": "audit/finding",
    "policies/words": "audit/finding audit/words policies/verdict",
    "trainers/__main__": (
        "audit/errors audit/interrupts audit/surroundings audit/words trainers/distributed "
        "trainers/fitting trainers/job"
    ),
    "trainers/architectures": "audit/errors trainers/validate",
    "trainers/data": (
        "audit/claims audit/data audit/errors audit/measure trainers/encoders trainers/examples "
        "trainers/folder trainers/model_description trainers/private trainers/recipe"
    ),
    "trainers/datasets": "audit/data audit/data/written audit/errors audit/files",
    "trainers/distributed": "audit/errors trainers/examples",
    "trainers/encoders": "audit/data audit/errors trainers/validate",
    "trainers/examples": "trainers/losses trainers/model_description",
    "trainers/fitting": (
        "audit/claims audit/data audit/errors audit/files audit/surroundings audit/words "
        "trainers/architectures trainers/data trainers/distributed trainers/encoders "
        "trainers/examples trainers/folder trainers/ledger trainers/losses "
        "trainers/model_description trainers/private trainers/recipe trainers/validate"
    ),
    "trainers/folder": (
        "audit/claims audit/errors audit/files trainers/architectures trainers/encoders "
        "trainers/examples trainers/ledger trainers/losses trainers/model_description "
        "trainers/validate"
    ),
    "trainers/job": (
        "audit/errors trainers/data trainers/fitting trainers/folder trainers/ledger "
        "trainers/model_description trainers/recipe trainers/result trainers/versions"
    ),
    "trainers/kinds": (
        "audit/data audit/errors audit/files trainers/data trainers/datasets "
        "trainers/encoders trainers/examples trainers/folder trainers/losses "
        "trainers/model_description trainers/recipe"
    ),
    "trainers/ledger": (
        "audit/claims audit/errors audit/files trainers/private trainers/validate trainers/versions"
    ),
    "trainers/losses": "trainers/model_description",
    "trainers/mitigation": (
        "audit/data audit/data/written audit/errors audit/files audit/models audit/models/formats "
        "audit/worker audit/worker/isolation trainers/architectures trainers/encoders "
        "trainers/examples trainers/fitting trainers/folder trainers/recipe trainers/validate "
        "trainers/versions"
    ),
    "trainers/model_description": "audit/claims trainers/validate",
    "trainers/plan": (
        "trainers/architectures trainers/data trainers/examples trainers/fitting "
        "trainers/job trainers/ledger trainers/private trainers/recipe"
    ),
    "trainers/private": (
        "audit/errors audit/words trainers/distributed trainers/examples trainers/losses "
        "trainers/validate"
    ),
    "trainers/recipe": (
        "audit/data audit/data/written audit/errors audit/files trainers/architectures "
        "trainers/datasets trainers/encoders trainers/folder trainers/private trainers/validate"
    ),
    "trainers/result": (
        "audit/claims audit/errors audit/files audit/words trainers/model_description"
    ),
    "trainers/validate": "audit/errors",
    "trainers/versions": "",
}
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
    for module, path in modules():
        if path.name != "__init__.py":
            room = (
                room_of(module, path).rpartition("/")[0]
                if module.count(".") == 2
                else (room_of(module, path))
            )
            rooms[room] = rooms.get(room, 0) + 1
    assert {room: n for room, n in rooms.items() if n > MOST_FILES} == {}


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
