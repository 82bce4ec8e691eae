"""What is known of rows and model before anybody is asked: columns, their values, the model's own
statements, and which columns give the answers away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number, types_of
from evenhand.audit.data.table import Table, as_text, texts
from evenhand.audit.measure.identifiers import identifiers
from evenhand.audit.proposing.proposal import SeenColumn
from evenhand.audit.subject.rows import read_rows
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import begin_model

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.worker.isolation.levels import Rules
    from evenhand.audit.worker.opened import Opened

_SHOWN = 30  # values of a column that are kept
_MOST_LEVELS = 50  # different texts of a column that are looked at for the answer
_BINS = 20
_GIVES_AWAY = 0.95  # balanced share of held-out answers that a column alone tells
_MOST_ROWS = 50_000


@dataclass(frozen=True, eq=False)
class Looked:
    """Rows as they were read, and what the model says of itself (nothing without a model)."""

    data: str
    model: str | None
    table: Table
    columns: Mapping[str, SeenColumn]
    named_rows: frozenset[str]
    task: str | None = None
    classes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    says: Mapping[str, Any] = field(default_factory=dict)
    _cache: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.table.frame)

    def gives_away(self, target: str) -> tuple[str, ...]:
        """Columns that alone tell the answers: each value's most frequent answer in one half of
        the rows is that of the other half in 95 of 100 rows of every answer."""
        if target not in self._cache:
            self._cache[target] = tuple(_gives_away(self.table.frame, target, self.named_rows))
        return self._cache[target]


def look(
    data: str, model: str | None, answers: Mapping[str, Any], rules: Rules | None = None
) -> Looked:
    """Reads the rows, and opens the model in the sandbox, as an audit would by ``answers``.

    Raises as reading and opening do.
    """
    told = {k: v for k, v in answers.items() if v is not None and k in _OF_READING}
    spec = make_spec({**told, "data": data, **({"model": model} if model else {})})
    opened = begin_model(spec, rules)() if model else None
    table = read_rows(spec, opened, rules)
    frame = table.frame
    kinds = types_of(frame, spec.types)
    columns = {str(c): _column(frame[c], kinds.get(str(c), "text")) for c in frame.columns}
    named = frozenset(i.column for i in identifiers(frame))
    return Looked(data, model, table, columns, named, **_of_model(opened))


# What is known of rows and model before they are opened.
_OF_READING = (
    "types",
    "missing",
    "unknown",
    "decimal",
    "encoding",
    "sheet",
    "labels",
    "join",
    "on",
    "preprocess",
    "classes",
    "inputs",
    "outputs",
    "architecture",
    "truncate",
    "task",
    "target",
    "predicted",
)


def _of_model(opened: Opened | None) -> dict[str, Any]:
    if opened is None:
        return {}
    own = opened.predictor
    return {
        "task": own.task,
        "classes": tuple(own.classes),
        "inputs": tuple(own.input_columns),
        "says": dict(own.maker_says),
    }


def _column(cells: pd.Series[Any], kind: str) -> SeenColumn:
    known = cells.dropna()
    name = str(cells.name)
    if kind == "bytes" or (len(known) and isinstance(known.iloc[0], bytes)):
        return SeenColumn(name, "bytes", len(cells), len(cells) - len(known), len(known), {})
    try:
        counts = known.value_counts()
    except TypeError:  # cells that are lists or records
        counts = known.map(str).value_counts()
    ends: dict[str, float] = {}
    if is_number(cells) and len(known):
        ends = {"low": float(known.min()), "high": float(known.max())}
    values: dict[str, int] = {}
    for value, n in counts.head(_SHOWN).items():
        values[as_text(value)] = values.get(as_text(value), 0) + int(n)
    return SeenColumn(name, kind, len(cells), len(cells) - len(known), len(counts), values, **ends)


def _gives_away(frame: pd.DataFrame, target: str, named: frozenset[str]) -> list[str]:
    import numpy as np

    names, missing = texts(frame[target])
    kept = np.flatnonzero(~missing)
    if len(kept) < 2 * _BINS:
        return []
    drawn = np.random.default_rng(0).permutation(kept)[:_MOST_ROWS]
    half = len(drawn) // 2
    answers = np.unique(names[drawn], return_inverse=True)[1]
    if not 2 <= answers.max() + 1 <= _MOST_LEVELS:
        return []
    found = []
    for column in frame.columns:
        if column == target:
            continue
        levels = _levels(frame[column].iloc[drawn], is_named=str(column) in named)
        if levels is not None and _told(levels, answers, half) >= _GIVES_AWAY:
            found.append(str(column))
    return found


def _levels(cells: pd.Series[Any], *, is_named: bool) -> np.ndarray | None:
    """A code of each cell, int of shape (n,): its value, its bin of a twentieth of the rows, or
    whether it is there at all where nearly every value is another one. None for pixels."""
    import numpy as np
    import pandas as pd

    known = cells.notna().to_numpy()
    if len(cells) and any(isinstance(v, bytes) for v in cells[known].iloc[:1]):
        return None
    few = cells.nunique() <= _MOST_LEVELS if not _unhashable(cells) else False
    if few:
        return np.asarray(pd.factorize(cells)[0]) + 1
    if is_number(cells) and not is_named:
        ranks = cells.rank(method="average", pct=True).to_numpy(dtype=float)
        return np.where(known, np.ceil(np.nan_to_num(ranks) * _BINS), 0).astype(int)
    return known.astype(int)


def _unhashable(cells: pd.Series[Any]) -> bool:
    known = cells.dropna()
    return bool(len(known)) and isinstance(known.iloc[0], list | dict)


def _told(levels: np.ndarray, answers: np.ndarray, half: int) -> float:
    """Mean over the answers of the share of held-out rows whose answer the other half tells."""
    import numpy as np

    table = np.zeros((int(levels.max()) + 1, int(answers.max()) + 1))
    np.add.at(table, (levels[:half], answers[:half]), 1.0)
    table /= np.maximum(table.sum(axis=0), 1.0)  # each answer counts alike
    guess = table.argmax(axis=1)
    right = guess[levels[half:]] == answers[half:]
    shares = [right[answers[half:] == a].mean() for a in np.unique(answers[half:])]
    return float(np.mean(shares))
