"""evenhand dashboard: the browser view, on this machine only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def dashboard(
    cases: Annotated[
        list[Path] | None, typer.Argument(metavar="[CASE]...", help="Further case folders.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1 (default: a free one).")
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser.")
    ] = False,
) -> int:
    """Show cases, findings and checklists in the browser (127.0.0.1 only, until Ctrl-C)."""
    from dashboard.launch import run

    return run(port=port, cases=list(cases or ()), open_browser=not no_browser)
