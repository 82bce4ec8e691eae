"""The install matrix: a wheel and an editable install, each in an environment of its own, each used
from a folder whose own packages are called as our rooms are. Run with ``make install-check``.

The environments see the libraries of the one that runs the tests, so that nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import time
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.install.building import ROOT, built

ROOMS = ("audit", "policies", "trainers", "dashboard")
pytestmark = [pytest.mark.install]

TESTS = '''"""A stranger's tests, with our plug-in."""
import numpy as np, pandas as pd, pytest

@pytest.mark.evenhand(policy="house.yaml", target="y", positive_label=1,
                      sensitive_features=["sex"], checks=["needed"])
def test_release(evenhand):
    rows = pd.DataFrame({"x": np.arange(200) % 2, "y": np.arange(200) % 2,
                         "sex": np.where(np.arange(200) < 90, "f", "m")})
    result = evenhand(lambda frame: frame["x"].to_numpy(), rows)
    assert result.passed
'''
MLFLOW = """
import mlflow, numpy as np, pandas as pd
from mlflow.models import evaluate
mlflow.set_tracking_uri("file:runs")
rows = pd.DataFrame({"x": np.arange(200) % 2, "y": np.arange(200) % 2,
                     "sex": np.where(np.arange(200) < 90, "f", "m")})
with mlflow.start_run():
    found = evaluate(data=rows.assign(guess=rows["x"]), targets="y", predictions="guess",
        model_type="classifier", evaluators="evenhand",
        evaluator_config={"policy": "house.yaml", "positive_label": 1,
                          "sensitive_features": ["sex"], "checks": ["needed"]})
print("exit code", found.metrics["evenhand/exit_code"])
"""
RECIPE = {"data": "loanapp", "model": "mlp", "epochs": 1, "architecture": {"hidden": [4]}}


@dataclass(frozen=True)
class Installed:
    """An environment with evenhand in it, and a stranger's folder to use it from."""

    python: Path
    folder: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "PYTHONPATH": ".",  # the worst: the stranger's packages come first
            "HOME": str(self.home),
            "EVENHAND_HOME": str(self.home / "evenhand"),
            "OMP_NUM_THREADS": "1",
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, f"{command}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, "wheel", tmp_path_factory.mktemp("built") / "wheel")


def test_the_sdist_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = built(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "tree", filter="data")
    (tree,) = (tmp_path / "tree").iterdir()
    assert not [room for room in ROOMS if (tree / room).exists()]
    again = built(tree, "wheel", tmp_path / "again")
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_the_wheel_has_one_top_level_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {n.split("/")[0] for n in names if ".dist-info/" not in n} == {"evenhand"}


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    place = tmp_path_factory.mktemp(request.param)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "env"], check=True)
    python = place / "env" / "bin" / "python"
    chosen = wheel if request.param == "wheel" else built(ROOT, "editable", place / "editable")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    done = subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--quiet", str(chosen)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = place / "env" / "lib" / version / "site-packages"
    # The libraries alone: this environment's own evenhand is on its path by a .pth file, which is
    # not read in a folder that is itself named by one.
    (own / "zz-libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(python, stranger(place / "project"), place / "home")


def stranger(folder: Path) -> Path:
    """A project with packages of the rooms' names, none of which may ever be imported."""
    for room in ROOMS:
        (folder / room).mkdir(parents=True)
        (folder / room / "__init__.py").write_text(
            f'raise RuntimeError("the stranger\'s own {room} was imported")\n'
        )
    (folder / "test_release.py").write_text(TESTS)
    (folder / "evaluated.py").write_text(MLFLOW)
    (folder / "recipe.yaml").write_text(json.dumps(RECIPE))
    from tests.policies.build import check, item, pack_data

    house = pack_data(item("ACC", check=check(threshold=0.6)))
    (folder / "house.yaml").write_text(json.dumps(house))
    return folder


def test_where_it_comes_from(installed: Installed) -> None:
    told = installed.run(
        str(installed.python),
        "-c",
        "import evenhand, evenhand.audit.errors as e; print(evenhand.__version__, e.__file__)",
    )
    version, file = told.split()
    assert installed.run("evenhand", "--version").strip() == f"evenhand {version}"
    is_wheel = Path(file).is_relative_to(installed.python.parents[1])
    assert is_wheel or Path(file).is_relative_to(ROOT)


def test_the_demo(installed: Installed) -> None:
    told = json.loads(installed.run("evenhand", "demo", "--quick", "--quiet", "--json"))
    assert len(told["models"]) == 3


def readme_gate() -> str:
    """The commands under "Gate a release", as they are printed."""
    text = (ROOT / "README.md").read_text("utf-8").split("**Gate a release.**")[1]
    lines = text.split("As a GitHub Action")[0].splitlines()
    return "\n".join(line[4:] for line in lines if line.startswith("    "))


def test_the_gate_of_the_readme_lets_a_fair_model_through(installed: Installed) -> None:
    """As typed, in a folder with nothing but the two files: approvals that hang on two numbers, the
    same for every race and sex. Strict too; and one line says why what is not declared blocks."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(7)
    for name, n in (("train", 3000), ("test", 9000)):
        income, debt = rng.normal(size=(2, n)).round(4)
        rows = {"income": income, "debt": debt}
        rows |= {"race": rng.choice(["a", "b"], n), "sex": rng.choice(["F", "M"], n)}
        approve = rng.random(n) < 1 / (1 + np.exp(2.5 * debt - 3 * income))
        pd.DataFrame({**rows, "approve": approve.astype(int)}).to_csv(
            installed.folder / f"{name}.csv", index=False
        )
    gate = readme_gate()
    assert gate.count("evenhand ") == 2
    told = installed.run("bash", "-ec", gate)
    passes = re.search(r"✓ (\d+) Pass", told)  # packs gain items
    assert passes and int(passes[1]) >= 10 and "✗" not in told and "exit " not in told
    installed.run("evenhand", "judge", "CASE", "--strict")
    again = gate.split("evenhand audit")[1].replace("--declared accuracy_min=0.8", "")
    again = again.replace("--out CASE", "--out OTHER --checks needed")
    told = installed.run("bash", "-ec", f"evenhand audit{again}", code=3)
    assert (
        told.strip()
        .splitlines()[-1]
        .startswith(
            "exit 3: baseline:BASE-PERF-1 is undecided: the subject declares no accuracy_min: "
            "audit again with --declared accuracy_min=NUMBER"
        )
    )


def test_pytest_with_the_plug_in(installed: Installed) -> None:
    for command in (("pytest",), (str(installed.python), "-m", "pytest")):
        if command == ("pytest",):  # its script belongs to the other environment
            code = "import sys, pytest; sys.path.pop(0); sys.exit(pytest.console_main())"
            command = (str(installed.python), "-c", code)
        told = installed.run(*command, "-q", "-p", "no:cacheprovider", "test_release.py")
        assert "1 passed" in told


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="mlflow is not here")
def test_the_mlflow_evaluator(installed: Installed) -> None:
    told = installed.run(str(installed.python), "-W", "ignore", "evaluated.py")
    assert told.splitlines()[-1] == "exit code 0.0"


def test_training_by_torchrun(installed: Installed) -> None:
    told = installed.run(
        str(installed.python),
        *("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1"),
        *("-m", "evenhand.trainers", "recipe.yaml", "--out", "trained", "--quiet"),
    )
    assert json.loads(told)["n_train"] > 1000
    assert (installed.folder / "trained" / "model.json").is_file()


def test_the_sandboxed_worker(installed: Installed) -> None:
    import skops.io

    from tests.audit.api.people import fitted, people

    (installed.folder / "model.skops").write_bytes(skops.io.dumps(fitted()))
    people().to_csv(installed.folder / "rows.csv", index=False)
    told = installed.run(
        *("evenhand", "audit", "model.skops", "--data", "rows.csv", "--target", "repaid"),
        *("--positive-label", "1", "--checks", "performance.classification"),
        *("--quiet", "--json"),
    )
    found = json.loads(told)["findings"]
    (accuracy,) = [f for f in found if f["measure"] == "accuracy_score"]
    assert accuracy["n"] == 400


def test_the_dashboard(installed: Installed) -> None:
    with Running(installed) as url, urllib.request.urlopen(f"{url}/_stcore/health") as answer:
        assert answer.status == 200


class Running:
    """The dashboard, until the block ends."""

    def __init__(self, installed: Installed) -> None:
        self.child = subprocess.Popen(
            ["evenhand", "dashboard", "--no-browser"],
            executable=str(installed.python.parent / "evenhand"),
            cwd=installed.folder,
            env=installed.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> str:
        assert self.child.stdout is not None
        said = []
        until = time.monotonic() + 120
        while time.monotonic() < until and (line := self.child.stdout.readline()):
            said.append(line)
            if "http://127.0.0.1:" in line:
                return next(w for w in line.split() if w.startswith("http://")).rstrip("/.,")
        raise AssertionError("".join(said))

    def __exit__(self, *_: Any) -> None:
        self.child.terminate()
        self.child.wait(60)
        assert self.child.stdout is not None
        self.child.stdout.close()
