"""evenhand compare: two models on the same rows, group by group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.api.settings import Comparing, Language
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, of, takes
from evenhand.audit.commands.parts.tables import group_text, measured
from evenhand.audit.errors import OK, InputError, nearest
from evenhand.audit.words.numbers import estimate, number, p_value, signed
from evenhand.audit.words.phrases import current_language, phrase
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    from evenhand.audit.comparing.compare import Comparison, Paired
    from evenhand.audit.comparing.drift import ExplanationDrift


@takes(Derived(Comparing), Derived(Language))
def compare(
    case_a: Annotated[Path, typer.Argument(metavar="CASE_A", help="The case in question.")],
    case_b: Annotated[Path, typer.Argument(metavar="CASE_B", help="The case it is held against.")],
    *,
    options: dict[str, Any],
    as_json: sh.Json = False,
) -> int:
    """Compare two models on the same rows: per group, McNemar's test and paired intervals."""
    from evenhand.audit.comparing.compare import compare as pair

    how, lang = Comparing(**of(Comparing, options)), options.get("lang", current_language())
    if not 0.5 < how.level < 1:
        raise InputError(
            "level {level} must lie between 0.5 and 1", remedy="pass e.g. 0.95", level=how.level
        )
    _check_output(how.format, lang, how.out, as_json=as_json)
    from evenhand.audit.comparing.drift import explanation_drift

    (a, of_a), (b, of_b) = sh.opened(case_a), sh.opened(case_b)
    found = pair(a, b, level=how.level, id=how.id, data=(how.data_a, how.data_b))
    drift = explanation_drift(a, b, level=how.level)
    document = {**found.to_json(), "explanations": drift.to_json()}
    if as_json:
        stands = {"a": of_a.to_json(), "b": of_b.to_json()}
        sh.print_json({**document, "standing": stands, "exit_code": OK})
    elif how.format == "table":
        show_comparison(found)
        show_drift(drift)
    else:
        _write(document, how.format, lang, how.out, (case_a, case_b))
    return OK


def _check_output(format: str, lang: str, out: Path | None, *, as_json: bool) -> None:
    """Says what can't be written before anything is compared."""
    from evenhand.audit.reports.parts.comparison import FORMATS
    from evenhand.audit.reports.parts.words import LANGUAGES

    for what, given, known in (
        ("format", format, ("table", *FORMATS)),
        ("language", lang, LANGUAGES),
    ):
        if given not in known:
            raise InputError(
                "comparisons are not written in {what} {given!r}",
                remedy=nearest(given, known),
                what=what,
                given=given,
            )
    if out is not None and (as_json or format == "table"):
        raise InputError(
            "{out} would be written in no format", remedy="pass --format markdown or html", out=out
        )


def _write(
    document: dict[str, Any], format: str, lang: str, out: Path | None, cases: tuple[Path, Path]
) -> None:
    from evenhand.audit.reports.parts.comparison import render_comparison

    made = render_comparison(document, format, lang=lang)
    if out is not None and out.resolve().is_relative_to(cases[0].resolve()):
        raise InputError("{out} lies inside a sealed case", remedy="write it elsewhere", out=out)
    sh.write_bytes(made, out, avoid=cases[1])
    if out is not None:
        sh.say(phrase("wrote {out}", out=out))


def show_drift(comparison: ExplanationDrift) -> None:
    """How alike the two models' explanations of the same rows are."""
    from evenhand.audit.commands.parts.tables import show, table

    drift = comparison.drift
    if drift is None:
        show(phrase("Explanations are not compared: {reason_}", reason_=render(comparison.reason)))
        return
    made = table(
        phrase("explanations of {n} rows under A and B", n=comparison.n),
        ["what", "value", "meaning"],
    )
    rows = (
        ("rank correlation", drift.rank_correlation, "1: columns in the same order"),
        (f"top {drift.k} overlap", drift.top_k_overlap, "1: the same columns on top"),
        ("change", drift.change, "sum of |A - B| over sum of |B|; 0: the same attributions"),
    )
    for name, part, meaning in rows:
        if part.value is None:
            made.add_row(name, "–", sh.safe(render(part.reason)))
            continue
        interval = part.interval.model_dump() if part.interval else None
        made.add_row(name, sh.interval_text(part.value, interval), meaning)
    show(made)
    known = {c: (a, b) for c, (a, b) in drift.shares.items() if a is not None and b is not None}
    moved = sorted(known, key=lambda c: (-abs(known[c][0] - known[c][1]), c))[:3]
    told = "; ".join(f"{c} {number(known[c][0])}, {number(known[c][1])}" for c in moved)
    if told:
        show(phrase("Shares of attribution that differ most, under A and B: {told}", told=told))
    if comparison.note:
        show(render(comparison.note))


def show_comparison(comparison: Comparison) -> None:
    """The table and what follows from it: every single group, and crossings that changed."""
    from evenhand.audit.commands.parts.tables import show, table

    a, b = (sh.safe(name) for name in comparison.names)
    made = table(
        phrase("A = {a}, B = {b}, {n} rows, paired", a=a, b=b, n=comparison.n),
        ["group", "measure", "n", "A", "B", "A - B", "p (Holm)", "outcome"],
    )
    left = 0
    for result in comparison.results:
        if len(result.group) > 1 and result.outcome in ("none shown", "undefined"):
            left += 1
            continue
        made.add_row(*_row(result))
    show(made)
    if comparison.how:
        show(sh.safe(render(comparison.how)))
    if left:
        show(phrase("{left} results of crossings without a change are in --json", left=left))
    show(sentence(comparison))


def sentence(found: Comparison) -> str:
    """What may be said about groups that got worse: never more than was shown."""
    level = number(found.level)
    if not found.worse:
        return (
            f"No group was shown to be worse off under A (McNemar, Holm, {level}). "
            "In small groups much can go unseen: read the intervals."
        )
    named = "; ".join(
        f"{group_text(r)}: {measured(r.measure)} {signed(r.difference or 0.0)}" for r in found.worse
    )
    return sh.safe(f"Worse under A (McNemar, Holm, {level}): {named}")


def _row(result: Paired) -> list[str]:
    name = sh.safe(group_text(result))
    if result.difference is None or result.p_adjusted is None:
        return [
            name,
            measured(result.measure),
            str(result.n),
            "–",
            "–",
            "–",
            "–",
            sh.safe(render(result.reason)),
        ]
    interval = result.interval.model_dump() if result.interval else None
    return [
        name,
        measured(result.measure),
        str(result.n),
        estimate(result.a, None, result.measure),
        estimate(result.b, None, result.measure),
        sh.interval_text(result.difference, interval),
        p_value(result.p_adjusted),
        result.outcome,
    ]


COMMANDS = (Command("compare", compare, order=90),)
