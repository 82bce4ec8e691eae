"""What a project pastes: the light package that lints packs, the pre-commit hooks, the action."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.install.building import ROOT, built

pytestmark = [pytest.mark.install]
PACK = ROOT / "policies" / "packs" / "baseline.yaml"


def needed(names: list[str]) -> Iterator[importlib.metadata.Distribution]:
    """The installed packages that these names need, they themselves among them."""
    seen: set[str] = set()
    while names:
        name = re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", names.pop())[0]).lower()  # type: ignore[index]
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:  # of another system (colorama)
            continue
        names += [r for r in found.requires or [] if "extra ==" not in r]
        yield found


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the light wheel and what it declares that it needs, and nothing else."""
    place = tmp_path_factory.mktemp("light")
    wheel = built(ROOT / "light", "wheel", place / "wheel")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "env"], check=True)
    python = place / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--quiet", str(wheel)], check=True)
    (site,) = (place / "env" / "lib").glob("*/site-packages")
    project = tomllib.loads((ROOT / "light" / "pyproject.toml").read_text())["project"]
    for found in needed(list(project["dependencies"])):
        for file in found.files or []:
            source = Path(str(found.locate_file(file)))
            if source.is_file() and ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, site / file)
    return place / "env" / "bin" / "evenhand"


def test_packs_are_linted_without_the_libraries_that_measure(light: Path, tmp_path: Path) -> None:
    shutil.copy(PACK, tmp_path / "baseline.yaml")
    torch = subprocess.run([light.parent / "python", "-c", "import torch"], capture_output=True)
    assert torch.returncode != 0  # it isn't there at all
    command = [str(light), "policies", "lint", "baseline.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    broken = PACK.read_text().replace("data.group_count", "data.group_cuont")
    (tmp_path / "baseline.yaml").write_text(broken)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "group_cuont" in done.stdout + done.stderr


def test_the_hook_runs_on_the_files_that_it_is_for(light: Path, tmp_path: Path) -> None:
    """As pre-commit does: the entry, and the changed files that its pattern takes."""
    pasted = re.findall(
        r"```yaml\n(repos:.*?)```", (ROOT / "docs" / "pipeline.md").read_text(), re.S
    )
    hooks = [h for text in pasted for repo in yaml.safe_load(text)["repos"] for h in repo["hooks"]]
    own = [h for h in hooks if h.get("additional_dependencies") == ["evenhand-policies"]]
    (shipped,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (hook,) = own
    assert (hook["entry"], hook["files"]) == (shipped["entry"], shipped["files"])
    (tmp_path / "policies").mkdir()
    shutil.copy(PACK, tmp_path / "policies" / "house.yaml")
    changed = [f for f in ("policies/house.yaml", "README.md") if re.search(hook["files"], f)]
    assert changed == ["policies/house.yaml"]
    environment = {"PATH": f"{light.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([*hook["entry"].split(), *changed], cwd=tmp_path, env=environment)
    assert done.returncode == 0


def test_the_action_gates_and_leaves_alerts(tmp_path: Path) -> None:
    """Its steps by bash, as a runner does it; what is installed is the wheel at hand."""
    from tests.audit.people import people

    rows = people().assign(guess=lambda f: f["y"])
    rows.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "subject.yaml").write_text(
        "predictions: rows.csv\ntarget: y\npredicted: guess\npositive_label: 1\n"
        "positive_is: benefit\nsensitive_features: [race]\nchecks: [needed]\npolicy: baseline\n"
    )
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    inputs = {name: given["default"] for name, given in action["inputs"].items()}
    step = action["runs"]["steps"][1]
    given = {
        key: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: inputs[m[1]], value)
        for key, value in step["env"].items()
    }
    environment = {
        **os.environ,
        **given,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "EVENHAND_HOME": str(tmp_path / "home"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-c", step["run"]], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (tmp_path / "output").read_text() == f"exit-code={done.returncode}\n", done.stderr
    assert done.returncode in (1, 3, 4) and "::" in done.stdout
    assert {"evenhand.sarif", "report.html", "summary.md"} <= {p.name for p in tmp_path.iterdir()}
