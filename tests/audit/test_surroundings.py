"""A stranger's folder to stand in, and an environment that names things in it: nothing is run."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from evenhand.audit import surroundings
from tests.audit.subjects import confusion_rows

ROOT = Path(__file__).parents[2]
# Which files start processes, and which look for Python: all by ``surroundings``, but the worker,
# which has an environment of its own, and the probes inside of it.
STARTERS = {
    "audit/worker/launcher.py",
    "audit/worker/isolation/probes.py",
    "dashboard/server/launch.py",
    "dashboard/server/starting.py",
    "dashboard/frames/compared.py",
}
PYTHONS = {"audit/worker/launcher.py", "audit/surroundings.py"}
MODULES = (
    "sitecustomize",
    "usercustomize",
    "yaml",
    "numpy",
    "pandas",
    "typing",
    "typer",
    "json",
    "pydantic",
    "duckdb",
    "matplotlib",
    "evil",
    "streamlit",
    "sqlalchemy",
    "scipy",
    "torch",
)


def sources() -> list[Path]:
    rooms = ("audit", "policies", "trainers", "dashboard")
    return [p for room in rooms for p in sorted((ROOT / room).rglob("*.py"))]


def test_processes_are_started_in_few_places_and_one_way() -> None:
    starts, finds = set(), set()
    for path in sources():
        name, tree = path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import) and any(a.name == "subprocess" for a in node.names):
                starts.add(name)
            if isinstance(node, ast.ImportFrom) and node.module in (
                "subprocess",
                "multiprocessing",
            ):
                starts.add(name)
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.executable":
                finds.add(name)
    assert starts == STARTERS
    assert finds == PYTHONS


def test_databases_are_opened_in_one_place() -> None:
    found = {
        p.relative_to(ROOT).as_posix() for p in sources() if "duckdb.connect(" in p.read_text()
    }
    assert found == {"audit/data/reading/rows_on_disk.py"}


# Started with -I and an environment of its own; and what Streamlit runs in a process that settled.
SETTLED = ("audit/worker/zygote.py", "dashboard/app.py", "dashboard/pages/")


def entered(path: Path) -> list[ast.stmt] | None:
    """What a module does first where it is started with ``-m``, or nothing where it can't be."""
    tree = ast.parse(path.read_text("utf-8"))
    main = [n for n in tree.body if isinstance(n, ast.If) and "__main__" in ast.unparse(n.test)]
    if not main:
        return None
    first = main[0].body
    if ast.unparse(first[0]) == "main()":
        (first,) = (n.body for n in tree.body if getattr(n, "name", "") == "main")
    return [n for n in first if not isinstance(n, ast.Expr) or not _is_text(n.value)]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def test_every_entry_settles_before_anything_else() -> None:
    entries = {p: entered(p) for p in [*sources(), ROOT / "evenhand" / "__main__.py"]}
    started = {p: body for p, body in entries.items() if body is not None}
    names = {p.relative_to(ROOT).as_posix() for p in started}
    assert {"evenhand/__main__.py", "trainers/__main__.py", "dashboard/server/serving.py"} < names
    for path, body in started.items():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(SETTLED):
            continue
        assert ast.unparse(body[0]) == "surroundings.settle()", name
    for name in ("evenhand/__main__.py", "trainers/__main__.py"):
        for node in ast.parse((ROOT / name).read_text("utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                told = ast.unparse(node)
                assert told in ("import sys", "from evenhand.audit import surroundings"), name
    for project in (ROOT / "pyproject.toml", ROOT / "light" / "pyproject.toml"):
        scripts = tomllib.loads(project.read_text("utf-8"))["project"]["scripts"]
        assert scripts == {"evenhand": "evenhand.__main__:main"}


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A folder whose every file tells when it is run."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    touch = f"open({str(tmp_path / 'canary')!r}, 'a').write(__name__ + '\\n')\n"
    for module in MODULES:
        (folder / f"{module}.py").write_text(touch)
    # installed, as it seems: entry points of ours, found beside the modules
    (folder / "evil-1.0.dist-info").mkdir()
    (folder / "evil-1.0.dist-info/METADATA").write_text("Name: evil\nVersion: 1.0\n")
    groups = ("checks", "model_formats", "architectures")
    (folder / "evil-1.0.dist-info/entry_points.txt").write_text(
        "".join(f"[evenhand.{group}]\nevil = evil\n" for group in groups)
    )
    (folder / "own.pth").write_text(f"import sys; {touch}")
    for program in ("git", "lscpu", "fc-list", "nvidia-smi", "uname", "ldconfig", "latex", "gcc"):
        (folder / program).write_text(f"#!/bin/sh\necho {program} >> '{tmp_path}/canary'\n")
        (folder / program).chmod(0o755)
    (folder / "matplotlibrc").write_text("backend: module://evil\ntext.usetex: true\n")
    (folder / ".codecarbon.config").write_text("[codecarbon]\nsave_to_api = true\n")
    (folder / "fontconfig").mkdir()
    (folder / "fontconfig/fonts.conf").write_text("<fontconfig><dir>.</dir></fontconfig>")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit/config.toml").write_text('[server]\ncorsAllowedOrigins = ["*"]\n')
    rows = confusion_rows({"race": "a"}, tp=30, fp=10, fn=10, tn=30)
    rows.to_csv(folder / "rows.csv", index=False)
    return folder


def hostile_environment(folder: Path, python_path: str = "") -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        "PATH": f".:{os.environ['PATH']}:",
        "PYTHONPATH": python_path,
        "EVENHAND_HOME": str(folder.parent / "home"),
        "SSLKEYLOGFILE": str(folder.parent / "canary"),
        "MPLBACKEND": "module://evil",
        "MATPLOTLIBRC": str(folder),
        "XDG_CONFIG_HOME": ".",
        "MPLCONFIGDIR": ".",
        "FONTCONFIG_FILE": "fontconfig/fonts.conf",
        "OPENSSL_CONF": str(folder / "openssl.cnf"),
        "STREAMLIT_SERVER_ENABLE_CORS": "false",
    }


AUDIT = [
    "audit",
    "--predictions",
    "rows.csv",
    "--target",
    "y",
    "--predicted",
    "yhat",
    "--positive-label",
    "1",
    "--checks",
    "fairness.*,performance.*",
    "-q",
]


def test_a_command_runs_nothing_of_the_folder_it_is_started_in(stranger: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evenhand", *AUDIT, "--stream"],
        cwd=stranger,
        env=hostile_environment(stranger, str(ROOT)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    canary = stranger.parent / "canary"
    assert not canary.exists(), canary.read_text()


LOADS = """
import os, ssl, sys
from evenhand.audit import surroundings
surroundings.settle()
import captum.attr, matplotlib, matplotlib.font_manager
print(matplotlib.rcParams["text.usetex"], matplotlib.matplotlib_fname())
with surroundings.elsewhere():
    import codecarbon.core.config as c
    print(c.get_hierarchical_config())
print(ssl.create_default_context().keylog_filename, os.getcwd())
"""


def test_libraries_take_no_settings_of_the_folder(stranger: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOADS],
        cwd=stranger,
        env=hostile_environment(stranger, str(ROOT)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    style, config, keys = done.stdout.splitlines()
    assert style.startswith("False ") and str(stranger) not in style and "./" not in style
    assert config == "{}"
    assert keys == f"None {stranger.resolve()}"
    assert not (stranger.parent / "canary").exists()


def test_our_own_processes_import_nothing_of_it_either(
    stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stranger)
    for name, value in hostile_environment(stranger, f":{stranger}").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", ["", str(stranger), ".", *sys.path])
    done = subprocess.run(
        surroundings.python("evenhand", *AUDIT),
        env=surroundings.for_child(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (stranger.parent / "canary").exists(), (stranger.parent / "canary").read_text()


def test_what_counts_threads_or_says_where_our_things_lie_is_kept() -> None:
    given = {
        "OMP_NUM_THREADS": "2",
        "EVENHAND_HOME": "x",
        "HOME": "/h",
        "PATH": "/a:.::/b",
        "LANG": "C",
    }
    assert surroundings.clean(given) == {**given, "PATH": "/a:/b"}
    assert surroundings.clean({"XDG_CONFIG_HOME": "x", "LD_LIBRARY_PATH": "."}) == {}


def whole(stranger: Path, *line: str) -> subprocess.CompletedProcess[str]:
    """A module of ours, started where everything is a stranger's."""
    return subprocess.run(
        [sys.executable, "-m", *line],
        cwd=stranger,
        env=hostile_environment(stranger, str(ROOT)),
        capture_output=True,
        text=True,
    )


def test_trainers_settle_too(stranger: Path) -> None:
    (stranger / "recipe.yaml").write_text("data: rows.csv\ntarget: nothing\n")
    done = whole(stranger, "evenhand.trainers", "recipe.yaml", "--out", "model")
    assert done.returncode == 2 and "nothing" in done.stderr, done.stderr
    canary = stranger.parent / "canary"
    assert not canary.exists(), canary.read_text()


@pytest.mark.slow
def test_training_and_explaining_run_nothing_of_the_folder(stranger: Path) -> None:
    """Whole runs, which load what they need: torch, matplotlib by captum, a worker, its scratch."""
    recipe = "data: rows.csv\ntarget: y\npositive_label: 1\ndrop: [yhat]\nepochs: 1\n"
    (stranger / "recipe.yaml").write_text(recipe)
    done = whole(stranger, "evenhand.trainers", "recipe.yaml", "--out", "model")
    assert done.returncode == 0, done.stderr
    named = ["--target", "y", "--positive-label", "1", "--positive-is", "benefit"]
    checks = ["--checks", "explanation.reasons,explanation.attribution", "--out", "case", "-q"]
    done = whole(stranger, "evenhand", "audit", "model", "--data", "rows.csv", *named, *checks)
    assert done.returncode == 0, done.stderr
    done = whole(stranger, "evenhand", "explain", "case", "--row", "1")
    assert done.returncode in (0, 2) and "a bug of ours" not in done.stderr, done.stderr
    canary = stranger.parent / "canary"
    assert not canary.exists(), canary.read_text()
