"""evenhand compare: two models on the same rows, group by group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.commands import shared as sh
from audit.errors import OK, InputError

if TYPE_CHECKING:
    from audit.compare import Comparison, Paired


def compare(
    case_a: Annotated[Path, typer.Argument(metavar="CASE_A", help="The case in question.")],
    case_b: Annotated[Path, typer.Argument(metavar="CASE_B", help="The case it is held against.")],
    level: Annotated[float, typer.Option(help="Confidence level.")] = 0.95,
    as_json: sh.Json = False,
) -> int:
    """Compare two models on the same rows: per group, McNemar's test and paired intervals."""
    from audit.case import read_case
    from audit.compare import compare as pair

    if not 0.5 < level < 1:
        raise InputError(f"level {level} must lie between 0.5 and 1", remedy="pass e.g. 0.95")
    found = pair(read_case(case_a), read_case(case_b), level=level)
    if as_json:
        sh.print_json({**found.to_json(), "exit_code": OK})
        return OK
    show_comparison(found)
    return OK


def show_comparison(found: Comparison) -> None:
    """The table and what follows from it: every single group, and crossings that changed."""
    from audit.commands.tables import show, table

    a, b = (sh.safe(c.subject["name"]) for c in (found.a, found.b))
    made = table(
        f"A = {a}, B = {b}, {found.n} rows, paired",
        ["group", "measure", "n", "A", "B", "A - B", "p (Holm)", "outcome"],
    )
    left = 0
    for result in found.results:
        if len(result.group) > 1 and result.outcome in ("none shown", "undefined"):
            left += 1
            continue
        made.add_row(*_row(result))
    show(made)
    if left:
        show(f"{left} results of crossings without a change are in --json")
    show(sentence(found))


def sentence(found: Comparison) -> str:
    """What may be said about groups that got worse: never more than was shown."""
    level = f"{found.level:.3g}"
    if not found.worse:
        return (
            f"No group was shown to be worse off under A (McNemar, Holm, {level}). "
            "In small groups much can go unseen: read the intervals."
        )
    named = "; ".join(f"{group_text(r)}: {r.measure} {r.difference:+.3g}" for r in found.worse)
    return sh.safe(f"Worse under A (McNemar, Holm, {level}): {named}")


def group_text(result: Paired) -> str:
    """``race=black, sex=F``, or ``all rows``."""
    return ", ".join(f"{k}={v}" for k, v in result.group.items()) or "all rows"


def _row(result: Paired) -> list[str]:
    name = sh.safe(group_text(result))
    if result.difference is None or result.p_adjusted is None:
        return [name, result.measure, str(result.n), "–", "–", "–", "–", sh.safe(result.reason)]
    interval = result.interval.model_dump() if result.interval else None
    return [
        name,
        result.measure,
        str(result.n),
        f"{result.a:.3g}",
        f"{result.b:.3g}",
        sh.interval_text(result.difference, interval),
        f"{result.p_adjusted:.3g}",
        result.outcome,
    ]
