"""The options that a subject sets for its checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.run.catalogue import Check
from evenhand.audit.subject.spec import SubjectSpec


def options_of(check: Check, spec: SubjectSpec) -> dict[str, Any]:
    """The options of a check: its defaults, what all share, what the subject sets."""
    shared = {"min_group_size": spec.min_group_size}
    known = check.options
    return {
        **known,
        **{k: v for k, v in shared.items() if k in known},
        **spec.options.get(check.id, {}),
    }


def require_options(spec: SubjectSpec, chosen: Sequence[Check]) -> None:
    """Raises InputError for an option of no check that runs, or of another type."""
    by_id = {c.id: c for c in chosen}
    for check_id, options in spec.options.items():
        if check_id not in by_id:
            raise InputError(
                "options are given for {check_id!r}, which is not among the checks to run",
                remedy=nearest(check_id, by_id),
                check_id=check_id,
            )
        known = by_id[check_id].options
        for name, value in options.items():
            if name not in known:
                raise InputError(
                    "{check_id} has no option {name!r}",
                    remedy=nearest(name, known),
                    check_id=check_id,
                    name=name,
                )
            wanted = type(known[name])
            if wanted is tuple:
                require_names(check_id, name, value)
                continue
            is_kind = type(value) is wanted or (wanted is float and type(value) is int)
            if not is_kind or (wanted is int and value < min(1, known[name])):
                raise InputError(
                    "{check_id}: option {name} = {value!r} must be a positive {wanted}",
                    remedy="its default is {known!r}",
                    check_id=check_id,
                    name=name,
                    value=value,
                    wanted=wanted.__name__,
                    known=known[name],
                )


def require_names(check_id: str, name: str, value: Any) -> None:
    """Raises InputError for an option that is no list of names of columns."""
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return
    raise InputError(
        "{check_id}: option {name} = {value!r} must be a list of columns",
        remedy="write e.g. {name}: [age, zip]",
        check_id=check_id,
        name=name,
        value=value,
    )
