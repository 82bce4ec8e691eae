"""Facts and roles as options of a command: ``--facts KEY=VALUE``, ``--roles ROLE=COLUMN``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.words.roles import ROLES


def parse_roles(given: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """``["race=RAC1P", "sex=SEX"]`` as roles with their columns; a role may be given again.

    Raises InputError for what is no ROLE=COLUMN, and for a role that no law of ours knows.
    """
    roles: dict[str, tuple[str, ...]] = {}
    for part in given:
        role, equals, column = part.partition("=")
        role, column = role.strip(), column.strip()
        if not equals or not column:
            raise InputError(
                f"--roles {part!r} is not ROLE=COLUMN", remedy="e.g. --roles race=RAC1P"
            )
        if role not in ROLES:
            raise InputError(
                f"--roles {part!r}: unknown role {role!r}", remedy=nearest(role, ROLES)
            )
        roles[role] = (*roles.get(role, ()), column)
    return roles


def parse_facts(given: Iterable[str]) -> dict[str, Any]:
    """``["system.domain=credit"]`` as facts. A value is text; true, false and numbers are read as
    such, ``[a, b]`` as a list.

    Raises InputError for what is no KEY=VALUE, and for a fact that is given two values.
    """
    facts: dict[str, Any] = {}
    for part in given:
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or not key or not value.strip():
            raise InputError(
                f"--facts {part!r} is not KEY=VALUE", remedy="e.g. --facts system.domain=credit"
            )
        read = _value(value.strip())
        if key in facts and facts[key] != read:
            raise InputError(
                f"the fact {key} is given twice: {facts[key]!r} and {read!r}",
                remedy=f"give it once; several values are a list: --facts '{key}=[a, b]'",
            )
        facts[key] = read
    return facts


def _value(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        inside = text[1:-1].strip()
        return [_value(part.strip()) for part in inside.split(",")] if inside else []
    if text in ("true", "false"):
        return text == "true"
    try:
        number = json.loads(text)
    except ValueError:
        return text
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return number if is_number else text


def with_options(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A subject file's values with those of options, which win; facts and roles are added one by
    one, so that naming one doesn't take the file's others away."""
    added = {key: {**base.get(key, {}), **given[key]} for key in ("facts", "roles") if key in given}
    return {**base, **given, **added}
