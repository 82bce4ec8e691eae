"""Who may import whom, and what stays out of memory: the walls of the house."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("audit", "policies", "trainers", "dashboard")
LEAVES = {"audit.errors", "audit.finding", "audit.canonical", "audit.interrupts"}
READING = LEAVES | {"audit.data", "audit.images", "audit.safe_yaml", "audit.sources", "audit.texts"}
EVIDENCE = LEAVES | {"audit.case", "audit.reasons", "audit.register"}

# Module prefix -> what of our own it may import. The longest prefix that fits rules.
MAY_IMPORT: dict[str, set[str]] = {
    "audit.errors": set(),
    "audit.interrupts": set(),
    "audit.finding": set(),
    "audit.canonical": {"audit.errors"},
    "audit.reasons": set(),
    "audit.safe_yaml": {"audit.errors"},
    "audit.measure": LEAVES | {"audit.measure"},
    "audit.sources": LEAVES | {"audit.sources"},
    "audit.data": LEAVES | {"audit.images", "audit.rows_on_disk", "audit.sources"},
    "audit.images": LEAVES | {"audit.data"},
    "audit.texts": LEAVES | {"audit.data", "audit.sources"},
    "audit.counts": LEAVES | {"audit.measure"},
    "audit.rows_on_disk": LEAVES | {"audit.sources"},
    "audit.counting": READING | {"audit.counts", "audit.rows_on_disk"},
    "audit.streamed": {"audit"},
    "audit.custom": READING
    | {
        "audit.checks.record",
        "audit.counts",
        "audit.measure",
        "audit.predictions",
        "audit.subject",
    },
    "audit.attribution": LEAVES | {"audit.attribution", "audit.measure", "audit.models.predictor"},
    "audit.models": READING | {"audit.models", "audit.attribution", "audit.worker"},
    "audit.worker": READING | {"audit.worker", "audit.models", "audit.attribution"},
    "audit.worker.levels": LEAVES,
    "audit.declared_file": READING | {"audit.spec"},
    "audit.spec": READING | {"audit.models.declared", "audit.models.predictor"},
    "audit.target": READING | {"audit.models", "audit.spec"},
    "audit.subject": READING
    | {"audit.counts", "audit.declared_file", "audit.models", "audit.spec", "audit.target"}
    | {"audit.worker.levels"},
    "audit.predictions": READING
    | {"audit.counts", "audit.models", "audit.subject", "audit.target"},
    "audit.consistency": READING
    | {"audit.measure", "audit.models", "audit.predictions", "audit.subject"},
    "audit.decisions": READING | {"audit.predictions"},
    "audit.compare": EVIDENCE | {"audit.counts", "audit.decisions", "audit.measure"},
    "audit.applicants": READING
    | {"audit.attribution", "audit.models", "audit.predictions", "audit.sampling", "audit.subject"}
    | {"audit.stand_ins"},
    "audit.one_person": {"audit"},
    "audit.sampling": READING | {"audit.subject"},
    "audit.stand_ins": READING | {"audit.measure", "audit.sampling", "audit.subject"},
    "audit.explanation_drift": EVIDENCE | {"audit.measure"},
    "audit.explainers": READING | {"audit.attribution", "audit.sampling", "audit.subject"},
    "audit.checks": READING
    | {
        "audit.consistency",
        "audit.explainers",
        "audit.applicants",
        "audit.sampling",
        "audit.stand_ins",
        "audit.subject",
        "audit.predictions",
        "audit.counts",
        "audit.measure",
        "audit.models",
        "audit.attribution",
        "audit.checks.record",
    },
    "audit.catalogue": {"audit"},
    "audit.run": {"audit"},
    "audit.case": LEAVES | {"audit.evidence"},
    "audit.register": LEAVES | {"audit.evidence"},
    "audit.keeping": {"audit"},
    "audit.environment": READING | {"audit.subject", "audit.worker.levels"},
    # Below the case and the register; statements, archives and runs are made of them.
    "audit.evidence": LEAVES | {"audit.evidence"},
    **dict.fromkeys(
        ("audit.evidence.statement", "audit.evidence.archive", "audit.evidence.runs"),
        EVIDENCE | {"audit.evidence"},
    ),
    "audit.evidence.recompute": EVIDENCE | {"audit.measure.intervals"},
    "audit.reports": EVIDENCE
    | {
        "audit.reports",
        "audit.measure.suppression",
        "audit.measure.cell_suppression",
        "policies.verdict",
    },
    "audit.cli": set(OURS),
    "audit.commands": set(OURS),
    "audit.integrations": set(OURS),
    "audit.__main__": {"audit.cli"},
    "policies": EVIDENCE
    | {"policies", "audit.safe_yaml", "audit.measure.intervals", "audit.compare"},
    "policies.recording": EVIDENCE | {"policies", "audit.safe_yaml", "audit.evidence.disk"},
    "trainers": READING | {"trainers"},
    # A mitigated model is made of another model, of whatever format.
    **dict.fromkeys(
        ("trainers.mitigate", "trainers.mitigated_folder", "trainers.mitigated_parts"),
        READING | {"trainers", "audit.models", "audit.worker.levels"},
    ),
    "dashboard": EVIDENCE | {"dashboard", "policies", "audit.safe_yaml"},
    # What a report looks like is written once: pages that need no server are made of its parts.
    **dict.fromkeys(
        (
            *("dashboard.export", "dashboard.export_views", "dashboard.export_compare"),
            *("dashboard.pages.evidence", "dashboard.pixels"),
        ),
        EVIDENCE | {"dashboard", "policies", "audit.reports"},
    ),
}
NEVER = {
    "audit.one_person": {"audit.cli", "audit.commands", "audit.reports"},
    "audit.run": {"audit.cli", "audit.commands", "audit.reports"},
    "audit.keeping": {"audit.cli", "audit.commands", "audit.reports", "audit.checks"},
    "audit.streamed": {"audit.checks", "audit.cli", "audit.commands", "audit.reports"},
    "audit.catalogue": {"audit.cli", "audit.commands", "audit.reports"},
}
# Third-party libraries that may be loaded when a module is; the rest load inside functions.
AT_TOP = {
    "": {"pydantic", "yaml", "typer"},
    "audit.integrations.pytest_plugin": {"pytest"},
    "audit.integrations.mlflow_evaluator": {"mlflow"},
    "dashboard": {"streamlit", "altair", "pandas", "pydantic", "yaml"},
    "trainers.architectures": {"torch", "pydantic"},
    "trainers.dp_optimizers": {"torch", "opacus"},  # its classes inherit from theirs
    "trainers.estimators": {"numpy", "sklearn"},  # a scikit-learn estimator inherits from its own
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append((name, path))
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rule(table: dict[str, set[str]], module: str) -> set[str]:
    fits = [p for p in table if p == "" or module == p or module.startswith(p + ".")]
    return table[max(fits, key=len)] if fits else set()


def inside(name: str, allowed: set[str]) -> bool:
    return any(name == a or name.startswith(a + ".") for a in allowed)


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value))
def test_only_allowed_imports(module: str, path: Path) -> None:
    if module in OURS and path.name == "__init__.py":
        return  # the packages' own lazy front doors
    allowed = rule(MAY_IMPORT, module)
    for name in imports(ast.parse(path.read_text("utf-8"))):
        if name.split(".")[0] not in OURS:
            continue
        # "from audit import safe_yaml" reads as audit.safe_yaml; "from audit.data import x" as
        # audit.data.x: both start with the module that is meant
        assert inside(name, allowed), f"{module} imports {name}"
        assert not inside(name, NEVER.get(module, set())), f"{module} imports {name}"


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value))
def test_heavy_libraries_load_inside_functions(module: str, path: Path) -> None:
    allowed = rule(AT_TOP, module) | set(OURS)
    tree = ast.parse(path.read_text("utf-8"))
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    for name in imports(ast.Module(body=list(top), type_ignores=[])):
        root = name.split(".")[0]
        assert root in sys.stdlib_module_names or root in allowed, f"{module} imports {name}"


def test_checks_never_import_each_other() -> None:
    for module, path in modules():
        if module.startswith("audit.checks.") and module.count(".") == 3:
            for name in imports(ast.parse(path.read_text("utf-8"))):
                if name.startswith("audit.checks."):
                    assert name.startswith("audit.checks.record"), f"{module} imports {name}"


def test_files_and_functions_keep_to_one_job() -> None:
    for module, path in modules():
        text = path.read_text("utf-8")
        assert text.count("\n") <= 420, f"{module} has {text.count(chr(10))} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                start = node.body[0].lineno
                long = (node.end_lineno or start) - start
                assert long <= 65, f"{module}.{node.name} has {long} lines"


LIGHT = """
import sys
sys.argv = ["evenhand"] + {arguments!r}
from audit.cli import run
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
        subprocess.run([sys.executable, "-m", "audit", "--help"], cwd=ROOT, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu() for _ in range(3)) < 0.7
