"""What a fitted estimator knows of the raw columns that it reads: their names, their categories,
and whether it wants texts, cells or pandas' categories.

scikit-learn's objects nest (a search holds a pipeline, that holds a column transformer, that holds
encoders); what meets the raw columns first is what decides. Nothing here is asked for an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number, number_in
from evenhand.audit.data.table import as_text, texts
from evenhand.audit.models.boosters import as_categories, lightgbm_categories, xgboost_categories

if TYPE_CHECKING:
    import pandas as pd

# Wrappers that hand the rows on as they are, and where the fitted model inside them lies.
_INSIDE = ("best_estimator_", "estimator_", "calibrated_classifiers_", "estimator")
_OTHER_RULE = frozenset({"FixedThresholdClassifier", "TunedThresholdClassifierCV", "SVC", "NuSVC"})


@dataclass(frozen=True)
class Reader:
    """What meets raw columns first: an encoder, a vectoriser, or the model itself. ``imputer`` is
    what fills missing cells before it does, if anything."""

    estimator: Any
    columns: tuple[str, ...]
    imputer: Any = None


def readers(estimator: Any, columns: Sequence[str]) -> Iterator[Reader]:
    """Every part that reads ``columns`` (those that the whole reads, in its order) as they are."""
    if hasattr(estimator, "steps"):
        yield from _of_steps([step for _, step in estimator.steps], columns)
    elif hasattr(estimator, "transformers_"):
        for _, part, chosen in estimator.transformers_:
            if not isinstance(part, str):
                yield from readers(part, _chosen(chosen, columns))
    elif hasattr(estimator, "transformer_list"):
        for _, part in estimator.transformer_list:
            if not isinstance(part, str):
                yield from readers(part, columns)
    elif getattr(estimator, "_preprocessor", None) is not None:  # of scikit-learn's histograms
        yield from readers(estimator._preprocessor, columns)
    else:
        inner = _inner(estimator)
        for part in inner:
            yield from readers(part, columns)
        if not inner:
            yield Reader(estimator, tuple(columns))


def _of_steps(steps: Sequence[Any], columns: Sequence[str]) -> Iterator[Reader]:
    imputer = None
    for step in steps:
        if step is None or isinstance(step, str) or hasattr(step, "fit_resample"):
            continue  # left out, or of use in training alone
        for reader in readers(step, columns):
            yield replace(reader, imputer=reader.imputer or imputer)
        if not _keeps_columns(step, columns):
            return
        imputer = step


def _keeps_columns(step: Any, columns: Sequence[str]) -> bool:
    """Whether the next step meets the same columns: behind an imputer that adds and drops none."""
    kept = getattr(step, "statistics_", None)
    return kept is not None and len(kept) == len(columns) and step.indicator_ is None


def _inner(estimator: Any) -> list[Any]:
    for name in _INSIDE:
        held = getattr(estimator, name, None)
        if isinstance(held, list) and held:
            return held[:1]  # folds of one model, fitted alike
        if held is not None and hasattr(held, "fit"):
            return [held]
    members = getattr(estimator, "estimators_", None)
    if isinstance(members, list) and members and not hasattr(estimator, "n_estimators"):
        return [m for m in members if not isinstance(m, str)]
    return []


def _chosen(wanted: Any, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that a column transformer names by name, place, slice or mask."""
    import numpy as np

    if isinstance(wanted, str):
        return (wanted,)
    if isinstance(wanted, slice):
        start, stop = wanted.start, wanted.stop
        if isinstance(start, str) or isinstance(stop, str):
            start = None if start is None else list(columns).index(start)
            stop = None if stop is None else list(columns).index(stop) + 1
        return tuple(columns[start : stop : wanted.step])
    if isinstance(wanted, int | np.integer):
        return (columns[int(wanted)],)
    listed = list(wanted)
    if listed and all(isinstance(c, bool | np.bool_) for c in listed):
        return tuple(c for c, is_in in zip(columns, listed, strict=True) if is_in)
    return tuple(c if isinstance(c, str) else columns[int(c)] for c in listed)


def own_names(estimator: Any) -> tuple[str, ...] | None:
    """The columns that it was fitted on; None where it got an array, whose columns have no names.

    scikit-learn says them as ``feature_names_in_``, LightGBM as ``feature_name_`` (and makes up
    Column_0, Column_1, ...), CatBoost as ``feature_names_`` (and makes up 0, 1, ...).
    """
    for name in ("feature_names_in_", "feature_name_", "feature_names_"):
        try:
            found = getattr(estimator, name, None)
        except Exception:  # a property of an object that is not fitted raises as it likes
            found = None
        if callable(found) or found is None or not len(found):
            continue
        names = tuple(str(n) for n in found)
        numbered = range(len(names))
        if names not in (tuple(f"Column_{i}" for i in numbered), tuple(map(str, numbered))):
            return names
    if hasattr(estimator, "steps"):
        first = next((s for _, s in estimator.steps if hasattr(s, "fit")), None)
        return None if first is None else own_names(first)
    return next((own_names(part) for part in _inner(estimator)), None)


def reads_texts(estimator: Any) -> bool:
    """Whether a vectoriser reads the rows themselves: a series of texts, not a table."""
    found = list(readers(estimator, ("text",))) if not _picks_columns(estimator) else []
    return bool(found) and all(hasattr(r.estimator, "build_analyzer") for r in found)


