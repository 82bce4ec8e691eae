"""Options come from the models: every field that the command line can hold is an option, and there
is no option that is not a field of the same name."""

from __future__ import annotations

import inspect
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import typer
from pydantic import BaseModel, Field

import evenhand
from evenhand.audit import cli
from evenhand.audit.api.options import AuditOptions
from evenhand.audit.commands import commands
from evenhand.audit.commands.parts.command import written_out
from evenhand.audit.commands.parts.derived import LETTERS, SINGULAR, Derived, kind_of, takes
from evenhand.audit.errors import InputError
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.trainers.mitigation.options import DIALS, MitigationRequest
from evenhand.trainers.recipe.recipe import Recipe

FROM_MODELS = ("audit", "train", "mitigate", "explain", "compare", "judge", "report")
# What is about the terminal alone: it changes neither what is done nor what is written.
OF_THE_TERMINAL = {"--json", "--quiet", "--verbose", "--help", "--lang", "--identity"}


def made(command: str) -> Any:
    return typer.main.get_command(cli.app).commands[command]  # type: ignore[attr-defined]


def options_of(command: str) -> dict[str, Any]:
    """Option -> its parameter, as Typer made it."""
    return {option: p for p in made(command).params for option in p.opts if option[:2] == "--"}


def sources_of(command: str) -> tuple[Derived, ...]:
    (runs,) = (c.runs for c in commands() if c.name == command)
    return getattr(runs, "derived_from", ())


@pytest.mark.parametrize("command", FROM_MODELS)
def test_every_option_is_a_field_of_its_name(command: str) -> None:
    fields = {name for source in sources_of(command) for name in source.fields()}
    own = {"--" + name.replace("_", "-") for name in fields}
    assert set(options_of(command)) - set(SINGULAR.values()) - (OF_THE_TERMINAL - own) == own
    assert len(fields) >= 4


@pytest.mark.parametrize("command", FROM_MODELS)
def test_every_field_is_an_option_with_its_own_description(command: str) -> None:
    options, checked = options_of(command), 0
    for source in sources_of(command):
        for name, info in source.model.model_fields.items():
            held = name in source.kinds or name in source.reads or kind_of(info.annotation)
            if name in source.leave_out or not held:
                continue
            assert info.description, f"{source.model.__name__}.{name} has no description"
            told = options[f"--{name.replace('_', '-')}"].help.lower().removesuffix(".")
            assert told.startswith(info.description.lower().removesuffix("."))
            checked += 1
    assert checked >= 4


def test_one_thing_has_one_name_in_every_command() -> None:
    """What two models both have is of one kind; what they are called elsewhere is no field."""
    models = (SubjectSpec, Recipe, MitigationRequest)
    for name in ("target", "positive_label", "sensitive_features", "data", "seed"):
        kinds = {kind_of(model.model_fields[name].annotation) for model in models}
        assert len(kinds) == 1, (name, kinds)
    retired = {"sensitive", "control", "columns", "policies", "packs", "language", "test"}
    for command in FROM_MODELS:
        names = {name for source in sources_of(command) for name in source.fields()}
        assert not names & retired, command


def test_arguments_in_python_have_the_names_of_options() -> None:
    fields = {n for c in FROM_MODELS for source in sources_of(c) for n in source.model.model_fields}
    of_python = {"progress", "scored_here", "checkpoint_every"}  # a call, an object, a test's
    compared = 0
    for name in (
        "audit_model",
        "audit_predictions",
        "train",
        "judge",
        "report",
        "compare",
        "count",
    ):
        for parameter in inspect.signature(getattr(evenhand, name)).parameters.values():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                assert parameter.name in fields | of_python, f"{name}: {parameter}"
                compared += 1
    assert compared >= 25
    assert set(AuditOptions.__annotations__) <= fields


