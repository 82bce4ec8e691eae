"""The explanation of one person's decision in plain words, from ``evenhand.audit.run.one_person``'s
record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import number

_FROM = {"case": "ex_from.case", "now": "ex_from.now"}
# How a value stands to the reference's -> the sentence with the value, and without it.
_STANDING = {
    "below": ("ex_is_below", "ex_is_below_unsaid"),
    "above": ("ex_is_above", "ex_is_above_unsaid"),
    "different": ("ex_is_different", "ex_is_different_unsaid"),
    "given": ("ex_is_given", "ex_is_given_unsaid"),
    "missing": ("ex_is_missing_unsaid", "ex_is_missing_unsaid"),
}


def lines(told: Mapping[str, Any], say: Words) -> list[str]:
    """The explanation, a sentence a line; lines that belong to a list begin with two spaces."""
    found = [_decision(told, say)]
    if not told["is_adverse"]:
        return [*found, say("ex_nothing_to_explain")]
    found += ["", *_reasons(told["reasons"], say), "", *_change(told["change"], say), ""]
    found += _from(told, say)
    if told["values_from"] == "nowhere":
        found.append(say("ex_no_values"))
    return [*found, say("ex_caution")]


def _from(told: Mapping[str, Any], say: Words) -> list[str]:
    """Where reasons and change come from, in one line if it is the same place."""
    parts = {k: told[k]["from"] for k in ("reasons", "change") if told[k] is not None}
    if len(set(parts.values())) == 1 and len(parts) == 2:
        return [say("ex_both_from", how=say(_FROM[parts["reasons"]]))]
    keys = {"reasons": "ex_reasons_from", "change": "ex_change_from"}
    return [say(keys[part], how=say(_FROM[place])) for part, place in parts.items()]


def _decision(told: Mapping[str, Any], say: Words) -> str:
    decided = say("ex_adverse" if told["is_adverse"] else "ex_favourable")
    line = say("ex_row", row=told["row"], data=told["data"], decided=decided)
    if told["score"] is None:
        return line
    if told["needed"] is None:
        return line + say("ex_score", score=number(told["score"]))
    return line + say(
        "ex_score_needed",
        score=number(told["score"]),
        needed=number(told["needed"]),
    )


def _reasons(told: Mapping[str, Any] | None, say: Words) -> list[str]:
    if told is None:
        return [say("ex_reasons_not_held")]
    reference = told["reference"]
    found = [say("ex_reasons", reference=_compared_with(reference, say))]
    if not reference["is_favourable"]:
        found.append(say("ex_reference_refused"))
    if not told["listed"]:
        return [*found, "  " + say("ex_no_reason")]
    for position, reason in enumerate(told["listed"], start=1):
        line = f"  {position}. " + _standing(reason, say)
        line += say("ex_push", push=number(reason["push"]))
        rise = reason["rise"]
        tested = "ex_rise" if rise > 0 else "ex_no_rise"
        line += say(tested, rise=number(abs(rise)))
        if reason["proxy"]:
            line += _proxy(reason["proxy"], say)
        found.append(line)
    if told["sensitive"]:
        found.append(say("ex_sensitive", features=say.listed(list(told["sensitive"]))))
    return found


def _standing(reason: Mapping[str, Any], say: Words) -> str:
    """How the person's value stands to the reference's, with the value where it is known."""
    values = {
        "column": reason["column"],
        "reference": cell(reason["reference"], say),
        "value": cell(reason.get("value"), say),
    }
    known = "value" in reason and reason["compared"] != "missing"
    return say(_STANDING[reason["compared"]][0 if known else 1], **values)


def _change(told: Mapping[str, Any] | None, say: Words) -> list[str]:
    if told is None:
        return [say("ex_change_not_held")]
    if not told["is_found"]:
        return [say("ex_no_change")]
    found = [say("ex_change")]
    for change in told["changes"]:
        found.append("  - " + _step(change, say))
    cost = say(
        "ex_cost",
        cost=number(told["cost"]),
        distance=number(told["distance"]),
        count=len(told["changes"]),
    )
    if told["plausibility"] is not None:
        cost += say("ex_plausible", share=number(told["plausibility"]))
    return [*found, cost]


def _step(change: Mapping[str, Any], say: Words) -> str:
    column = change["column"]
    if "by" in change:
        by = ("+" if change["by"] > 0 else "−") + number(abs(change["by"]))
        if "own" in change and "to" in change:
            return say(
                "ex_from_to_by",
                column=column,
                own=cell(change["own"], say),
                to=cell(change["to"], say),
                by=by,
            )
        return say("ex_by", column=column, by=by)
    if "own" in change:
        return say(
            "ex_from_to",
            column=column,
            own=cell(change["own"], say),
            to=cell(change["to"], say),
        )
    return say("ex_to", column=column, to=cell(change["to"], say))


def _compared_with(reference: Mapping[str, Any], say: Words) -> str:
    typical = say("ex_typical", rows=f"{reference['favourable_rows']:,}")
    if not reference["declared"]:
        return typical
    return say("ex_declared", columns=say.listed(reference["declared"]), typical=typical)


def _proxy(proxy: Mapping[str, Any], say: Words) -> str:
    if proxy["auc"] is None:
        return say("ex_proxy_declared")
    shown = {k: proxy[k] for k in ("feature", "group")}
    return say("ex_proxy_found", auc=number(proxy["auc"]), **shown)


def cell(value: Any, say: Words) -> str:
    """A value of a column as people read it."""
    if value is None:
        return say("ex_no_value")
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}"
    return f"“{value}”"
