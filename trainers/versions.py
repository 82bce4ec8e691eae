"""The libraries that made a model, with their versions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def library_versions(*names: str) -> dict[str, str]:
    """Installed versions of evenhand, Python and ``names``; "unknown" where not installed."""
    import platform

    found = {"python": platform.python_version()}
    for name in ("evenhand", *names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
