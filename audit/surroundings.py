"""What the folder we stand in, and the environment, may not decide: code, programs, settings.

Python and many libraries read settings, and import modules, from wherever they are started; an
audit is often started in a folder that a stranger made. SECURITY.md lists what is meant here. The
standard library alone is imported: nothing may come before ``settle``.
"""

from __future__ import annotations

import importlib.machinery
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Names that choose a module, a program, a library or a file of settings, or where secrets are
# written. What only counts threads or says where our own things lie stays.
_DROPPED_NAMES = """
SSLKEYLOGFILE OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES XML_CATALOG_FILES
MATPLOTLIBRC MPLBACKEND MATPLOTLIBDATA FONTCONFIG_FILE FONTCONFIG_PATH FONTCONFIG_SYSROOT
GCONV_PATH LOCPATH NLSPATH LD_AUDIT BASH_ENV ENV
"""
_DROPPED = frozenset(_DROPPED_NAMES.split())
_DROPPED_STARTS = ("STREAMLIT_", "CODECARBON_", "UVICORN_", "GIT_", "DUCKDB_", "NUMBA_")
_LISTS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS")
_PLACES = (
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "MPLCONFIGDIR",
    "PYTHONUSERBASE",
    "PYTHONPYCACHEPREFIX",
    "HF_HOME",
    "TORCH_HOME",
)
_START = (
    "import sys; import json; import runpy; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def settle() -> None:
    """Leaves no code, program or setting of this folder or environment in this process' way.

    For the commands: their process is ours. A library's caller decides about its own.
    """
    sys.path[:] = own_path()
    kept = clean(dict(os.environ))
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    os.environ.update(kept)
    os.environ["MPLBACKEND"] = "agg"
    if not any(isinstance(finder, _Elsewhere) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Elsewhere())


def own_path() -> list[str]:
    """Where modules are imported from: absolute places, and this folder only where we lie in it."""
    here = os.path.realpath(os.getcwd()) if _is_there() else ""
    own = os.path.realpath(ROOT)
    kept = [
        place
        for place in sys.path
        if os.path.isabs(place) and (os.path.realpath(place) != here or here == own)
    ]
    return kept if own in map(os.path.realpath, kept) else [*kept, ROOT]


def clean(environment: dict[str, str]) -> dict[str, str]:
    """An environment without what would choose code, programs or settings.

    >>> clean({"PATH": ".::/bin", "SSLKEYLOGFILE": "k", "OMP_NUM_THREADS": "2"})
    {'PATH': '/bin', 'OMP_NUM_THREADS': '2'}
    """
    kept = {}
    for name, value in environment.items():
        if name in _DROPPED or name.startswith(_DROPPED_STARTS):
            continue
        if name in _LISTS:
            value = os.pathsep.join(p for p in value.split(os.pathsep) if os.path.isabs(p))
            if not value:
                continue
        if name in _PLACES and not os.path.isabs(value):
            continue
        kept[name] = value
    return kept


def for_child(**more: str) -> dict[str, str]:
    """The environment for a process of ours, with ``more``: Python's own variables left out too."""
    kept = clean(dict(os.environ))
    return {**{k: v for k, v in kept.items() if not k.startswith("PYTHON")}, **more}


def python(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of ours in this Python, without a shell: no folder that
    it is started in, no variable and no user's site is imported from."""
    options = ["-I", "-u", *(["-B"] if sys.dont_write_bytecode else [])]
    return [sys.executable, *options, "-c", _START, json.dumps(own_path()), module, *arguments]


@contextmanager
def elsewhere() -> Iterator[None]:
    """Stands at the root of the disk meanwhile, for libraries that read settings where they are
    imported or started."""
    back = None
    with suppress(OSError):
        back = os.open(os.curdir, os.O_RDONLY)
    try:
        os.chdir(os.path.abspath(os.sep))
        yield
    finally:
        if back is not None:
            os.chdir(back if os.chdir in os.supports_fd else ROOT)
            os.close(back)


def _is_there() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


class _Elsewhere(MetaPathFinder):
    """Imports matplotlib (captum does) elsewhere: it obeys a matplotlibrc of the start folder."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Matplotlib's own spec, with a loader that stands elsewhere."""
        if fullname != "matplotlib":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _StandingElsewhere(spec.loader)
        return spec


class _StandingElsewhere(Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        with elsewhere():
            self._loader.exec_module(module)
