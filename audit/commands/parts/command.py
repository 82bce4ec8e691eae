"""What a file of ``evenhand.audit.commands`` declares about its commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import typer


@dataclass(frozen=True)
class Command:
    """One command, or one group of them: what people type, what runs, where ``--help`` lists it.

    ``order`` sorts the list, the smallest first: commands in the order of a model's way from
    training to sign-off. ``runs`` takes the options as Typer reads them and returns the exit code;
    a Typer application is a group (``evenhand checks list``), which is listed before the commands.
    """

    name: str
    runs: Callable[..., int] | typer.Typer
    order: int

    def add_to(self, app: typer.Typer) -> None:
        """Makes it a command of ``app``."""
        if isinstance(self.runs, typer.Typer):
            app.add_typer(self.runs, name=self.name)
        else:
            app.command(self.name)(self.runs)