def _picks_columns(estimator: Any) -> bool:
    if hasattr(estimator, "steps"):
        first = next((s for _, s in estimator.steps if hasattr(s, "fit")), None)
        return first is not None and _picks_columns(first)
    if hasattr(estimator, "transformers_") or getattr(estimator, "_preprocessor", None):
        return True
    parts = [part for _, part in getattr(estimator, "transformer_list", ())]
    return any(_picks_columns(p) for p in (*parts, *_inner(estimator)) if not isinstance(p, str))


def follows_other_rule(estimator: Any) -> bool:
    """Whether its labels are known not to be those of the highest score: a threshold of its own,
    or scores that were fitted beside the decision."""
    if type(estimator).__name__ in _OTHER_RULE:
        return True
    if hasattr(estimator, "steps"):
        return follows_other_rule(estimator.steps[-1][1])
    best = getattr(estimator, "best_estimator_", None)
    return best is not None and follows_other_rule(best)


class Known:
    """The categories of one column, as the fitted object holds them."""

    def __init__(
        self, values: Sequence[Any], *, as_pandas: bool = False, imputer: Any = None
    ) -> None:
        self._values = [v for v in values if not _is_missing(v)]
        empty = [v for v in values if _is_missing(v)]
        if imputer is not None and _is_missing(getattr(imputer, "missing_values", 0)):
            empty = [imputer.missing_values]
        self._missing = empty[0] if empty else float("nan")
        self._knows_missing = bool(empty)
        self._as_pandas = as_pandas
        self._by_text = {as_text(v): v for v in self._values}
        self._by_number = {n: v for v in self._values if (n := number_in(as_text(v))) is not None}
        self._by_truth = {
            t.lower(): v for t, v in self._by_text.items() if t.lower() in ("true", "false")
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The categories as texts; "" for missing cells, where they are one of them."""
        return (*self._by_text, *(("",) if self._knows_missing else ()))

    def cells(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """The column's cells as the fitted object's own categories, told by their text (so that
        1, 1.0 and "1" are the same); others as they are, or as text beside texts."""
        import numpy as np
        import pandas as pd

        if self._as_pandas:
            return as_categories(column, self._values)
        if is_number(column) and all(_is_number(v) for v in self._values):
            return column
        names, missing = texts(column)
        only_texts = all(isinstance(v, str) for v in self._values)
        distinct = {name: self.category(name) for name in set(names[~missing])}
        own = dict(zip(names, column.astype(object), strict=True)) if not only_texts else {}
        made = np.empty(len(column), dtype=object)
        for i, (name, gone) in enumerate(zip(names, missing, strict=True)):
            if gone:
                made[i] = self._missing
            else:
                found = distinct[name]
                made[i] = own.get(name, name) if found is None else found
        cells = pd.Series(made, index=column.index, dtype=object)
        numbers = self._values and all(_is_number(v) for v in self._values)
        return cells.infer_objects() if numbers else cells

    def category(self, name: str) -> Any:
        """The category that a cell's text means; None for one that it never met."""
        if name in self._by_text:
            return self._by_text[name]
        number = number_in(name)
        if number is not None and number in self._by_number:
            return self._by_number[number]
        return self._by_truth.get(name.lower())


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _is_number(value: Any) -> bool:
    import numpy as np

    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


class AsText:
    """A column whose cells go as texts, whatever they are: CatBoost's categories."""

    names: tuple[str, ...] = ()

    def cells(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Texts; missing cells are the text that CatBoost's own reader makes of them."""
        import pandas as pd

        found, missing = texts(column)
        found[missing] = "nan"
        return pd.Series(found, index=column.index, dtype=object)


def known_columns(estimator: Any, columns: Sequence[str]) -> Mapping[str, Known | AsText]:
    """What is known of each column that has categories, by its name."""
    found: dict[str, Known | AsText] = {}
    for reader in readers(estimator, columns):
        for column, known in _of_reader(reader):
            found.setdefault(column, known)
    return found


def _of_reader(reader: Reader) -> Iterator[tuple[str, Known | AsText]]:
    part, columns = reader.estimator, reader.columns
    listed = getattr(part, "categories_", None)
    if listed is not None and len(listed) == len(columns):
        imputer = reader.imputer
        yield from (
            (c, Known(list(v), imputer=imputer)) for c, v in zip(columns, listed, strict=True)
        )
    elif hasattr(part, "get_cat_feature_indices"):
        yield from ((columns[int(i)], AsText()) for i in part.get_cat_feature_indices())
    else:
        yield from (
            (columns[i], Known(values, as_pandas=True))
            for i, values in _of_booster(part).items()
            if i < len(columns)
        )


def _of_booster(part: Any) -> Mapping[int, Sequence[Any]]:
    """Categories by position, of scikit-learn's wrappers of LightGBM and XGBoost."""
    library = type(part).__module__.partition(".")[0]
    if library == "lightgbm" and hasattr(part, "booster_"):
        return lightgbm_categories(part.booster_)
    if library == "xgboost" and hasattr(part, "get_booster"):
        return xgboost_categories(part.get_booster())
    bases = [base.__module__.partition(".")[0] for base in type(part).__mro__]
    if "lightgbm" in bases and hasattr(part, "booster_"):
        return lightgbm_categories(part.booster_)
    if "xgboost" in bases and hasattr(part, "get_booster"):
        return xgboost_categories(part.get_booster())
    return {}
