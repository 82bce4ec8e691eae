"""evenhand dashboard: the browser view, or a copy of it that needs no server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.tables import show
from evenhand.audit.errors import OK
from evenhand.audit.words.phrases import phrase


def dashboard(
    cases: Annotated[
        list[Path] | None, typer.Argument(metavar="[CASE]...", help="Further case folders.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (default: a free one).")] = (
        None
    ),
    stated: Annotated[
        str | None,
        typer.Option("--as", help="NAME:ROLE of who writes here, unchecked; viewer, auditor, ..."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="dashboard.yaml: who signs people in, who may do what."),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Address to listen on; other than 127.0.0.1 needs --config.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write every page as HTML files into this new folder.")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="With --export: withhold groups under 10 people.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser.")
    ] = False,
) -> int:
    """Show cases, findings and checklists in the browser (127.0.0.1, until Ctrl-C)."""
    if export is not None:
        from evenhand.dashboard.export.site import write

        written = write(export, list(cases or ()), public=public)
        show(
            phrase("{written} pages; open {export}", written=written, export=export / "index.html")
        )
        return OK
    from evenhand.dashboard.server.launch import run

    return run(
        port=port,
        cases=list(cases or ()),
        open_browser=not no_browser,
        address=address,
        config=config,
        stated=stated,
    )


COMMANDS = (Command("dashboard", dashboard, order=190),)
