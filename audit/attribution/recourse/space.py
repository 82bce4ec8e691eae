"""What a person could change: which columns, to which values, and what a change costs.

A change of a number costs its size in the column's own typical spread (median absolute deviation),
plus 1 for being a change at all; a change of a category costs 1 + 1. So the total is the scaled L1
distance plus the number of changed columns.

Source: Wachter, Mittelstadt and Russell 2018, section V (L1 distance, scaled by the median absolute
deviation); Ustun, Spangher and Liu 2019 for what is actionable (bounds, direction, immutable).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.data.cells import is_number
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.reason import Reasons, because

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_CATEGORIES = 50  # a column with more different texts holds names or free text
FEW_VALUES = 20  # a number with at most this many values changes among these alone
QUANTILES = 16
Direction = Literal["any", "increase", "decrease"]


@dataclass(frozen=True)
class Rule:
    """What is declared about changing one column; None: not declared.

    ``step`` is the unit in which a number changes, counted from the person's own value; ``values``
    are the only ones that may be reached.
    """

    immutable: bool = False
    min: float | None = None
    max: float | None = None
    step: float | None = None
    direction: Direction = "any"
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class Mutable:
    """One column that may change.

    ``levels`` are all categories (object array), or None for a number; ``values`` the sorted codes
    or numbers that may be reached, or None where any multiple of ``step`` from the person's own
    value may, between ``low`` and ``high``; ``looked_at`` the numbers that a search tries first,
    ``observed`` all that the audited rows have.
    """

    name: str
    scale: float
    step: float
    low: float
    high: float
    direction: Direction
    levels: np.ndarray | None = None
    values: np.ndarray | None = None
    looked_at: np.ndarray | None = None
    observed: np.ndarray | None = None
    dtype: Any = None

    def reachable(self, own: float) -> np.ndarray:
        """The values that a search tries for a person with value ``own``, without ``own``."""
        import numpy as np

        if self.values is not None:
            values = self.values
        elif math.isnan(own):
            values = np.asarray(self.looked_at)
        else:
            steps = np.round((np.asarray(self.looked_at) - own) / self.step)
            values = np.unique(_tidy(own + steps * self.step, self.step))
        if self.levels is None:
            values = values[(values >= self.low) & (values <= self.high)]
        if not math.isnan(own) and self.levels is None:
            if self.direction == "increase":
                values = values[values > own]
            elif self.direction == "decrease":
                values = values[values < own]
        kept: np.ndarray = values[values != own]
        return kept

    def nearest_allowed(self, own: float, wanted: np.ndarray) -> np.ndarray:
        """What comes nearest to each wanted value and may be reached from ``own``; ``own`` where
        none may, and where nothing is wanted (NaN)."""
        import numpy as np

        if self.values is None and not math.isnan(own):
            steps = np.round((np.nan_to_num(wanted, nan=own) - own) / self.step)
            near = _tidy(own + steps * self.step, self.step)
            right = np.ones(near.size, dtype=bool)
            if self.direction != "any":
                right = near >= own if self.direction == "increase" else near <= own
            return np.where(right & (near >= self.low) & (near <= self.high), near, own)
        reached = self.reachable(own)
        if reached.size == 0:
            return np.full(wanted.size, own)
        allowed = reached if math.isnan(own) else np.sort(np.append(reached, own))
        apart = np.abs(np.nan_to_num(wanted, nan=own)[:, None] - allowed[None])
        found = allowed[np.where(np.isnan(apart), np.inf, apart).argmin(axis=1)]
        if self.levels is not None:
            found = np.where(np.isin(wanted, allowed), wanted, own)
        kept: np.ndarray = np.where(np.isnan(wanted), own, found)
        return kept

    def between(self, own: float, reached: float) -> np.ndarray:
        """Allowed values from the one nearest ``own`` (without it) up to ``reached``, in order; of
        more than a thousand, a thousand evenly."""
        import numpy as np

        if self.levels is not None or math.isnan(own):
            return np.array([reached])
        if self.values is not None:
            inside = (self.values > own) if reached > own else (self.values < own)
            inside &= (self.values <= reached) if reached > own else (self.values >= reached)
            inside &= (self.values >= self.low) & (self.values <= self.high)
            found: np.ndarray = self.values[inside]
            return found if reached > own else found[::-1]
        steps = max(1, round(abs(reached - own) / self.step))
        counted = np.unique(np.round(np.linspace(1, steps, min(steps, 1000))))
        line = _tidy(own + np.sign(reached - own) * counted * self.step, self.step)
        line[-1] = reached
        kept: np.ndarray = line[(line >= self.low) & (line <= self.high)]
        return kept


@dataclass(frozen=True, eq=False)
class Space:
    """The columns that may change, in order, and why each of the others may not."""

    mutable: tuple[Mutable, ...]
    immutable: Mapping[str, Reasons] = field(default_factory=dict)

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Rows as numbers of shape (rows, mutable columns): values, or positions in ``levels``;
        a missing cell is NaN, and so is a category that was not seen."""
        import numpy as np
        import pandas as pd

        parts = []
        for column in self.mutable:
            cells = frame[column.name]
            if column.levels is None:
                parts.append(cells.to_numpy(dtype=float, na_value=np.nan))
            else:
                codes = pd.Index(column.levels).get_indexer(pd.Index(cells.astype(object)))
                parts.append(np.where(codes < 0, np.nan, codes.astype(float)))
        return np.column_stack(parts) if parts else np.empty((len(frame), 0))

    def decode(self, people: pd.DataFrame, who: np.ndarray, z: np.ndarray) -> pd.DataFrame:
        """Raw rows of ``people`` at positions ``who`` with the mutable columns as in ``z``.

        Cells that ``z`` leaves as they were keep their exact value and type.
        """
        import pandas as pd

        made = people.iloc[who].reset_index(drop=True)
        changed = self.changed(self.encode(people)[who], z)
        cells = {
            column.name: _cells(made[column.name], column, z[:, j], changed[:, j])
            for j, column in enumerate(self.mutable)
            if changed[:, j].any()
        }
        # all at once: in a wide frame setting columns one by one takes most of a search's time
        return pd.DataFrame({name: cells.get(name, made[name]) for name in made.columns})

    def distance(self, own: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Scaled L1 distance of rows ``z`` from rows ``own``, both (rows, columns), shape (rows,).

        A value given where there was none counts 1, as a change of category does.
        """

        found: np.ndarray = self.apart(own, z).sum(axis=-1)
        return found

    def apart(self, own: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The same of each column, of shape (rows, columns)."""
        import numpy as np

        scale = np.array([c.scale for c in self.mutable])
        is_category = np.array([c.levels is not None for c in self.mutable], dtype=bool)
        apart = np.where(is_category | np.isnan(own), 1.0, np.abs(z - own) / scale)
        return np.where(self.changed(own, z), apart, 0.0)

    def changed(self, own: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Which cells differ, bool of the same shape."""
        import numpy as np

        found: np.ndarray = ~((z == own) | (np.isnan(z) & np.isnan(own)))
        return found

    def cost(self, own: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Scaled distance plus the number of changed columns, shape (rows,)."""
        found: np.ndarray = self.distance(own, z) + self.changed(own, z).sum(axis=-1)
        return found


def build_space(
    frame: pd.DataFrame,
    columns: Sequence[str],
    rules: Mapping[str, Rule],
    fixed: Mapping[str, Reasons],
    codes: Collection[str] = (),
) -> Space:
    """The space of changes over ``columns`` of ``frame``, whose values set the default bounds.

    Columns of ``fixed`` (sensitive features) never change, for the reason given there. A text
    column with more than 50 different texts, a constant one, and cells that are neither numbers nor
    texts don't change either. ``rules["*"]`` holds for columns without a rule of their own. Numbers
    of ``codes`` are categories to the model: they become what occurs, and nothing in between.
    """
    mutable, immutable = [], {}
    everyone = rules.get("*", Rule())
    for name in columns:
        rule = rules.get(name, everyone)
        if name in fixed:
            immutable[name] = fixed[name]
        elif rule.immutable:
            immutable[name] = because("declared-immutable")
        else:
            column = _mutable(name, frame[name], rule, name in codes)
            if isinstance(column, tuple):
                immutable[name] = column
            else:
                mutable.append(column)
    return Space(tuple(mutable), immutable)


def spread_of(values: np.ndarray) -> float:
    """The typical spread of known numbers: the median absolute deviation from the median; where
    that is 0 (most values equal) the mean one; 1 for a constant.

    Of two values it is their distance: a flag that flips counts 1, as a change of category does,
    however rare it is.
    """
    import numpy as np

    if values.size == 0:
        return 1.0
    low, high = float(values.min()), float(values.max())
    if low < high and ((values == low) | (values == high)).all():
        return high - low
    off = np.abs(values - np.median(values))
    return float(np.median(off)) or float(off.mean()) or 1.0


def _mutable(name: str, cells: pd.Series[Any], rule: Rule, is_code: bool) -> Mutable | Reasons:
    import numpy as np

    if is_number(cells):
        x = cells.to_numpy(dtype=float, na_value=np.nan)
        return _number(name, x[np.isfinite(x)], rule, cells.dtype, is_code)
    known = cells.dropna()
    if not known.map(lambda v: isinstance(v, str | bool | np.bool_)).all():
        return because("neither-numbers-nor-texts")
    counts = known.value_counts()
    if len(counts) > MOST_CATEGORIES:
        return because("many-texts", n=len(counts))
    levels = np.array(sorted(counts.index, key=str), dtype=object)
    known_texts = {str(v) for v in levels}
    allowed = {str(v) for v in rule.values} or known_texts
    for value in sorted(allowed - known_texts):
        raise InputError(
            "actionable: {name} may become {value!r}, which does not occur in the data",
            remedy=nearest(value, known_texts),
            name=name,
            value=value,
        )
    codes = np.array([float(i) for i, v in enumerate(levels) if str(v) in allowed])
    if len(levels) < 2 or codes.size == 0:
        return because("one-value")
    return Mutable(
        name,
        1.0,
        1.0,
        0.0,
        len(levels) - 1.0,
        "any",
        levels=levels,
        values=codes,
        dtype=cells.dtype,
    )


def _number(
    name: str, known: np.ndarray, rule: Rule, dtype: Any, is_code: bool
) -> Mutable | Reasons:
    import numpy as np

    distinct = np.unique(known)
    if distinct.size < 2:
        return because("one-value")
    low = float(distinct[0]) if rule.min is None else float(rule.min)
    high = float(distinct[-1]) if rule.max is None else float(rule.max)
    scale = spread_of(known)
    whole = bool((known == np.round(known)).all())
    step = rule.step or (1.0 if whole else 10.0 ** (math.floor(math.log10(scale)) - 1))
    values = None
    if rule.values:
        values = np.array(sorted(float(v) for v in rule.values))
    elif is_code or (distinct.size <= FEW_VALUES and rule.step is None):
        inside = distinct[(distinct >= low) & (distinct <= high)]
        ends = [e for e in (rule.min, rule.max) if e is not None and not is_code]
        values = np.unique(np.concatenate([inside, np.array(ends, dtype=float)]))
    shares = np.linspace(0, 1, QUANTILES + 1)
    inside = distinct[(distinct >= low) & (distinct <= high)]
    spread = np.quantile(known, shares, method="lower")
    # a value that hardly anybody has may be the only one that helps: equal steps of values as well
    even = np.quantile(inside, shares, method="lower") if inside.size else np.empty(0)
    looked = np.unique(np.clip(np.concatenate([spread, even, [low, high]]), low, high))
    return Mutable(
        name,
        scale,
        step,
        low,
        high,
        rule.direction,
        values=values,
        looked_at=looked,
        observed=inside if values is None else None,
        dtype=dtype,
    )


def _tidy(values: np.ndarray, step: float) -> np.ndarray:
    """Without the dust of floating point: 0.1 + 0.2 steps come out as 0.3."""
    import numpy as np

    digits = max(0, 3 - math.floor(math.log10(step)))
    found: np.ndarray = np.round(values, min(digits, 15))
    return found


def _cells(
    cells: pd.Series[Any], column: Mutable, z: np.ndarray, changed: np.ndarray
) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    if column.levels is None:
        numbers = np.where(changed, z, cells.to_numpy(dtype=float, na_value=np.nan))
        made: Any = pd.Series(numbers)
        whole = np.isfinite(numbers).all() and (numbers == np.round(numbers)).all()
        return made.astype(column.dtype) if whole or column.dtype == float else made
    texts = cells.astype(object).to_numpy(copy=True)
    texts[changed] = column.levels[z[changed].astype(int)]
    return pd.Series(texts, dtype=object).astype(column.dtype)
