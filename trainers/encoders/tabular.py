"""Raw table rows -> the float32 inputs of a network, and back to column names.

A numeric column becomes its standardised value, with missing cells set to the training mean, and,
where training rows had missing cells, a 0/1 indicator. Any other column becomes one 0/1 input for
each category, one for "missing" and one for "other": the categories beyond the most frequent 50,
and those that training rows did not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import texts
from evenhand.audit.errors import InputError, RowError, nearest
from evenhand.trainers.validate import Strict, checked

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCHEMA = "evenhand-encoder/1"
MAX_CATEGORIES = 50
# Where a column's encoding comes from: what is learnt from training rows has no noise on it.
Source = Literal["declared public", "from public data", "outside the guarantee"]


class NumericColumn(Strict):
    """(value - mean) / scale; scale is the standard deviation, or 1 for a constant column."""

    kind: Literal["numeric"] = "numeric"
    name: str
    mean: float
    scale: float = Field(gt=0)
    had_missing: bool
    source: Source = "outside the guarantee"

    @classmethod
    def from_bounds(cls, name: str, low: float, high: float) -> NumericColumn:
        """Encodes ``low`` to -1 and ``high`` to 1, with an indicator for missing cells whether
        training rows had any or not: nothing of it depends on rows. Raises InputError."""
        if not low < high:
            raise InputError(
                "bounds of {name!r}: {low} is not below {high}",
                remedy="give the lower one first",
                name=name,
                low=low,
                high=high,
            )
        return cls(
            name=name,
            mean=(low + high) / 2,
            scale=(high - low) / 2,
            had_missing=True,
            source="declared public",
        )

    @property
    def width(self) -> int:
        """Encoded positions."""
        return 1 + self.had_missing

    def encode(self, column: pd.Series[Any]) -> np.ndarray:
        """Shape (rows, width), float64."""
        import numpy as np

        values = _numbers(column, self.name)
        is_missing = np.isnan(values)
        standardised = np.where(is_missing, 0.0, (values - self.mean) / self.scale)
        parts = [standardised, is_missing.astype(float)] if self.had_missing else [standardised]
        return np.column_stack(parts)


class CategoricalColumn(Strict):
    """One-hot over ``categories``, then "missing", then "other".

    ``n_other`` is how many categories of the training rows the cap put into "other".
    """

    kind: Literal["categorical"] = "categorical"
    name: str
    categories: tuple[str, ...] = Field(max_length=MAX_CATEGORIES)
    n_other: int = Field(default=0, ge=0)
    source: Source = "outside the guarantee"

    @model_validator(mode="after")
    def _unique(self) -> CategoricalColumn:
        if len(set(self.categories)) < len(self.categories):
            raise ValueError(f"column {self.name!r} repeats a category")
        return self

    @property
    def width(self) -> int:
        """Encoded positions."""
        return len(self.categories) + 2

    def encode(self, column: pd.Series[Any]) -> np.ndarray:
        """Shape (rows, width), float64."""
        import numpy as np
        import pandas as pd

        names, is_missing = texts(column)
        codes = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(names, dtype=object))
        codes = np.where(codes < 0, len(self.categories) + 1, codes)
        codes = np.where(is_missing, len(self.categories), codes)
        encoded = np.zeros((len(names), self.width))
        encoded[np.arange(len(names)), codes] = 1.0
        return encoded


class _Stored(Strict):
    schema_: Literal["evenhand-encoder/1"] = Field(alias="schema")
    columns: tuple[NumericColumn | CategoricalColumn, ...] = Field(min_length=1)
    baseline: tuple[float, ...]

    @model_validator(mode="after")
    def _consistent(self) -> _Stored:
        if len({c.name for c in self.columns}) < len(self.columns):
            raise ValueError("a column is repeated")
        if sum(c.width for c in self.columns) != len(self.baseline):
            raise ValueError("the baseline's length differs from the encoded width")
        return self


@dataclass(frozen=True)
class TabularEncoder:
    """What was learnt from the training rows; ``baseline`` is their mean in encoded space."""

    SCHEMA: ClassVar[str] = SCHEMA
    baseline_name: ClassVar[str] = "training means"

    columns: tuple[NumericColumn | CategoricalColumn, ...]
    baseline_values: tuple[float, ...]

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        columns: Iterable[str],
        *,
        categorical: Iterable[str] = (),
        declared: Mapping[str, NumericColumn | CategoricalColumn] | None = None,
    ) -> TabularEncoder:
        """Learns from training rows; ``categorical`` names numeric columns that hold codes.

        ``declared`` columns (public.py) are taken as they are, and their baseline is the middle of
        the bounds and equal shares of the categories: nothing is learnt about them.

        Raises InputError for a missing column and for infinite or overflowing numbers.
        """
        wanted, as_codes = tuple(columns), set(categorical)
        if not wanted:
            raise InputError("no input columns to encode", remedy="name some with inputs")
        _require(frame, (*wanted, *sorted(as_codes)))
        known = declared or {}
        fitted = tuple(
            known.get(name) or _fit_column(frame[name], name, name in as_codes) for name in wanted
        )
        means: list[float] = []
        for column in fitted:
            if column.name in known:
                means += _public_baseline(column)
            else:
                means += column.encode(frame[column.name]).mean(axis=0).tolist()
        return cls(fitted, tuple(means))

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The raw columns that it reads."""
        return tuple(c.name for c in self.columns)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one encoded row."""
        return (sum(c.width for c in self.columns),)

    @property
    def encoded_columns(self) -> tuple[str, ...]:
        """The raw column that each encoded position came from."""
        return tuple(c.name for c in self.columns for _ in range(c.width))

    @property
    def baseline(self) -> np.ndarray:
        """Training means in encoded space, float32 of shape (n_encoded,): category shares for
        one-hot positions, 0 for standardised numbers."""
        import numpy as np

        return np.array(self.baseline_values, dtype=np.float32)

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Raw rows to float32 of shape (rows, n_encoded).

        Raises InputError for a missing column, and for a cell of a numeric column that is not a
        finite number.
        """
        import numpy as np

        _require(frame, self.input_columns)
        return self._encode(frame).astype(np.float32)

    def _encode(self, frame: pd.DataFrame) -> np.ndarray:
        import numpy as np

        return np.hstack([column.encode(frame[column.name]) for column in self.columns])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; ``from_json`` gives an equal encoder."""
        return {
            "schema": SCHEMA,
            "columns": [c.model_dump(mode="json") for c in self.columns],
            "baseline": list(self.baseline_values),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> TabularEncoder:
        """Raises InputError for anything that ``to_json`` does not write."""
        stored = checked(_Stored, given, "encoder")
        return cls(stored.columns, stored.baseline)


def _fit_column(
    column: pd.Series[Any], name: str, as_codes: bool
) -> NumericColumn | CategoricalColumn:
    import numpy as np

    if as_codes or not is_number(column):
        return _fit_categories(column, name)
    values = _numbers(column, name)
    present = values[~np.isnan(values)]
    # A column without any value carries nothing but its missing indicator.
    mean = float(present.mean()) if present.size else 0.0
    scale = float(present.std()) if present.size else 0.0
    if not (np.isfinite(mean) and np.isfinite(scale)):
        raise InputError(
            "column {name!r} holds {present}, too large to standardise",
            remedy="rescale it, or drop it with drop",
            name=name,
            present=np.abs(present).max(),
        )
    if scale <= 1e-12 * max(1.0, abs(mean)):
        scale = 1.0  # constant, up to rounding
    return NumericColumn(name=name, mean=mean, scale=scale, had_missing=present.size < values.size)


def _fit_categories(column: pd.Series[Any], name: str) -> CategoricalColumn:
    names, is_missing = texts(column)
    counts: dict[str, int] = {}
    for text in names[~is_missing]:
        counts[text] = counts.get(text, 0) + 1
    by_frequency = sorted(counts, key=lambda text: (-counts[text], text))
    kept = tuple(sorted(by_frequency[:MAX_CATEGORIES]))
    return CategoricalColumn(name=name, categories=kept, n_other=len(counts) - len(kept))


def _public_baseline(column: NumericColumn | CategoricalColumn) -> list[float]:
    if isinstance(column, NumericColumn):
        return [0.0] * column.width
    n = len(column.categories)
    return [1 / n if n else 0.0] * n + [0.0, 0.0]


def _require(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    for name in columns:
        if name not in frame.columns:
            raise InputError(
                "input column {name!r} is not in the data",
                remedy=nearest(name, frame.columns),
                name=name,
            )


def _numbers(column: pd.Series[Any], name: str) -> np.ndarray:
    """The cells as float64 with NaN for missing ones; raises InputError for what is no number."""
    import numpy as np
    import pandas as pd

    parsed = pd.to_numeric(column, errors="coerce")
    values = np.asarray(parsed.to_numpy(dtype=float, na_value=np.nan), dtype=float)
    wrong = (np.isnan(values) & ~column.isna().to_numpy()) | np.isinf(values)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        cell = column.iloc[first]
        shown = repr(cell.item() if hasattr(cell, "item") else cell)[:100]
        raise RowError(
            "numeric column {name!r} holds {shown} in {row}, which is not a finite number",
            first,
            remedy="correct the cell or leave it empty; name the column in categorical if its "
            "values are codes",
            name=name,
            shown=shown,
        )
    return values
