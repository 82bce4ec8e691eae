"""Records that are read from JSON: frozen, with types, parsed once where the bytes are read.

Whoever makes a case can seal anything into it: what has a name in a record has its type too, and
what has none is kept beside it, unread.
"""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

Scalar = str | int | float | bool | None
Number = int | float  # as it was written: 1 stays 1
_Shape = TypeVar("_Shape", bound="Shape")

# A JSON array read into a tuple; null, as older cases have it, is an empty one.
Texts = Annotated[
    tuple[str, ...], Field(strict=False), BeforeValidator(lambda v: () if v is None else v)
]
Scalars = Annotated[
    tuple[Scalar, ...], Field(strict=False), BeforeValidator(lambda v: () if v is None else v)
]
Numbers = Annotated[
    tuple[Number, ...], Field(strict=False), BeforeValidator(lambda v: () if v is None else v)
]
EmptyIfNull = BeforeValidator(lambda v: {} if v is None else v)  # the same for a JSON object


class Shape(BaseModel):
    """A record of JSON's types. Fields of other names are kept and written again."""

    model_config = ConfigDict(
        extra="allow", strict=True, frozen=True, populate_by_name=True, protected_namespaces=()
    )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with what was given, defaults left out, keys in order at every depth."""
        plain: dict[str, Any] = _in_order(
            self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        )
        return plain

    def without(self, *names: str) -> Self:
        """The same record as if these fields had not been given."""
        left = {k: v for k, v in self.to_json().items() if k not in names}
        return type(self).model_validate(left)


def parsed(value: Any, shape: type[_Shape]) -> _Shape:
    """The record that ``value`` (plain JSON) holds. Raises ValueError, which names what is wrong.

    >>> from evenhand.audit.files.shapes import Shape, parsed
    >>> class Book(Shape):
    ...     title: str
    >>> parsed({"title": 7}, Book)
    Traceback (most recent call last):
    ValueError: title: Input should be a valid string
    """
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from None


def first_problem(error: ValidationError) -> str:
    """The first part that was refused, and why, in one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    place, why = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    return f"{place[:200]}: {why}" if place else why


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(v) for v in value] if isinstance(value, list) else value
