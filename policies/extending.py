"""House packs: a pack that extends another may add to it and tighten it, never loosen it.

What it changed is worked out here, item by item, and kept in the pack as it is judged and sealed
into a case (``extended``), so that nobody has to compare two files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evenhand.policies.demands import Requirement, declared_reference
from evenhand.policies.schema import Attest, Change, Extended, Item, Pack, add_duration
from evenhand.policies.verdict import SEVERITIES

_OBLIGATIONS = ("may", "should", "must")
_ON_SMALL = ("exclude-and-report", "inconclusive", "fail")
_SCOPES = ("org", "system", "model")
_MERGED = ("check", "attest", "on_fail", "clause", "title", "text", "ci")
# Wording helps the reader and decides nothing.
_WORDING = ("title", "text", "on_fail", "note", "crosswalk", "clause")


class LoosenedError(ValueError):
    """An item of a house pack that asks for less than the item it extends."""

    def __init__(self, item: str, message: str) -> None:
        super().__init__(message)
        self.item = item


def merge(base: Pack, own: Mapping[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    """The data of the pack that ``own`` makes of ``base``; ``items`` are its own items, complete
    but for those that name an item of ``base``, which give only what differs."""
    data = base.model_dump(mode="json", by_alias=True, exclude_none=True)
    changed = {str(item.get("id")): item for item in items}
    inherited = [_overlaid(item, changed.get(item["id"], {})) for item in data["items"]]
    known = {item["id"] for item in data["items"]}
    return {
        **{k: v for k, v in data.items() if k in ("applies_when", "languages", "kind")},
        **{k: v for k, v in own.items() if k not in ("extends", "defaults")},
        "sources": {**data.get("sources", {}), **(own.get("sources") or {})},
        "parameters": {**data.get("parameters", {}), **(own.get("parameters") or {})},
        "items": inherited + [item for item in items if item.get("id") not in known],
    }


def _overlaid(base: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in own.items():
        both = isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
        result[key] = _overlaid(base[key], value) if both and key in _MERGED else value
    return result


def extended(base: Pack, pack: Pack) -> Extended:
    """What ``pack`` changed of ``base``. Raises LoosenedError where it asks for less."""
    changes: list[Change] = []
    if pack.applies_when != base.applies_when:
        raise LoosenedError("", "applies_when of the extended pack can't be changed")
    for name, parameter in base.parameters.items():
        if pack.parameters.get(name) != parameter:
            raise LoosenedError("", f"the parameter {name} of the extended pack can't be changed")
    for item in pack.items:
        before = base.item(item.id)
        if before is None:
            changes.append(Change(item=item.id, part="item", before=None, after="added"))
        else:
            changes += _changes(before, item)
    return Extended(id=base.id, version=base.version, digest=base.digest, changes=tuple(changes))


def _changes(before: Item, after: Item) -> Iterator[Change]:
    for part, old, new in _differences(before, after):
        if part.partition(".")[0] not in _WORDING and not _is_tighter(part, old, new, after):
            raise LoosenedError(
                after.id,
                f"{part} goes from {_shown(old)} to {_shown(new)}, which is no tightening",
            )
        yield Change(item=after.id, part=part, before=_shown(old), after=_shown(new))


def _differences(before: Item, after: Item) -> Iterator[tuple[str, Any, Any]]:
    for name in Item.model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if name in ("check", "attest") and old is not None and new is not None:
            for field in type(new).model_fields:
                one, two = getattr(old, field), getattr(new, field)
                if one != two:
                    yield f"{name}.{field}", one, two
        elif old != new:
            yield name, old, new


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return str(value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value)


def _is_tighter(part: str, old: Any, new: Any, item: Item) -> bool:
    rule = _RULES.get(part)
    return rule is not None and rule(old, new, item)


def _rank(order: tuple[str, ...]) -> Callable[[Any, Any, Item], bool]:
    return lambda old, new, item: order.index(new) > order.index(old)


def _threshold(old: Any, new: Any, item: Item) -> bool:
    check = item.check
    assert check is not None
    olds = old if isinstance(old, tuple) else (old,)
    news = new if isinstance(new, tuple) else (new,)
    if check.comparator == "between":
        low, high = (_no_less(o, n, up) for o, n, up in zip(olds, news, (True, False), strict=True))
        return low and high
    if check.comparator in (">=", ">", "<=", "<"):
        return _no_less(olds[0], news[0], check.comparator in (">=", ">"))
    return False


def _no_less(old: float | str, new: float | str, upwards: bool) -> bool:
    """Whether ``new`` asks for at least as much; a value to be declared may become a number."""
    old_name, old_value = declared_reference(old) if isinstance(old, str) else ("", old)
    new_name, new_value = declared_reference(new) if isinstance(new, str) else ("", new)
    if new_name and new_name != old_name:
        return False
    if old_value is None or new_value is None:
        return old_value is None or (new_value is None and bool(new_name))
    return new_value >= old_value if upwards else new_value <= old_value


def _minimum(old: int | None, new: int | None, item: Item) -> bool:
    """A larger minimum is tighter, unless groups below it are simply left out."""
    assert item.check is not None
    if new is None:
        return False
    if item.check.on_small == "exclude-and-report":
        return old is not None and new <= old
    return old is None or new >= old


def _interval(old: Any, new: Any, item: Item) -> bool:
    wider: bool = new.two_sided_level >= old.two_sided_level
    return wider and new.method in (old.method, *(() if old.method else (new.method,)))


def _valid_for(old: str, new: str, item: Item) -> bool:
    from datetime import date

    start = date(2024, 1, 1)
    return add_duration(start, new) <= add_duration(start, old)


# What counts as asking for more; a part that is not named here can't be changed.
_RULES: dict[str, Callable[[Any, Any, Item], bool]] = {
    "severity": _rank(SEVERITIES[::-1]),
    "obligation": _rank(_OBLIGATIONS),
    "waivable": lambda old, new, item: new is False,
    "applies_from": lambda old, new, item: new is None or (old is not None and new <= old),
    "kind": lambda old, new, item: new == "hybrid",
    "evidence": lambda old, new, item: old in (None, "external") and item.kind == "hybrid",
    "check": lambda old, new, item: old is None and item.kind == "hybrid",
    "attest": lambda old, new, item: old is None and item.kind == "hybrid",
    "check.threshold": _threshold,
    "check.threshold_origin": lambda old, new, item: new in ("convention", "declared"),
    "check.decision": lambda old, new, item: (old, new) == ("point", "bound"),
    "check.ci": _interval,
    "check.multiple": lambda old, new, item: new == "bonferroni",
    "check.min_n": lambda old, new, item: new is not None and new >= (old or 0),
    "check.min_group_n": _minimum,
    "check.on_small": _rank(_ON_SMALL),
    "check.note": lambda old, new, item: True,
    "attest.role": lambda old, new, item: True,
    "attest.question": lambda old, new, item: True,
    "attest.answers": lambda old, new, item: set(new) < set(old),
    "attest.evidence_required": lambda old, new, item: set(new) > set(old),
    "attest.valid_for": _valid_for,
    "attest.scope": _rank(_SCOPES),
    "attest.two_person": lambda old, new, item: new is True,
}
assert {p.partition(".")[2] for p in _RULES if p.startswith("check.")} < set(
    Requirement.model_fields
)
assert {p.partition(".")[2] for p in _RULES if p.startswith("attest.")} == set(Attest.model_fields)