def test_a_letter_is_one_option_in_every_command() -> None:
    letters: dict[str, set[str]] = {}
    for command in typer.main.get_command(cli.app).commands:  # type: ignore[attr-defined]
        for parameter in made(command).params:
            for letter in (o for o in parameter.opts if len(o) == 2):
                letters.setdefault(letter, set()).update(set(parameter.opts) - {letter})
    assert {letter: len(names) for letter, names in letters.items()} == dict.fromkeys(letters, 1)
    assert {letters[letter].pop() for letter in LETTERS.values()} == {"--" + n for n in LETTERS}


def test_every_dial_of_a_mitigation_names_its_methods() -> None:
    for name in {name for names in DIALS.values() for name in names}:
        info = MitigationRequest.model_fields[name]
        methods = [method for method, names in DIALS.items() if name in names]
        assert all(method in (info.description or "") for method in methods), name


def test_a_new_field_is_an_option_and_its_value_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    class Parcel(BaseModel):
        weight_g: float = Field(default=2.5, description="what it weighs")
        kind: Literal["box", "bag"] | None = None
        stamps: tuple[str, ...] = ()
        is_fragile: bool = True
        is_urgent: bool = False
        by: date | None = None
        place: Path | None = None
        inner: BaseModel | None = None

    found: list[dict[str, Any]] = []
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @takes(Derived(Parcel))
    def send(to: str, *, options: dict[str, Any], twice: bool = False) -> int:
        """Sends it."""
        found.append({"to": to, "twice": twice, **options})
        return 3

    line = ["home", "--weight-g", "4", "--stamps", "a,b", "--stamps", "c", "--no-is-fragile"]
    line += ["--is-urgent", "--by", "2026-02-28", "--place", "x/y"]
    assert app([*line, "--kind", "box", "--twice"], standalone_mode=False) == 3
    assert app(["home"], standalone_mode=False) == 3
    assert found == [
        {
            "to": "home",
            "twice": True,
            "weight_g": 4.0,
            "stamps": ("a", "b", "c"),
            "is_fragile": False,
            "is_urgent": True,
            "by": date(2026, 2, 28),
            "place": Path("x/y"),
            "kind": "box",
        },
        {"to": "home", "twice": False},  # what is not passed is the model's to fill in
    ]
    app(["--help"], standalone_mode=False)
    helped = " ".join(capsys.readouterr().out.split())
    assert "What it weighs (2.5)." in helped
    assert "box, bag" in helped
    assert "--no-is-fragile" in helped
    assert "--no-is-urgent" not in helped
    assert "--inner" not in helped


TAKES, FLAG = SimpleNamespace(is_flag=False), SimpleNamespace(is_flag=True)
KNOWN = {
    "--sensitive-features": TAKES,
    "--seed": TAKES,
    "--strict": FLAG,
    "--policy": TAKES,
    "-p": TAKES,
    "--quiet": FLAG,
    "-q": FLAG,
}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["--sens", "sex", "m"], ["--sensitive-features", "sex", "m"]),
        (["--sens=sex,--se"], ["--sensitive-features=sex,--se"]),
        (["--seed", "3"], ["--seed", "3"]),
        (["--policy", "--se"], ["--policy", "--se"]),  # a value, whatever it looks like
        (["-p", "--se", "--st"], ["-p", "--se", "--strict"]),
        (["-qp", "--se"], ["-qp", "--se"]),
        (["-pq", "--st"], ["-pq", "--strict"]),  # q is the value of -p
        (["-q", "--st"], ["-q", "--strict"]),
        (["--", "--se"], ["--", "--se"]),
        (["--pack", "x"], ["--pack", "x"]),  # nothing begins so: Typer says it
        (["--policy"], ["--policy"]),
    ],
)
def test_options_may_be_shortened_to_a_beginning_of_their_own(
    typed: list[str], meant: list[str]
) -> None:
    assert list(written_out(typed, KNOWN)) == meant


def test_a_beginning_of_several_options_is_refused_with_their_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InputError, match="--se is the beginning of --seed, --sensitive-features"):
        list(written_out(["--se", "1"], KNOWN))
    assert cli.run(["audit", "--pred", "x.csv"]) == 2
    assert "--pred is the beginning of --predicted, --predictions" in capsys.readouterr().err
