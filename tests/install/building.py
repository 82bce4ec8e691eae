"""Wheels of the project, built without a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = (
    "import hatchling.build as b, os, sys; os.chdir(sys.argv[1]);"
    "print(getattr(b, sys.argv[2])(sys.argv[3]))"
)


def built(tree: Path, kind: str, out: Path) -> Path:
    """A wheel, an editable wheel or an sdist of a tree."""
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tree), f"build_{kind}", str(out)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (made,) = out.iterdir()
    return made
