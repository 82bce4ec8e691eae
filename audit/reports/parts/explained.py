"""The explanation of one person's decision in plain words."""

from __future__ import annotations

from typing import Literal

from evenhand.audit.artifacts.artifact import Cell
from evenhand.audit.artifacts.explanation import Proxy
from evenhand.audit.artifacts.person import (
    ComparedWith,
    Explanation,
    PersonChange,
    PersonReasons,
    PersonStep,
    StatedReason,
)
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import datum, number

_FROM = {"case": "ex_from.case", "now": "ex_from.now"}
# How a value stands to the reference's -> the sentence with the value, and without it.
_STANDING = {
    "below": ("ex_is_below", "ex_is_below_unsaid"),
    "above": ("ex_is_above", "ex_is_above_unsaid"),
    "different": ("ex_is_different", "ex_is_different_unsaid"),
    "given": ("ex_is_given", "ex_is_given_unsaid"),
    "missing": ("ex_is_missing_unsaid", "ex_is_missing_unsaid"),
}


def lines(told: Explanation, say: Words) -> list[str]:
    """The explanation, a sentence a line; lines that belong to a list begin with two spaces."""
    found = [_decision(told, say)]
    if not told.is_adverse:
        return [*found, say("ex_nothing_to_explain")]
    found += ["", *_reasons(told.reasons, say), "", *_change(told.change, say), ""]
    found += _from(told, say)
    if told.values_from == "nowhere":
        found.append(say("ex_no_values"))
    return [*found, say("ex_caution")]


def _from(told: Explanation, say: Words) -> list[str]:
    """Where reasons and change come from, in one line if it is the same place."""
    reasons, change = told.reasons, told.change
    if reasons and change and reasons.origin == change.origin:
        return [say("ex_both_from", how=_origin(reasons.origin, say))]
    found = []
    if reasons:
        found.append(say("ex_reasons_from", how=_origin(reasons.origin, say)))
    if change:
        found.append(say("ex_change_from", how=_origin(change.origin, say)))
    return found


def _origin(origin: Literal["case", "now"], say: Words) -> str:
    return say(_FROM[origin])


def _decision(told: Explanation, say: Words) -> str:
    decided = say("ex_adverse" if told.is_adverse else "ex_favourable")
    line = say("ex_row", row=told.row, data=told.data, decided=decided)
    if told.score is None:
        return line
    if told.needed is None:
        return line + say("ex_score", score=number(told.score))
    return line + say("ex_score_needed", score=number(told.score), needed=number(told.needed))


def _reasons(reasons: PersonReasons | None, say: Words) -> list[str]:
    if reasons is None:
        return [say("ex_reasons_not_held")]
    lines = [say("ex_reasons", reference=_compared_with(reasons.reference, say))]
    if not reasons.reference.is_favourable:
        lines.append(say("ex_reference_refused"))
    if not reasons.listed:
        return [*lines, "  " + say("ex_no_reason")]
    for position, reason in enumerate(reasons.listed, start=1):
        line = f"  {position}. " + _standing(reason, say)
        line += say("ex_push", push=number(reason.push))
        tested = "ex_rise" if reason.rise > 0 else "ex_no_rise"
        line += say(tested, rise=number(abs(reason.rise)))
        if reason.proxy:
            line += _proxy(reason.proxy, say)
        lines.append(line)
    if reasons.sensitive:
        lines.append(say("ex_sensitive", features=say.listed(list(reasons.sensitive))))
    return lines


def _standing(reason: StatedReason, say: Words) -> str:
    """How the person's value stands to the reference's, with the value where it is known."""
    known = reason.has_value and reason.compared != "missing"
    return say(
        _STANDING[reason.compared][0 if known else 1],
        column=reason.column,
        reference=cell(reason.reference, say),
        value=cell(reason.value, say),
    )


def _change(changed: PersonChange | None, say: Words) -> list[str]:
    if changed is None:
        return [say("ex_change_not_held")]
    if not changed.is_found:
        return [say("ex_no_change")]
    found = [say("ex_change"), *("  - " + _step(change, say) for change in changed.changes)]
    cost = say(
        "ex_cost",
        cost=cell(changed.cost, say) if changed.cost is None else number(changed.cost),
        distance=cell(changed.distance, say)
        if changed.distance is None
        else number(changed.distance),
        count=len(changed.changes),
    )
    if changed.plausibility is not None:
        cost += say("ex_plausible", share=number(changed.plausibility))
    return [*found, cost]


def _step(change: PersonStep, say: Words) -> str:
    column = change.column
    own, to = cell(change.own, say), cell(change.to, say)
    if change.by is not None:
        by = ("+" if change.by > 0 else "−") + number(abs(change.by))
        if change.has_own and change.to is not None:
            return say("ex_from_to_by", column=column, own=own, to=to, by=by)
        return say("ex_by", column=column, by=by)
    if change.has_own:
        return say("ex_from_to", column=column, own=own, to=to)
    return say("ex_to", column=column, to=to)


def _compared_with(reference: ComparedWith, say: Words) -> str:
    typical = say("ex_typical", rows=f"{reference.favourable_rows:,}")
    if not reference.declared:
        return typical
    return say("ex_declared", columns=say.listed(list(reference.declared)), typical=typical)


def _proxy(proxy: Proxy, say: Words) -> str:
    if proxy.auc is None:
        return say("ex_proxy_declared")
    auc = number(proxy.auc)
    return say("ex_proxy_found", auc=auc, feature=proxy.feature, group=proxy.group)


def cell(value: Cell, say: Words) -> str:
    """A value of a column as people read it."""
    if value is None:
        return say("ex_no_value")
    if isinstance(value, float | int) and not isinstance(value, bool):
        return datum(value)
    return f"“{value}”"
