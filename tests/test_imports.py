"""Who may import whom, and what stays out of memory: the walls of the house."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("audit", "policies", "trainers", "dashboard")
OURS = tuple(f"evenhand.{room}" for room in ROOMS)
LEAVES = {
    "evenhand.audit.errors",
    "evenhand.audit.finding",
    "evenhand.audit.canonical",
    "evenhand.audit.interrupts",
}
READING = LEAVES | {
    "evenhand.audit.data",
    "evenhand.audit.images",
    "evenhand.audit.safe_yaml",
    "evenhand.audit.sources",
    "evenhand.audit.texts",
}
EVIDENCE = LEAVES | {"evenhand.audit.case", "evenhand.audit.reasons", "evenhand.audit.register"}

# Module prefix -> what of our own it may import. The longest prefix that fits rules.
MAY_IMPORT: dict[str, set[str]] = {
    "evenhand.audit.errors": set(),
    "evenhand.audit.interrupts": set(),
    "evenhand.audit.finding": set(),
    "evenhand.audit.canonical": {"evenhand.audit.errors"},
    "evenhand.audit.reasons": set(),
    "evenhand.audit.safe_yaml": {"evenhand.audit.errors"},
    "evenhand.audit.measure": LEAVES | {"evenhand.audit.measure"},
    "evenhand.audit.sources": LEAVES | {"evenhand.audit.sources"},
    "evenhand.audit.data": LEAVES
    | {"evenhand.audit.images", "evenhand.audit.rows_on_disk", "evenhand.audit.sources"},
    "evenhand.audit.images": LEAVES | {"evenhand.audit.data"},
    "evenhand.audit.texts": LEAVES | {"evenhand.audit.data", "evenhand.audit.sources"},
    "evenhand.audit.counts": LEAVES | {"evenhand.audit.measure"},
    "evenhand.audit.rows_on_disk": LEAVES | {"evenhand.audit.sources"},
    "evenhand.audit.counting": READING | {"evenhand.audit.counts", "evenhand.audit.rows_on_disk"},
    "evenhand.audit.streamed": {"evenhand.audit"},
    "evenhand.audit.custom": READING
    | {
        "evenhand.audit.checks.record",
        "evenhand.audit.counts",
        "evenhand.audit.measure",
        "evenhand.audit.predictions",
        "evenhand.audit.subject",
    },
    "evenhand.audit.attribution": LEAVES
    | {"evenhand.audit.attribution", "evenhand.audit.measure", "evenhand.audit.models.predictor"},
    "evenhand.audit.models": READING
    | {"evenhand.audit.models", "evenhand.audit.attribution", "evenhand.audit.worker"},
    "evenhand.audit.worker": READING
    | {"evenhand.audit.worker", "evenhand.audit.models", "evenhand.audit.attribution"},
    "evenhand.audit.worker.levels": LEAVES,
    "evenhand.audit.declared_file": READING | {"evenhand.audit.spec"},
    "evenhand.audit.spec": READING
    | {"evenhand.audit.models.declared", "evenhand.audit.models.predictor"},
    "evenhand.audit.target": READING | {"evenhand.audit.models", "evenhand.audit.spec"},
    "evenhand.audit.subject": READING
    | {
        "evenhand.audit.counts",
        "evenhand.audit.declared_file",
        "evenhand.audit.models",
        "evenhand.audit.spec",
        "evenhand.audit.target",
    }
    | {"evenhand.audit.worker.levels"},
    "evenhand.audit.predictions": READING
    | {
        "evenhand.audit.counts",
        "evenhand.audit.models",
        "evenhand.audit.subject",
        "evenhand.audit.target",
    },
    "evenhand.audit.consistency": READING
    | {
        "evenhand.audit.measure",
        "evenhand.audit.models",
        "evenhand.audit.predictions",
        "evenhand.audit.subject",
    },
    "evenhand.audit.decisions": READING | {"evenhand.audit.predictions"},
    "evenhand.audit.compare": EVIDENCE
    | {"evenhand.audit.counts", "evenhand.audit.decisions", "evenhand.audit.measure"},
    "evenhand.audit.applicants": READING
    | {
        "evenhand.audit.attribution",
        "evenhand.audit.models",
        "evenhand.audit.predictions",
        "evenhand.audit.sampling",
        "evenhand.audit.subject",
    }
    | {"evenhand.audit.stand_ins"},
    "evenhand.audit.one_person": {"evenhand.audit"},
    "evenhand.audit.sampling": READING | {"evenhand.audit.subject"},
    "evenhand.audit.stand_ins": READING
    | {"evenhand.audit.measure", "evenhand.audit.sampling", "evenhand.audit.subject"},
    "evenhand.audit.explanation_drift": EVIDENCE | {"evenhand.audit.measure"},
    "evenhand.audit.explainers": READING
    | {"evenhand.audit.attribution", "evenhand.audit.sampling", "evenhand.audit.subject"},
    "evenhand.audit.checks": READING
    | {
        "evenhand.audit.consistency",
        "evenhand.audit.explainers",
        "evenhand.audit.applicants",
        "evenhand.audit.sampling",
        "evenhand.audit.stand_ins",
        "evenhand.audit.subject",
        "evenhand.audit.predictions",
        "evenhand.audit.counts",
        "evenhand.audit.measure",
        "evenhand.audit.models",
        "evenhand.audit.attribution",
        "evenhand.audit.checks.record",
    },
    "evenhand.audit.catalogue": {"evenhand.audit"},
    "evenhand.audit.run": {"evenhand.audit"},
    "evenhand.audit.case": LEAVES | {"evenhand.audit.evidence"},
    "evenhand.audit.register": LEAVES | {"evenhand.audit.evidence"},
    "evenhand.audit.keeping": {"evenhand.audit"},
    "evenhand.audit.environment": READING
    | {"evenhand.audit.subject", "evenhand.audit.worker.levels"},
    # Below the case and the register; statements, archives and runs are made of them.
    "evenhand.audit.evidence": LEAVES | {"evenhand.audit.evidence"},
    **dict.fromkeys(
        (
            "evenhand.audit.evidence.statement",
            "evenhand.audit.evidence.archive",
            "evenhand.audit.evidence.runs",
        ),
        EVIDENCE | {"evenhand.audit.evidence"},
    ),
    "evenhand.audit.evidence.recompute": EVIDENCE | {"evenhand.audit.measure.intervals"},
    "evenhand.audit.reports": EVIDENCE
    | {
        "evenhand.audit.reports",
        "evenhand.audit.measure.suppression",
        "evenhand.audit.measure.cell_suppression",
        "evenhand.policies.verdict",
    },
    "evenhand.audit.cli": set(OURS),
    "evenhand.audit.commands": set(OURS),
    "evenhand.audit.integrations": set(OURS),
    "evenhand.audit.__main__": {"evenhand.audit.cli"},
    "evenhand.policies": EVIDENCE
    | {
        "evenhand.policies",
        "evenhand.audit.safe_yaml",
        "evenhand.audit.measure.intervals",
        "evenhand.audit.compare",
    },
    "evenhand.policies.recording": EVIDENCE
    | {"evenhand.policies", "evenhand.audit.safe_yaml", "evenhand.audit.evidence.disk"},
    "evenhand.trainers": READING | {"evenhand.trainers"},
    # A mitigated model is made of another model, of whatever format.
    **dict.fromkeys(
        (
            "evenhand.trainers.mitigate",
            "evenhand.trainers.mitigated_folder",
            "evenhand.trainers.mitigated_parts",
        ),
        READING | {"evenhand.trainers", "evenhand.audit.models", "evenhand.audit.worker.levels"},
    ),
    "evenhand.dashboard": EVIDENCE | {"evenhand.dashboard", "evenhand.policies", "evenhand.audit.safe_yaml"},
    # What a report looks like is written once: pages that need no server are made of its parts.
    **dict.fromkeys(
        (
            *(
                "evenhand.dashboard.export",
                "evenhand.dashboard.export_views",
                "evenhand.dashboard.export_compare",
            ),
            *("evenhand.dashboard.pages.evidence", "evenhand.dashboard.pixels"),
        ),
        EVIDENCE | {"evenhand.dashboard", "evenhand.policies", "evenhand.audit.reports"},
    ),
}
NEVER = {
    "evenhand.audit.one_person": {
        "evenhand.audit.cli",
        "evenhand.audit.commands",
        "evenhand.audit.reports",
    },
    "evenhand.audit.run": {
        "evenhand.audit.cli",
        "evenhand.audit.commands",
        "evenhand.audit.reports",
    },
    "evenhand.audit.keeping": {
        "evenhand.audit.cli",
        "evenhand.audit.commands",
        "evenhand.audit.reports",
        "evenhand.audit.checks",
    },
    "evenhand.audit.streamed": {
        "evenhand.audit.checks",
        "evenhand.audit.cli",
        "evenhand.audit.commands",
        "evenhand.audit.reports",
    },
    "evenhand.audit.catalogue": {
        "evenhand.audit.cli",
        "evenhand.audit.commands",
        "evenhand.audit.reports",
    },
}
# Third-party libraries that may be loaded when a module is; the rest load inside functions.
AT_TOP = {
    "": {"pydantic", "yaml", "typer"},
    "evenhand.audit.integrations.pytest_plugin": {"pytest"},
    "evenhand.audit.integrations.mlflow_evaluator": {"mlflow"},
    "evenhand.dashboard": {"streamlit", "altair", "pandas", "pydantic", "yaml"},
    "evenhand.trainers.architectures": {"torch", "pydantic"},
    "evenhand.trainers.dp_optimizers": {"torch", "opacus"},  # its classes inherit from theirs
    "evenhand.trainers.estimators": {
        "numpy",
        "sklearn",
    },  # a scikit-learn estimator inherits from its own
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in ROOMS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = ("evenhand", *path.relative_to(ROOT).with_suffix("").parts)
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
        if not inside(name, set(OURS)):
            continue
        # "from evenhand.a import b" reads as evenhand.a.b, and so does "from evenhand.a.b import c"
        # with a name more: both start with the module that is meant
        assert inside(name, allowed), f"{module} imports {name}"
        assert not inside(name, NEVER.get(module, set())), f"{module} imports {name}"


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
                    assert name.startswith("evenhand.audit.checks.record"), (
                        f"{module} imports {name}"
                    )


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
