"""evenhand formats: which models can be opened, how far each is trusted, how to save one so; and
which documents are made."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.errors import OK, InputError, nearest
from evenhand.audit.words.phrases import phrase

_TRUST_SAYS = {
    "data": "read as data",
    "native": "data, read by a parser in C++",
    "code": "a program",
    "pickle": "runs any code: --allow-pickle only",
    "endpoint": "not opened",
}


def formats(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A format, for its card.")
    ] = None,
    as_json: sh.Json = False,
) -> int:
    """List the model formats that are opened, and how, and the formats of reports; or show one
    model format's card."""
    cards = _cards()
    if name is not None:
        return _show_card(cards, name, as_json=as_json)
    if as_json:
        sh.print_json({"formats": cards, "refused": _refused(), "reports": _reports()})
        return OK
    from evenhand.audit.commands.parts.tables import show, table

    made = table(
        "Model formats", ["format", "opening it", "isolation", "extra", "gradients", "told by"]
    )
    for card in cards:
        made.add_row(
            card["name"],
            card["trust_says"],
            card["least_isolation"] or "–",
            card["extra"] or "–",
            "yes" if card["gradients"] else "no",
            card["recognised_by"],
        )
    show(made)
    refused = table("Refused, with a way to one of them", ["format", "what to do"])
    for one in _refused():
        refused.add_row(one["format"], one["remedy"])
    show(refused)
    reports = table("Report formats (evenhand report --format NAME)", ["format", "file", "what"])
    for one in _reports():
        reports.add_row(one["name"], one["suffix"], one["about"])
    show(reports)
    show("Isolation: least level at which it is opened; evenhand doctor says which one is here.")
    show("How to save a model so: evenhand formats NAME")
    return OK


def _cards() -> list[dict[str, Any]]:
    from evenhand.audit.models import endpoint
    from evenhand.audit.models.catalogue import formats as known

    order = list(_TRUST_SAYS)
    cards = [_card(f) for f in known()] + [_card(endpoint)]
    return sorted(cards, key=lambda c: (order.index(c["trust"]), c["name"]))


def _card(model_format: Any) -> dict[str, Any]:
    """A format's card; third parties' formats may leave out all but NAME and TRUST."""
    from evenhand.audit.worker.isolation.levels import LEAST

    trust = getattr(model_format, "TRUST", "endpoint")
    least = LEAST.get(trust)
    depends = hasattr(model_format, "trust")
    says = _TRUST_SAYS.get(trust, trust)
    return {
        "name": model_format.NAME,
        "trust": trust,
        "trust_says": "as the file in it" if depends else says,
        "about": getattr(model_format, "ABOUT", ""),
        "least_isolation": least.name if least is not None else "",
        "extra": getattr(model_format, "EXTRA", ""),
        "is_installed": _is_installed(model_format),
        "recognised_by": getattr(model_format, "RECOGNISED_BY", ""),
        "gradients": bool(getattr(model_format, "GRADIENTS", False)),
        "declares": sorted(getattr(model_format, "DECLARES", ())),
        "save": getattr(model_format, "SAVE", ""),
    }


def _is_installed(model_format: Any) -> bool:
    """Whether its libraries are here, without importing them."""
    from importlib.util import find_spec

    if not getattr(model_format, "EXTRA", ""):
        return True
    roots = {module.split(".")[0] for module in getattr(model_format, "PRELOAD", ())}
    return all(find_spec(root) is not None for root in roots)


def _refused() -> list[dict[str, str]]:
    from evenhand.audit.models.unpickling.refused import RECIPES

    return [{"format": name, "remedy": remedy} for name, remedy in RECIPES]


def _reports() -> list[dict[str, str]]:
    from evenhand.audit.reports import FORMATS

    return [
        {"name": name.replace("_", "-"), "suffix": made.SUFFIX, "about": made.DESCRIPTION}
        for name, made in FORMATS.items()
    ]


def _show_card(cards: list[dict[str, Any]], name: str, *, as_json: bool) -> int:
    from evenhand.audit.commands.parts.tables import show

    found = [c for c in cards if c["name"] == name]
    if not found:
        raise InputError(
            "no model format {name!r}", remedy=nearest(name, [c["name"] for c in cards]), name=name
        )
    (card,) = found
    if as_json:
        sh.print_json(card)
        return OK
    show(phrase("{name}: {about}", name=card["name"], about=card["about"]))
    show(
        phrase("Told by: {recognised_by}", recognised_by=card["recognised_by"] or "its own module")
    )
    least = f"; least isolation {card['least_isolation']}" if card["least_isolation"] else ""
    show(phrase("Opening it: {trust_says}{least}", trust_says=card["trust_says"], least=least))
    if card["extra"]:
        here = "installed" if card["is_installed"] else "not installed here"
        show(
            phrase(
                "Needs: pip install 'evenhand[{extra}]' ({here})", extra=card["extra"], here=here
            )
        )
    show(
        phrase(
            "Gradients for explanations: {value}",
            value="yes, where it is a network" if card["gradients"] else "no",
        )
    )
    if card["declares"]:
        show(
            phrase(
                "Can be declared in subject.yaml: {declares}", declares=", ".join(card["declares"])
            )
        )
    if card["save"]:
        show("How to save a model so:")
        for line in card["save"].splitlines():
            show(line)
    return OK


COMMANDS = (Command("formats", formats, order=150),)
