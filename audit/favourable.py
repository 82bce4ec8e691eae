"""Which prediction is good for the person it is about: one answer for everything that asks.

Whatever takes a higher rate for better (impact ratios, benefits, orders from worst to best) means
the rate of the favourable outcome. That is being predicted positive where ``positive_is`` says
benefit, and not being so where it says burden. Undeclared, it is asked for, never assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from evenhand.audit.errors import MissingNeed
from evenhand.audit.reason import because


class Declares(Protocol):
    """What declares a meaning of the positive label: a subject, or its record in a case."""

    @property
    def positive_is(self) -> str | None:
        """``benefit``, ``burden`` or None."""


@dataclass(frozen=True)
class Favourable:
    """The favourable outcome: being predicted positive, or (``is_selection`` False) not being so.

    For a regression task, a high value or a low one.
    """

    is_selection: bool

    def cases(self, selected: int, n: int) -> int:
        """How many of ``n`` people have it, ``selected`` of whom are predicted positive.

        >>> Favourable(is_selection=False).cases(25, 100)
        75
        """
        return selected if self.is_selection else n - selected

    def method(self, method: str) -> str:
        """The method, with what was counted where that is not the selected."""
        return method if self.is_selection else f"favourable: not being selected; {method}"

    def counts(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Counts under names that say who was counted.

        >>> Favourable(is_selection=False).counts({"selected": 75, "assessed": 100})
        {'not_selected': 75, 'assessed': 100}
        """
        return dict(counts) if self.is_selection else {_NOT.get(k, k): v for k, v in counts.items()}


_NOT = {"selected": "not_selected", "highest_selected": "highest_not_selected"}


def as_selected(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of a ratio under the names of the selected, whichever outcome is favourable."""
    back = {renamed: name for name, renamed in _NOT.items()}
    return {back.get(k, k): v for k, v in counts.items()}


def declared_favourable(subject: Declares) -> Favourable | None:
    """The favourable outcome as the subject declares it; None where it doesn't."""
    is_selection = {"benefit": True, "burden": False}.get(str(subject.positive_is))
    return None if is_selection is None else Favourable(is_selection)


def favourable(subject: Declares) -> Favourable:
    """The same. Raises MissingNeed where it is not declared."""
    found = declared_favourable(subject)
    if found is None:
        raise MissingNeed(because("adverse-not-declared"))
    return found
