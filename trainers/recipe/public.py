"""What is declared public about the columns, so that encoding them tells nothing about the rows.

    public:
      bounds: {age: [0, 100]}
      categories: {town: [north, south]}
      data: public.csv          # columns not named above are learnt from these rows

A numeric column is encoded by its bounds, another one by its list of categories; what is declared
by neither is learnt from the training rows without noise, and the record says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import as_text
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.words.phrases import phrase
from evenhand.trainers.encoders.tabular import (
    MAX_CATEGORIES,
    CategoricalColumn,
    NumericColumn,
    Source,
    TabularEncoder,
)
from evenhand.trainers.validate import Strict

if TYPE_CHECKING:
    import pandas as pd

Column = NumericColumn | CategoricalColumn
DECLARED: Source = "declared public"
FROM_DATA: Source = "from public data"
PRIVATE: Source = "outside the guarantee"


class Public(Strict):
    """Bounds, categories and a public table; each may be left out."""

    bounds: Mapping[str, tuple[float, float]] = Field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    data: str | None = Field(default=None, min_length=1)

    @field_validator("categories", mode="before")
    @classmethod
    def _texts(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {
            k: [as_text(c) for c in v] if isinstance(v, list | tuple) else v
            for k, v in given.items()
        }

    @model_validator(mode="after")
    def _consistent(self) -> Public:
        for name, (low, high) in self.bounds.items():
            if not low < high:
                raise ValueError(
                    phrase(
                        "bounds of {name!r}: {low} is not below {high}",
                        name=name,
                        low=low,
                        high=high,
                    )
                )
            if name in self.categories:
                raise ValueError(
                    phrase("column {name!r} has both bounds and categories", name=name)
                )
        for name, categories in self.categories.items():
            if not 0 < len(categories) <= MAX_CATEGORIES:
                raise ValueError(
                    phrase(
                        "categories of {name!r}: give 1 to {max_categories}",
                        name=name,
                        max_categories=MAX_CATEGORIES,
                    )
                )
        return self


def declared_columns(
    public: Public | None,
    frame: pd.DataFrame,
    inputs: Iterable[str],
    *,
    categorical: Iterable[str] = (),
    reading: Reading | None = None,
) -> dict[str, Column]:
    """The input columns that are encoded by what is public, by name.

    Raises InputError for a name that is no input column, and for bounds of a column that does not
    hold numbers.
    """
    if public is None:
        return {}
    wanted = tuple(inputs)
    columns: dict[str, Column] = {}
    if public.data is not None:
        columns = _from_table(public.data, wanted, tuple(categorical), reading)
    for name, (low, high) in public.bounds.items():
        _require_input(name, wanted)
        if not is_number(frame[name]):
            raise InputError(
                "public bounds are given for {name!r}, which does not hold numbers",
                remedy="declare its categories instead",
                name=name,
            )
        columns[name] = NumericColumn.from_bounds(name, low, high)
    for name, categories in public.categories.items():
        _require_input(name, wanted)
        columns[name] = CategoricalColumn(
            name=name, categories=tuple(sorted(categories)), source=DECLARED
        )
    return columns


def _from_table(
    path: str, inputs: tuple[str, ...], codes: tuple[str, ...], reading: Reading | None
) -> dict[str, Column]:
    from evenhand.trainers.datasets import load_dataset

    table = load_dataset(path, reading).table
    table.require(inputs, "public.data lacks the input")
    fitted = TabularEncoder.fit(table.frame, inputs, categorical=codes)
    found: dict[str, Column] = {}
    for column in fitted.columns:
        # Whether private rows have missing cells must not be learnt from them: always an indicator.
        extra = {"had_missing": True} if isinstance(column, NumericColumn) else {}
        found[column.name] = column.model_copy(update={"source": FROM_DATA, **extra})
    return found


def _require_input(name: str, inputs: tuple[str, ...]) -> None:
    if name not in inputs:
        raise InputError(
            "public names {name!r}, which is not an input column",
            remedy=nearest(name, inputs),
            name=name,
        )
