"""evenhand mask: a table whose people can't be told apart, and what that costs a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, of, takes
from evenhand.audit.commands.parts.tables import measured, show, table
from evenhand.audit.data.written.declared import READS, Reading
from evenhand.audit.errors import FAILED, OK, InputError
from evenhand.audit.masking.plan import MaskPlan
from evenhand.audit.words.numbers import estimate, in_percent, number
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    from evenhand.audit.masking.cost import GroupLeftOut, UtilityCost
    from evenhand.audit.masking.mask import MaskedTable


@takes(
    Derived(MaskPlan, leave_out=("columns", "chosen")),
    Derived(Reading, reads=READS),
)
def mask(
    data: Annotated[str, typer.Argument(metavar="DATA", help="The rows: a file or a database.")],
    *,
    options: dict[str, Any],
    plan: Annotated[
        Path | None,
        typer.Option(
            help="The plan (YAML); without it levels are made from the cells. One that a mask "
            "wrote recodes these rows in just the same way."
        ),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Columns to leave out, beside the plan's.")
    ] = None,
    tokenise: Annotated[
        list[str] | None, typer.Option(help="Columns of names to replace by keyed tokens.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Say what the mask costs a model of this column.")
    ] = None,
    sensitive_features: Annotated[
        list[str] | None, typer.Option(help="Columns by whose groups the cost is said too.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write.")] = None,
    as_json: sh.Json = False,
) -> int:
    """Generalise, drop, tokenise or perturb columns until k, l and t hold, losing the least.

    Writes the masked rows, the plan with the levels that were chosen, and what was measured before
    and after. Exit 1 where a plan that was made for other rows does not hold for these.
    """
    from evenhand.audit.case.secret import own_secret
    from evenhand.audit.data.reading.read import read_table
    from evenhand.audit.data.written.declared import make_reading, parts_of
    from evenhand.audit.masking.cost import left_out_by_group, utility_cost
    from evenhand.audit.masking.mask import mask as masked_by
    from evenhand.audit.masking.writing import mask_record, write_mask
    from evenhand.audit.register.register import home

    asked = _plan(plan, of(MaskPlan, options), drop, tokenise)
    rows = read_table(data, make_reading(of(Reading, options), "the command line"))
    made = masked_by(rows, asked, own_secret(home() / "keys"))
    features = [c for text in sensitive_features or () for c in parts_of(text)]
    costs = utility_cost(rows, made, target, features) if target else ()
    left_out = left_out_by_group(rows, made, features)
    record = mask_record(made, data, costs, left_out)
    if out is not None:
        write_mask(made, record, data, out)
    code = OK if made.holds else FAILED
    if as_json:
        sh.print_json({**record, "out": None if out is None else str(out), "exit_code": code})
        return code
    _show(made)
    _show_levels(made, left_out)
    _show_costs(costs)
    if not made.holds:
        sh.say(
            phrase(
                "the plan was made for other rows, and what it asks for does not hold for these: "
                "take out chosen to search again, or publish them together with those rows"
            )
        )
    if out is None:
        sh.say(phrase("nothing was written: pass --out FOLDER"))
    else:
        show(phrase("written: {out}", out=sh.safe(out)))
    return code


def _plan(
    file: Path | None,
    options: dict[str, Any],
    drop: Sequence[str] | None,
    tokenise: Sequence[str] | None,
) -> MaskPlan:
    """The plan of the file with what the options say instead."""
    from evenhand.audit.data.written.declared import parts_of
    from evenhand.audit.masking.plan import make_plan, read_plan

    base = {} if file is None else read_plan(file).to_json()
    columns = dict(base.get("columns", {}))
    for names, action in ((drop, "drop"), (tokenise, "tokenise")):
        columns |= {c: action for text in names or () for c in parts_of(text)}
    given = {**base, **options, "columns": columns}
    if not given.get("quasi_identifiers"):
        raise InputError(
            "nothing says which columns somebody outside can know of a person",
            remedy="name them: --quasi-identifiers age,zip,sex, or in a --plan",
        )
    return make_plan(given, str(file or "the command line"))


def _show(made: MaskedTable) -> None:
    before, after = made.before, made.after
    shown = table(
        phrase("What the table tells of its people"), ["measure", "before", "after", "must be"]
    )
    shown.add_row(measured("k_anonymity"), f"{before.k}", f"{after.k}", f"≥ {made.plan.k}")
    for name in ("unique_rate", "small_class_rate"):
        ends = (in_percent(getattr(each, name)) for each in (before, after))
        shown.add_row(measured(name), *ends, "")
    for column, had in before.confidential.items():
        now = after.confidential[column]
        name = f"{measured('l_diversity')}: {sh.safe(column)}"
        shown.add_row(name, f"{had.distinct}", f"{now.distinct}", f"≥ {made.plan.l}")
        name = f"{measured('t_closeness')}: {sh.safe(column)}"
        limit = "" if made.plan.t is None else f"≤ {number(made.plan.t)}"
        shown.add_row(name, number(had.distance), number(now.distance), limit)
    show(shown)


def _show_levels(made: MaskedTable, left_out: Sequence[GroupLeftOut]) -> None:
    assert made.plan.chosen is not None
    for column, level in made.plan.chosen.items():
        most = len(made.plan.levels(column))
        show(
            phrase(
                "{column}: level {level} of {most}", column=sh.safe(column), level=level, most=most
            )
        )
    n_out = made.before.n_rows - made.after.n_rows
    share = in_percent(n_out / made.before.n_rows)
    show(phrase("rows left out: {n} ({share})", n=n_out, share=share))
    for one in (each for each in left_out if each.n_left_out):
        show(
            phrase(
                "  of {group}: {n_out} of {n} ({share})",
                group=sh.safe("=".join(one.group)),
                n_out=one.n_left_out,
                n=one.n,
                share=in_percent(one.n_left_out / one.n),
            )
        )
    if made.searched is not None and not made.searched.is_exact:
        show(
            phrase(
                "{n} combinations of levels were tried; another may lose less",
                n=made.searched.n_tried,
            )
        )


def _show_costs(costs: Sequence[UtilityCost]) -> None:
    if not costs:
        return
    lost = table(
        phrase("What it costs a model"), ["measure", "over", "before", "after", "difference"]
    )
    for one in costs:
        own = one.difference
        ends = None if own is None else (own.low, own.high)
        over = phrase("all rows") if one.group is None else sh.safe("=".join(one.group))
        apart = estimate(one.after - one.before, ends, one.measure)
        lost.add_row(measured(one.measure), over, number(one.before), number(one.after), apart)
    show(lost)


COMMANDS = (Command("mask", mask, order=15),)
