"""Groups that an audit found, as conditions: candidates for cohorts, and nodes of the error tree.

``fairness.worst_groups`` seals them: one half of the rows finds, the other half confirms. Nothing
is searched again here, so nothing is found twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from evenhand.audit.artifacts.fairness import Node, TestedGroup, WorstGroups
from evenhand.audit.case.case import Case
from evenhand.audit.case.plan import Plan
from evenhand.audit.data.written.filters import as_column, as_value
from evenhand.audit.errors import InputError

_NUMBER = r"([-+]?\d[\d.,]*(?:e[-+]?\d+)?)"  # as ``words.numbers.datum`` writes it, to six digits
_RANGES = (
    (re.compile(rf"below {_NUMBER}\Z"), "{column} < {low}"),
    (re.compile(rf"{_NUMBER} or more\Z"), "{column} >= {low}"),
    (re.compile(rf"{_NUMBER} to {_NUMBER}\Z"), "{column} >= {low} and {column} < {high}"),
)


@dataclass(frozen=True)
class FoundGroup:
    """A candidate and its condition; ``where`` is empty where its levels can't be said as one (rare
    values that were taken together, declared bins)."""

    tested: TestedGroup
    where: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: what the half that did not search says of it."""
        return {**self.tested.to_json(), "where": self.where or None}


def found_groups(case: Case) -> tuple[FoundGroup, ...]:
    """The candidates of a case, the worst first, without those that are too small there.

    Raises InputError where the audit did not look for any.
    """
    least = case.plan.minimum_size("fairness.worst_groups", 10)
    return tuple(
        FoundGroup(each, _joined([_of_level(case.plan, c, v) for c, v in each.group.items()]))
        for each in _sealed(case).tested
        if each.rows >= least and each.other_rows > 0
    )


def of_node(case: Case, number: int) -> str:
    """The condition of a node of the error tree. Raises InputError for a node that is not there,
    that is everybody, or whose levels can't be said as a condition."""
    tree = {node.id: node for node in _sealed(case).tree}
    if number not in tree or tree[number].parent is None:
        raise InputError(
            "the error tree has no node {number} to make a cohort of",
            remedy="name one of: {known}",
            number=number,
            known=", ".join(str(n.id) for n in tree.values() if n.parent is not None),
        )
    parts, node = [], tree[number]
    while node.parent is not None:
        parts.append(_of_step(case.plan, node))
        node = tree[node.parent]
    if where := _joined(parts[::-1]):
        return where
    raise InputError(
        "node {number} takes values together that are too rare to be named",
        remedy="say the rows by --where",
        number=number,
    )


def _sealed(case: Case) -> WorstGroups:
    sealed = case.document(WorstGroups)
    if sealed is None:
        raise InputError(
            "the audit of {case} looked for no groups",
            remedy="audit with the check fairness.worst_groups",
            case=case.path,
        )
    return sealed


def _joined(parts: list[str]) -> str:
    return " and ".join(parts) if all(parts) else ""


def _of_step(plan: Plan, node: Node) -> str:
    """The condition between a node and the one above it."""
    level = _of_level(plan, node.column, node.level)
    return level if node.is_level or not level else f"not ({level})"


def _of_level(plan: Plan, column: str, level: str) -> str:
    """A level of a column as ``fairness.worst_groups`` names it; empty where none can be said."""
    data, named = plan.subject.data, as_column(column)
    if not named or level == "others" or column in data.reading.get("bins", {}):
        return ""
    if level in ("missing", "unknown"):
        return f"{named} is missing"
    if data.columns.get(column) == "number":
        for form, condition in _RANGES:
            if met := form.match(level):
                low, high = (end.replace(",", "") for end in (met[1], met[met.lastindex or 1]))
                return condition.format(column=named, low=low, high=high)
    return f"{named} == {as_value(level)}"
