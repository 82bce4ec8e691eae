"""A stranger's folder to stand in, and an environment that names things in it: nothing is run."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
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
            if ast.unparse(node) == "sys.executable":
                finds.add(name)
    assert starts == STARTERS
    assert finds == PYTHONS


def test_databases_are_opened_in_one_place() -> None:
    found = {
        p.relative_to(ROOT).as_posix() for p in sources() if "duckdb.connect(" in p.read_text()
    }
    assert found == {"audit/data/reading/rows_on_disk.py"}


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
