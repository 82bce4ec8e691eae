"""Conditions as data: does a pack or an item apply to a case?

Three-valued: an unknown fact makes a condition unknown unless the answer is the same whatever the
fact is (``all`` with a false part is false). Unknown is never taken for false.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from evenhand.audit.words.text import short
from evenhand.policies.schema import Condition, Pack
from evenhand.policies.words import say


class FactError(Exception):
    """A condition that cannot be decided: a fact is unknown, or has a value that can't be compared.

    ``missing`` names every fact that nobody declared; none where a declared value is the trouble.
    """

    def __init__(self, en: str, zh: str, missing: Sequence[str] = ()) -> None:
        super().__init__(en)
        self.missing = tuple(missing)
        self.words = say(short(en), short(zh))


def unknown(facts: Iterable[str]) -> FactError:
    """The error for facts that nobody declared."""
    named = list(dict.fromkeys(facts))
    if len(named) == 1:
        return FactError(f"the fact {named[0]} is unknown", f"事实 {named[0]} 未知", named)
    return FactError(
        f"the facts {', '.join(named)} are unknown", f"事实 {'、'.join(named)} 未知", named
    )


def applies(condition: Condition | None, facts: Mapping[str, Any]) -> bool:
    """Whether ``condition`` holds; no condition always does.

    Raises FactError where a fact that matters is unknown or has a value that cannot be compared.
    """
    if condition is None:
        return True
    if condition.fact is not None:
        return _compare(condition, facts)
    if condition.not_ is not None:
        return not applies(condition.not_, facts)
    if condition.all_ is not None:
        return _combine(condition.all_, facts, decisive=False)
    return _combine(condition.any_ or (), facts, decisive=True)


def _combine(parts: tuple[Condition, ...], facts: Mapping[str, Any], *, decisive: bool) -> bool:
    errors: list[FactError] = []
    for part in parts:
        try:
            if applies(part, facts) is decisive:
                return decisive
        except FactError as error:
            errors.append(error)
    for one in errors:
        if not one.missing:
            raise one
    if errors:
        raise unknown(fact for one in errors for fact in one.missing)
    return not decisive


def _compare(condition: Condition, facts: Mapping[str, Any]) -> bool:
    fact = str(condition.fact)
    if fact not in facts:
        raise unknown([fact])
    value = _plain(facts[fact])
    operator = next(iter(condition.model_fields_set - {"fact"}))
    wanted = _plain(getattr(condition, operator))
    if operator == "eq":
        return _same(value, wanted)
    if operator == "ne":
        return not _same(value, wanted)
    if operator == "in_":
        return any(_same(value, one) for one in wanted)
    if operator == "contains":
        if not isinstance(value, list | str):
            raise FactError(
                f"the fact {fact} is {value!r}: neither a list nor text",
                f"事实 {fact} 为 {value!r}：既非列表也非文本",
            )
        listed = value.split(",") if isinstance(value, str) else value
        return any(_same(one.strip() if isinstance(one, str) else one, wanted) for one in listed)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FactError(
            f"the fact {fact} is {value!r}: not a number", f"事实 {fact} 为 {value!r}：不是数字"
        )
    holds = {
        "lt": value < wanted,
        "lte": value <= wanted,
        "gt": value > wanted,
        "gte": value >= wanted,
    }
    return holds[operator]


def _plain(value: Any) -> Any:
    """Dates as text and sequences as lists: a plan is JSON, a pack is YAML."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _same(left: Any, right: Any) -> bool:
    """Equality that keeps true apart from 1."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def defaults(pack: Pack) -> dict[str, Any]:
    """The facts that the pack takes for granted where nobody declares them."""
    return {
        key: parameter.default
        for key, parameter in pack.parameters.items()
        if "default" in parameter.model_fields_set
    }


def facts_for(pack: Pack, declared: Mapping[str, Any]) -> dict[str, Any]:
    """The case's facts, with the defaults that the pack's parameters state.

    Raises FactError where a required parameter is missing or a value is not among its ``enum``.
    """
    facts = {**defaults(pack), **declared}
    lacking = [k for k, parameter in pack.parameters.items() if parameter.required]
    lacking = [key for key in lacking if key not in facts]
    if lacking:
        raise unknown(lacking)
    for key, parameter in pack.parameters.items():
        if key not in facts:
            continue
        allowed = parameter.enum
        if allowed is not None and not any(_same(_plain(facts[key]), _plain(v)) for v in allowed):
            listed = ", ".join(str(v) for v in allowed)
            raise FactError(
                f"the fact {key} is {facts[key]!r}; the pack knows: {listed}",
                f"事实 {key} 为 {facts[key]!r}；规则包允许：{listed}",
            )
    return facts
