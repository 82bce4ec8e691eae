"""Options come from the models: every field that the command line can hold is an option."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import typer
from pydantic import BaseModel, Field

from evenhand.audit import cli
from evenhand.audit.commands import auditing, training
from evenhand.audit.commands.parts.derived import Derived, kind_of, takes

SOURCES = {
    "audit": (auditing._OF_THE_SUBJECT,),
    "train": (training._OF_THE_RECIPE, training._OF_PRIVACY),
}
# Names that people type, which are not the model's: nothing else may differ.
DIFFERENT = {
    ("audit", "columns", "--types"),
    ("audit", "sensitive_features", "--sensitive"),
    ("audit", "control_features", "--control"),
    ("audit", "declared_file", "--declared"),
    ("audit", "facts", "--fact"),  # one at a time
    ("audit", "roles", "--role"),
}


def options_of(command: str) -> dict[str, Any]:
    """Option -> its parameter, as Typer made it."""
    made = typer.main.get_command(cli.app).commands[command]  # type: ignore[attr-defined]
    return {option: p for p in made.params for option in p.opts if option.startswith("--")}


@pytest.mark.parametrize("command", SOURCES)
def test_every_field_is_an_option_with_its_own_description(command: str) -> None:
    options, checked = options_of(command), 0
    for source in SOURCES[command]:
        for name, info in source.model.model_fields.items():
            held = name in source.kinds or name in source.reads or kind_of(info.annotation)
            if name in source.leave_out or not held:
                continue
            option = source.option(name)
            is_same = option == f"--{name.replace('_', '-')}"
            assert is_same or (command, name, option) in DIFFERENT
            assert info.description, f"{source.model.__name__}.{name} has no description"
            told = options[option].help.lower().removesuffix(".")
            assert told.startswith(info.description.lower().removesuffix("."))
            checked += 1
    assert checked >= 28


def test_a_new_field_is_an_option_and_its_value_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    class Parcel(BaseModel):
        weight_g: float = Field(default=2.5, description="what it weighs")
        kind: Literal["box", "bag"] | None = None
        stamps: tuple[str, ...] = ()
        is_fragile: bool = False
        inner: BaseModel | None = None

    found: list[dict[str, Any]] = []
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @takes(Derived(Parcel, names={"stamps": "stamp"}))
    def send(to: str, *, given: dict[str, Any], twice: bool = False) -> int:
        """Sends it."""
        found.append({"to": to, "twice": twice, **given})
        return 3

    line = ["home", "--weight-g", "4", "--stamp", "a,b", "--stamp", "c", "--no-is-fragile"]
    assert app([*line, "--kind", "box", "--twice"], standalone_mode=False) == 3
    assert app(["home"], standalone_mode=False) == 3
    assert found == [
        {
            "to": "home",
            "twice": True,
            "weight_g": 4.0,
            "stamps": ("a", "b", "c"),
            "is_fragile": False,
            "kind": "box",
        },
        {"to": "home", "twice": False},  # what is not passed is the model's to fill in
    ]
    app(["--help"], standalone_mode=False)
    helped = " ".join(capsys.readouterr().out.split())
    assert "What it weighs (2.5)." in helped
    assert "box, bag" in helped
    assert "--inner" not in helped
