"""The wheel: one package of four rooms with their data files, the command, and never the tests."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_the_four_packages_and_no_tests(tmp_path: Path) -> None:
    code = (
        "import hatchling.build, os, sys; os.chdir(sys.argv[1]);"
        "print(hatchling.build.build_wheel(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("evenhand-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = archive.read(
            next(n for n in names if n.endswith("entry_points.txt"))
        ).decode()
    roots = {n.split("/")[0] for n in names if ".dist-info/" not in n}
    assert roots == {"evenhand"}
    assert "evenhand = evenhand.__main__:main" in entry_points
    assert "evenhand-folder = evenhand.trainers.folder.reading" in entry_points
    # every file of the packages that git would ship is in the wheel: packs, templates, locales
    for room in ("audit", "policies", "trainers", "dashboard"):
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"evenhand/{path.relative_to(ROOT).as_posix()}" in names


def test_constraints_pin_what_is_needed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = {
        line.split("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line
    }
    extras = project["optional-dependencies"]
    for need in [*project["dependencies"], *extras["dev"]]:
        name = re.split(r"[\[<>=]", need)[0].strip().lower()
        assert name in pins, f"constraints.txt does not pin {name}"
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text("utf-8")
