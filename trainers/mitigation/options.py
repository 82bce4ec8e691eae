"""What each mitigation can be set to: Fairlearn's own names, with the range of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evenhand.audit.errors import InputError, nearest

OBJECTIVES = (
    "accuracy_score",
    "balanced_accuracy_score",
    "selection_rate",
    "true_positive_rate",
    "true_negative_rate",
)


@dataclass(frozen=True)
class Setting:
    """A number's kind and range, ends included (``above``: without ``low``), or the known texts."""

    kind: type
    low: float = 0.0
    high: float = float("inf")
    above: bool = False
    known: tuple[str, ...] = ()

    def holds(self, value: Any) -> bool:
        """Whether ``value`` may be set."""
        if self.known:
            return value in self.known
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.kind is int and not float(value).is_integer():
            return False
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        if self.known:
            return "one of " + ", ".join(self.known)
        number = "a whole number" if self.kind is int else "a number"
        upper = "" if self.high == float("inf") else f" and at most {self.high:g}"
        return f"{number} {'above' if self.above else 'of at least'} {self.low:g}{upper}"


_WHOLE = Setting(int, low=1)
_POSITIVE = Setting(float, above=True)
SETTINGS: Mapping[str, Mapping[str, Setting]] = {
    "threshold": {"grid_size": _WHOLE, "objective": Setting(str, known=OBJECTIVES)},
    "exponentiated-gradient": {"eps": Setting(float, above=True, high=1), "max_iter": _WHOLE},
    "grid-search": {
        "grid_size": _WHOLE,
        "grid_limit": _POSITIVE,
        "constraint_weight": Setting(float, high=1),
    },
    "correlation-remover": {"alpha": Setting(float, high=1)},
    "adversarial": {
        "alpha": Setting(float),
        "epochs": _WHOLE,
        "batch_size": _WHOLE,
        "learning_rate": _POSITIVE,
    },
}


def checked_options(method: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options given. Raises InputError for one that the method does not know or can't take."""
    known = SETTINGS[method]
    for name, value in options.items():
        if name not in known:
            raise InputError(
                f"the method {method} has no option {name!r}",
                remedy=nearest(name, known) if known else "it has none",
            )
        if not known[name].holds(value):
            raise InputError(
                f"option {name} = {value!r} of {method} is out of range",
                remedy=f"give {known[name]}",
            )
    return {k: int(v) if known[k].kind is int else v for k, v in options.items()}
