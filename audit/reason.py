"""The reason of a finding, as a record: a code with parameters, put into words by whoever shows it.

``audit/words/reasons.json`` holds the words of every code in English and Chinese. What a stranger
wrote (a third party's check, the text of a crash, a case from before there were codes) has the
code ``quoted``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeAlias

QUOTED = "quoted"
_DEEPEST = 6  # how far reasons nest in reasons; ours do twice
_MOST_CHARACTERS = 100  # of a code, and of a parameter's name


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence: what is said (``code``) and of what (``parameters``).

    A parameter is a number, a name, one further reason, or several of names and reasons.
    """

    code: str
    parameters: Mapping[str, Parameter]


Parameter: TypeAlias = "str | int | float | Reason | tuple[str | Reason, ...]"
# Several sentences, in their order; () says nothing.
Reasons: TypeAlias = tuple[Reason, ...]


def because(code: str, **parameters: Any) -> Reasons:
    """One sentence. ``code`` is one of ``audit/words/reasons.json``, written out in the call, with
    the parameters of its words: a law of the tests holds every call against the table.

    >>> because("too-small", n=3, least=10)
    (Reason(code='too-small', parameters={'n': 3, 'least': 10}),)
    """
    return (Reason(code, {name: _parameter(value) for name, value in parameters.items()}),)


def quoted(text: object) -> Reasons:
    """Somebody else's words as they are; none for an empty text."""
    return (Reason(QUOTED, {"text": str(text)}),) if str(text) else ()


def listed(names: Iterable[Any], shown: int = 8) -> tuple[str | Reason, ...]:
    """The first ``shown`` names (or reasons), and how many more there are."""
    every = tuple(_item(name) for name in names)
    more = because("more", n=len(every) - shown) if len(every) > shown else ()
    return (*every[:shown], *more)


def named(reasons: Mapping[str, Reasons]) -> tuple[Reason, ...]:
    """Names with a reason each, to be listed: ``a (no rows), b (no positive labels)``."""
    return tuple(because("named", name=name, why=why)[0] for name, why in reasons.items())


def sentences(said: object) -> Reasons:
    """``said`` as reasons: reasons as they are, plain JSON parsed, any other text quoted.

    Raises ValueError for what is neither.
    """
    if isinstance(said, str):
        return quoted(said)
    if isinstance(said, Reason):
        return (said,)
    if not isinstance(said, list | tuple):
        raise ValueError("a reason is a text or a list of reasons")
    return tuple(r if isinstance(r, Reason) else _parsed(r, 0) for r in said)


def reasons_json(reasons: Reasons) -> list[dict[str, Any]]:
    """Plain JSON types; ``sentences`` reads them back."""
    return [_plain(reason) for reason in reasons]


def _plain(value: Any) -> Any:
    if isinstance(value, Reason):
        return {
            "code": value.code,
            "parameters": {k: _plain(v) for k, v in value.parameters.items()},
        }
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _parameter(value: Any) -> Parameter:
    if isinstance(value, Reason):
        return value
    if isinstance(value, list | tuple):
        return tuple(_item(item) for item in value)
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return str(value)


def _item(value: Any) -> str | Reason:
    return value if isinstance(value, Reason) else str(value)


def _parsed(value: Any, depth: int) -> Reason:
    if depth > _DEEPEST:
        raise ValueError(f"reasons nest deeper than {_DEEPEST}")
    if not isinstance(value, dict) or value.keys() != {"code", "parameters"}:
        raise ValueError("a reason has a code and parameters")
    code, parameters = value["code"], value["parameters"]
    if not isinstance(code, str) or not 0 < len(code) <= _MOST_CHARACTERS:
        raise ValueError(f"the code of a reason has 1 to {_MOST_CHARACTERS} characters")
    if not isinstance(parameters, dict) or any(len(k) > _MOST_CHARACTERS for k in parameters):
        raise ValueError(f"the parameters of the reason {code} are no names with values")
    return Reason(code, {k: _read(v, depth + 1) for k, v in parameters.items()})


def _read(value: Any, depth: int) -> Parameter:
    if isinstance(value, dict):
        return _parsed(value, depth)
    if isinstance(value, list):
        return tuple(v if isinstance(v, str) else _parsed(v, depth) for v in value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is no parameter of a reason")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a parameter of a reason is finite")
    return value
